#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { Failure, missingFailure, printable, printableJson, usageFailure } from "./lib/errors.ts";
import { RELEASE_KNOBS } from "./lib/fetch/request.ts";
import { ALL, knownFiles } from "./lib/identify/known.ts";
import { type Identified, identify } from "./lib/identify.ts";
import { knob } from "./lib/knobs.ts";
import { size } from "./lib/log.ts";
import { fromCaller } from "./lib/paths.ts";
import { showProgress } from "./lib/progress.ts";
import { readTag, spellTag } from "./lib/tags.ts";

await runScript({
  name: "identify.ts",
  summary:
    "Finds every stage0 in FILE, be it a stage0, a fastboop, an initrd, a boot image or a package, and says of which release\n" +
    "each is: by stage0.lock, by earlier fetches, and with TAG by that release's SHA256SUMS, with TAG=all by those of the\n" +
    "newest 30 releases.",
  options: { json: { type: "boolean", means: "print what was found as JSON" } },
  knobs: ["FILE", ...RELEASE_KNOBS],
  prints: "a line for each stage0, or JSON",
  async main({ json }) {
    const file = knob("FILE");
    if (file === undefined) throw usageFailure({ what: "no file is named", fix: "FILE=path/of/initrd" });
    const named = knob("TAG");
    const tag = named === undefined || named === ALL ? named : spellTag(readTag(named, "TAG"));
    const known = await knownFiles(tag);
    const found = await showProgress("identify", (progress) =>
      identify(fromCaller(file), known, knob("FASTBOOP_STAGE0_MAX_SIZE"), progress),
    );
    process.stdout.write(json ? `${printableJson(found.map(asJson))}\n` : found.map(line).join(""));
    if (found.length === 0) {
      throw missingFailure({ file: printable(file), what: "there is no stage0 in it", fix: "name another file" });
    }
    const strange = found.filter((one) => one.known === undefined);
    if (strange.length === 0) return 0;
    throw new Failure(
      1,
      ...strange.map((one) => ({
        file: printable(file),
        what: `the stage0 at ${place(one)} is ${one.isWhole ? "altered, or of no release that is known here" : "cut off"}`,
        got: `sha256 ${one.sha256}`,
        fix: "TAG=… compares it with that release, TAG=all with the newest ones; make lock TAG=… remembers one",
      })),
    );
  },
});

function place({ part, offset }: Identified): string {
  return `byte ${offset}${part === undefined ? "" : ` of ${part}`}`;
}

function line(one: Identified): string {
  const { known, target, version, sha256 } = one;
  const release = known === undefined ? "UNKNOWN" : `${known.asset} of ${known.tag} (${known.by})`;
  const facts = [target?.triple ?? "no known target", size(one.size), `version ${version ?? "not in it"}`];
  return `${known === undefined ? "FAIL" : "ok  "} ${place(one)}: ${release}, ${facts.join(", ")}, sha256 ${sha256}\n`;
}

function asJson(one: Identified): unknown {
  return {
    part: one.part ?? null,
    offset: one.offset,
    size: one.size,
    sha256: one.sha256,
    target: one.target?.triple ?? null,
    version: one.version ?? null,
    intact: one.known !== undefined,
    release: one.known ?? null,
  };
}
