/**
 * A download on its way: a hidden folder beside the final name, with the bytes so far (`body`) and what is needed to go
 * on (`state.json`). Each process has its own, so that any number may fetch the same file at once. What a dead process
 * left behind is taken over by renaming its folder, which only one can do.
 */
import { createHash, type Hash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode } from "../errors.ts";
import { eachChunk, makeFolder, syncFolder, writeAll } from "../files.ts";
import { say, shortSize } from "../log.ts";
import { partialName, takeOver } from "./stale-partials.ts";

/** Written at a time: hashing and writing large pieces costs a third less than the network's small ones. */
const BATCH = 1024 * 1024;
/** On a slow line bytes are written at least so often, so that a kill loses little. */
const LATEST_MS = 100;

interface State {
  /** ETag or Last-Modified of the bytes so far; without one they can't be added to. */
  validator?: string | undefined;
  /** Size of the whole, in bytes, once a server has told. */
  total?: number | undefined;
}

export interface Download {
  /** Bytes. */
  size: number;
  /** Lower-case hexadecimal. */
  sha256: string;
  /** The same, when it was asked for. */
  sha512?: string;
}

export class PartialDownload {
  /** Path of the bytes so far. */
  readonly path: string;
  /** Whether the bytes came in more than one answer, of this run or of an earlier one. */
  mixed = false;
  validator: string | undefined;
  total: number | undefined;
  readonly #out: string;
  readonly #folder: string;
  readonly #fd: number;
  #open = true;
  readonly #buffer = Buffer.allocUnsafe(BATCH);
  readonly #algorithms: readonly string[];
  #hashes: Hash[] = [];
  #buffered = 0;
  #written = 0;
  #flushed = performance.now();

  /**
   * @param out the final path
   * @param sha256 what is being fetched: only bytes of the same are taken over
   * @param wanted also compute SHA-512
   */
  constructor(out: string, sha256: string, wanted: { sha512?: boolean } = {}) {
    this.#out = out;
    this.#algorithms = wanted.sha512 ? ["sha256", "sha512"] : ["sha256"];
    const [prefix, content] = [`.${basename(out).slice(0, 100)}.`, sha256.slice(0, 16)];
    this.#folder = join(dirname(out), `${prefix}${content}.${partialName()}`);
    this.path = join(this.#folder, "body");
    const found = this.#makeFolder(prefix, content);
    try {
      this.#fd = fs.openSync(this.path, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_APPEND, 0o600);
      this.restart(undefined, undefined, found);
    } catch (error) {
      fs.rmSync(this.#folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Comes out with whether it is one that a dead process left. */
  #makeFolder(prefix: string, content: string): boolean {
    try {
      makeFolder(dirname(this.#out));
      const found = takeOver(dirname(this.#out), prefix, content, this.#folder);
      if (!found) fs.mkdirSync(this.#folder, { mode: 0o700 });
      return found;
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** A system's error with the final path: the user knows no partial. */
  #named(error: unknown): unknown {
    return errorCode(error) === undefined ? error : Object.assign(error as Error, { path: this.#out });
  }

  get size(): number {
    return this.#written + this.#buffered;
  }

  /** Whether a later run could go on from here. */
  get worthKeeping(): boolean {
    return this.size > 0 && this.validator !== undefined;
  }

  /** Begins anew with what a server said of the whole, or with what an earlier run left. */
  restart(validator: string | undefined, total: number | undefined, inherit = false): void {
    const state = inherit ? readState(join(this.#folder, "state.json")) : undefined;
    this.#hashes = this.#algorithms.map((algorithm) => createHash(algorithm));
    this.#buffered = 0;
    this.#written = 0;
    this.validator = state?.validator ?? validator;
    this.total = state?.total ?? total;
    if (state?.validator !== undefined) {
      eachChunk(this.#fd, (bytes) => this.#add(bytes));
      if (this.#written > 0) say(`going on from ${shortSize(this.#written)} that an earlier run left`);
    } else {
      fs.ftruncateSync(this.#fd, 0);
    }
    this.mixed = this.#written > 0;
    if (!inherit) this.save();
  }

  /** Remembers validator and total for a later run. */
  save(): void {
    const state: State = { validator: this.validator, total: this.total };
    // No fsync: after a power cut a torn state only means that the download begins anew.
    fs.writeFileSync(join(this.#folder, "state.json"), JSON.stringify(state));
  }

  /** Takes the next bytes. @throws the system's error when they can't be written */
  write(bytes: Uint8Array): void {
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
    try {
      writeAll(this.#fd, bytes);
    } catch (error) {
      throw this.#named(error);
    }
    this.#add(bytes);
    this.#buffered = 0;
    this.#flushed = performance.now();
  }

  #add(bytes: Buffer): void {
    for (const hash of this.#hashes) hash.update(bytes);
    this.#written += bytes.length;
  }

  /** Size and digests of the bytes so far. */
  received(): Download {
    this.flush();
    const [sha256 = "", sha512] = this.#hashes.map((hash) => hash.copy().digest("hex"));
    return { size: this.#written, sha256, ...(sha512 === undefined ? {} : { sha512 }) };
  }

  /** Gives the bytes their final name and mode. */
  finish(out: string, mode: number): void {
    fs.fchmodSync(this.#fd, mode);
    fs.fsyncSync(this.#fd);
    fs.renameSync(this.path, out);
    syncFolder(dirname(out));
    this.drop();
  }

  /** Leaves the bytes for a later run. */
  keep(): void {
    this.flush();
    this.#close();
  }

  /** Throws everything away. */
  drop(): void {
    this.#close();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  #close(): void {
    if (this.#open) fs.closeSync(this.#fd);
    this.#open = false;
  }
}

function readState(path: string): State {
  try {
    const { validator, total } = JSON.parse(fs.readFileSync(path, "utf8")) as Record<string, unknown>;
    return {
      ...(typeof validator === "string" && /^[\x21-\x7e][\x20-\x7e]{0,200}$/.test(validator) && { validator }),
      ...(Number.isSafeInteger(total) && { total: total as number }),
    };
  } catch {
    // Torn or missing: as good as none.
    return {};
  }
}
