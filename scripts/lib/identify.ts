/** Which stage0 files are in a file, and of which release each is. Read in one pass, in memory that does not grow with it. */
import { contractFailure } from "./errors.ts";
import { eachChunk, openInput, withFd } from "./files.ts";
import { type Carved, Carver } from "./identify/carve.ts";
import type { Known } from "./identify/known.ts";
import { PartFinder, unpack } from "./identify/unpack.ts";
import type { Progress } from "./progress.ts";

export interface Identified extends Carved {
  /** The compressed part that it is in; undefined: it is in the file as it is. */
  part: string | undefined;
  /** undefined: it was altered, or no release that is known here has it. */
  known: Known | undefined;
}

/** Compressed parts that are looked into: far more than any initrd or boot image has. */
const PARTS = 64;

/**
 * @param path absolute
 * @param known by digest
 * @param maxSize size budget of a stage0 in bytes
 * @throws Failure (3) when a program that unpacks is not there, or it is no regular file; the system's error when it can't be read
 */
export async function identify(
  path: string,
  known: ReadonlyMap<string, Known>,
  maxSize: number,
  progress: Progress,
): Promise<Identified[]> {
  const found = new Map<string, Identified>();
  const add = (carver: Carver, part: string | undefined): void => {
    for (const one of carver.end()) {
      const of = known.get(one.sha256);
      // What neither says that it is a stage0 nor is known as one is some other program.
      if (!one.isNamed && of === undefined) continue;
      // Parts that follow one another are seen once with each that is before them.
      const key = `${one.sha256} ${one.size}`;
      if (!found.has(key)) found.set(key, { ...one, part, known: one.isWhole ? of : undefined });
    }
  };
  progress("reading");
  const plain = new Carver(maxSize);
  const finder = new PartFinder();
  withFd(openInput(path).fd, (fd) =>
    eachChunk(fd, (bytes) => {
      plain.push(bytes);
      finder.push(bytes);
    }),
  );
  add(plain, undefined);
  const parts = finder.end();
  for (const [index, part] of parts.entries()) {
    if (index >= PARTS) {
      throw contractFailure({
        what: `the file has more than ${PARTS} compressed parts`,
        fix: "unpack it, and identify what is in it",
      });
    }
    const name = `the ${part.program} part at byte ${part.offset}`;
    progress(`unpacking ${name}`);
    const carver = new Carver(maxSize);
    const isLast = await unpack(path, part, (bytes) => carver.push(bytes));
    add(carver, name);
    if (!isLast) continue;
    // What looks like an executable in compressed bytes is a piece that could not be made smaller.
    for (const [key, one] of found) {
      if (one.part === undefined && one.known === undefined && one.offset > part.offset) found.delete(key);
    }
    break;
  }
  return [...found.values()];
}
