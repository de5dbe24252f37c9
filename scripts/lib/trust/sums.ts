/**
 * SHA256SUMS: lists of sha256 digests as GNU coreutils writes and reads them (sha256sum(1), "md5sum: Output format").
 *
 * A file name is bytes, not text. Here it is a byte string: one character, U+0000 to U+00FF, for each byte (the
 * encoding "latin1" of Buffer). ASCII names are themselves, and JavaScript's own order of strings is the order of bytes.
 */
import { RELEASE_ASSETS, SUMS } from "../contract.ts";
import { contractFailure, missingFailure, type Problem, printable } from "../errors.ts";
import type { Claim } from "../trust.ts";

interface Sums {
  /** Name, as a byte string, to lower-case sha256, in the order of the list. Holds the lines that have no problem. */
  entries: Map<string, string>;
  /** Everything that is wrong with the list. One problem is reason enough to trust none of it. */
  problems: Problem[];
}

/** The byte string of a text: its UTF-8. */
export const byteName = (text: string): string => Buffer.from(text).toString("latin1");

/** The text of a byte string, or undefined when it is not UTF-8. */
export function nameText(name: string): string | undefined {
  const bytes = Buffer.from(name, "latin1");
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : undefined;
}

/** A byte string as messages show it, in quotes: bytes that are not UTF-8 become \xNN. */
export function showName(name: string): string {
  const text =
    nameText(name) ?? name.replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return `"${printable(text)}"`;
}

/** Whether a name is that of a file directly in the folder of the list. */
const isBare = (name: string): boolean => name !== "." && name !== ".." && !/[/\0]/.test(name);

const ESCAPED: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };
const UNESCAPED: Record<string, string> = { "\\\\": "\\", "\\n": "\n", "\\r": "\r" };

/** One line of a list, without its line feed. */
function formatLine(name: string, sha256: string): string {
  const escaped = name.replace(/[\\\n\r]/g, (character) => ESCAPED[character] ?? character);
  return `${escaped === name ? "" : "\\"}${sha256}  ${escaped}\n`;
}

/** The list of some files: GNU format, two spaces, sorted by the bytes of the names. */
export function formatSums(entries: Iterable<readonly [name: string, sha256: string]>): Buffer {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Buffer.from(sorted.map(([name, sha256]) => formatLine(name, sha256)).join(""), "latin1");
}

/** GNU text and binary lines, and BSD's (`--tag`); a leading backslash says that the name is escaped. */
const LINES = [
  /^(?<escaped>\\?)(?<sha256>[0-9a-f]{64}) [ *](?<name>.+)$/is,
  /^(?<escaped>\\?)SHA256 \((?<name>.+)\) = (?<sha256>[0-9a-fA-F]{64})$/s,
];

/** Name and digest of a line; undefined when it is not a line of a list. */
function parseLine(line: string): { name: string; sha256: string } | undefined {
  for (const form of LINES) {
    const { escaped, name, sha256 } = form.exec(line)?.groups ?? {};
    if (name === undefined || sha256 === undefined) continue;
    if (escaped && !/^([^\\]|\\[\\nr])+$/.test(name)) return undefined;
    const bare = escaped ? name.replace(/\\[\\nr]/g, (pair) => UNESCAPED[pair] ?? pair) : name;
    return { name: bare, sha256: sha256.toLowerCase() };
  }
  return undefined;
}

/**
 * Reads a list strictly. What sha256sum, shasum and busybox write is understood; a line that is not part of a list, a
 * name with a folder, a name that occurs twice, a list without lines and one that is cut off are problems.
 */
export function parseSums(list: Uint8Array): Sums {
  const entries = new Map<string, string>();
  const problems: Problem[] = [];
  const text = Buffer.from(list.buffer, list.byteOffset, list.byteLength).toString("latin1");
  if (text === "") return { entries, problems: [{ what: "the list is empty" }] };
  // CR LF counts as a line's end when every line has it; elsewhere a carriage return would be a part of a name.
  const lines = text.split(/(?<!\r)\n/.test(text) ? "\n" : "\r\n");
  if (lines.pop() !== "")
    problems.push({ what: "the last line does not end with a line feed: the list may be cut off" });

  const seen = new Map<string, number>();
  const malformed: number[] = [];
  for (const [index, line] of lines.entries()) {
    if (problems.length > MOST_PROBLEMS) break;
    const number = index + 1;
    const entry = line.endsWith("\r") ? undefined : parseLine(line);
    if (entry === undefined) malformed.push(number);
    else if (!isBare(entry.name)) {
      problems.push({ what: `line ${number} names ${showName(entry.name)}, which is not a bare file name` });
    } else if (entry.name === SUMS) {
      problems.push({ what: `line ${number} names ${SUMS} itself` });
    } else if (seen.has(entry.name)) {
      problems.push({
        what: `${showName(entry.name)} is on line ${seen.get(entry.name)} and again on line ${number}`,
      });
    } else {
      seen.set(entry.name, number);
      entries.set(entry.name, entry.sha256);
    }
  }
  return { entries, problems: bounded([...problems, ...malformedRuns(malformed, lines)]) };
}

/** Problems of one file that are shown: a list may have a million. */
const MOST_PROBLEMS = 50;

/** The problems that are shown. */
export const bounded = (problems: readonly Problem[]): Problem[] =>
  problems.length <= MOST_PROBLEMS
    ? [...problems]
    : [...problems.slice(0, MOST_PROBLEMS), { what: `there are more than ${MOST_PROBLEMS} problems` }];

/** One problem for each run of malformed lines: an HTML page is one problem, not a thousand. */
function malformedRuns(numbers: readonly number[], lines: readonly string[]): Problem[] {
  const runs: [first: number, last: number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.slice(0, MOST_PROBLEMS + 1).map(([first, last]) => ({
    what: first === last ? `line ${first} is malformed` : `lines ${first} to ${last} are malformed`,
    expected: "64 hexadecimal digits, two spaces, a file name",
    got: showName((lines[first - 1] ?? "").slice(0, 120)),
  }));
}

/**
 * What a release's list claims of an asset.
 * @param list undefined: the release has none
 * @param where where the list is, for messages
 * @throws Failure (1) when the list is malformed or does not name a release asset: the contract demands every one in it;
 *   (3) when it does not name what a release need not carry
 */
export function sumsClaim(list: Uint8Array | undefined, asset: string, where: string): Claim {
  if (list === undefined) return "absent";
  const file = printable(where);
  const { entries, problems } = parseSums(list);
  const fix = "tell the publisher: no line of this list can be trusted";
  if (problems.length > 0) throw contractFailure(...problems.map((problem) => ({ file, fix, ...problem })));
  const sha256 = entries.get(asset);
  if (sha256 !== undefined) return { sha256 };
  const required = RELEASE_ASSETS.includes(asset);
  throw (required ? contractFailure : missingFailure)({
    file,
    what: `does not name ${printable(asset)}`,
    expected: "every asset of the release",
    got: `${entries.size} other names`,
    fix: required
      ? "tell the publisher: the list is not complete"
      : "a release need not carry this one: build it with make stage0",
  });
}
