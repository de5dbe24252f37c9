#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { FETCH_KNOBS, noTag, outPath, place, releasedTarget, wantedTag } from "./lib/fetch/plan.ts";
import { fetchAsset } from "./lib/fetch.ts";
import { handOff } from "./lib/handoff.ts";
import { knob } from "./lib/knobs.ts";
import { distDir } from "./lib/paths.ts";

await runScript({
  name: "fetch-stage0.ts",
  summary:
    "Brings one stage0 of a release to OUT, verified: its digest by everyone who vouches for it, then the release gate. " +
    "FASTBOOP_STAGE0_EMBED_PATH names a local file to verify and take instead. See docs/fetch.md.",
  options: {},
  knobs: [
    ...FETCH_KNOBS,
    "TARGET",
    "FASTBOOP_STAGE0_TARGET",
    "OUT",
    "FASTBOOP_STAGE0_EMBED_PATH",
    "FASTBOOP_STAGE0_SHA256",
    "FASTBOOP_STAGE0_OFFLINE",
  ],
  prints: "the absolute path of the file",
  async main() {
    const path = await bring();
    handOff(distDir(), path);
    process.stdout.write(`${path}\n`);
    return 0;
  },
});

async function bring(): Promise<string> {
  const target = releasedTarget();
  const local = knob("FASTBOOP_STAGE0_EMBED_PATH");
  if (local !== undefined) {
    // What only one way needs is loaded on that way.
    const { takeLocal } = await import("./lib/fetch/local.ts");
    return (await takeLocal(local, target)).path;
  }
  const wanted = (await wantedTag()) ?? noTag();
  const from = place();
  const release = wanted === "latest" ? await (await import("./lib/fetch/latest.ts")).latestRelease(from) : undefined;
  const tag = release?.tag ?? wanted;
  return (await fetchAsset({ place: from, target, tag, out: outPath(target, tag) }, release)).path;
}
