#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { dirname, join } from "node:path";
import { runScript } from "./lib/cli.ts";
import { fetchCompanions } from "./lib/fetch/companions.ts";
import { fetchAllAssets, writeKit } from "./lib/fetch/release-assets.ts";
import { FETCH_KNOBS, filePath } from "./lib/fetch/request.ts";
import { checkWritable } from "./lib/files.ts";
import { knob } from "./lib/knobs.ts";
import { distDir } from "./lib/paths.ts";

await runScript({
  name: "fetch-kit.ts",
  summary:
    "Makes one archive for a build without network: every stage0 of a release, verified, with SHA256SUMS, stage0.lock, " +
    "what the release says of itself, and the licence. FASTBOOP_STAGE0_MIRROR=file:///path/of/it takes it.",
  options: {},
  knobs: [...FETCH_KNOBS, "OUT", "SOURCE_DATE_EPOCH"],
  prints: "the absolute path of the archive",
  async main() {
    const out = knob("OUT");
    const given = out === undefined ? undefined : filePath(out, "stage0-kit.tar");
    checkWritable(given === undefined ? distDir() : dirname(given));
    const assets = await fetchAllAssets();
    const file = given ?? join(distDir(), "fetched", assets.tag, `stage0-kit-${assets.tag}.tar`);
    await writeKit(assets, await fetchCompanions(assets.tag), file);
    process.stdout.write(`${file}\n`);
    return 0;
  },
});
