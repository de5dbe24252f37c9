/** Finds stage0 executables in a stream of bytes, whatever is around them: archives, other programs, boot images. */
import type { Hash } from "node:crypto";
import { TARGETS, type Target } from "../contract.ts";
import { createHash } from "../crypto.ts";
import { contractFailure } from "../errors.ts";
import { byteString, offsetsOf } from "./search.ts";

/** An executable that is, or says that it is, a stage0. */
export interface Carved {
  /** Where it begins in the stream, in bytes. */
  offset: number;
  size: number;
  /** Of the bytes that are there. */
  sha256: string;
  /** undefined: for none that the contract knows. */
  target: Target | undefined;
  /** As it stands in the file after its name; undefined: it has none there. */
  version: string | undefined;
  /** Whether it says that it is a stage0. */
  isNamed: boolean;
  /** Whether all of its bytes are there. */
  isWhole: boolean;
}

const MAGICS = ["\x7fELF\x02\x01\x01", "\x7fELF\x01\x01\x01"];
const NAME = "fastboop-stage0";
/** Bytes after the name that may be its version. */
const VERSION_LENGTH = 32;
/** Bytes that hold an executable's header and its program headers; stage0 has some ten of these, at the beginning. */
const HEADER = 4096;
/** Executables that may lie within one another. */
const DEPTH = 32;
const PT_INTERP = 3;
const [ET_EXEC, ET_DYN] = [2, 3];

interface Candidate extends Carved {
  end: number;
  hash: Hash;
  /** The last bytes, as a byte string, in which a name may begin. */
  tail: string;
  /** Whether another that is a stage0 lies within. */
  holdsOther: boolean;
}

export class Carver {
  readonly #maxSize: number;
  readonly #found: Candidate[] = [];
  #open: Candidate[] = [];
  /** Bytes before those that come next, in which a header may begin. */
  #kept: Buffer = Buffer.alloc(0);
  #position = 0;

  /** @param maxSize size budget of a stage0 in bytes; anything larger is none */
  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  push(bytes: Buffer): void {
    const window = Buffer.concat([this.#kept, bytes]);
    const start = this.#position - this.#kept.length;
    // A header is looked at once all of it is there.
    for (const candidate of this.#open) feed(candidate, bytes, this.#position);
    this.#open = this.#open.filter((candidate) => !this.#close(candidate, this.#position + bytes.length));
    this.#position += bytes.length;
    const last = Math.max(0, window.length - HEADER);
    this.#look(window, start, last);
    this.#kept = Buffer.from(window.subarray(last));
  }

  /** The stage0 files in all that was pushed, in the order of their places. */
  end(): Carved[] {
    this.#look(this.#kept, this.#position - this.#kept.length, this.#kept.length);
    for (const candidate of this.#open) this.#found.push(finish(candidate, false));
    return this.#found.filter(({ holdsOther }) => !holdsOther).sort((a, b) => a.offset - b.offset);
  }

  /** Looks for headers that begin in the first `to` bytes of a window. */
  #look(window: Buffer, start: number, to: number): void {
    const text = byteString(window);
    for (const magic of MAGICS) {
      for (const at of offsetsOf(text, magic, to)) {
        const header = readHeader(window.subarray(at));
        if (header === undefined || header.size > this.#maxSize) continue;
        if (this.#open.length >= DEPTH) {
          throw contractFailure({
            what: `more than ${DEPTH} executables lie within one another`,
            got: `at byte ${start + at}`,
            fix: "unpack the file, and identify what is in it",
          });
        }
        const candidate = open(start + at, header);
        feed(candidate, window.subarray(at), start + at);
        if (!this.#close(candidate, start + window.length)) this.#open.push(candidate);
      }
    }
  }

  #close(candidate: Candidate, position: number): boolean {
    if (candidate.end > position) return false;
    const done = finish(candidate, true);
    for (const outer of [...this.#open, ...this.#found]) {
      const isWithin = outer.offset < done.offset && outer.end >= done.end;
      if (done.isNamed && isWithin) outer.holdsOther = true;
    }
    done.holdsOther ||= this.#found.some(
      (inner) => inner.isNamed && !inner.holdsOther && inner.offset > done.offset && inner.end <= done.end,
    );
    this.#found.push(done);
    return true;
  }
}

const open = (offset: number, { size, target }: { size: number; target: Target | undefined }): Candidate => ({
  offset,
  size,
  end: offset + size,
  target,
  sha256: "",
  version: undefined,
  isNamed: false,
  isWhole: false,
  holdsOther: false,
  hash: createHash("sha256"),
  tail: "",
});

/** Takes the bytes of a candidate among those at a position of the stream. */
function feed(candidate: Candidate, bytes: Buffer, position: number): void {
  const own = bytes.subarray(Math.max(0, candidate.offset - position), Math.max(0, candidate.end - position));
  candidate.hash.update(own);
  const text = candidate.tail + byteString(own);
  for (const at of offsetsOf(text, NAME)) {
    candidate.isNamed = true;
    const after = text.slice(at + NAME.length, at + NAME.length + VERSION_LENGTH);
    candidate.version ??= /^ v?(\d{1,9}\.\d{1,9}\.\d{1,9}(?:-rc\.\d{1,9})?)\b/.exec(after)?.[1];
  }
  candidate.tail = text.slice(-NAME.length - VERSION_LENGTH);
}

const finish = (candidate: Candidate, isWhole: boolean): Candidate => ({
  ...candidate,
  isWhole,
  sha256: candidate.hash.digest("hex"),
});

/** Size and target of a static executable, by its headers; undefined for everything else. */
function readHeader(bytes: Buffer): { size: number; target: Target | undefined } | undefined {
  const is64 = bytes[4] === 2;
  if (bytes.length < 64) return undefined;
  const word = (at: number): number => (is64 ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at));
  const half = (at: number): number => bytes.readUInt16LE(at);
  const [type, machine] = [half(16), half(18)];
  const [headers, sections] = is64 ? [word(32), word(40)] : [word(28), word(32)];
  const [entrySize, count, sectionSize, sectionCount] = (is64 ? [54, 56, 58, 60] : [42, 44, 46, 48]).map(half);
  if (type !== ET_EXEC && type !== ET_DYN) return undefined;
  if (entrySize !== (is64 ? 56 : 32) || !count || headers + count * entrySize > Math.min(bytes.length, HEADER)) {
    return undefined;
  }
  let size = sections === 0 ? 0 : sections + (sectionSize ?? 0) * (sectionCount ?? 0);
  for (let index = 0; index < count; index++) {
    const at = headers + index * entrySize;
    if (bytes.readUInt32LE(at) === PT_INTERP) return undefined;
    size = Math.max(size, is64 ? word(at + 8) + word(at + 32) : word(at + 4) + word(at + 16));
  }
  const target = TARGETS.find(({ elf }) => elf.machine === machine && elf.bits === (is64 ? 64 : 32));
  return Number.isSafeInteger(size) && size >= 64 ? { size, target } : undefined;
}
