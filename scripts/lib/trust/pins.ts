/**
 * stage0.lock: the digests that a tree pins, one entry for each tag and asset. Written as TOML, read as TOML or as JSON
 * of the same shape (`{"pin": [{"tag": …}]}`):
 *
 *     [[pin]]
 *     tag = "v0.0.1-rc.7"
 *     asset = "fastboop-stage0-aarch64-unknown-linux-musl"
 *     size = 742792
 *     sha256 = "…"
 *     sha512 = "…"
 *
 * and one for each tag that its publisher has withdrawn, so that a build without network knows:
 *
 *     [[withdrawn]]
 *     tag = "v0.0.1-rc.7"
 *     reason = "…"
 */
import { isTag, TAG_FORM, TARGETS, targetOfAsset } from "../contract.ts";
import { errorCode, type Problem, printable, usageFailure } from "../errors.ts";
import { readSmall } from "../files.ts";
import { compareTags, parseTag } from "../tags.ts";
import { bounded } from "./sums.ts";
import { LONGEST_REASON, reasonOf, type Withdrawal } from "./withdrawn.ts";

export interface Pin {
  /** A release tag in its own form. */
  tag: string;
  /** An asset name that the contract knows. */
  asset: string;
  /** Bytes. */
  size?: number;
  /** Lower-case hexadecimal. */
  sha256: string;
  /** Lower-case hexadecimal; Alpine's recipes want it. */
  sha512?: string;
}
/** A pin and the file that it was read from. */
interface PinFrom extends Pin {
  file: string;
}

/** What lock files hold. */
interface Lock {
  pins: PinFrom[];
  withdrawn: Withdrawal[];
}

/** The pin of an asset of a tag (in the tag's own form); undefined when there is none. */
export function findPin<P extends Pin>(pins: readonly P[], tag: string, asset: string): P | undefined {
  return pins.find((pin) => pin.tag === tag && pin.asset === asset);
}

/** The pins with others added to them; an entry for the same tag and asset is replaced. */
export function updatePins(pins: readonly Pin[], fresh: readonly Pin[]): Pin[] {
  return [...pins.filter(({ tag, asset }) => findPin(fresh, tag, asset) === undefined), ...fresh];
}

/** The text of a lock file: by release, then by asset, so that a new release only adds lines. */
export function formatPins(pins: readonly Pin[], withdrawn: readonly Withdrawal[] = []): string {
  const order = (tag: string) => parseTag(tag) ?? { major: 0, minor: 0, patch: 0 };
  const sorted = [...pins].sort(
    (a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset < b.asset ? -1 : a.asset > b.asset ? 1 : 0),
  );
  const entry = ({ tag, asset, size, sha256, sha512 }: Pin): string =>
    [
      "[[pin]]",
      `tag = "${tag}"`,
      `asset = "${asset}"`,
      ...(size === undefined ? [] : [`size = ${size}`]),
      `sha256 = "${sha256}"`,
      ...(sha512 === undefined ? [] : [`sha512 = "${sha512}"`]),
    ].join("\n");
  const marks = [...withdrawn].sort((a, b) => compareTags(order(a.tag), order(b.tag)));
  const mark = ({ tag, reason }: Withdrawal): string =>
    `[[withdrawn]]\ntag = "${tag}"\nreason = ${JSON.stringify(reason)}`;
  const texts = [...sorted.map(entry), ...marks.map(mark)];
  return `${["# Digests of stage0 release assets; make lock writes them.", ...texts].join("\n\n")}\n`;
}

const isHex = (digits: number) => (value: unknown) =>
  typeof value === "string" && value.length === digits && /^[0-9a-f]+$/.test(value);
interface Key {
  takes: string;
  holds(value: unknown): boolean;
  optional?: true;
}
const KEYS: Record<string, Key> = {
  tag: { takes: TAG_FORM, holds: (value) => typeof value === "string" && isTag(value) },
  asset: {
    takes: `fastboop-stage0- and one of ${TARGETS.map(({ triple }) => triple).join(", ")}`,
    holds: (value) => typeof value === "string" && targetOfAsset(value) !== undefined,
  },
  size: {
    takes: "a number of bytes",
    holds: (value) => Number.isSafeInteger(value) && Number(value) > 0,
    optional: true,
  },
  sha256: { takes: "64 lower-case hexadecimal digits", holds: isHex(64) },
  sha512: { takes: "128 lower-case hexadecimal digits", holds: isHex(128), optional: true },
};
const MARK_KEYS: Record<string, Key> = {
  tag: { takes: TAG_FORM, holds: (value) => typeof value === "string" && isTag(value) },
  reason: {
    takes: `a text of one line, of at most ${LONGEST_REASON} characters`,
    holds: (value) => typeof value === "string" && value !== "" && reasonOf(value) === value,
  },
};
const FIX = "write the entry again with make lock TAG=…, and review the difference";

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const show = (value: unknown): string => printable(JSON.stringify(value) ?? String(value)).slice(0, 200);

/** What is wrong with one entry. @param name of the entry in messages */
function entryProblems(entry: unknown, name: string, keys = KEYS): Problem[] {
  if (!isTable(entry)) return [{ what: `${name} is not a table`, got: show(entry) }];
  const expected = Object.keys(keys).join(", ");
  const unknown = Object.keys(entry).filter((key) => !Object.hasOwn(keys, key));
  const problems = unknown.map((key): Problem => ({ what: `${name} has an unknown key, ${show(key)}`, expected }));
  for (const [key, { takes, holds, optional }] of Object.entries(keys)) {
    const value = entry[key];
    if (value === undefined && optional) continue;
    if (value === undefined) problems.push({ what: `${name} has no ${key}`, expected: takes });
    else if (!holds(value))
      problems.push({ what: `${name} has a malformed ${key}`, expected: takes, got: show(value) });
  }
  return problems;
}

/** The data in a text: JSON when it begins with a brace, else TOML. @throws Failure (2) when it does not parse */
async function parseData(text: string, file: string): Promise<unknown> {
  const isJson = /^\s*\{/.test(text);
  try {
    return isJson ? JSON.parse(text) : (await import("smol-toml")).parse(text);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // smol-toml's message goes on with an excerpt of the text; the line is a property.
    const [message = ""] = error.message.split("\n");
    const got = `${printable(message)}${"line" in error ? ` (line ${error.line})` : ""}`;
    throw usageFailure({ file, what: `is not ${isJson ? "JSON" : "TOML"}`, got, fix: FIX });
  }
}

/**
 * The pins in a lock file's text.
 * @param file its path, for messages
 * @throws Failure (2) with every problem of every entry
 */
async function parseLock(text: string, file: string): Promise<Lock> {
  const data = await parseData(text, file);
  const { pin: entries = [], withdrawn: marks = [], ...rest } = isTable(data) ? data : { pin: data };
  const problems: Problem[] = Object.keys(rest).map((key) => ({
    what: `there is an unknown key, ${show(key)}`,
    expected: "pin, withdrawn",
  }));
  if (!Array.isArray(marks)) problems.push({ what: "withdrawn is not an array of tables", got: show(marks) });
  const withdrawn: Withdrawal[] = Array.isArray(marks) ? marks : [];
  for (const [index, mark] of withdrawn.entries())
    problems.push(...entryProblems(mark, `withdrawn entry ${index + 1}`, MARK_KEYS));
  if (!Array.isArray(entries)) problems.push({ what: "pin is not an array of tables", got: show(entries) });
  const pins: PinFrom[] = [];
  const names = new Map<string, string>();
  for (const [index, entry] of (Array.isArray(entries) ? entries : []).entries()) {
    const name = `entry ${index + 1}`;
    const wrong = entryProblems(entry, name);
    problems.push(...wrong);
    if (wrong.length > 0) continue;
    const pin: PinFrom = { ...(entry as Pin), file };
    const key = `${pin.asset} of ${pin.tag}`;
    if (names.has(key)) problems.push({ what: `${name} pins ${key}, as ${names.get(key)} does` });
    else names.set(key, name);
    pins.push(pin);
  }
  // JSON.parse silently keeps the last of two equal keys.
  if (problems.length === 0 && /^\s*\{/.test(text) && JSON.stringify(data) !== withoutSpace(text)) {
    problems.push({ what: "a key occurs twice in one entry, or a value is not in its plain form" });
  }
  if (problems.length > 0) throw usageFailure(...bounded(problems).map((problem) => ({ file, fix: FIX, ...problem })));
  return { pins, withdrawn };
}

/** The pins alone. */
export const parsePins = async (text: string, file: string): Promise<PinFrom[]> => (await parseLock(text, file)).pins;

const withoutSpace = (json: string): string => json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1");

/**
 * The pins of the lock files among some paths. A path that is not there holds none; equal pins of two files are one.
 * @throws Failure (2) when a file is malformed, or when two files pin different digests for the same tag and asset
 */
export async function readLock(paths: readonly string[]): Promise<Lock> {
  const pins: PinFrom[] = [];
  const withdrawn: Withdrawal[] = [];
  const problems: Problem[] = [];
  for (const file of paths) {
    const text = readIfThere(file);
    const lock = text === undefined ? undefined : await parseLock(text, file);
    withdrawn.push(...(lock?.withdrawn ?? []));
    for (const pin of lock?.pins ?? []) {
      const other = findPin(pins, pin.tag, pin.asset);
      if (other === undefined) pins.push(pin);
      else if (!agree(other, pin)) problems.push(conflict(other, pin));
    }
  }
  if (problems.length > 0) throw usageFailure(...bounded(problems));
  return { pins, withdrawn };
}

/** The pins alone. */
export const readPins = async (paths: readonly string[]): Promise<PinFrom[]> => (await readLock(paths)).pins;

function readIfThere(path: string): string | undefined {
  try {
    return readSmall(path).toString();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

const agree = (a: Pin, b: Pin): boolean =>
  a.sha256 === b.sha256 &&
  (a.sha512 === undefined || b.sha512 === undefined || a.sha512 === b.sha512) &&
  (a.size === undefined || b.size === undefined || a.size === b.size);

const conflict = (a: PinFrom, b: PinFrom): Problem => ({
  file: b.file,
  what: `pins ${b.asset} of ${b.tag} differently from ${printable(a.file)}`,
  expected: digests(a),
  got: digests(b),
  fix: "find out which one is right, and delete the other",
});
const digests = ({ size, sha256, sha512 }: Pin): string =>
  [
    `sha256 ${sha256}`,
    ...(sha512 === undefined ? [] : [`sha512 ${sha512}`]),
    ...(size === undefined ? [] : [`${size} bytes`]),
  ].join(", ");
