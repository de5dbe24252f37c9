/** What a run is to fetch, as the environment says. */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { assetName, LOCK, type Target } from "../contract.ts";
import { checkEmbedPath } from "../embed-path.ts";
import { printable, usageFailure } from "../errors.ts";
import { checkWritable } from "../files.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import type { Digest } from "../hash.ts";
import { CACHE_KNOBS, type KnobName, knob, NETWORK_KNOBS, TOKEN_KNOBS } from "../knobs.ts";
import { callerDir, distDir, fromCaller } from "../paths.ts";
import { readTag, spellTag } from "../tags.ts";
import type { Withdrawal } from "../trust/withdrawn.ts";
import { findWorkspace, workspaceVersion } from "../workspace.ts";

/** What reading the files of a release that TAG names takes. */
export const RELEASE_KNOBS = [
  "TAG",
  "WORKSPACE",
  "FASTBOOP_STAGE0_TRUST",
  "FASTBOOP_STAGE0_ACCEPT_WITHDRAWN",
  "FASTBOOP_STAGE0_SIGNER_WORKFLOW",
  "FASTBOOP_STAGE0_TRUSTED_ROOT",
  "FASTBOOP_STAGE0_REPO",
  "FASTBOOP_STAGE0_MIRROR",
  "FASTBOOP_STAGE0_MAX_SIZE",
  ...CACHE_KNOBS,
  ...NETWORK_KNOBS,
  "GITHUB_SERVER_URL",
  "GITHUB_API_URL",
  ...TOKEN_KNOBS,
] as const satisfies readonly KnobName[];

/** What every script that fetches from a release reads. */
export const FETCH_KNOBS = [
  "FASTBOOP_STAGE0_TAG",
  "DIST",
  "FASTBOOP_STAGE0_SHA256",
  ...RELEASE_KNOBS,
] as const satisfies readonly KnobName[];

/**
 * TAG, else FASTBOOP_STAGE0_TAG, else the workspace's version, as a release tag or "latest"; undefined when none is given.
 * @throws Failure (2) when it is no tag
 */
export async function requestedTag(): Promise<string | undefined> {
  for (const name of ["TAG", "FASTBOOP_STAGE0_TAG"] as const) {
    const given = knob(name);
    if (given !== undefined) return given === "latest" ? given : spellTag(readTag(given, name));
  }
  const { dir, origin } = findWorkspace();
  // The example's version is no release of fastboop's.
  if (origin === "example") return undefined;
  return spellTag(readTag(await workspaceVersion(dir), `the version of the workspace ${printable(dir)}`));
}

/** The paths of stage0.lock, whether there is one or not: the workspace's, which make lock writes, and the caller's. */
export function lockFiles(): string[] {
  const { dir, origin } = findWorkspace();
  const folders = new Set([...(origin === "example" ? [] : [dir]), callerDir()]);
  return [...folders].map((folder) => join(folder, LOCK));
}

/** Permission bits of what is fetched. */
export const MODE = 0o755;

/** A verified asset. */
export interface Fetched extends Digest {
  /** Absolute. */
  path: string;
  /** The verified bundle with its provenance, when the release has one and was asked for it. */
  bundle?: Uint8Array | undefined;
  /** What the release says of itself, when it was taken nevertheless. */
  withdrawn?: Withdrawal | undefined;
}

export interface ReleaseRequest {
  origin: ReleaseOrigin;
  /** In the tag's own form. */
  tag: string;
}

export interface AssetRequest extends ReleaseRequest {
  target: Target;
  /** Absolute final path. */
  out: string;
}

/** What messages call the asset. */
export const assetLabel = ({ target, tag }: AssetRequest): string => `${assetName(target.triple)} of ${tag}`;

/**
 * OUT from the caller's folder, else dist/fetched/TAG/ASSET.
 * @throws Failure (2) when OUT is a folder or a device, or when the path can't be handed on to a build
 */
export function outPath(target: Target, tag: string): string {
  const given = knob("OUT");
  const path = given === undefined ? defaultPath(target, tag) : filePath(given, assetName(target.triple));
  checkEmbedPath(path);
  for (const folder of [distDir(), dirname(path)]) checkWritable(folder);
  return path;
}

export const defaultPath = (target: Target, tag: string): string =>
  join(distDir(), "fetched", tag, assetName(target.triple));

/**
 * The absolute path of a file that the user names with OUT.
 * @param name what a file in a folder would be called
 * @throws Failure (2) for a folder, and for a device, FIFO or socket, which a rename would replace
 */
export function filePath(given: string, name: string): string {
  const path = fromCaller(given);
  const status = statSync(path, { throwIfNoEntry: false });
  const wrong = { expected: "the path of a file", got: printable(path) };
  if (given.endsWith("/") || status?.isDirectory())
    throw usageFailure({ what: "OUT is a folder", ...wrong, fix: `OUT=${printable(join(path, name))}` });
  if (status === undefined || status.isFile()) return path;
  throw usageFailure({ what: "OUT is a device, FIFO or socket", ...wrong, fix: "choose another path" });
}

/** The size budget in bytes. */
export const maxSize = (): number => knob("FASTBOOP_STAGE0_MAX_SIZE");
