/** The one pass over a file's content: its digest, and the build paths that are left in it. */
import { readSync } from "node:fs";
import { createHash } from "../crypto.ts";
import { CHUNK } from "../files.ts";

export interface Content {
  /** Bytes that were read. */
  size: number;
  /** Lower-case hexadecimal (FIPS 180-4). */
  sha256: string;
  paths: BuildPaths;
}

/** Paths of the machine that built a file: how many there are, and the first of them that differ. */
interface BuildPaths {
  count: number;
  examples: string[];
}

/** Where people and CI systems build, and where images have cargo: whatever follows is a path of such a machine. */
const OWN = [
  "/home/",
  "/Users/",
  "/root/.cargo/",
  "/root/.rustup/",
  "/usr/local/cargo/",
  "/__w/",
  "/github/workspace/",
];
/** Where good programs have paths too, as in "/tmp/ssh-XXXX": here only one of a source tells of a build. */
const SHARED = ["/tmp/", "/root/", "/builds/", "/opt/", "/workspaces/"];
const SOURCE = /\/src\/|\.rs|\.(?:[chS]|cc|cpp|go)(?![A-Za-z0-9_])/;
/** Folders that tell nobody's build from what a program names: those of a system, and the first below the root. */
const OF_SYSTEM = /^\/(?:(?:usr|var|etc|proc|sys)\/)?[^/]*$/;

/** What build paths begin with, by the character after the slash. */
type Prefixes = { bytes: Buffer; isShared: boolean }[][];

/** Made once for the many files of a run. */
const made = new WeakMap<readonly string[], Prefixes>();

function prefixesWith(folders: readonly string[]): Prefixes {
  const before = made.get(folders);
  if (before !== undefined) return before;
  const known = folders.filter((folder) => !OF_SYSTEM.test(folder)).map((folder) => `${folder}/`);
  const prefixes: Prefixes = [];
  for (const path of [...known, ...OWN, ...SHARED]) {
    const bytes = Buffer.from(path);
    const letter = bytes[1] ?? 0;
    prefixes[letter] = [...(prefixes[letter] ?? []), { bytes, isShared: SHARED.includes(path) }];
  }
  made.set(folders, prefixes);
  return prefixes;
}

/** Graphic characters in a row that make text of bytes, as in strings -n8. */
const TEXT_LENGTH = 8;
const EXAMPLES = 3;
const LONGEST_EXAMPLE = 120;

/** A piece of a file behind the end of the one before it. `readContent` calls nothing that reads another file. */
const window = Buffer.allocUnsafe(LONGEST_EXAMPLE + TEXT_LENGTH + CHUNK);

/**
 * Reads an open file from its start to its end.
 * @param folders absolute paths where it may have been built
 */
export function readContent(fd: number, folders: readonly string[] = []): Content {
  const prefixes = prefixesWith(folders);
  const hash = createHash("sha256");
  const paths: BuildPaths = { count: 0, examples: [] };
  let size = 0;
  // A path may cross the border of two pieces: the end of each is kept, and the next is read behind it.
  let length = 0;
  let from = 0;
  for (;;) {
    const count = readSync(fd, window, length, CHUNK, size);
    if (count === 0) break;
    hash.update(window.subarray(length, length + count));
    size += count;
    length += count;
    const to = Math.max(from, length - LONGEST_EXAMPLE);
    findPaths(prefixes, window.subarray(0, length), from, to, paths);
    const kept = Math.max(0, to - TEXT_LENGTH);
    window.copyWithin(0, kept, length);
    length -= kept;
    from = to - kept;
  }
  findPaths(prefixes, window.subarray(0, length), from, length, paths);
  return { size, sha256: hash.digest("hex"), paths };
}

const SLASH = 0x2f;
/** The place of the next slash: nothing else finds one of so many paths as fast. Deno's Buffer takes twice as long for it. */
const nextSlash: (bytes: Buffer, from: number) => number =
  "deno" in process.versions
    ? (bytes, from) => Uint8Array.prototype.indexOf.call(bytes, SLASH, from)
    : (bytes, from) => bytes.indexOf(SLASH, from);

function isAt(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let index = wanted.length - 1; index > 1; index--) if (bytes[at + index] !== wanted[index]) return false;
  return true;
}

/** Adds the paths that begin in a part of some bytes. */
function findPaths(prefixes: Prefixes, bytes: Buffer, from: number, to: number, paths: BuildPaths): void {
  let next = from;
  for (let at = nextSlash(bytes, from); at >= 0 && at < to; at = nextSlash(bytes, next)) {
    next = at + 1;
    const prefix = prefixes[bytes[next] ?? 0]?.find((one) => isAt(bytes, at, one.bytes));
    if (prefix === undefined) continue;
    next = at + prefix.bytes.length;
    const before = /[\t\x20-\x7e]*$/.exec(bytes.toString("latin1", Math.max(0, at - TEXT_LENGTH), at));
    const after = /^[\t\x20-\x7e]*/.exec(bytes.toString("latin1", at, at + LONGEST_EXAMPLE));
    const path = after?.[0].split(/[\s"'`<>|]/, 1)[0] ?? "";
    if ((before?.[0].length ?? 0) + (after?.[0].length ?? 0) < TEXT_LENGTH) continue;
    if (prefix.isShared && !SOURCE.test(path)) continue;
    paths.count += 1;
    if (paths.examples.length < EXAMPLES && !paths.examples.includes(path)) paths.examples.push(path);
  }
}
