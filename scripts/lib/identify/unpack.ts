/** The compressed parts of a file, found by how they begin, unpacked as streams by the usual programs. */
import { createReadStream } from "node:fs";
import { groupSpawner } from "../process.ts";
import { type Program, requireTools } from "../tools.ts";
import { byteString, offsetsOf } from "./search.ts";

/** A compressed part, of which only the beginning is known. */
interface Part {
  program: Program & ("gzip" | "lz4" | "xz" | "zstd");
  /** Bytes from the start of the file. */
  offset: number;
}

const MAGICS: readonly [Part["program"], string][] = [
  ["gzip", "\x1f\x8b\x08"],
  ["zstd", "\x28\xb5\x2f\xfd"],
  ["xz", "\xfd7zXZ\x00"],
  ["lz4", "\x04\x22\x4d\x18"],
  // As the kernel's build makes it, for boot images.
  ["lz4", "\x02\x21\x4c\x18"],
];
/** Bytes that a beginning, or the header of a cpio archive's file, takes. */
const LONGEST = 110;
const CPIO = "07070";

/** Finds where compressed parts begin in a file that is pushed piece by piece; not in the files of a plain cpio archive. */
export class PartFinder {
  readonly parts: Part[] = [];
  #kept: Buffer = Buffer.alloc(0);
  #position = 0;
  /** Where the latest file of a cpio archive ends. */
  #plainUntil = 0;

  push(bytes: Buffer): void {
    const window = Buffer.concat([this.#kept, bytes]);
    const start = this.#position - this.#kept.length;
    this.#position += bytes.length;
    const to = Math.max(0, window.length - LONGEST);
    this.#look(window, start, to);
    this.#kept = Buffer.from(window.subarray(to));
  }

  end(): Part[] {
    this.#look(this.#kept, this.#position - this.#kept.length, this.#kept.length);
    return this.parts;
  }

  #look(window: Buffer, start: number, to: number): void {
    const text = byteString(window);
    const hits = MAGICS.flatMap(([program, magic]) => offsetsOf(text, magic, to).map((at) => ({ at, program })));
    const headers = offsetsOf(text, CPIO, to).map((at) => ({ at, program: undefined }));
    for (const { at, program } of [...hits, ...headers].sort((a, b) => a.at - b.at)) {
      if (start + at < this.#plainUntil) continue;
      if (program !== undefined) this.parts.push({ program, offset: start + at });
      else this.#plainUntil = start + at + cpioLength(text.slice(at, at + LONGEST));
    }
  }
}

/** Bytes of a cpio header with its name and file (cpio(5), "New ASCII Format"); 0 when it is none. */
function cpioLength(header: string): number {
  if (!/^07070[12][0-9A-Fa-f]{104}$/.test(header)) return 0;
  const field = (index: number): number => Number.parseInt(header.slice(6 + index * 8, 14 + index * 8), 16);
  const padded = (length: number): number => Math.ceil(length / 4) * 4;
  return padded(LONGEST + field(11)) + padded(field(6));
}

/** Bytes that a part may unpack to: the largest initrds are a few hundred MB. */
const MOST = 4 * 1024 ** 3;

/**
 * Unpacks a part, and the same program's parts that follow it at once.
 * @returns whether it reached the file's end, so that nothing can follow; false also when it is no such part after all
 * @throws Failure (3) when the program is not there
 */
export async function unpack(path: string, { program, offset }: Part, take: (bytes: Buffer) => void): Promise<boolean> {
  await requireTools([program]);
  const input = createReadStream(path, { start: offset });
  const abort = new AbortController();
  const spawn = groupSpawner({ maxOutput: MOST });
  const child = spawn(program, ["-dc"], { stdio: ["pipe", "pipe", "ignore"], signal: abort.signal });
  // A program that has seen enough closes its input.
  child.stdin?.on("error", () => input.destroy());
  if (child.stdin !== null) input.pipe(child.stdin);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      abort.abort();
      reject(error);
    };
    child.stdout?.on("data", (bytes: Buffer) => {
      try {
        take(bytes);
      } catch (error) {
        fail(error);
      }
    });
    input.once("error", fail);
    child.once("error", fail);
    child.once("close", (code) => {
      input.destroy();
      resolve(code === 0);
    });
  });
}
