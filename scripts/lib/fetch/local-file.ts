/** A local file in place of a download: gated and compared with the pins, without network (specification, "Embed Modes"). */
import { assetName, type Target } from "../contract.ts";
import { checkEmbedPath } from "../embed-path.ts";
import { contractFailure, printable } from "../errors.ts";
import { assertPasses } from "../gate/assert-passes.ts";
import { knob } from "../knobs.ts";
import { say, size } from "../log.ts";
import { fromCaller } from "../paths.ts";
import { agreedDigest, isPinned, witnessLines, wrongDigest } from "../trust.ts";
import { readPinsOf } from "./pins.ts";
import { type Fetched, filePath, requestedTag } from "./request.ts";

/**
 * Verifies the file that FASTBOOP_STAGE0_EMBED_PATH names. It stays where it is, unless OUT asks for a copy.
 * @throws Failure when the gate or a pin refuses it
 */
export async function useLocalFile(given: string, target: Target): Promise<Fetched> {
  const path = fromCaller(given);
  const what = printable(path);
  const out = knob("OUT");
  const final = out === undefined ? path : filePath(out, assetName(target.triple));
  checkEmbedPath(final);
  // stage0.lock has an entry for each tag: the one that is asked for, else the workspace's.
  const { witnesses } = await readPinsOf(target, async () => {
    const tag = await requestedTag();
    return tag === "latest" ? undefined : tag;
  });
  const report = assertPasses(path, target, path);
  const found = { path, size: report.size ?? 0, sha256: report.sha256 ?? "" };
  for (const line of witnessLines(witnesses, found.sha256)) say(line);
  if (isPinned(witnesses) && agreedDigest(witnesses, assetName(target.triple)) !== found.sha256) {
    throw wrongDigest(witnesses, what, found);
  }
  say(`${what}: ${size(found.size)}, sha256 ${found.sha256}, taken as it is (FASTBOOP_STAGE0_EMBED_PATH)`);
  return final === path ? found : copy(found, final, target);
}

async function copy(found: Fetched, out: string, target: Target): Promise<Fetched> {
  const { withStage0, place } = await import("../build/artifact.ts");
  const fix = "run it again when nothing writes to it";
  const candidate = { path: found.path, name: "FASTBOOP_STAGE0_EMBED_PATH", fix };
  const { sha256 } = withStage0(candidate, target, (fd) => place(fd, out));
  if (sha256 === found.sha256) return { ...found, path: out };
  throw contractFailure({ what: "the file changed while it was copied", file: printable(found.path), fix });
}
