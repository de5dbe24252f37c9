#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { releaseAssets } from "./lib/contract.ts";
import { writableRepository } from "./lib/github/origin.ts";
import { knob, NETWORK_KNOBS, PHONE_KNOBS, TOKEN_KNOBS } from "./lib/knobs.ts";
import { setOutputs, summarize } from "./lib/log.ts";
import { distDir } from "./lib/paths.ts";
import { releaseFiles } from "./lib/release/files.ts";
import { draftOf, dryRun, publish } from "./lib/release/publish.ts";
import { requiredTag } from "./lib/tags.ts";

await runScript({
  name: "publish-stage0.ts",
  summary:
    "Uploads dist/ to the draft release of TAG, downloads everything again and compares; with UNDRAFT=1 it then publishes. " +
    "Run it again after any failure: it keeps what is uploaded.",
  options: {
    draft: { type: "boolean", means: "only find or make the draft" },
    "dry-run": { type: "boolean", means: "only say what would be done" },
  },
  knobs: [
    "TAG",
    "UNDRAFT",
    "TOOLS",
    "PHONE",
    ...PHONE_KNOBS,
    ...TOKEN_KNOBS,
    "FASTBOOP_STAGE0_REPO",
    "GITHUB_SERVER_URL",
    "GITHUB_API_URL",
    "GITHUB_OUTPUT",
    "GITHUB_STEP_SUMMARY",
    ...NETWORK_KNOBS,
  ],
  prints: "the address of the release",
  async main({ draft: draftOnly, "dry-run": simulated }) {
    const publication = {
      tag: requiredTag(),
      assets: releaseAssets(knob("TOOLS")),
      origin: writableRepository("publishing"),
      undraft: knob("UNDRAFT"),
      phone: knob("PHONE"),
    };
    const files = draftOnly ? [] : releaseFiles(distDir(), publication.assets);
    if (simulated) {
      await dryRun(publication, files);
      return 0;
    }
    const { tag, url, draft } = await (draftOnly ? draftOf(publication) : publish(publication, files));
    summarize(`Release [${tag}](${url}): ${draft ? "draft" : "published"}, ${files.length} assets`);
    setOutputs({ url });
    process.stdout.write(`${url}\n`);
    return 0;
  },
});
