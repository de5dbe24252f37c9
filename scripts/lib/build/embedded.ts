/** Whether a program holds stage0, byte for byte: found by its content, in constant memory. */
import { basename } from "node:path";
import { contractFailure, printable } from "../errors.ts";
import { eachChunk, openInput, readStart, withFd } from "../files.ts";
import { type Digest, digestOf } from "../hash.ts";
import { bold, report, say, size } from "../log.ts";

/** Bytes that begin every ELF file of one target: e_ident, e_type, e_machine. */
const KEY = 20;
/** Bytes by which most other files of the target differ already, so that not every one of them costs a whole digest. */
const HEAD = 4096;

interface Found {
  /** Where the program holds all of stage0; size and digest are those of the bytes there. */
  held?: Digest & { offset: number };
  /** Where it holds another ELF file of stage0's kind, which is not the program itself. */
  other?: number;
}

/**
 * Says where a program holds stage0, or how it finds one when it holds none.
 * @param programs that were built around the stage0 file
 * @param feature with which they were built to hold it; undefined: the package has no such feature
 * @returns the first that holds it, else the first
 * @throws Failure (1) when none holds it though one was built to, or holds another file in its place; (3) when a file can't be read
 */
export function proveEmbedded(programs: readonly [string, ...string[]], stage0: string, feature?: string): string {
  const found = programs.map((program) => ({ program, ...findEmbedded(program, stage0) }));
  for (const { program, held } of found) {
    if (held === undefined) continue;
    say(`${bold(basename(program))}: holds stage0 at offset ${held.offset}, ${size(held.size)}`);
    say(`sha256 ${held.sha256}`);
    return program;
  }
  const [program] = programs;
  const other = found.find((one) => one.other !== undefined);
  const file = printable(other?.program ?? program);
  if (other !== undefined || feature !== undefined) {
    throw contractFailure({
      what: "the program does not hold the stage0 that it was built with",
      expected: `all bytes of ${printable(stage0)}`,
      got:
        other === undefined ? `no ELF file, though built with ${feature}` : `another ELF file at offset ${other.other}`,
      fix: "let the build embed the file that FASTBOOP_STAGE0_EMBED_PATH names",
      file,
    });
  }
  const what = "the program holds no stage0: its package has no feature embed-stage0, so it loads one when it runs";
  report(
    { what, fix: `run it with --stage0 ${printable(stage0)}, or FASTBOOP_STAGE0_PATH set to that`, file },
    "warning",
  );
  return program;
}

/** Looks for the bytes of a stage0 file in a program. @throws as openInput */
export function findEmbedded(program: string, stage0: string): Found {
  return withFd(openInput(program).fd, (whole) =>
    withFd(openInput(stage0).fd, (part) => {
      const sought = digestOf(part);
      const head = readStart(part, HEAD);
      const found: Found = {};
      for (const offset of offsetsOf(head.subarray(0, KEY), whole)) {
        const same = readStart(whole, head.length, offset).equals(head);
        const there = same ? digestOf(whole, { offset, size: sought.size }) : undefined;
        if (there?.sha256 === sought.sha256) return { held: { ...there, offset } };
        if (offset > 0) found.other ??= offset;
      }
      return found;
    }),
  );
}

function offsetsOf(key: Buffer, fd: number): number[] {
  const offsets: number[] = [];
  let rest = Buffer.alloc(0);
  let at = 0;
  eachChunk(fd, (piece) => {
    const bytes = Buffer.concat([rest, piece]);
    for (let index = bytes.indexOf(key); index >= 0; index = bytes.indexOf(key, index + 1)) offsets.push(at + index);
    // Less than the key, or what is found here would be found again.
    rest = bytes.subarray(-(key.length - 1));
    at += bytes.length - rest.length;
  });
  return offsets;
}
