/** Files that are never seen half-written, and reads that nothing on the disk can block. */
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { randomBytes } from "./crypto.ts";
import { errorCode, type Failure, missingFailure, SYSTEM_ERRORS, systemWords, withPath } from "./errors.ts";

/** Bytes read at a time: 64 KiB read into one reused buffer hashes as fast as OpenSSL; larger ones gain nothing. */
export const CHUNK = 64 * 1024;

/**
 * Makes a folder and those above it. Node 20's own `recursive` never returns where the file system takes no folders, such as
 * /proc.
 * @throws the system's error
 */
export function makeFolder(path: string, mode = 0o777): void {
  const makeOne = (): void => {
    try {
      fs.mkdirSync(path, mode);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
      // With a slash at its end a file in the way is ENOTDIR, as one further up the path is.
      fs.statSync(`${path}/`);
    }
  };
  try {
    makeOne();
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    makeFolder(dirname(path), mode);
    makeOne();
  }
}

/**
 * Checks that a folder can be written to, or can be made, before any work is done for it: by a folder made and removed there,
 * because access(2) does not tell under Deno.
 * @throws the system's error
 */
export function checkWritable(folder: string): void {
  let nearest = folder;
  while (!fs.existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  const probe = temporaryName(join(nearest, "probe"));
  try {
    fs.mkdirSync(probe);
    fs.rmdirSync(probe);
  } catch (error) {
    throw withPath(error, folder, probe);
  }
}

/** A hidden name beside the final one; no list of artifacts has it. */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path).slice(0, 100)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);

/**
 * Writes a file atomically: under a temporary name, with its mode, then fsync, rename, and fsync of the folder. Whatever
 * `write` throws, nothing is left behind and the final name is as it was.
 * @param mode permission bits of the file, whatever the umask
 */
export function writeAtomic<T>(path: string, mode: number, write: (fd: number) => T): T {
  makeFolder(dirname(path));
  const aside = temporaryName(path);
  try {
    return withFd(fs.openSync(aside, "wx", 0o600), (fd) => {
      const result = write(fd);
      fs.fchmodSync(fd, mode);
      fs.fsyncSync(fd);
      fs.renameSync(aside, path);
      fsyncPath(dirname(path));
      return result;
    });
  } catch (error) {
    fs.rmSync(aside, { force: true });
    throw withPath(error, path, aside);
  }
}

/** Closes an open file after its use. */
export function withFd<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Makes a file's bytes, or the renames in a folder, survive a power cut. */
export const fsyncPath = (path: string): void => withFd(fs.openSync(path, "r"), fs.fsyncSync);

/**
 * Writes text (or bytes) atomically; a file that has these bytes and this mode already keeps its inode and time.
 * @returns whether it was written
 */
export function writeText(path: string, text: string | Uint8Array, mode = 0o644): boolean {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  try {
    const status = fs.lstatSync(path);
    const same = status.isFile() && status.size === bytes.length && (status.mode & 0o7777) === mode;
    if (same && fs.readFileSync(path).equals(bytes)) return false;
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
  writeAtomic(path, mode, (fd) => writeAll(fd, bytes));
  return true;
}

/** Writes text that comes in pieces, atomically, through one buffer: of many V8 would let tens of MiB pile up. */
export function writePieces(path: string, pieces: Iterable<string>): void {
  const buffer = new Uint8Array(CHUNK);
  const encoder = new TextEncoder();
  writeAtomic(path, 0o644, (fd) => {
    for (const piece of pieces) {
      for (let rest = piece; rest !== ""; ) {
        const { read, written } = encoder.encodeInto(rest, buffer);
        writeAll(fd, buffer.subarray(0, written));
        rest = rest.slice(read);
      }
    }
  });
}

/** Calls write(2) until all bytes are written. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
}

/**
 * Calls `use` with each piece of an open file, from its start to its end; the piece is valid during the call only.
 * @param span the part of the file to read, in bytes
 */
export function eachChunk(
  fd: number,
  use: (bytes: Buffer) => void,
  span = { offset: 0, size: Number.POSITIVE_INFINITY },
): void {
  const buffer = spare ?? Buffer.allocUnsafe(CHUNK);
  // `use` may read another file.
  spare = undefined;
  const end = span.offset + span.size;
  for (let at = span.offset; at < end; ) {
    const count = fs.readSync(fd, buffer, 0, Math.min(CHUNK, end - at), at);
    if (count === 0) break;
    use(buffer.subarray(0, count));
    at += count;
  }
  spare = buffer;
}
let spare: Buffer | undefined;

/** A regular file that is open for reading, and its status when it was opened. The caller closes it. */
export interface OpenFile {
  fd: number;
  status: fs.BigIntStats;
}

/** Why there is no file to read: "a folder", "permission denied". */
interface Unreadable {
  reason: string;
}

/**
 * Opens a regular file for reading. Nothing else is opened, because opening a device may do anything. O_NONBLOCK keeps a FIFO
 * that replaces the file meanwhile from blocking for ever.
 * @param follow whether the path may be a symbolic link
 * @throws the system's error, ELOOP for a link that is not to be followed
 */
export function openRegular(path: string | Buffer, { follow = true } = {}): OpenFile | Unreadable {
  const seen = follow ? fs.statSync(path) : fs.lstatSync(path);
  if (!seen.isFile() && !seen.isSymbolicLink()) return { reason: kindOf(seen) };
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  const fd = fs.openSync(path, O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
  const status = fs.fstatSync(fd, { bigint: true });
  if (status.isFile()) return { fd, status };
  fs.closeSync(fd);
  return { reason: kindOf(status) };
}

function kindOf(status: fs.StatsBase<number | bigint>): string {
  if (status.isDirectory()) return "a folder";
  if (status.isFIFO()) return "a fifo";
  return status.isSocket() ? "a socket" : "a device";
}

/** Whether an open file has the size and the time of last change that it had when it was opened. */
export function isUnchanged({ fd, status: before }: OpenFile): boolean {
  const after = fs.fstatSync(fd, { bigint: true });
  return after.size === before.size && after.mtimeNs === before.mtimeNs;
}

/** As openRegular, with the system's errors among the reasons. */
export function tryOpenRegular(path: string, how?: { follow: boolean }): OpenFile | Unreadable {
  try {
    return openRegular(path, how);
  } catch (error) {
    const words = systemWords(error);
    if (words === undefined) throw error;
    return {
      reason:
        errorCode(error) === "ENOENT" && isLink(path) ? "a symbolic link that leads nowhere" : wordsFor(path, words),
    };
  }
}

/** The words for a system's error, and what else may be wrong: of a name that is not UTF-8 runtimes lose the other bytes. */
export const wordsFor = (path: string, words: string): string =>
  words === SYSTEM_ERRORS.ENOENT?.what && path.includes("\ufffd")
    ? `${words}; a name has to be UTF-8, and this one is not`
    : words;

const isLink = (path: string): boolean => fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;

/** The start of a regular file, and its size. @param most bytes to read */
export function readRegular(path: string, most: number): { bytes: Buffer; size: number } | Unreadable {
  const file = tryOpenRegular(path);
  if ("reason" in file) return file;
  const size = Number(file.status.size);
  const bytes = withFd(file.fd, (fd) => readStart(fd, Math.min(size, most)));
  if (bytes.length < Math.min(size, most)) return { reason: "a file that shrank while it was read" };
  return { bytes, size };
}

/** The first bytes of an open file, or those from an offset on, all of them when it has fewer. */
export function readStart(fd: number, most: number, offset = 0): Buffer {
  const bytes = Buffer.alloc(most);
  let read = 0;
  eachChunk(fd, (piece) => (read += piece.copy(bytes, read)), { offset, size: most });
  return bytes.subarray(0, read);
}

/** Bytes of a file or a response that is read into memory: a list, a lock file, an answer of the API. */
export const MAX_IN_MEMORY = 4 * 1024 * 1024;

const unreadable = (path: string, expected: string, got: string): Failure =>
  missingFailure({ what: "can't be read", expected, got, file: path });

/** Opens a file that is read to its end: a FIFO or a device has none. @throws the system's error; Failure (3) for those */
export function openInput(path: string, expected = "a regular file"): OpenFile {
  const file = openRegular(path);
  if ("reason" in file) throw unreadable(path, expected, file.reason);
  return file;
}

/** The bytes of a small file. @throws the system's error; Failure (3) when it is no regular file or not small */
export function readSmall(path: string): Buffer {
  const expected = `a regular file of at most ${MAX_IN_MEMORY} bytes`;
  const file = openInput(path, expected);
  const size = Number(file.status.size);
  return withFd(file.fd, (fd) => {
    if (size > MAX_IN_MEMORY) throw unreadable(path, expected, `${size} bytes`);
    return readStart(fd, size);
  });
}
