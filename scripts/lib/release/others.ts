/** What other publishers have put into a release: left alone, vouched for, and listed together with our files. */
import { contractFailure, type Problem, printable } from "../errors.ts";
import { HashedDownload } from "../fetch/partial.ts";
import { apiSource } from "../fetch/source.ts";
import type { Asset, Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { inParallel } from "../pool.ts";
import { PARALLEL, sha256Of } from "./upload.ts";

const FIX = "whoever published it uploads it again, or delete it";

/**
 * The digests of a release's files that are not ours, by the name that GitHub keeps them by: of each the API's digest and
 * the bytes have to agree.
 * @param known digests that an earlier call has found, by asset id; what it finds is added
 * @throws Failure (1) naming every file that nobody can vouch for
 */
export async function othersOf(
  origin: ReleaseOrigin,
  release: Release,
  ours: ReadonlySet<string>,
  known: Map<number, string>,
): Promise<Map<string, string>> {
  const theirs = release.assets.filter(({ name }) => !ours.has(name));
  const problems = theirs.flatMap(problemOf);
  if (problems.length > 0) throw contractFailure(...problems);
  const entries = await inParallel(theirs, PARALLEL, async (asset): Promise<[string, string]> => {
    const expected = sha256Of(asset) ?? "";
    if (known.get(asset.id) !== expected) {
      const { size } = asset;
      const source = apiSource(origin, release, asset.name);
      const got = await source.download(new HashedDownload(), expected, { size, maxSize: size });
      if (got.sha256 !== expected) {
        throw contractFailure({
          what: `the release's ${printable(asset.name)} is not what the API says`,
          expected: `sha256 ${expected}`,
          got: `sha256 ${got.sha256}`,
          fix: FIX,
        });
      }
      known.set(asset.id, expected);
    }
    return [asset.name, expected];
  });
  return new Map(entries);
}

function problemOf(asset: Asset): Problem[] {
  const name = printable(asset.name);
  if (!asset.uploaded) return [{ what: `the upload of the release's ${name} was not finished`, fix: FIX }];
  if (sha256Of(asset) === undefined) return [{ what: `GitHub has no digest of the release's ${name}`, fix: FIX }];
  return /[/\0]/.test(asset.name) ? [{ what: `no list can name the release's ${name}`, fix: FIX }] : [];
}
