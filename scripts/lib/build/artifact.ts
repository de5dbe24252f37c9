/** A stage0 file on its way into the folder of artifacts: looked at, then copied, never linked. */
import * as fs from "node:fs";
import type { Target } from "../contract.ts";
import { createHash, sha256Of } from "../crypto.ts";
import { fileSource } from "../elf/bytes.ts";
import { machineName } from "../elf/names.ts";
import { strip } from "../elf/strip.ts";
import type { Elf } from "../elf/types.ts";
import { readElf } from "../elf.ts";
import { contractFailure, missingFailure, printable } from "../errors.ts";
import { eachChunk, tryOpenRegular, writeAll, writeAtomic, writeText } from "../files.ts";
import { type Digest, digestFile, digestOf } from "../hash.ts";

const MODE = 0o755;

/** A file, and what its user can do when it is not what it should be. */
export interface Candidate {
  /** Absolute. */
  path: string;
  /** What the file is to the user, e.g. the variable that names it. */
  name: string;
  fix: string;
}

/**
 * Looks at the beginning of a stage0 file (a regular file, ELF, of the target's machine; the gate looks at the
 * rest) and hands it on open.
 * @throws Failure (3) when there is no regular file that can be read, (1) when it is no ELF file of the target's machine
 */
export function withStage0<T>(candidate: Candidate, target: Target, use: (fd: number, elf: Elf) => T): T {
  const { name, fix } = candidate;
  const file = printable(candidate.path);
  const shape = (bits: number, order: string, machine: number): string =>
    `a ${bits}-bit ${order}-endian ELF file for ${machineName(machine)}`;
  const wanted = shape(target.elf.bits, target.elf.order, target.elf.machine);
  const expected = `${wanted}, as ${target.triple} is`;
  const opened = tryOpenRegular(candidate.path);
  if ("reason" in opened) {
    throw missingFailure({ what: `${name} can't be read`, expected: "a regular file", got: opened.reason, file, fix });
  }
  const { fd, status } = opened;
  try {
    const { elf, error } = readElf(fileSource(fd, Number(status.size)));
    if (error !== undefined)
      throw contractFailure({ what: `${name} is no stage0`, expected, got: error.got, file, fix });
    const got = shape(elf.bits, elf.order, elf.header.machine);
    if (got !== wanted) throw contractFailure({ what: `${name} is for another machine`, expected, got, file, fix });
    return use(fd, elf);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Copies an open file to a path, mode 0755, whole or not at all. A file that is there with the same bytes and mode keeps
 * its inode and time.
 * @throws Failure (3) when the file changes while it is copied
 */
export function place(fd: number, path: string): Digest & { changed: boolean } {
  const digest = digestOf(fd);
  const status = fs.lstatSync(path, { throwIfNoEntry: false });
  const same = status?.isFile() && status.size === digest.size && (status.mode & 0o7777) === MODE;
  if (same && digestFile(path).sha256 === digest.sha256) return { ...digest, changed: false };
  writeAtomic(path, MODE, (copy) => {
    const hash = createHash("sha256");
    eachChunk(fd, (bytes) => {
      hash.update(bytes);
      writeAll(copy, bytes);
    });
    if (hash.digest("hex") === digest.sha256) return;
    throw missingFailure({
      what: "the stage0 file changed while it was copied",
      fix: "run it again when nothing writes to it",
      file: printable(path),
    });
  });
  return { ...digest, changed: true };
}

/** Far above what an executable with its debug information has, in bytes: it bounds the memory. */
const STRIP_LIMIT = 1024 ** 3;

/**
 * Writes an open executable, stripped, to a path as `place` does, and as it is to another.
 * @throws Failure (1) when it is too large to be stripped
 */
export function placeStripped(fd: number, elf: Elf, path: string, whole: string): Digest & { changed: boolean } {
  const { size } = fs.fstatSync(fd);
  if (size > STRIP_LIMIT) {
    throw contractFailure({
      what: "the executable is too large to be stripped",
      expected: `at most ${STRIP_LIMIT} bytes`,
      got: String(size),
    });
  }
  const bytes = fileSource(fd, size).read(0, size);
  writeText(whole, bytes, MODE);
  const stripped = strip(bytes, elf);
  const changed = writeText(path, stripped, MODE);
  return { size: stripped.length, sha256: sha256Of(stripped), changed };
}
