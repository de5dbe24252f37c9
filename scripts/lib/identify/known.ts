/** Which releases' files have which digest, by all that this machine knows. */
import * as fs from "node:fs";
import { join } from "node:path";
import { isTag, LOCK, RELEASE_ASSETS, RELEASE_TARGETS, SUMS } from "../contract.ts";
import { missingFailure, printable } from "../errors.ts";
import { cachedLists, cacheRecords } from "../fetch/cache.ts";
import { lockFolders } from "../fetch/request.ts";
import { releaseOrigin } from "../github/origin.ts";
import { readPins } from "../trust/pins.ts";
import { parseSums, sumsClaim } from "../trust/sums.ts";

/** A release's file. */
export interface Known {
  tag: string;
  asset: string;
  /** Who says so. Printable. */
  by: string;
}

/**
 * By digest: stage0.lock's pins, what earlier fetches recorded, the lists that they saw, and the list of a release.
 * @param tag the release whose list is asked for, from the network unless that is forbidden
 * @throws Failure (3) when that release has no list
 */
export async function knownFiles(tag: string | undefined): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  const add = (sha256: string, file: Known): void => void (known.has(sha256) || known.set(sha256, file));
  const locks = lockFolders().map((folder) => join(folder, LOCK));
  for (const pin of await readPins(locks.filter((file) => fs.existsSync(file)))) {
    add(pin.sha256, { tag: pin.tag, asset: pin.asset, by: LOCK });
  }
  for (const { tag: of, asset, sha256 } of cacheRecords()) {
    if (isTag(of) && RELEASE_ASSETS.includes(asset)) add(sha256, { tag: of, asset, by: "an earlier fetch" });
  }
  for (const { tag: of, list } of cachedLists()) {
    const { entries, problems } = parseSums(list);
    if (!isTag(of) || problems.length > 0) continue;
    for (const asset of RELEASE_ASSETS) {
      const sha256 = entries.get(asset);
      if (sha256 !== undefined) add(sha256, { tag: of, asset, by: `${SUMS} of an earlier fetch` });
    }
  }
  if (tag === undefined) return known;
  const { openSource } = await import("../fetch/release.ts");
  const [target] = RELEASE_TARGETS;
  if (target === undefined) return known;
  const source = await openSource(
    { origin: releaseOrigin(), target, tag, out: "" },
    RELEASE_ASSETS[0] ?? "",
    undefined,
  );
  const list = await source.sums();
  if (list === undefined)
    throw missingFailure({ what: `the release ${printable(tag)} has no ${SUMS}`, fix: "check TAG" });
  for (const asset of RELEASE_ASSETS) {
    const claim = sumsClaim(list, asset, source.list);
    if (typeof claim === "object") add(claim.sha256, { tag, asset, by: SUMS });
  }
  return known;
}
