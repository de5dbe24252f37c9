/** Verifies that a release has what was uploaded to it. */
import { join } from "node:path";
import { SUMS } from "../contract.ts";
import { contractFailure, type Problem, printable } from "../errors.ts";
import { PartialDownload } from "../fetch/partial.ts";
import { apiSource, webSource } from "../fetch/source.ts";
import { writeText } from "../files.ts";
import type { Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { say } from "../log.ts";
import { inParallel } from "../pool.ts";
import { byteName, formatSums } from "../trust/sums.ts";
import { type ReleaseFile, releaseFiles } from "./files.ts";
import { PARALLEL, planUploads, sha256Of } from "./upload.ts";

/** What a release has otherwise than it should, by the API's word. @param others digests of the files of other publishers */
export function differences(
  release: Release,
  files: readonly ReleaseFile[],
  others: ReadonlyMap<string, string>,
): Problem[] {
  const ours = planUploads(files, release.assets).flatMap(({ file, action, why, existing }) => {
    // Without a digest the download has to prove it.
    const unknown = existing?.uploaded === true && sha256Of(existing) === undefined;
    if (action === "keep" || unknown) return [];
    return [{ what: `the release's ${printable(file.name)} is not the file that was uploaded`, got: why }];
  });
  const theirs = release.assets.filter(({ name }) => !files.some((file) => file.name === name));
  return [
    ...ours,
    ...theirs
      .filter((asset) => !asset.uploaded || sha256Of(asset) === undefined || sha256Of(asset) !== others.get(asset.name))
      .map(({ name }) => ({
        what: `the release has ${printable(name)}, which ${SUMS} does not list`,
        fix: "run it again: what others put there is listed then",
      })),
    ...[...others.keys()]
      .filter((name) => !release.assets.some((asset) => asset.name === name))
      .map((name) => ({ what: `the release has lost ${printable(name)}`, fix: "run it again" })),
  ];
}

/**
 * Verifies that the release has exactly the files: by the API's digests, and by downloading all of them, as anyone would
 * once the release is public, with the token while it is a draft.
 * @param others digests of the files of other publishers
 * @param folder where to
 * @param assets what has to be there
 * @throws Failure (1) listing every difference
 */
export async function verifyUploads(
  origin: ReleaseOrigin,
  release: Release,
  files: readonly ReleaseFile[],
  others: ReadonlyMap<string, string>,
  folder: string,
  assets: readonly string[],
): Promise<void> {
  const problems = differences(release, files, others);
  if (problems.length > 0) throw contractFailure(...problems);
  await inParallel(files, PARALLEL, (file) => verifyDownload(origin, release, file, folder));
  // The list has come back as it was sent; in this folder it would name what others have, too.
  const ours = files.filter(({ name }) => name !== SUMS).map(({ name, sha256 }) => [byteName(name), sha256] as const);
  if (others.size > 0) writeText(join(folder, SUMS), formatSums(ours));
  releaseFiles(folder, assets);
  say(`downloaded ${files.length} assets again: checksums, preflight and bytes agree`);
}

async function verifyDownload(
  origin: ReleaseOrigin,
  release: Release,
  file: ReleaseFile,
  folder: string,
): Promise<void> {
  const source = release.draft
    ? apiSource(origin, release, file.name)
    : webSource({ ...origin, token: undefined }, release.tag, file.name);
  const path = join(folder, file.name);
  const partial = new PartialDownload(path, file.sha256);
  const { sha256 } = await source.download(partial, file.sha256, { size: file.size, maxSize: file.size });
  if (sha256 === file.sha256) return partial.finish(0o644);
  throw contractFailure({
    what: `${printable(file.name)} differs after upload and download`,
    expected: file.sha256,
    got: sha256,
  });
}
