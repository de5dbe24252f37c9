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

/** What paths of people's machines begin with. One pattern over a latin1 string is fast on Node and Deno alike. */
const HOME = /\/(?:home|Users|root\/\.cargo)\//g;
/** Graphic characters in a row that make text of bytes, as in strings -n8. */
const TEXT_LENGTH = 8;
const EXAMPLES = 3;
const LONGEST_EXAMPLE = 120;

/** Reads an open file from its start to its end. */
export function readContent(fd: number): Content {
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
    findPaths(text, from, to, paths);
    const kept = Math.max(0, to - TEXT_LENGTH);
    text = text.slice(kept);
    from = to - kept;
  });
  findPaths(text, from, text.length, paths);
  return { size, sha256: hash.digest("hex"), paths };
}

/** Adds the paths that begin in a part of the text. */
function findPaths(text: string, from: number, to: number, paths: BuildPaths): void {
  HOME.lastIndex = from;
  for (let hit = HOME.exec(text); hit !== null && hit.index < to; hit = HOME.exec(text)) {
    const before = /[\t\x20-\x7e]*$/.exec(text.slice(Math.max(0, hit.index - TEXT_LENGTH), hit.index));
    const after = /^[\t\x20-\x7e]*/.exec(text.slice(hit.index, hit.index + LONGEST_EXAMPLE));
    const path = after?.[0].split(/[\s"'`<>|]/, 1)[0] ?? "";
    if ((before?.[0].length ?? 0) + (after?.[0].length ?? 0) < TEXT_LENGTH) continue;
    paths.count += 1;
    if (paths.examples.length < EXAMPLES && !paths.examples.includes(path)) paths.examples.push(path);
  }
}
