/** Uploads the folder of artifacts to a release and verifies what was uploaded. */
import * as fs from "node:fs";
import { join } from "node:path";
import { hostedName, SUMS } from "../contract.ts";
import { checkList, isArtifact } from "../dist.ts";
import { contractFailure, Failure, missingFailure, type Problem, printable } from "../errors.ts";
import { PartialDownload } from "../fetch/partial.ts";
import { apiSource, webSource } from "../fetch/source.ts";
import { allFindings, checkDist } from "../gate/preflight.ts";
import type { Asset, Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { type Digest, digestFile } from "../hash.ts";
import { retry, retryPolicy } from "../http/retry.ts";
import { knob } from "../knobs.ts";
import { say, shortSize } from "../log.ts";
import { inParallel } from "../pool.ts";
import { apiClaim } from "../trust.ts";
import type { Releases } from "./releases.ts";

/** Transfers at once: more are not faster, and GitHub asks clients to keep it low. */
const PARALLEL = 4;

/** A file to upload. */
interface ReleaseFile extends Digest {
  name: string;
  path: string;
}

/** What to do with a file: keep the asset, upload the file, or replace the asset by it. */
interface Step {
  file: ReleaseFile;
  action: "keep" | "upload" | "replace";
  why: string;
  /** The asset with the file's name. */
  existing?: Asset;
}

/**
 * The files of a release: those of a folder that passes preflight and matches its SHA256SUMS, with names that GitHub keeps.
 * @throws Failure (1) with all that is wrong, (3) when a file can't be read
 */
export function releaseFiles(dist: string): ReleaseFile[] {
  const result = checkDist(dist, knob("FASTBOOP_STAGE0_MAX_SIZE"));
  const problems: Problem[] = allFindings(result)
    .filter(({ severity }) => severity === "fail")
    .map(({ rule, expected, got, fix }) => ({ what: `preflight: ${rule}`, expected, got, fix }));
  const check = checkList(dist);
  problems.push(...check.problems.map((problem) => ({ ...problem, file: check.list })));
  if (check.unread.length > 0) throw missingFailure(...check.unread);
  const names = fs
    .readdirSync(dist)
    .filter((name) => (name === SUMS || isArtifact(name)) && fs.lstatSync(join(dist, name)).isFile());
  for (const name of names.filter((name) => name !== hostedName(name))) {
    problems.push({
      what: `GitHub would rename ${printable(name)}`,
      expected: hostedName(name),
      got: printable(name),
      fix: "rename it, then make sums",
    });
  }
  if (problems.length > 0) throw contractFailure(...problems);
  return names.sort().map((name) => ({ name, path: join(dist, name), ...digestFile(join(dist, name)) }));
}

/** What each file needs, given the assets that the release has. Pure. */
export const planUploads = (files: readonly ReleaseFile[], assets: readonly Asset[]): Step[] =>
  files.map((file) => planUpload(file, assets));

function planUpload(file: ReleaseFile, assets: readonly Asset[]): Step {
  const existing = assets.find(({ name }) => name === file.name);
  if (existing === undefined) return { file, action: "upload", why: "missing" };
  if (!existing.uploaded) return { file, action: "replace", why: "its upload was not finished", existing };
  const sha256 = sha256Of(existing);
  if (sha256 === file.sha256) return { file, action: "keep", why: "same digest", existing };
  return {
    file,
    action: "replace",
    why: sha256 === undefined ? "GitHub has no digest of it" : "its digest differs",
    existing,
  };
}

/** An asset's digest by the API, if it gives one. */
function sha256Of({ digest }: Asset): string | undefined {
  const claim = apiClaim(digest);
  return typeof claim === "object" ? claim.sha256 : undefined;
}

/**
 * Uploads what the draft lacks or has otherwise.
 * @throws Failure (1) when GitHub refuses a file, (3) when it can't be reached
 */
export async function upload(releases: Releases, release: Release, files: readonly ReleaseFile[]): Promise<void> {
  await inParallel(planUploads(files, release.assets), PARALLEL, async (step) => {
    try {
      await applyStep(releases, release, step);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const file = printable(step.file.name);
      throw new Failure(error.exitCode, ...error.problems.map((problem) => ({ ...problem, file })));
    }
  });
}

/** A request may succeed although its answer was lost, so each further attempt asks GitHub what it has. */
async function applyStep(releases: Releases, release: Release, planned: Step): Promise<void> {
  const { file } = planned;
  let known: Step | undefined = planned;
  await retry(async () => {
    const { action, why, existing } = known ?? planUpload(file, (await releases.get(release.id)).assets);
    known = undefined;
    if (action === "keep") return say(`kept ${printable(file.name)}: ${why}`);
    if (existing !== undefined) await releases.remove(existing);
    await releases.upload(release, file);
    say(`uploaded ${printable(file.name)} (${shortSize(file.size)}): ${why}`);
  }, retryPolicy());
}

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
  if (sha256 === file.sha256) return partial.finish(path, 0o644);
  throw contractFailure({
    what: `${printable(file.name)} differs after upload and download`,
    expected: file.sha256,
    got: sha256,
  });
}
