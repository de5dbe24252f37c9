/** Marks a release as withdrawn: a note in its text for people, and for scripts an asset that its list names. */
import { join } from "node:path";
import { withTemporaryFolder } from "../cleanup.ts";
import { SUMS, WITHDRAWN } from "../contract.ts";
import { contractFailure, missingFailure, printable } from "../errors.ts";
import { apiSource } from "../fetch/source.ts";
import { writeText } from "../files.ts";
import type { Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { digestFile } from "../hash.ts";
import { say } from "../log.ts";
import { formatSums, parseSums } from "../trust/sums.ts";
import type { ReleaseFile } from "./files.ts";
import { Releases } from "./releases.ts";
import { upload } from "./upload.ts";

const END = "<!-- withdrawn by stage0-distribution -->";
const NOTE = new RegExp(`^> \\[!CAUTION\\]\\n> [^\\n]*\\n${END}\\n*`);

/** The text of a release without the note. */
const plainText = (body: string): string => body.replaceAll("\r\n", "\n").replace(NOTE, "");

/**
 * Marks the release, or takes the mark back. Each step is one that another run repeats without harm.
 * @param reason undefined: the mark is taken back
 * @throws Failure (1) when the release can't be changed, (3) when there is none
 */
export async function withdraw(origin: ReleaseOrigin, tag: string, reason: string | undefined): Promise<Release> {
  const releases = new Releases(origin);
  const release = await releases.find(tag, "accept");
  if (release === undefined) {
    throw missingFailure({ what: `${origin.name} has no release ${tag}`, fix: "check TAG" });
  }
  if (release.immutable) {
    throw contractFailure({
      what: `the release ${tag} is immutable: nothing can be attached to it`,
      got: printable(release.url),
      fix: "delete the release there",
    });
  }
  const note = reason === undefined ? "" : `> [!CAUTION]\n> **Withdrawn:** ${reason}\n${END}\n\n`;
  await releases.describe(release, `${note}${plainText(release.body)}`);
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
  say(reason === undefined ? `${tag} is no longer withdrawn` : `${tag} is withdrawn: ${reason}`);
  return release;
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
