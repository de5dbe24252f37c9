/** From the folder of artifacts to a public release: draft, upload, verification, and only then publication. */
import { withTemporaryFolder } from "../cleanup.ts";
import { contractFailure, printable } from "../errors.ts";
import type { Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { say } from "../log.ts";
import { spellTag, type Tag } from "../tags.ts";
import type { ReleaseFile } from "./files.ts";
import { Releases } from "./releases.ts";
import { planUploads, upload } from "./upload.ts";
import { verifyUploads } from "./verify.ts";

interface Publication {
  /** With a token that may write the repository's contents. */
  origin: ReleaseOrigin;
  tag: Tag;
  /** Whether the draft is made public in the end. A release that is public already is then accepted. */
  undraft: boolean;
}

const policyOf = ({ undraft }: Publication): "accept" | "refuse" => (undraft ? "accept" : "refuse");

/** The draft, found or created. */
export const draftOf = (publication: Publication): Promise<Release> =>
  new Releases(publication.origin).findOrCreateDraft(
    spellTag(publication.tag),
    publication.tag.rc !== undefined,
    policyOf(publication),
  );

/** Says what `publish` would do. */
export async function dryRun(publication: Publication, files: readonly ReleaseFile[]): Promise<void> {
  const tag = spellTag(publication.tag);
  const release = await new Releases(publication.origin).find(tag, policyOf(publication));
  if (release?.draft === false) assertSameFiles(release, files);
  say(
    release === undefined
      ? `would make a draft of ${tag}`
      : `${release.draft ? "the draft" : "the published release"} ${printable(release.url)}`,
  );
  for (const { file, action, why } of planUploads(files, release?.assets ?? []))
    say(`would ${action} ${printable(file.name)}: ${why}`);
  if (publication.undraft) say("would publish it once all is verified");
}

/**
 * Uploads the files to the draft, downloads them again and compares, and publishes the draft when asked to. It keeps no
 * state of its own: after any interruption it starts again from what GitHub has.
 * @throws Failure (1) when something differs, (3) when GitHub can't be reached
 */
export async function publish(publication: Publication, files: readonly ReleaseFile[]): Promise<Release> {
  const releases = new Releases(publication.origin);
  const release = await draftOf(publication);
  if (release.draft) await upload(releases, release, files);
  // Published by an earlier run that was interrupted: only the check is left.
  else assertSameFiles(release, files);
  const uploaded = await releases.get(release.id);
  await withTemporaryFolder((folder) => verifyUploads(publication.origin, uploaded, files, folder));
  if (!release.draft || !publication.undraft) return releases.get(release.id);
  const published = await releases.publish(release);
  say(`published ${release.tag}`);
  return published;
}

function assertSameFiles(release: Release, files: readonly ReleaseFile[]): void {
  if (planUploads(files, release.assets).every(({ action }) => action === "keep")) return;
  throw contractFailure({
    what: `the release ${release.tag} is published with other files`,
    got: printable(release.url),
    fix: "release a new tag",
  });
}
