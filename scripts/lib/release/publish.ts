/** From the folder of artifacts to a public release: draft, upload, verification, and only then publication. */
import { join } from "node:path";
import { withTemporaryFolder } from "../cleanup.ts";
import { assetName, RELEASE_TARGETS, SUMS, WITHDRAWN } from "../contract.ts";
import { contractFailure, Failure, missingFailure, printable } from "../errors.ts";
import { writeText } from "../files.ts";
import type { Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { digestFile } from "../hash.ts";
import { say } from "../log.ts";
import { showProgress } from "../progress.ts";
import { spellTag, type Tag } from "../tags.ts";
import { byteName, formatSums } from "../trust/sums.ts";
import type { ReleaseFile } from "./files.ts";
import { othersOf } from "./others.ts";
import { Releases } from "./releases.ts";
import { planUploads, upload } from "./upload.ts";
import { differences, verifyUploads } from "./verify.ts";

interface Publication {
  /** With a token that may write the repository's contents. */
  origin: ReleaseOrigin;
  tag: Tag;
  /** The assets that the release has to have. */
  assets: readonly string[];
  /** Whether the draft is made public in the end. A release that is public already is then accepted. */
  undraft: boolean;
  /** Whether fastboop has to boot an emulated phone with each stage0 before that. */
  phone: boolean;
}

const policyOf = ({ undraft }: Publication): "accept" | "refuse" => (undraft ? "accept" : "refuse");
const namesOf = (files: readonly ReleaseFile[]): Set<string> => new Set([SUMS, ...files.map(({ name }) => name)]);

/** The draft, found or created. */
export const draftOf = (publication: Publication, files: readonly ReleaseFile[] = []): Promise<Release> =>
  new Releases(publication.origin, namesOf(files)).findOrCreateDraft(
    spellTag(publication.tag),
    publication.tag.rc !== undefined,
    policyOf(publication),
  );

/** Says what `publish` would do. */
export async function dryRun(publication: Publication, files: readonly ReleaseFile[]): Promise<void> {
  const tag = spellTag(publication.tag);
  const release = await new Releases(publication.origin, namesOf(files)).find(tag, policyOf(publication));
  if (release !== undefined) refuseMarked(release);
  await withTemporaryFolder(async (folder) => {
    const others = release && (await othersOf(publication.origin, release, namesOf(files), new Map()));
    const all = withList(files, others ?? new Map(), folder);
    if (release?.draft === false) assertSameFiles(release, all);
    say(
      release === undefined
        ? `would make a draft of ${tag}`
        : `${release.draft ? "the draft" : "the published release"} ${printable(release.url)}`,
    );
    for (const name of others?.keys() ?? []) say(`would list ${printable(name)}, which others have put there`);
    for (const { file, action, why } of planUploads(all, release?.assets ?? []))
      say(`would ${action} ${printable(file.name)}: ${why}`);
    if (publication.undraft) say("would publish it once all is verified");
  });
}

/** How often what others do to the release meanwhile is taken into account. */
const ROUNDS = 3;

/**
 * Uploads the files to the draft, downloads them again and compares, and publishes the draft when asked to. What others
 * have put there is left alone, and checked before anything is written. It keeps no state of its own: after any
 * interruption it starts again from what GitHub has.
 * @throws Failure (1) when something differs, (3) when GitHub can't be reached
 */
export async function publish(publication: Publication, files: readonly ReleaseFile[]): Promise<Release> {
  const { origin } = publication;
  const ours = namesOf(files);
  const releases = new Releases(origin, ours);
  const known = new Map<number, string>();
  const before = await releases.find(spellTag(publication.tag), policyOf(publication));
  if (before !== undefined) {
    refuseMarked(before);
    await othersOf(origin, before, ours, known);
  }
  let release = await draftOf(publication, files);
  return withTemporaryFolder(async (folder) => {
    for (let round = 0; round < ROUNDS; round++) {
      const others = await othersOf(origin, release, ours, known);
      const all = withList(files, others, folder);
      if (release.draft) await upload(releases, release, all);
      // Published by an earlier run that was interrupted: only the check is left.
      else assertSameFiles(release, all);
      const uploaded = await releases.get(release.id);
      const isSettled = JSON.stringify(theirs(uploaded, ours)) === JSON.stringify(theirs(release, ours));
      release = uploaded;
      if (!isSettled) continue;
      await verifyUploads(origin, uploaded, all, others, join(folder, "again"), publication.assets);
      if (!uploaded.draft || !publication.undraft) return releases.get(release.id);
      if (publication.phone) await bootPhonesWith(files, join(folder, "again"));
      const published = await releases.publish(release);
      const wrong = differences(published, all, others);
      if (wrong.length > 0) {
        throw contractFailure(
          ...wrong.map(({ what, ...rest }) => ({ ...rest, what: `${release.tag} is public now, and ${what}` })),
        );
      }
      say(`published ${release.tag}`);
      return published;
    }
    throw missingFailure({
      what: `others write to the release ${release.tag} all the time`,
      got: printable(release.url),
      fix: "run it again when they are done",
    });
  });
}

function refuseMarked({ tag, url, assets }: Release): void {
  if (!assets.some(({ name }) => name === WITHDRAWN)) return;
  throw contractFailure({
    what: `the release ${tag} is marked as withdrawn`,
    got: printable(url),
    fix: `release a new tag, or take the mark back: make reinstate TAG=${tag}`,
  });
}

/** What others have in a release. */
const theirs = ({ assets }: Release, ours: ReadonlySet<string>) =>
  assets.filter(({ name }) => !ours.has(name)).map(({ id, name, digest }) => [id, name, digest]);

/** The files with a list that names those of others too. @param folder where it is written */
function withList(files: readonly ReleaseFile[], others: ReadonlyMap<string, string>, folder: string): ReleaseFile[] {
  if (others.size === 0) return [...files];
  const rest = files.filter(({ name }) => name !== SUMS);
  const path = join(folder, SUMS);
  const listed = [...rest.map(({ name, sha256 }) => [name, sha256] as const), ...others];
  writeText(path, formatSums(listed.map(([name, sha256]) => [byteName(name), sha256] as const)));
  return [{ name: SUMS, path, ...digestFile(path) }, ...rest];
}

/**
 * Has fastboop boot an emulated phone with each stage0 that was downloaded again.
 * @throws Failure (1) when a boot fails, (3) when there is none
 */
async function bootPhonesWith(files: readonly ReleaseFile[], folder: string): Promise<void> {
  const requests = files.flatMap(({ name, sha256 }) => {
    const target = RELEASE_TARGETS.find(({ triple }) => assetName(triple) === name);
    return target === undefined ? [] : [{ path: join(folder, name), target, sha256 }];
  });
  const { bootPhones, forPhones } = await import("../phone.ts");
  const chosen = forPhones(requests);
  const verdicts = await showProgress("phone", (progress) => bootPhones(chosen, progress));
  const problems = verdicts.flatMap(({ problem }) => problem ?? []);
  if (problems.length === 0) return;
  throw new Failure(verdicts.some(({ exitCode }) => exitCode === 1) ? 1 : 3, ...problems);
}

function assertSameFiles(release: Release, files: readonly ReleaseFile[]): void {
  if (planUploads(files, release.assets).every(({ action }) => action === "keep")) return;
  throw contractFailure({
    what: `the release ${release.tag} is published with other files`,
    got: printable(release.url),
    fix: "release a new tag",
  });
}
