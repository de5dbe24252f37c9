/**
 * A release asset, verified, at its final path. What is cheap and needs no network comes first; what only a download needs
 * is loaded when one is due.
 */
import * as fs from "node:fs";
import type { Target } from "./contract.ts";
import { Failure, printable } from "./errors.ts";
import { type CacheRecord, readRecord } from "./fetch/cache.ts";
import { readPinsOf, requireTrust } from "./fetch/pins.ts";
import { isDemanded, PROVENANCE } from "./fetch/provenance-witness.ts";
import { type AssetRequest, assetLabel, type Fetched, MODE, maxSize } from "./fetch/request.ts";
import { tryOpenRegular } from "./files.ts";
import type { Release } from "./github/answers.ts";
import { digestOf } from "./hash.ts";
import { say } from "./log.ts";
import { agreedDigest, isPinned, witnessNames } from "./trust.ts";

/**
 * Takes the file that is at the final path when it has the digest of a pin or of an earlier run's record; downloads it
 * otherwise. The file is hashed and gated in either case.
 * @param release the release, when the API was asked for it already
 * @throws Failure (2) when the origin is not the default one and nothing pins the asset
 */
export async function fetchAsset(request: AssetRequest, release?: Release): Promise<Fetched> {
  const { target, tag, out } = request;
  const what = assetLabel(request);
  const pins = await readPinsOf(target, async () => tag);
  requireTrust(request, pins);
  const pinned = isPinned(pins.witnesses)
    ? { sha256: agreedDigest(pins.witnesses, what), by: witnessNames(pins.witnesses) }
    : undefined;
  // An answer of the API is newer than a record.
  const earlier = release === undefined ? readRecord(request) : undefined;
  const known = isDemanded() ? signedRecord(earlier, pinned) : (pinned ?? earlier);
  const there = known && (await alreadyThere(out, target, known.sha256, pinned !== undefined));
  if (known !== undefined && there !== undefined) {
    say(`${what} is already there: sha256 ${known.sha256} (${known.by.map(printable).join(", ")})`);
    return { path: out, ...there };
  }
  const { downloadAsset } = await import("./fetch/release.ts");
  return downloadAsset(request, pins, known, release);
}

/** A record of an earlier run that saw the provenance, unless a pin differs from it. */
const signedRecord = (record: CacheRecord | undefined, pinned: CacheRecord | undefined): CacheRecord | undefined =>
  record?.by.includes(PROVENANCE) && (pinned ?? record).sha256 === record.sha256 ? record : undefined;

/**
 * The file at a path when it has the digest and is within the size budget, made executable; else undefined.
 * @param pinned whether the digest is a pin's; a record of the cache is worth nothing when the gate refuses its file
 * @throws Failure when the gate refuses a pinned file
 */
async function alreadyThere(path: string, target: Target, sha256: string, pinned: boolean) {
  const file = tryOpenRegular(path, { follow: false });
  if ("reason" in file) return undefined;
  try {
    if (file.status.size > maxSize()) return undefined;
    const digest = digestOf(file.fd);
    if (digest.sha256 !== sha256) return undefined;
    const { assertPasses } = await import("./gate/assert-passes.ts");
    assertPasses(path, target, path, { ...digest, fd: file.fd });
    if ((Number(file.status.mode) & 0o7777) !== MODE) fs.fchmodSync(file.fd, MODE);
    return digest;
  } catch (error) {
    if (pinned || !(error instanceof Failure)) throw error;
    say(`note: ${printable(path)} is what the cache says, and does not pass the gate: it is fetched again`);
    return undefined;
  } finally {
    fs.closeSync(file.fd);
  }
}
