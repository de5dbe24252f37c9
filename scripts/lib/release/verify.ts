/** Verifies that a release has what was uploaded to it. */
import { join } from "node:path";
import { SUMS } from "../contract.ts";
import { contractFailure, type Problem, printable } from "../errors.ts";
import { PartialDownload } from "../fetch/partial.ts";
import { apiSource, webSource } from "../fetch/source.ts";
import type { Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { say } from "../log.ts";
import { inParallel } from "../pool.ts";
import { type ReleaseFile, releaseFiles } from "./files.ts";
import { PARALLEL, planUploads, sha256Of } from "./upload.ts";

/**
 * Verifies that the release has exactly the files: by the API's digests, and by downloading all of them, as anyone would
 * once the release is public, with the token while it is a draft.
 * @throws Failure (1) listing every difference
 */
export async function verifyUploads(
  origin: ReleaseOrigin,
  release: Release,
  files: readonly ReleaseFile[],
  folder: string,
): Promise<void> {
  const problems: Problem[] = [];
  for (const { file, action, why, existing } of planUploads(files, release.assets)) {
    // Without a digest the download has to prove it.
    const unknown = existing?.uploaded === true && sha256Of(existing) === undefined;
    if (action !== "keep" && !unknown)
      problems.push({ what: `the release's ${printable(file.name)} is not the file that was uploaded`, got: why });
  }
  for (const { name } of release.assets.filter(({ name }) => !files.some((file) => file.name === name))) {
    problems.push({
      what: `the release has ${printable(name)}, which ${SUMS} does not list`,
      fix: "put the file into dist/ and run make sums, or delete the asset",
    });
  }
  if (problems.length > 0) throw contractFailure(...problems);
  await inParallel(files, PARALLEL, (file) => verifyDownload(origin, release, file, folder));
  releaseFiles(folder);
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
