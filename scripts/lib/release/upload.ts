/** Uploads to a release what it lacks or has otherwise. */
import { SUMS } from "../contract.ts";
import { Failure, printable } from "../errors.ts";
import type { Asset, Release } from "../github/answers.ts";
import { retry, retryPolicy } from "../http/retry.ts";
import { say, shortSize } from "../log.ts";
import { inParallel } from "../pool.ts";
import { apiClaim } from "../trust.ts";
import type { ReleaseFile } from "./files.ts";
import type { Releases } from "./releases.ts";

/** Transfers at once: more are not faster, and GitHub asks clients to keep it low. */
export const PARALLEL = 4;

/** What to do with a file: keep the asset, upload the file, or replace the asset by it. */
interface Step {
  file: ReleaseFile;
  action: "keep" | "upload" | "replace";
  why: string;
  /** The asset with the file's name. */
  existing?: Asset;
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
export function sha256Of({ digest }: Asset): string | undefined {
  const claim = apiClaim(digest);
  return typeof claim === "object" ? claim.sha256 : undefined;
}

/**
 * Uploads what the draft lacks or has otherwise, the list last: until then the one that is there is true of what is there.
 * @throws Failure (1) when GitHub refuses a file, (3) when it can't be reached
 */
export async function upload(releases: Releases, release: Release, files: readonly ReleaseFile[]): Promise<void> {
  const plan = planUploads(files, release.assets);
  const work = (steps: readonly Step[]) =>
    inParallel(steps, PARALLEL, async (step) => {
      try {
        await applyStep(releases, release, step);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const file = printable(step.file.name);
        throw new Failure(error.exitCode, ...error.problems.map((problem) => ({ ...problem, file })));
      }
    });
  await work(plan.filter((step) => step.file.name !== SUMS));
  await work(plan.filter((step) => step.file.name === SUMS));
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
