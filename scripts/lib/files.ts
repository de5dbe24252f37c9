/** Files that are never seen half-written, and reads that nothing on the disk can trick. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode } from "./errors.ts";

/** Bytes read at a time: 64 KiB read into one reused buffer hashes as fast as OpenSSL; larger ones gain nothing. */
export const CHUNK = 64 * 1024;

/** A name beside the final one, hidden so that no list of artifacts takes it up. */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path).slice(0, 100)}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);

/**
 * Gives a file its final name only when it is whole: writes aside, sets the mode, fsyncs, renames, fsyncs the folder.
 * Whatever `write` throws, nothing is left behind and the final name is as it was.
 * @param mode permission bits of the file, whatever the umask
 */
export function writeAside<T>(path: string, mode: number, write: (fd: number) => T): T {
  fs.mkdirSync(dirname(path), { recursive: true });
  const aside = temporaryName(path);
  const fd = fs.openSync(aside, "wx", 0o600);
  try {
    const result = write(fd);
    fs.fchmodSync(fd, mode);
    fs.fsyncSync(fd);
    fs.renameSync(aside, path);
    syncFolder(dirname(path));
    return result;
  } catch (error) {
    fs.rmSync(aside, { force: true });
    throw error;
  } finally {
    fs.closeSync(fd);
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
export function writeText(path: string, text: string | Buffer, mode = 0o644): void {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  try {
    const status = fs.lstatSync(path);
    const same = status.isFile() && status.size === bytes.length && (status.mode & 0o7777) === mode;
    if (same && fs.readFileSync(path).equals(bytes)) return;
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
  writeAside(path, mode, (fd) => writeAll(fd, bytes));
}

/** write(2) until all bytes are taken. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
}

/** Calls `use` with each piece of an open file, from its start to its end; the piece is valid during the call only. */
export function eachChunk(fd: number, use: (bytes: Buffer) => void): void {
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let at = 0; ; ) {
    const count = fs.readSync(fd, buffer, 0, CHUNK, at);
    if (count === 0) return;
    use(buffer.subarray(0, count));
    at += count;
  }
}
