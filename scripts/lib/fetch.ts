/**
 * A release asset, verified, at its final path. What is cheap and needs no network comes first; what only a download needs
 * is loaded when one is due.
 */
import * as fs from "node:fs";
import { printable } from "./errors.ts";
import { readRecord } from "./fetch/cache.ts";
import { readPinsOf, requireTrust } from "./fetch/pins.ts";
import { type AssetRequest, assetLabel, type Fetched, MODE, maxSize } from "./fetch/request.ts";
import type { Release } from "./github/answers.ts";
import { type Digest, digestFile } from "./hash.ts";
import { say } from "./log.ts";
import { agreedDigest, isPinned, witnessNames } from "./trust.ts";

/**
 * Takes the file that is at the final path when it has the digest of a pin or of an earlier run's record; downloads it
 * otherwise. The file is hashed in either case, and gated unless the record of an earlier run says that it was.
 * @param release the release, when the API was asked for it already
 * @throws Failure (2) when the origin is not the default one and nothing pins the asset
 */
export async function fetchAsset(request: AssetRequest, release?: Release): Promise<Fetched> {
  const { target, tag, out } = request;
  const what = assetLabel(request);
  const pins = await readPinsOf(target, async () => tag);
  requireTrust(request, pins);
  const record = readRecord(request);
  const known = isPinned(pins.witnesses)
    ? { sha256: agreedDigest(pins.witnesses, what), by: witnessNames(pins.witnesses) }
    : // An answer of the API is newer than a record.
      release === undefined
      ? record
      : undefined;
  const there = known && alreadyThere(out, known.sha256);
  if (known !== undefined && there !== undefined) {
    // What a record is about has passed the gate.
    if (record?.sha256 !== known.sha256) {
      const { assertPasses } = await import("./gate/assert-passes.ts");
      assertPasses(out, target, out, there);
    }
    say(`${what} is already there: sha256 ${known.sha256} (${known.by.map(printable).join(", ")})`);
    return { path: out, ...there };
  }
  const { downloadAsset } = await import("./fetch/release.ts");
  return downloadAsset(request, pins, known, release);
}

/** The file at a path when it has the digest and is within the size budget, made executable; else undefined. */
function alreadyThere(path: string, sha256: string): Digest | undefined {
  const status = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!status?.isFile() || status.size > maxSize()) return undefined;
  const digest = digestFile(path);
  if (digest.sha256 !== sha256) return undefined;
  if ((status.mode & 0o7777) !== MODE) fs.chmodSync(path, MODE);
  return digest;
}
