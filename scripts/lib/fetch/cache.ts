/**
 * What earlier fetches keep for later ones in the cache folder: assets by their digest, hashed again on every use, and
 * records of the digest that a release's asset has. A cache that can't be written to only gets a note in the log.
 */
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { assetName, SUMS } from "../contract.ts";
import { randomBytes, sha256Of } from "../crypto.ts";
import { errorCode, Failure, printable, systemWords } from "../errors.ts";
import { eachChunk, makeFolder, type OpenFile, openRegular, readSmall, withFd } from "../files.ts";
import type { Digest } from "../hash.ts";
import { say } from "../log.ts";
import { cacheDir } from "../paths.ts";
import type { AssetRequest } from "./request.ts";

/** The digest that an earlier run found an asset to have. */
export interface CacheRecord {
  sha256: string;
  /** Names of the witnesses that named it. */
  by: string[];
}

const cachedAsset = (sha256: string): string => cacheDir("assets", sha256);
export function isCached(sha256: string): boolean {
  const path = cachedAsset(sha256);
  return fs.existsSync(path) && fs.lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

const releasePath = ({ origin, tag }: AssetRequest, name: string): string =>
  cacheDir("releases", sha256Of(origin.key).slice(0, 16), tag, name);
const recordPath = (request: AssetRequest): string => releasePath(request, `${assetName(request.target.triple)}.json`);

export const readRecord = (request: AssetRequest): CacheRecord | undefined => readRecordFile(recordPath(request));

/** Every record of every origin. */
export function cacheRecords(): { tag: string; asset: string; sha256: string }[] {
  return releaseFiles().flatMap(({ tag, name, path }) => {
    const record = readRecordFile(path);
    return record === undefined ? [] : [{ tag, asset: name.replace(/\.json$/, ""), sha256: record.sha256 }];
  });
}

/** Every release's list of digests that an earlier fetch found right. */
export function cachedLists(): { tag: string; list: Uint8Array }[] {
  return releaseFiles().flatMap(({ tag, name, path }) => {
    const list = name === SUMS ? readQuietly(path) : undefined;
    return list === undefined ? [] : [{ tag, list }];
  });
}

function releaseFiles(): { tag: string; name: string; path: string }[] {
  const namesIn = (...parts: string[]): string[] => {
    try {
      return fs.readdirSync(cacheDir("releases", ...parts));
    } catch {
      // Nothing was ever fetched, or it is none of ours.
      return [];
    }
  };
  return namesIn().flatMap((origin) =>
    namesIn(origin).flatMap((tag) =>
      namesIn(origin, tag).map((name) => ({ tag, name, path: cacheDir("releases", origin, tag, name) })),
    ),
  );
}

function readRecordFile(path: string): CacheRecord | undefined {
  const bytes = readQuietly(path);
  if (bytes === undefined) return undefined;
  try {
    const { sha256, by } = Object(JSON.parse(bytes.toString())) as Record<string, unknown>;
    const isText = (value: unknown): value is string => typeof value === "string";
    return isText(sha256) && /^[0-9a-f]{64}$/.test(sha256) && Array.isArray(by) && by.every(isText)
      ? { sha256, by }
      : undefined;
  } catch (error) {
    // Damaged.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A small file; undefined when it is missing, too large, or can't be read. */
function readQuietly(path: string): Buffer | undefined {
  try {
    return readSmall(path);
  } catch (error) {
    if (error instanceof Failure || errorCode(error) !== undefined) return undefined;
    throw error;
  }
}

/** Keeps a release's list of digests, by which its other files are known too. */
export const cacheList = (request: AssetRequest, list: Uint8Array): void =>
  write(releasePath(request, SUMS), (path) => fs.writeFileSync(path, list));

export function writeRecord(request: AssetRequest, record: CacheRecord): void {
  write(recordPath(request), (path) => fs.writeFileSync(path, JSON.stringify(record)));
}

/** Copying a larger file would take as long as its download; it is cached only where the file system can share blocks. */
const LARGE = 64 * 1024 * 1024;

/** Copies a verified file into the cache, as a reflink where the file system can. */
export function cacheAsset(file: string, { sha256, size }: Digest): void {
  if (isCached(sha256)) return;
  const { COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE } = fs.constants;
  const mode = size > LARGE ? COPYFILE_FICLONE_FORCE : COPYFILE_FICLONE;
  write(cachedAsset(sha256), (aside) => fs.copyFileSync(file, aside, mode));
}

/** What a killed run left is removed when it is so old, by the file system's own clock. */
const LEFT_MS = 600_000;

/** Writes a file of the cache atomically. No fsync, because what is there is checked on every use. */
function write(path: string, fill: (aside: string) => void): void {
  const aside = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    makeFolder(dirname(path), 0o700);
    fill(aside);
    const now = fs.statSync(aside).mtimeMs;
    fs.renameSync(aside, path);
    for (const name of fs.readdirSync(dirname(path))) {
      const left = join(dirname(path), name);
      const written = name.endsWith(".tmp") && fs.lstatSync(left, { throwIfNoEntry: false })?.mtimeMs;
      if (written && now - written > LEFT_MS) fs.rmSync(left, { force: true });
    }
  } catch (error) {
    const words = systemWords(error);
    if (words === undefined) throw error;
    say(`note: ${printable(basename(path))} is not kept in the cache, ${printable(cacheDir())}: ${words}`);
    removeQuietly(aside);
  }
}

function removeQuietly(path: string): void {
  try {
    fs.rmSync(path, { force: true });
  } catch (error) {
    // What can't be written to can't be removed either: a file where the cache folder should be, for example.
    if (errorCode(error) === undefined) throw error;
  }
}

/** Calls `use` with each piece of a cached asset. Returns false when there is none. */
export function readCached(sha256: string, use: (bytes: Buffer) => void): boolean {
  const file = openCached(cachedAsset(sha256));
  if (file === undefined) return false;
  withFd(file.fd, (fd) => eachChunk(fd, use));
  return true;
}

function openCached(path: string): OpenFile | undefined {
  try {
    const file = openRegular(path, { follow: false });
    return "reason" in file ? undefined : file;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}

/** Removes an asset that does not have its digest any more. */
export function evict(sha256: string): void {
  say(`note: the cached asset ${sha256} is damaged and was removed`);
  removeQuietly(cachedAsset(sha256));
}
