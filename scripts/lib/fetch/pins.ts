/** The pins of an asset: digests from the caller's own command and tree. */
import * as fs from "node:fs";
import { assetName, LOCK, type Target } from "../contract.ts";
import { knob } from "../knobs.ts";
import type { Pin } from "../trust/pins.ts";
import { refuseLocked } from "../trust/withdrawn.ts";
import { isPinned, pinRequired, type Witness } from "../trust.ts";
import { type AssetRequest, assetLabel, lockFiles } from "./request.ts";

export interface Pins {
  /** stage0.lock's entry. */
  entry: Pin | undefined;
  /** FASTBOOP_STAGE0_SHA256 and stage0.lock. */
  witnesses: Witness[];
}

/** @param tag whose entry in stage0.lock counts; called only when there is such a file */
export async function readPinsOf(target: Target, tag: () => Promise<string | undefined>): Promise<Pins> {
  const entry = await lockedPin(target, tag);
  const pin = (name: string, sha256: string | undefined): Witness => ({
    name,
    kind: "pin",
    claim: sha256 === undefined ? "absent" : { sha256 },
  });
  const witnesses = [pin("FASTBOOP_STAGE0_SHA256", knob("FASTBOOP_STAGE0_SHA256")), pin(LOCK, entry?.sha256)];
  return { entry, witnesses };
}

async function lockedPin(target: Target, tag: () => Promise<string | undefined>): Promise<Pin | undefined> {
  const { pins, withdrawn } = await readLocks();
  const name = pins.length + withdrawn.length === 0 ? undefined : await tag();
  refuseLocked(withdrawn, name);
  return pins.find((pin) => pin.tag === name && pin.asset === assetName(target.triple));
}

/** What the lock files hold. */
async function readLocks() {
  const files = lockFiles().filter((file) => fs.existsSync(file));
  // Most runs have none, and loading the reader takes longer than looking for them.
  return files.length === 0 ? { pins: [], withdrawn: [] } : (await import("../trust/pins.ts")).readLock(files);
}

/**
 * Requires a pin for an asset of another origin than the default one, unless the user accepts that origin's own digests
 * or demands its workflow's signature.
 * @throws Failure (2)
 */
export function requireTrust(request: AssetRequest, { witnesses }: Pins): void {
  if (isPinned(witnesses) || request.origin.isDefault || knob("FASTBOOP_STAGE0_TRUST") !== "pin") return;
  throw pinRequired(request.origin.name, assetLabel(request));
}

/**
 * The same for TAG=latest, before the origin is asked which one that is: without any pin there is none for it.
 * @throws Failure (2)
 */
export async function requireLatestTrust(origin: AssetRequest["origin"]): Promise<void> {
  if (origin.isDefault || knob("FASTBOOP_STAGE0_TRUST") !== "pin" || knob("FASTBOOP_STAGE0_SHA256")) return;
  if ((await readLocks()).pins.length === 0) throw pinRequired(origin.name, "the latest release");
}
