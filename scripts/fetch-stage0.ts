#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { writeEmbedEnv } from "./lib/embed-path.ts";
import { FETCH_KNOBS, outPath } from "./lib/fetch/request.ts";
import { requestedRelease } from "./lib/fetch/requested-release.ts";
import { fetchAsset } from "./lib/fetch.ts";
import { releaseOrigin } from "./lib/github/origin.ts";
import { knob } from "./lib/knobs.ts";
import { distDir } from "./lib/paths.ts";
import { selectedTarget } from "./lib/target.ts";

await runScript({
  name: "fetch-stage0.ts",
  summary:
    "Fetches one stage0 of a release to OUT, verified: its digest by everyone who vouches for it, then the gate. " +
    "FASTBOOP_STAGE0_EMBED_PATH names a local file to verify and take instead. See docs/fetch.md.",
  options: {},
  knobs: [
    ...FETCH_KNOBS,
    "TARGET",
    "FASTBOOP_STAGE0_TARGET",
    "OUT",
    "FASTBOOP_STAGE0_EMBED_PATH",
    "GITHUB_ENV",
    "GITHUB_OUTPUT",
  ],
  prints: "the absolute path of the file",
  async main() {
    const path = await fetchStage0();
    writeEmbedEnv(distDir(), path);
    process.stdout.write(`${path}\n`);
    return 0;
  },
});

async function fetchStage0(): Promise<string> {
  const target = selectedTarget();
  const local = knob("FASTBOOP_STAGE0_EMBED_PATH");
  if (local !== undefined) {
    // What only one way needs is loaded on that way.
    const { useLocalFile } = await import("./lib/fetch/local-file.ts");
    return (await useLocalFile(local, target)).path;
  }
  const origin = releaseOrigin();
  const { tag, release } = await requestedRelease(origin);
  return (await fetchAsset({ origin, target, tag, out: outPath(target, tag) }, release)).path;
}
