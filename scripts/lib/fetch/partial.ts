/**
 * A download in progress: a hidden folder beside the final path, with the bytes so far (`body`) and what a later run needs to
 * resume it (`state.json`). Each process has its own, so any number may fetch the same file at once. What a dead process
 * left is taken over by renaming its folder, which only one process can do.
 */
import { createHash, type Hash } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode } from "../errors.ts";
import { eachChunk, fsyncPath, makeFolder, writeAll } from "../files.ts";
import type { Digest } from "../hash.ts";
import { say, shortSize } from "../log.ts";
import { partialName, takeOver } from "./stale-partials.ts";

/** Bytes that are hashed and written at a time: large pieces cost a third less than the network's small ones. */
const BATCH = 1024 * 1024;
/** On a slow connection bytes are written at least this often, so that a kill loses little. */
const LATEST_MS = 100;

interface State {
  /** ETag or Last-Modified of the bytes so far; without one the download can't be resumed. */
  validator?: string | undefined;
  /** Size of the asset in bytes, once a server has told it. */
  total?: number | undefined;
}

/** What was downloaded. */
export interface Download extends Digest {
  /** Lower-case hexadecimal, when it was asked for. */
  sha512?: string;
}

export class PartialDownload {
  /** Path of the bytes so far. */
  readonly path: string;
  /** Whether the bytes came in more than one response, of this run or of an earlier one. */
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
   * @param sha256 digest of the asset: only a stale partial of the same asset is taken over
   * @param options.sha512 whether to compute SHA-512 too
   */
  constructor(out: string, sha256: string, { sha512 = false } = {}) {
    this.#out = out;
    this.#algorithms = sha512 ? ["sha256", "sha512"] : ["sha256"];
    const [prefix, content] = [`.${basename(out).slice(0, 100)}.`, sha256.slice(0, 16)];
    this.#folder = join(dirname(out), `${prefix}${content}.${partialName()}`);
    this.path = join(this.#folder, "body");
    const stale = this.#withFinalPath(() => {
      makeFolder(dirname(out));
      const found = takeOver(dirname(out), prefix, content, this.#folder);
      if (!found) fs.mkdirSync(this.#folder, { mode: 0o700 });
      return found;
    });
    try {
      this.#fd = fs.openSync(this.path, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_APPEND, 0o600);
      if (stale) this.#resume();
      else this.restart();
    } catch (error) {
      fs.rmSync(this.#folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** A system's error names the final path: the user knows no partial. */
  #withFinalPath<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw errorCode(error) === undefined ? error : Object.assign(error as Error, { path: this.#out });
    }
  }

  get size(): number {
    return this.#written + this.#buffered;
  }

  /** Whether a later run could resume here. */
  get worthKeeping(): boolean {
    return this.size > 0 && this.validator !== undefined;
  }

  /** Drops all bytes and starts with what a server said of the asset. */
  restart({ validator, total }: State = {}): void {
    this.#reset({ validator, total });
    fs.ftruncateSync(this.#fd, 0);
    this.save();
  }

  /** Starts with what an earlier run left. */
  #resume(): void {
    const state = readState(join(this.#folder, "state.json"));
    if (state.validator === undefined) {
      this.restart();
      return;
    }
    this.#reset(state);
    eachChunk(this.#fd, (bytes) => this.#add(bytes));
    this.mixed = this.#written > 0;
    if (this.mixed) say(`resuming after ${shortSize(this.#written)} that an earlier run left`);
  }

  #reset({ validator, total }: State): void {
    this.#hashes = this.#algorithms.map((algorithm) => createHash(algorithm));
    this.#buffered = 0;
    this.#written = 0;
    this.mixed = false;
    this.validator = validator;
    this.total = total;
  }

  /** Records validator and total for a later run. */
  save(): void {
    const state: State = { validator: this.validator, total: this.total };
    // No fsync: a state that a power cut destroyed only makes the download start again.
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
    this.#withFinalPath(() => writeAll(this.#fd, bytes));
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
    fsyncPath(dirname(out));
    this.drop();
  }

  /** Leaves the bytes for a later run. */
  keep(): void {
    this.flush();
    this.#close();
  }

  /** Removes everything. */
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
    // Missing or damaged: the download starts again.
    return {};
  }
}
