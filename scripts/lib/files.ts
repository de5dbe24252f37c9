/** Files that are never seen half-written, and reads that nothing on the disk can trick. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode, systemWords, withPath } from "./errors.ts";

/** Bytes read at a time: 64 KiB read into one reused buffer hashes as fast as OpenSSL; larger ones gain nothing. */
const CHUNK = 64 * 1024;

/**
 * Makes a folder and those above it. Node's own `recursive` never ends where the file system takes no folders, in /proc say
 * (Node 20).
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

/** Checks that a folder can be written to, or can be made, before any work is done for it. @throws the system's error */
export function checkWritable(folder: string): void {
  let nearest = folder;
  while (!fs.existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  // With a slash at its end a file in the way is ENOTDIR.
  fs.accessSync(join(nearest, "/"), fs.constants.W_OK | fs.constants.X_OK);
}

/** A name beside the final one, hidden so that no list of artifacts takes it up. */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path).slice(0, 100)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);

/**
 * Gives a file its final name only when it is whole: writes aside, sets the mode, fsyncs, renames, fsyncs the folder.
 * Whatever `write` throws, nothing is left behind and the final name is as it was.
 * @param mode permission bits of the file, whatever the umask
 */
export function writeAtomic<T>(path: string, mode: number, write: (fd: number) => T): T {
  makeFolder(dirname(path));
  const aside = temporaryName(path);
  let fd: number | undefined;
  try {
    fd = fs.openSync(aside, "wx", 0o600);
    const result = write(fd);
    fs.fchmodSync(fd, mode);
    fs.fsyncSync(fd);
    fs.renameSync(aside, path);
    syncFolder(dirname(path));
    return result;
  } catch (error) {
    fs.rmSync(aside, { force: true });
    throw withPath(error, path, aside);
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

/** Makes a rename in the folder survive a power cut. */
export function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Writes text (or bytes) whole or not at all; a file that already has these bytes and this mode keeps its inode and time. */
export function writeText(path: string, text: string | Uint8Array, mode = 0o644): void {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  try {
    const status = fs.lstatSync(path);
    const same = status.isFile() && status.size === bytes.length && (status.mode & 0o7777) === mode;
    if (same && fs.readFileSync(path).equals(bytes)) return;
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
  writeAtomic(path, mode, (fd) => writeAll(fd, bytes));
}

/** write(2) until all bytes are taken. */
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
  const buffer = Buffer.allocUnsafe(CHUNK);
  const end = span.offset + span.size;
  for (let at = span.offset; at < end; ) {
    const count = fs.readSync(fd, buffer, 0, Math.min(CHUNK, end - at), at);
    if (count === 0) return;
    use(buffer.subarray(0, count));
    at += count;
  }
}

/** A regular file that is open for reading, and what it was when it was opened. Whoever opened it closes it. */
export interface OpenFile {
  fd: number;
  status: fs.BigIntStats;
}

/** Why there is no file to read, in words: "a folder", "no such file". */
interface Unreadable {
  trouble: string;
}

/**
 * Opens a regular file for reading. What is none is not opened, because opening a device may do anything; O_NONBLOCK keeps
 * a FIFO that takes the file's place meanwhile from blocking for ever.
 * @param follow whether a symbolic link may be in the file's place
 * @throws the system's error, ELOOP for a link that is not to be followed
 */
export function openRegular(path: string | Buffer, { follow = true } = {}): OpenFile | Unreadable {
  const seen = follow ? fs.statSync(path) : fs.lstatSync(path);
  if (!seen.isFile() && !seen.isSymbolicLink()) return { trouble: kindOf(seen) };
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  const fd = fs.openSync(path, O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
  const status = fs.fstatSync(fd, { bigint: true });
  if (status.isFile()) return { fd, status };
  fs.closeSync(fd);
  return { trouble: kindOf(status) };
}

function kindOf(status: fs.StatsBase<number | bigint>): string {
  if (status.isDirectory()) return "a folder";
  if (status.isFIFO()) return "a fifo";
  return status.isSocket() ? "a socket" : "a device";
}

/** Whether nobody wrote to an open file since it was opened, as far as size and time of the last change tell. */
export function isUnchanged({ fd, status: before }: OpenFile): boolean {
  const after = fs.fstatSync(fd, { bigint: true });
  return after.size === before.size && after.mtimeNs === before.mtimeNs;
}

/** As openRegular, with a path that leads nowhere or may not be read among the troubles. */
export function tryOpenRegular(path: string): OpenFile | Unreadable {
  try {
    return openRegular(path);
  } catch (error) {
    const words = systemWords(error);
    if (words === undefined) throw error;
    return { trouble: errorCode(error) === "ENOENT" && isLink(path) ? "a symbolic link that leads nowhere" : words };
  }
}

const isLink = (path: string): boolean => fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;

/** The start of a regular file and its size in bytes. @param most bytes to read */
export function readRegular(path: string, most: number): { bytes: Buffer; size: number } | Unreadable {
  const file = tryOpenRegular(path);
  if ("trouble" in file) return file;
  try {
    const size = Number(file.status.size);
    const bytes = Buffer.alloc(Math.min(size, most));
    let read = 0;
    eachChunk(file.fd, (piece) => (read += piece.copy(bytes, read)), { offset: 0, size: bytes.length });
    return read < bytes.length ? { trouble: "a file that shrank while it was read" } : { bytes, size };
  } finally {
    fs.closeSync(file.fd);
  }
}
