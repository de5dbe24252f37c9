/**
 * Marks a release as withdrawn: a note in its text for people and those who ask the API, and for all others an asset that
 * its list names, which an immutable release can't get any more.
 */
import { join } from "node:path";
import { withTemporaryFolder } from "../cleanup.ts";
import { SUMS, WITHDRAWN } from "../contract.ts";
import { contractFailure, missingFailure } from "../errors.ts";
import { apiSource } from "../fetch/source.ts";
import { writeText } from "../files.ts";
import type { Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { digestFile } from "../hash.ts";
import { say } from "../log.ts";
import { formatSums, parseSums } from "../trust/sums.ts";
import { noteOf, withoutNote } from "../trust/withdrawn.ts";
import type { ReleaseFile } from "./files.ts";
import { Releases } from "./releases.ts";
import { upload } from "./upload.ts";

/**
 * Marks the release, or takes the mark back. Each step is one that another run repeats without harm.
 * @param reason undefined: the mark is taken back
 * @throws Failure (1) when its list is malformed, (3) when there is no such release
 */
export async function withdraw(origin: ReleaseOrigin, tag: string, reason: string | undefined): Promise<Release> {
  const releases = new Releases(origin);
  const release = await releases.find(tag, "accept");
  if (release === undefined) {
    throw missingFailure({ what: `${origin.name} has no release ${tag}`, fix: "check TAG" });
  }
  await releases.describe(release, `${reason === undefined ? "" : noteOf(reason)}${withoutNote(release.body)}`);
  if (release.immutable) {
    say(`note: ${tag} is immutable, so only its text can say so: who takes it without the API does not hear of it`);
  } else await markAssets(origin, releases, release, reason);
  say(reason === undefined ? `${tag} is no longer withdrawn` : `${tag} is withdrawn: ${reason}`);
  return release;
}

/** Attaches the mark and names it in the list, or takes both back. */
async function markAssets(
  origin: ReleaseOrigin,
  releases: Releases,
  release: Release,
  reason: string | undefined,
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const file = (name: string, content: string | Uint8Array): ReleaseFile => {
      const path = join(folder, name);
      writeText(path, content);
      return { name, path, ...digestFile(path) };
    };
    const mark = reason === undefined ? undefined : file(WITHDRAWN, `${reason}\n`);
    const entries = await listOf(origin, release);
    entries.delete(WITHDRAWN);
    if (mark !== undefined) entries.set(WITHDRAWN, mark.sha256);
    // Marked: the asset first, then the list that names it. Taken back: the other way round.
    const list = file(SUMS, formatSums(entries));
    await upload(releases, release, mark === undefined ? [list] : [mark, list]);
    for (const asset of release.assets.filter(({ name }) => mark === undefined && name === WITHDRAWN))
      await releases.remove(asset);
  });
}

/** The entries of a release's list; of a release that has none, the digests that the API has. */
async function listOf(origin: ReleaseOrigin, release: Release): Promise<Map<string, string>> {
  const first = release.assets.find(({ name, uploaded }) => uploaded && name !== SUMS && name !== WITHDRAWN);
  const list = first && (await apiSource(origin, release, first.name).sums());
  if (list === undefined) {
    const known = release.assets.flatMap(({ name, digest, uploaded }) =>
      uploaded && digest?.startsWith("sha256:") ? [[name, digest.slice(7)] as const] : [],
    );
    return new Map(known);
  }
  const { entries, problems } = parseSums(list);
  if (problems.length === 0) return entries;
  throw contractFailure(...problems.map((problem) => ({ file: SUMS, fix: "upload a list that is whole", ...problem })));
}
