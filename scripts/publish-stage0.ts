#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { withTemporaryFolder } from "./lib/cleanup.ts";
import { runScript } from "./lib/cli.ts";
import { contractFailure, printable, usageFailure } from "./lib/errors.ts";
import type { Release } from "./lib/github/answers.ts";
import { repository } from "./lib/github/origin.ts";
import { knob, NETWORK_KNOBS } from "./lib/knobs.ts";
import { say, summarize } from "./lib/log.ts";
import { distDir } from "./lib/paths.ts";
import { planUploads, releaseFiles, upload, verifyUploads } from "./lib/release/publish.ts";
import { Releases } from "./lib/release/releases.ts";
import { readTag, spellTag } from "./lib/tags.ts";

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
    "DIST",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "FASTBOOP_STAGE0_REPO",
    "FASTBOOP_STAGE0_MAX_SIZE",
    "GITHUB_SERVER_URL",
    "GITHUB_API_URL",
    "GITHUB_STEP_SUMMARY",
    ...NETWORK_KNOBS,
  ],
  prints: "the address of the release",
  async main({ draft: draftOnly, "dry-run": dryRun }) {
    const given = knob("TAG");
    if (given === undefined) throw usageFailure({ what: "no release is named", fix: "TAG=vX.Y.Z" });
    const parsed = readTag(given, "TAG");
    const tag = spellTag(parsed);
    const origin = repository();
    if (origin.token === undefined) {
      throw usageFailure({
        what: "publishing needs a token",
        fix: "set GH_TOKEN to one that may write the repository's contents",
      });
    }
    const releases = new Releases(origin);
    const files = draftOnly ? [] : releaseFiles(distDir());
    const published = knob("UNDRAFT") ? "accept" : "refuse";
    if (dryRun) {
      const release = await releases.find(tag, published);
      if (release?.draft === false) assertSameFiles(release);
      say(
        release === undefined
          ? `would make a draft of ${tag}`
          : `${release.draft ? "the draft" : "the published release"} ${printable(release.url)}`,
      );
      for (const { file, action, why } of planUploads(files, release?.assets ?? []))
        say(`would ${action} ${printable(file.name)}: ${why}`);
      if (knob("UNDRAFT")) say("would publish it once all is verified");
      return 0;
    }
    const release = await releases.findOrCreateDraft(tag, parsed.rc !== undefined, published);
    const done = draftOnly ? release : await uploadAndVerify(releases, release);
    summarize(`Release [${tag}](${done.url}): ${done.draft ? "draft" : "published"}, ${files.length} assets`);
    process.stdout.write(`${done.url}\n`);
    return 0;

    function assertSameFiles(release: Release): void {
      if (planUploads(files, release.assets).every(({ action }) => action === "keep")) return;
      throw contractFailure({
        what: `the release ${tag} is published with other files`,
        got: printable(release.url),
        fix: "release a new tag",
      });
    }

    async function uploadAndVerify(releases: Releases, release: Release): Promise<Release> {
      if (release.draft) await upload(releases, release, files);
      // Published by an earlier run that was interrupted: only the check is left.
      else assertSameFiles(release);
      const uploaded = await releases.get(release.id);
      await withTemporaryFolder((folder) => verifyUploads(origin, uploaded, files, folder));
      if (!release.draft || !knob("UNDRAFT")) return releases.get(release.id);
      const done = await releases.publish(release);
      say(`published ${tag}`);
      return done;
    }
  },
});
