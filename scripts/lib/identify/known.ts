/** Which releases' files have which digest, by all that this machine knows. */
import { isTag, LOCK, RELEASE_ASSETS, SUMS } from "../contract.ts";
import { missingFailure, printable, usageFailure } from "../errors.ts";
import { cachedLists, cacheRecords } from "../fetch/cache.ts";
import { lockFiles } from "../fetch/request.ts";
import { releaseOrigin } from "../github/origin.ts";
import { inParallel } from "../pool.ts";
import { readPins } from "../trust/pins.ts";
import { parseSums, sumsClaim } from "../trust/sums.ts";

/** A release's file. */
export interface Known {
  tag: string;
  asset: string;
  /** Who says so. Printable. */
  by: string;
}

/** Every release of the newest page. */
export const ALL = "all";

/**
 * By digest: stage0.lock's pins, what earlier fetches recorded, the lists that they saw, and the lists of releases.
 * @param tag the release whose list is asked for, from the network unless that is forbidden; ALL: the newest ones
 * @throws Failure (3) when that release has no list, (2) for ALL of a mirror
 */
export async function knownFiles(tag: string | undefined): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  const add = (sha256: string, file: Known): void => void (known.has(sha256) || known.set(sha256, file));
  const addList = (list: Uint8Array, of: string, by: string): void => {
    const { entries, problems } = parseSums(list);
    if (!isTag(of) || problems.length > 0) return;
    for (const asset of RELEASE_ASSETS) {
      const sha256 = entries.get(asset);
      if (sha256 !== undefined) add(sha256, { tag: of, asset, by });
    }
  };
  for (const pin of await readPins(lockFiles())) {
    add(pin.sha256, { tag: pin.tag, asset: pin.asset, by: LOCK });
  }
  for (const { tag: of, asset, sha256 } of cacheRecords()) {
    if (isTag(of) && RELEASE_ASSETS.includes(asset)) add(sha256, { tag: of, asset, by: "an earlier fetch" });
  }
  for (const { tag: of, list } of cachedLists()) addList(list, of, `${SUMS} of an earlier fetch`);
  if (tag === ALL) for (const [of, list] of await listsOfReleases()) addList(list, of, SUMS);
  else if (tag !== undefined) {
    for (const [asset, sha256] of await listOf(tag)) add(sha256, { tag, asset, by: SUMS });
  }
  return known;
}

/** The list of one release, which has to be right. */
async function listOf(tag: string): Promise<[asset: string, sha256: string][]> {
  const { openSource } = await import("../fetch/release.ts");
  const source = await openSource({ origin: releaseOrigin(), tag }, RELEASE_ASSETS[0] ?? "");
  const list = await source.sums();
  if (list === undefined)
    throw missingFailure({ what: `the release ${printable(tag)} has no ${SUMS}`, fix: "check TAG" });
  return RELEASE_ASSETS.flatMap((asset): [string, string][] => {
    const claim = sumsClaim(list, asset, source.list);
    return typeof claim === "object" ? [[asset, claim.sha256]] : [];
  });
}

/** Lists that are fetched at the same time. */
const PARALLEL = 4;

/** The lists of those of the newest releases that are published and have one. */
async function listsOfReleases(): Promise<[tag: string, list: Uint8Array][]> {
  const origin = releaseOrigin();
  if (origin.mirror !== undefined)
    throw usageFailure({ what: "a mirror can't tell which releases there are", fix: "set TAG to one release's tag" });
  const { newestReleases } = await import("../fetch/find-release.ts");
  const { apiSource } = await import("../fetch/source.ts");
  const released = (await newestReleases(origin)).filter(
    ({ draft, assets }) => !draft && assets.some(({ name, uploaded }) => name === SUMS && uploaded),
  );
  const lists = await inParallel(released, PARALLEL, (release) => apiSource(origin, release, SUMS).sums());
  return released.flatMap(({ tag }, index): [string, Uint8Array][] => {
    const list = lists[index];
    return list === undefined ? [] : [[tag, list]];
  });
}
