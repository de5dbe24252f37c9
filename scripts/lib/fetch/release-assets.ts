/** Every asset of a release: what a lock file pins, and what a kit carries. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { assetName, bundleName, LOCK, RELEASE_TARGETS, SUMS, type Target } from "../contract.ts";
import { sha256Of } from "../crypto.ts";
import { printable, usageFailure } from "../errors.ts";
import { readSmall, writeText } from "../files.ts";
import { releaseOrigin } from "../github/origin.ts";
import { sha512File } from "../hash.ts";
import { knob } from "../knobs.ts";
import { say } from "../log.ts";
import { PROJECT } from "../paths.ts";
import { formatPins, type Pin, readLock, updatePins } from "../trust/pins.ts";
import { formatSums } from "../trust/sums.ts";
import type { Withdrawal } from "../trust/withdrawn.ts";
import { readPinsOf, requireTrust } from "./pins.ts";
import { downloadAsset } from "./release.ts";
import { type AssetRequest, defaultPath, lockFiles, MODE } from "./request.ts";
import { requestedRelease } from "./requested-release.ts";
import { writeTar } from "./tar.ts";

interface ReleaseAssets {
  tag: string;
  /** One for each release target, in the order of the contract. */
  pins: Pin[];
  /** Their paths, by asset name. */
  paths: Map<string, string>;
  /** The bundles with their provenance, by asset name; of a release that has none, none. */
  bundles: Map<string, Uint8Array>;
  /** What the release says of itself, when it was taken nevertheless. */
  withdrawn?: Withdrawal | undefined;
}

/**
 * Fetches every asset of the release that the environment names, or those for some targets. All witnesses are asked again, whatever an earlier run
 * recorded.
 * @throws Failure as a fetch does; (2) for a pin that can only be about one asset
 */
export async function fetchAllAssets(targets: readonly Target[] = RELEASE_TARGETS): Promise<ReleaseAssets> {
  if (knob("FASTBOOP_STAGE0_SHA256") !== undefined) {
    throw usageFailure({
      what: "FASTBOOP_STAGE0_SHA256 pins one asset, and this is about every asset of the release",
      fix: `unset it; ${LOCK} pins them all`,
    });
  }
  const origin = releaseOrigin();
  const { tag, release } = await requestedRelease(origin);
  const all: ReleaseAssets = { tag, pins: [], paths: new Map(), bundles: new Map() };
  for (const target of targets) {
    const request: AssetRequest = { origin, target, tag, out: defaultPath(target, tag) };
    const pins = await readPinsOf(target, async () => tag);
    requireTrust(request, pins);
    const { path, size, sha256, bundle, withdrawn } = await downloadAsset(request, pins, undefined, release);
    const asset = assetName(target.triple);
    all.pins.push({ tag, asset, size, sha256, sha512: sha512File(path) });
    all.paths.set(asset, path);
    if (bundle !== undefined) all.bundles.set(asset, bundle);
    all.withdrawn ??= withdrawn;
  }
  return all;
}

/** Adds the pins to stage0.lock in the workspace, else in the caller's folder. Returns its path. */
export async function writeLock({ tag, pins, withdrawn }: ReleaseAssets): Promise<string> {
  const file = lockFiles()[0] ?? "";
  const lock = await readLock([file]);
  writeText(file, formatPins(updatePins(lock.pins, pins), marked(lock.withdrawn, tag, withdrawn)));
  say(`${printable(file)} pins ${pins.map(({ asset }) => asset).join(" and ")} of ${tag}`);
  return file;
}

/** Records in stage0.lock that a release is withdrawn: a build without network learns it there. */
export async function recordWithdrawal(withdrawal: Withdrawal): Promise<void> {
  const file = lockFiles()[0] ?? "";
  const lock = await readLock([file]);
  writeText(file, formatPins(lock.pins, marked(lock.withdrawn, withdrawal.tag, withdrawal)));
  say(`${printable(file)} records that ${withdrawal.tag} is withdrawn`);
}

/** The marks, with one tag's as it is now. */
const marked = (marks: readonly Withdrawal[], tag: string, now: Withdrawal | undefined): Withdrawal[] => [
  ...marks.filter((mark) => mark.tag !== tag),
  ...(now === undefined ? [] : [now]),
];

/** 1980-01-01, the earliest time that every archive format has. */
const EARLIEST = 315_532_800;

/**
 * Writes one archive with all that a build without network needs; the same release gives the same bytes.
 * FASTBOOP_STAGE0_MIRROR takes the archive, and the folder that it unpacks to.
 * @param companions what else the release says of itself, by name
 */
export async function writeKit(
  { tag, pins, paths, bundles }: ReleaseAssets,
  companions: ReadonlyMap<string, Uint8Array>,
  file: string,
): Promise<void> {
  const member = (name: string, bytes: Uint8Array | string, mode = 0o644) => ({
    name,
    bytes: Buffer.from(bytes),
    mode,
  });
  const assets = [...paths].sort(([a], [b]) => (a < b ? -1 : 1));
  const signed = [...bundles].map(([asset, bytes]): [string, Uint8Array] => [bundleName(asset), bytes]);
  const others = [...signed, ...companions];
  const listed = [
    ...pins.map(({ asset, sha256 }) => [asset, sha256] as const),
    ...others.map(([name, bytes]) => [name, sha256Of(bytes)] as const),
  ];
  const members = [
    ...licences().map(([name, path]) => member(name, readSmall(path))),
    member(LOCK, formatPins(pins)),
    member(`${tag}/${SUMS}`, formatSums(listed)),
    ...others.map(([name, bytes]) => member(`${tag}/${name}`, bytes)),
    ...(signed.length > 0 ? [member("trusted-root.json", await rootText())] : []),
    ...assets.map(([name, path]) => member(`${tag}/${name}`, readFileSync(path), MODE)),
  ];
  writeText(file, await writeTar(members, knob("SOURCE_DATE_EPOCH") ?? EARLIEST));
}

/** The roots that the bundles were verified with. */
const rootText = async (): Promise<string> => (await import("../provenance/root.ts")).rootText();

/** The licence files of the workspace, else this project's own. */
function licences(): [name: string, path: string][] {
  const folder = dirname(lockFiles()[0] ?? "");
  const isLicence = (name: string): boolean => /^(licen[cs]e|copying)[\w.-]*$/i.test(name);
  const own = existsSync(folder) ? readdirSync(folder).filter(isLicence).sort() : [];
  return own.length > 0 ? own.map((name) => [name, join(folder, name)]) : [["LICENSE", join(PROJECT, "LICENSE")]];
}
