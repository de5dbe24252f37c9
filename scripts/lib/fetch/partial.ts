/**
 * A download in progress: a hidden file beside the final path that this process makes and that nobody else opens for
 * writing, so what gets the final name is what was hashed. What another run of the same asset left, dead or alive, is
 * copied and never taken over: nothing depends on knowing who is alive, or on a clock.
 */
import type { Hash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { createHash, randomBytes } from "../crypto.ts";
import { errorCode } from "../errors.ts";
import { eachChunk, fsyncPath, makeFolder, openRegular, withFd, writeAll, writeAtomic } from "../files.ts";
import type { Digest } from "../hash.ts";
import { say, shortSize } from "../log.ts";

/** Bytes that are hashed and written at a time: large pieces cost a third less than the network's small ones. */
const BATCH = 1024 * 1024;
/** On a slow connection bytes are written at least this often, so that a kill loses little. */
const LATEST_MS = 100;
/** What nobody wrote to for so long is removed, by the file system's own clock. */
const ABANDONED_MS = 86_400_000;

/** What was downloaded. */
export interface Download extends Digest {
  /** Lower-case hexadecimal, when it was asked for. */
  sha512?: string;
}

/** The bytes of a download, hashed as they come and kept nowhere. */
export class HashedDownload {
  /** Whether the bytes came in more than one response, of this run or of another one. */
  mixed = false;
  /** ETag or Last-Modified of the bytes so far, for If-Range. */
  validator: string | undefined;
  /** Size of the asset in bytes, once a server has told it. */
  total: number | undefined;
  readonly #algorithms: readonly string[];
  #hashes: Hash[] = [];
  #written = 0;

  /** @param sha512 whether to compute SHA-512 too */
  constructor(sha512 = false) {
    this.#algorithms = sha512 ? ["sha256", "sha512"] : ["sha256"];
    this.#hashes = this.#algorithms.map((algorithm) => createHash(algorithm));
  }

  get size(): number {
    return this.#written;
  }

  /** Drops all bytes and starts with what a server said of the asset. */
  restart({ validator, total }: { validator?: string | undefined; total?: number | undefined } = {}): void {
    this.#hashes = this.#algorithms.map((algorithm) => createHash(algorithm));
    this.#written = 0;
    this.mixed = false;
    this.validator = validator;
    this.total = total;
  }

  /** Begins with what another run of the same asset has so far. @param _most bytes that the asset may have */
  resume(_most: number): void {}

  /** Takes the next bytes. @throws the system's error when they can't be written */
  write(bytes: Uint8Array): void {
    for (const hash of this.#hashes) hash.update(bytes);
    this.#written += bytes.length;
  }

  /** Size and digests of the bytes so far. */
  received(): Download {
    const [sha256 = "", sha512] = this.#hashes.map((hash) => hash.copy().digest("hex"));
    return { size: this.#written, sha256, ...(sha512 === undefined ? {} : { sha512 }) };
  }
}

/** The same in a file, which gets the final name in the end. */
export class PartialDownload extends HashedDownload {
  /** Open for reading and writing; the gate reads it here. */
  readonly fd: number;
  readonly #out: string;
  readonly #path: string;
  /** Starts of the names of all partials for the final path, and of those of the same asset. */
  readonly #names: { all: string; same: string };
  #open = true;
  #resumed = false;
  readonly #buffer = Buffer.allocUnsafe(BATCH);
  #buffered = 0;
  #flushed = performance.now();

  /**
   * @param out the final path
   * @param sha256 digest of the asset: only partials of the same asset are resumed
   * @param options.sha512 whether to compute SHA-512 too
   */
  constructor(out: string, sha256: string, { sha512 = false } = {}) {
    super(sha512);
    this.#out = out;
    const all = `.${basename(out).slice(0, 100)}.`;
    this.#names = { all, same: `${all}${sha256.slice(0, 16)}.` };
    this.#path = join(dirname(out), `${this.#names.same}${randomBytes(8).toString("hex")}.part`);
    const { O_RDWR, O_CREAT, O_EXCL, O_APPEND } = fs.constants;
    this.fd = this.#withFinalPath(() => {
      makeFolder(dirname(out));
      return fs.openSync(this.#path, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0o600);
    });
  }

  /** A system's error names the final path: the user knows no partial. */
  #withFinalPath<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw errorCode(error) === undefined ? error : Object.assign(error as Error, { path: this.#out });
    }
  }

  override get size(): number {
    return super.size + this.#buffered;
  }

  override restart(said: Parameters<HashedDownload["restart"]>[0] = {}): void {
    super.restart(said);
    this.#buffered = 0;
    fs.ftruncateSync(this.fd, 0);
  }

  /** Copies them, once. */
  override resume(most: number): void {
    if (this.#resumed) return;
    this.#resumed = true;
    const { mtimeMs: now } = fs.fstatSync(this.fd);
    let longest: { path: string; size: number } | undefined;
    for (const path of this.#others(this.#names.all)) {
      const status = fs.lstatSync(path, { throwIfNoEntry: false });
      if (status === undefined || !isOwn(status)) continue;
      if (now - status.mtimeMs > ABANDONED_MS) fs.rmSync(path, { recursive: true, force: true });
      else if (basename(path).startsWith(this.#names.same) && status.size > (longest?.size ?? 0) && status.size <= most)
        longest = { path, size: status.size };
    }
    if (longest === undefined) return;
    try {
      const file = openRegular(longest.path, { follow: false });
      if ("reason" in file) return;
      const span = { offset: 0, size: longest.size };
      withFd(file.fd, (fd) => isOwn(fs.fstatSync(fd)) && eachChunk(fd, (bytes) => this.write(bytes), span));
    } catch (error) {
      // The other run has finished meanwhile, or it is a link.
      if (errorCode(error) !== "ENOENT" && errorCode(error) !== "ELOOP") throw error;
    }
    this.mixed = this.size > 0;
    if (this.mixed) say(`resuming after ${shortSize(this.size)} that another run left`);
  }

  /** The paths of the other partials whose names start so. */
  #others(start: string): string[] {
    const names = fs.readdirSync(dirname(this.#out)).filter((name) => name.startsWith(start) && name.endsWith(".part"));
    return names.map((name) => join(dirname(this.#out), name)).filter((path) => path !== this.#path);
  }

  override write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(bytes.length - at, BATCH - this.#buffered);
      this.#buffer.set(bytes.subarray(at, at + count), this.#buffered);
      this.#buffered += count;
      at += count;
      if (this.#buffered === BATCH) this.flush();
    }
    if (performance.now() - this.#flushed > LATEST_MS) this.flush();
  }

  flush(): void {
    const bytes = this.#buffer.subarray(0, this.#buffered);
    this.#withFinalPath(() => writeAll(this.fd, bytes));
    this.#buffered = 0;
    super.write(bytes);
    this.#flushed = performance.now();
  }

  override received(): Download {
    this.flush();
    return super.received();
  }

  /** Gives the bytes their final name and mode, and removes what other runs of the same asset left. */
  finish(mode: number): void {
    fs.fchmodSync(this.fd, mode);
    fs.fsyncSync(this.fd);
    if (!this.#rename(this.#out)) {
      // A run that was done first has removed it: the bytes are still those of our descriptor.
      writeAtomic(this.#out, mode, (copy) => eachChunk(this.fd, (bytes) => writeAll(copy, bytes)));
    }
    fsyncPath(dirname(this.#out));
    for (const path of this.#others(this.#names.same)) {
      const status = fs.lstatSync(path, { throwIfNoEntry: false });
      if (status !== undefined && isOwn(status)) fs.rmSync(path, { force: true });
    }
    this.#close();
  }

  /** Renames the file. Returns false when its name is gone, or is another file's. */
  #rename(to: string): boolean {
    const named = fs.lstatSync(this.#path, { throwIfNoEntry: false, bigint: true });
    const { dev, ino } = fs.fstatSync(this.fd, { bigint: true });
    if (named?.ino !== ino || named.dev !== dev) return false;
    try {
      fs.renameSync(this.#path, to);
      return true;
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      return false;
    }
  }

  /** Leaves the bytes for a later run, in the place of those that an earlier run left. Returns whether there are any. */
  keep(): boolean {
    if (this.size === 0) return this.drop();
    this.flush();
    this.#rename(join(dirname(this.#out), `${this.#names.same}part`));
    this.#close();
    return true;
  }

  /** Removes everything. */
  drop(): false {
    this.#close();
    fs.rmSync(this.#path, { force: true });
    return false;
  }

  #close(): void {
    if (this.#open) fs.closeSync(this.fd);
    this.#open = false;
  }
}

/** Whether nobody else can write to a partial: in /tmp, for example, anyone may make a file with such a name. */
const isOwn = (status: fs.Stats): boolean =>
  status.isFile() && status.uid === process.getuid?.() && (status.mode & 0o022) === 0;
