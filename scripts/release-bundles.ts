#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { join } from "node:path";
import { runScript } from "./lib/cli.ts";
import { releaseAssets } from "./lib/contract.ts";
import { writeList } from "./lib/dist.ts";
import { contractFailure } from "./lib/errors.ts";
import { knob } from "./lib/knobs.ts";
import { say } from "./lib/log.ts";
import { distDir } from "./lib/paths.ts";
import { writeBundles } from "./lib/release/bundles.ts";
import { requiredTag, spellTag } from "./lib/tags.ts";

await runScript({
  name: "release-bundles.ts",
  summary:
    "Adds the bundles that actions/attest wrote to dist/.attestations to the artifacts, each verified as a downloader will, " +
    "and writes SHA256SUMS over all.",
  options: {},
  knobs: [
    "TAG",
    "DIST",
    "TOOLS",
    "FASTBOOP_STAGE0_REPO",
    "FASTBOOP_STAGE0_SIGNER_WORKFLOW",
    "FASTBOOP_STAGE0_TRUSTED_ROOT",
  ],
  prints: "the path of each file that was written",
  main() {
    const tag = spellTag(requiredTag());
    const dist = distDir();
    const assets = releaseAssets(knob("TOOLS"));
    const names = writeBundles(dist, assets, knob("FASTBOOP_STAGE0_REPO"), tag);
    const { list, problems, unread } = writeList(dist, assets);
    if (problems.length + unread.length > 0) throw contractFailure(...problems, ...unread);
    say(`${names.length} bundles verified, and listed`);
    process.stdout.write([...names.map((name) => join(dist, name)), list].map((path) => `${path}\n`).join(""));
    return 0;
  },
});
