/** Below the ELF reader: bytes at checked positions, and fields in the file's class and byte order. */
import * as fs from "node:fs";
import { PT } from "./names.ts";
import type { Defect, Segment } from "./types.ts";

/** Bytes at positions. `read` returns fewer than asked only when the file has become shorter than `size`. */
export interface Source {
  /** Bytes in all. */
  size: number;
  read(offset: number, length: number): Buffer;
}

/** An open file as a source. @param size bytes, as fstat tells */
export function fileSource(fd: number, size: number): Source {
  return {
    size,
    read(offset, length) {
      const bytes = Buffer.alloc(length);
      let count = 0;
      for (let got = -1; count < length && got !== 0; count += got) {
        got = fs.readSync(fd, bytes, count, length - count, offset + count);
      }
      return bytes.subarray(0, count);
    },
  };
}

export const bufferSource = (bytes: Buffer): Source => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});

/** A file that is being read: its source, what its identification says, and what was found wrong so far. */
export interface File {
  source: Source;
  bits: 32 | 64;
  order: "little" | "big";
  shape: (typeof SHAPES)[32 | 64];
  defects: Defect[];
}

/** Bytes of the file header, a program header, a section header and a dynamic entry, by class. */
export const SHAPES = {
  32: { header: 52, segment: 32, section: 40, dynamic: 8 },
  64: { header: 64, segment: 56, section: 64, dynamic: 16 },
} as const;

export function defect(file: File, part: Defect["part"], expected: string, got: string): void {
  file.defects.push({ part, expected, got });
}

/** Whether a range of bytes lies within the file: nothing else decides what is read. */
export const within = (source: Source, offset: bigint, length: bigint): boolean =>
  offset + length <= BigInt(source.size);

export const range = (offset: bigint, length: bigint): string => `bytes ${offset} to ${offset + length}`;

/** The file offset of an address, by the PT_LOAD that maps it. */
export function offsetOf(segments: readonly Segment[], address: bigint): bigint | undefined {
  const load = segments.find(
    ({ type, vaddr, filesz }) => type === PT.LOAD && address >= vaddr && address < vaddr + filesz,
  );
  return load === undefined ? undefined : address - load.vaddr + load.offset;
}

/** The file ended before its size. */
export class BecameShorter extends Error {}

/** The bytes of a range that lies within the file. @throws BecameShorter when it no longer does */
export function bytesAt(source: Source, offset: bigint, length: bigint): Buffer {
  const bytes = source.read(Number(offset), Number(length));
  if (bytes.length < Number(length)) throw new BecameShorter();
  return bytes;
}

/** Reads one field after the other; `word` is as wide as the class (Addr, Off and Xword of the gABI). */
export interface Fields {
  at: number;
  u16(): number;
  u32(): number;
  word(): bigint;
}

/** Fields at any place of some bytes. */
export interface Places {
  bits: 32 | 64;
  u32(at: number): number;
  word(at: number): bigint;
  /** A word as a number, rounded above 2 ** 53: where there are many, BigInts take most of the time. */
  number(at: number): number;
  /** The low 32 bits of a word. */
  low(at: number): number;
}

export function places({ bits, order }: File, bytes: Buffer): Places {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = order === "little";
  // Where the low and the high half of a word are.
  const [low, high] = bits === 32 || little ? [0, 4] : [4, 0];
  const u32 = (at: number): number => view.getUint32(at, little);
  return {
    bits,
    u32,
    word: (at) => (bits === 32 ? BigInt(u32(at)) : view.getBigUint64(at, little)),
    number: (at) => u32(at + low) + (bits === 32 ? 0 : u32(at + high) * 2 ** 32),
    low: (at) => u32(at + low),
  };
}

export function fields({ bits, order }: File, bytes: Buffer): Fields {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = order === "little";
  return {
    at: 0,
    u16() {
      this.at += 2;
      return view.getUint16(this.at - 2, little);
    },
    u32() {
      this.at += 4;
      return view.getUint32(this.at - 4, little);
    },
    word() {
      if (bits === 32) return BigInt(this.u32());
      this.at += 8;
      return view.getBigUint64(this.at - 8, little);
    },
  };
}

/** Most bytes of a string table: far above what names take, and it bounds the memory. */
const STRINGS_LIMIT = 1024n * 1024n;

/**
 * The lookup of a string table within the file, which is read once. It returns undefined for an offset outside it.
 * @param longest bytes after which a name is cut
 */
export function strings(
  file: File,
  offset: bigint,
  length: bigint,
  longest: number,
): (at: bigint) => string | undefined {
  const bytes = bytesAt(file.source, offset, length < STRINGS_LIMIT ? length : STRINGS_LIMIT);
  return (at) => (at < bytes.length ? untilNul(bytes.subarray(Number(at), Number(at) + longest)) : undefined);
}

export function untilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}
