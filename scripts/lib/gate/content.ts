/** The one pass over a file's content: its digest, and the build paths that are left in it. */
import { createHash } from "../crypto.ts";
import { eachChunk } from "../files.ts";

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

/** What build paths begin with. One pattern over a latin1 string is fast on Node and Deno alike. */
function prefixes(folders: readonly string[]): RegExp {
  const known = folders.filter((folder) => !OF_SYSTEM.test(folder)).map((folder) => `${folder}/`);
  const latin1 = [...known, ...OWN, ...SHARED].map((path) => Buffer.from(path).toString("latin1"));
  return new RegExp(latin1.map((path) => path.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"), "g");
}
/** Graphic characters in a row that make text of bytes, as in strings -n8. */
const TEXT_LENGTH = 8;
const EXAMPLES = 3;
const LONGEST_EXAMPLE = 120;

/**
 * Reads an open file from its start to its end.
 * @param folders absolute paths where it may have been built
 */
export function readContent(fd: number, folders: readonly string[] = []): Content {
  const pattern = prefixes(folders);
  const hash = createHash("sha256");
  const paths: BuildPaths = { count: 0, examples: [] };
  let size = 0;
  // A path may cross the border of two pieces: the end of each is kept for the next.
  let text = "";
  let from = 0;
  eachChunk(fd, (bytes) => {
    hash.update(bytes);
    size += bytes.length;
    text += bytes.toString("latin1");
    const to = Math.max(from, text.length - LONGEST_EXAMPLE);
    findPaths(pattern, text, from, to, paths);
    const kept = Math.max(0, to - TEXT_LENGTH);
    text = text.slice(kept);
    from = to - kept;
  });
  findPaths(pattern, text, from, text.length, paths);
  return { size, sha256: hash.digest("hex"), paths };
}

/** Adds the paths that begin in a part of the text. */
function findPaths(pattern: RegExp, text: string, from: number, to: number, paths: BuildPaths): void {
  pattern.lastIndex = from;
  for (let hit = pattern.exec(text); hit !== null && hit.index < to; hit = pattern.exec(text)) {
    const before = /[\t\x20-\x7e]*$/.exec(text.slice(Math.max(0, hit.index - TEXT_LENGTH), hit.index));
    const after = /^[\t\x20-\x7e]*/.exec(text.slice(hit.index, hit.index + LONGEST_EXAMPLE));
    const path = after?.[0].split(/[\s"'`<>|]/, 1)[0] ?? "";
    if ((before?.[0].length ?? 0) + (after?.[0].length ?? 0) < TEXT_LENGTH) continue;
    if (SHARED.includes(hit[0]) && !SOURCE.test(path)) continue;
    paths.count += 1;
    if (paths.examples.length < EXAMPLES && !paths.examples.includes(path)) paths.examples.push(path);
  }
}
