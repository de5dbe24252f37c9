/**
 * A release asset, verified, under its final name. What is cheap and needs no network comes first; what only a download
 * needs is loaded when one is due.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { assetName, LOCK, type Target } from "./contract.ts";
import { printable } from "./errors.ts";
import { readRecord } from "./fetch/cache.ts";
import { type AssetRequest, assetLabel, lockFolders, MODE, maxSize } from "./fetch/request.ts";
import type { Release } from "./github/answers.ts";
import { type Digest, digestFile } from "./hash.ts";
import { knob } from "./knobs.ts";
import { say } from "./log.ts";
import type { Pin } from "./trust/pins.ts";
import { agreedDigest, isPinned, pinRequired, type Witness, witnessNames } from "./trust.ts";

/** An asset in its place. */
export interface Fetched extends Digest {
  /** Absolute. */
  path: string;
}

/** The pins of an asset: FASTBOOP_STAGE0_SHA256, and stage0.lock's entry when there is a tag to look for. */
export interface Pins {
  /** stage0.lock's entry. */
  entry: Pin | undefined;
  witnesses: Witness[];
}

async function lockedPin(target: Target, tag: () => Promise<string | undefined>): Promise<Pin | undefined> {
  const isThere = (file: string): boolean => fs.statSync(file, { throwIfNoEntry: false }) !== undefined;
  const files = lockFolders()
    .map((folder) => join(folder, LOCK))
    .filter(isThere);
  // Most runs have none, and to load what reads them takes longer than to look for them.
  if (files.length === 0) return undefined;
  const { findPin, readPins } = await import("./trust/pins.ts");
  const pins = await readPins(files);
  const name = pins.length === 0 ? undefined : await tag();
  return name === undefined ? undefined : findPin(pins, name, assetName(target.triple));
}

export async function readPinsOf(target: Target, tag: () => Promise<string | undefined>): Promise<Pins> {
  const given = knob("FASTBOOP_STAGE0_SHA256");
  const entry = await lockedPin(target, tag);
  return {
    entry,
    witnesses: [
      { name: "FASTBOOP_STAGE0_SHA256", kind: "pin", claim: given === undefined ? "absent" : { sha256: given } },
      { name: LOCK, kind: "pin", claim: entry === undefined ? "absent" : { sha256: entry.sha256 } },
    ],
  };
}

/**
 * A place that is not the default one may not vouch for itself, unless the user says so.
 * @throws Failure (2) when it would have to
 */
export function requireTrust(request: AssetRequest, { witnesses }: Pins): void {
  if (isPinned(witnesses) || request.origin.isDefault || knob("FASTBOOP_STAGE0_TRUST") === "sums") return;
  throw pinRequired(request.origin.name, assetLabel(request));
}

/**
 * The asset that is at its place already, when a pin or the record of an earlier run tells that it is the right one; else
 * a download. The file is read and hashed in either case, and gated unless an earlier run's record tells that it was.
 * @param release the release, when the API was asked for it already
 * @throws Failure (2) when the place is not the default one and nothing pins the asset
 */
export async function fetchAsset(request: AssetRequest, release?: Release): Promise<Fetched> {
  const { target, tag, out } = request;
  const what = assetLabel(request);
  const pins = await readPinsOf(target, async () => tag);
  const pinned = isPinned(pins.witnesses);
  requireTrust(request, pins);
  // Whoever asked the API knows better than the record of an earlier day.
  const record = pinned || release !== undefined ? undefined : readRecord(request);
  const known = pinned ? { sha256: agreedDigest(pins.witnesses, what), by: witnessNames(pins.witnesses) } : record;
  const there = known && alreadyThere(out, known.sha256);
  if (known !== undefined && there !== undefined) {
    // What the cache's record speaks of went through the gate before it was written.
    if (readRecord(request)?.sha256 !== known.sha256) {
      const { assertPasses } = await import("./gate/assert-passes.ts");
      assertPasses(out, target, out, there);
    }
    say(`${what} is already there: sha256 ${known.sha256} (${known.by.map(printable).join(", ")})`);
    return { path: out, ...there };
  }
  const { fetchRelease } = await import("./fetch/release.ts");
  return fetchRelease(request, pins, known, release);
}

/** The file at a path when it has a digest and keeps the size budget, executable from now on; else undefined. */
function alreadyThere(path: string, sha256: string): Digest | undefined {
  const status = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!status?.isFile() || status.size > maxSize()) return undefined;
  const digest = digestFile(path);
  if (digest.sha256 !== sha256) return undefined;
  if ((status.mode & 0o7777) !== MODE) fs.chmodSync(path, MODE);
  return digest;
}
