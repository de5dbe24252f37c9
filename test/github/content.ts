/** Bytes of an asset, wherever they are: in memory, on disk, or made up. None of them is held in memory for serving. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

export interface Content {
  readonly size: number;
  /** The bytes from `start` up to `end` (exclusive), in pieces. */
  read(start: number, end: number): AsyncIterable<Buffer> | Iterable<Buffer>;
}

export const memory = (bytes: Uint8Array | string): Content => {
  const buffer = Buffer.from(bytes);
  return { size: buffer.length, read: (start, end) => (start < end ? [buffer.subarray(start, end)] : []) };
};

export const onDisk = (path: string, size: number): Content => ({
  size,
  read: (start, end) => (start < end ? createReadStream(path, { start, end: end - 1, highWaterMark: 1 << 20 }) : []),
});

const BLOCK = 1 << 20;
let block: Buffer | undefined;

/** One block of bytes that no compression shrinks; each block of a file starts with its own number. */
function noise(): Buffer {
  block ??= createHash("shake256", { outputLength: BLOCK }).update("stage0").digest();
  return block;
}

/** Content that is the same for the same size, and has no two equal blocks. */
export const synthetic = (size: number): Content => ({
  size,
  *read(start, end) {
    for (let at = start; at < end; ) {
      const [number, offset] = [Math.floor(at / BLOCK), at % BLOCK];
      const stamp = Buffer.alloc(8);
      stamp.writeDoubleBE(number + size / 2 ** 43);
      const piece = offset < stamp.length ? stamp.subarray(offset) : noise().subarray(offset);
      const length = Math.min(piece.length, end - at);
      yield piece.subarray(0, length);
      at += length;
    }
  },
});

/** A part of a content, as a content. */
export const slice = (content: Content, from: number, to: number): Content => ({
  size: to - from,
  read: (start, end) => content.read(from + start, from + end),
});

export async function sha256(content: Content): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of content.read(0, content.size)) hash.update(piece);
  return hash.digest("hex");
}
