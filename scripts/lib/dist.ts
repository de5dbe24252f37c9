/** The folder of artifacts: what is in it, what of it a release carries, and its list of digests. */
import * as fs from "node:fs";
import { join } from "node:path";
import { hostedName, RELEASE_ASSETS, SUMS } from "./contract.ts";
import { contractFailure, errorCode, Failure, missingFailure, type Problem, printable, systemWords } from "./errors.ts";
import { readSmall, writeText } from "./files.ts";
import { type Digest, digestSteady } from "./hash.ts";
import { say } from "./log.ts";
import { formatSums, nameText, parseSums, showName } from "./trust/sums.ts";

type Kind = "regular file" | "symbolic link" | "folder" | "special file";
/** What is directly in a folder: kinds by name; names are byte strings, in the order of their bytes. */
type Listing = Map<string, Kind>;

/** The outcome of one run over the folder. */
export interface Check {
  /** Path of the list. */
  list: string;
  /** Size and digest by name (a byte string). */
  digests: Map<string, Digest>;
  /** What fails the contract. */
  problems: Problem[];
  /** What could not be read. */
  unread: Problem[];
  /** What was left out though its name is an artifact's. */
  notes: Problem[];
}

/** Whether a release carries a file of this name: not the list itself, nor a hidden file, a log or an env file. */
export const isArtifact = (name: string): boolean =>
  name !== SUMS && !name.startsWith(".") && !/\.(log|env)$/.test(name);

/**
 * Hashes the artifacts of a folder and writes their list, unless something is wrong. A list that is the same already
 * keeps its inode.
 * @param assets what has to be there
 * @throws Failure (3) when the folder is not there; the system's error when the list can't be written
 */
export function writeList(folder: string, assets = RELEASE_ASSETS): Check {
  const listing = listFolder(folder);
  const artifacts = filesOf(listing);
  const check = newCheck(folder, listing, new Set(assets));
  check.problems.push(...missingAssets(new Set(artifacts), listing, assets));
  digestAll(folder, artifacts, check);
  if (check.problems.length === 0 && check.unread.length === 0) {
    const entries = [...check.digests].map(([name, { sha256 }]): [string, string] => [name, sha256]);
    writeText(check.list, formatSums(entries));
  }
  return check;
}

/**
 * Gives the artifacts of a folder the names that GitHub keeps them by: `~` becomes a dot.
 * @throws Failure (3) when the folder is not there, (1) when a name is taken already, before anything is renamed
 */
export function renameHosted(folder: string): void {
  const names = filesOf(listFolder(folder)).flatMap((name) => nameText(name) ?? []);
  const renamed = names.filter((name) => hostedName(name) !== name);
  const kept = names.filter((name) => hostedName(name) === name);
  const taken = renamed.filter(
    (name, index) =>
      kept.includes(hostedName(name)) ||
      renamed.slice(0, index).some((other) => hostedName(other) === hostedName(name)),
  );
  if (taken.length > 0) {
    throw contractFailure(
      ...taken.map((name) => ({
        file: folder,
        what: `GitHub keeps two files under one name: ${printable(hostedName(name))}`,
        got: printable(name),
        fix: "give one of them another name",
      })),
    );
  }
  for (const name of renamed) {
    fs.renameSync(join(folder, name), join(folder, hostedName(name)));
    say(`${printable(name)} is now ${hostedName(name)}, as GitHub keeps it`);
  }
}

/**
 * Checks a folder against its list: every line, and that every artifact has one.
 * @param assets what has to be there
 * @throws Failure (3) when the folder or its list is not there; the system's error when the list can't be read
 */
export function checkList(folder: string, assets = RELEASE_ASSETS): Check {
  const listing = listFolder(folder);
  const { entries, problems } = parseSums(readList(join(folder, SUMS)));
  const check = newCheck(folder, listing, entries);
  check.problems.push(...problems, ...missingAssets(entries, listing, assets));
  const present = [...entries.keys()].filter((name) => listing.get(name) === "regular file");
  digestAll(folder, present, check);
  for (const [name, sha256] of entries) {
    const kind = listing.get(name);
    const got = check.digests.get(name)?.sha256;
    if (kind === undefined) check.problems.push({ what: `${showName(name)} is listed and not there` });
    else if (kind !== "regular file") check.problems.push({ what: `${showName(name)} is listed and a ${kind}` });
    else if (got !== undefined && got !== sha256) {
      check.problems.push({ what: `${showName(name)} is not the file that was listed`, expected: sha256, got });
    }
  }
  const unlisted = filesOf(listing).filter((name) => !entries.has(name) && !assets.includes(name));
  check.problems.push(...unlisted.map((name) => ({ what: `${showName(name)} is not listed` })));
  check.problems = check.problems.map((problem) => ({ fix: "make sums, once you trust what is there", ...problem }));
  return check;
}

/** @param listed names that the run reports anyway */
function newCheck(folder: string, listing: Listing, listed: { has(name: string): boolean }): Check {
  const isLeftOut = (name: string, kind: Kind): boolean =>
    isArtifact(name) && kind !== "regular file" && kind !== "folder" && !listed.has(name);
  const left = [...listing].filter(([name, kind]) => isLeftOut(name, kind));
  const notes = left.map(([name, kind]) => ({ what: `${showName(name)} is a ${kind}: no release carries it` }));
  return { list: join(folder, SUMS), digests: new Map(), problems: [], unread: [], notes };
}

/** The names of the artifacts in a folder. */
const filesOf = (listing: Listing): string[] =>
  [...listing].flatMap(([name, kind]) => (isArtifact(name) && kind === "regular file" ? [name] : []));

/** A problem for each release asset that is not among the names (specification, "CI and Release Flow"). */
function missingAssets(names: { has(name: string): boolean }, listing: Listing, assets: readonly string[]): Problem[] {
  return assets
    .filter((asset) => !names.has(asset))
    .map((asset) => {
      const kind = listing.get(asset);
      if (kind === "regular file") return { what: `the release asset ${asset} is not listed` };
      return {
        what: `the release asset ${asset} is ${kind === undefined ? "missing" : `a ${kind}`}`,
        fix: "make stage0-all",
      };
    });
}

function listFolder(folder: string): Listing {
  try {
    const entries = fs.readdirSync(folder, { encoding: "buffer", withFileTypes: true });
    const kinds = entries.map((entry): [string, Kind] => [entry.name.toString("latin1"), kindOf(entry)]);
    return new Map(kinds.sort(([a], [b]) => (a < b ? -1 : 1)));
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    const fix = "make stage0-all builds the artifacts; DIST=folder names another folder";
    throw missingFailure({ file: folder, what: "there is no such folder", fix });
  }
}

function kindOf(entry: fs.Dirent<Buffer>): Kind {
  if (entry.isFile()) return "regular file";
  if (entry.isSymbolicLink()) return "symbolic link";
  return entry.isDirectory() ? "folder" : "special file";
}

function readList(list: string): Buffer {
  try {
    return readSmall(list);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    throw missingFailure({ file: list, what: "there is no list to check against", fix: "make sums writes one" });
  }
}

/** Hashes files of the folder into the check; a file that can't be hashed does not stop it. */
function digestAll(folder: string, names: readonly string[], check: Check): void {
  for (const name of names) {
    try {
      check.digests.set(name, digestSteady(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "latin1")])));
    } catch (error) {
      const words = systemWords(error);
      if (error instanceof Failure) {
        check.problems.push(
          ...error.problems.map((problem) => ({ ...problem, what: `${showName(name)} ${problem.what}` })),
        );
      } else if (words !== undefined) check.unread.push(unreadable(name, words, errorCode(error)));
      else throw error;
    }
  }
}

function unreadable(name: string, words: string, code: string | undefined): Problem {
  // Deno returns names as text: a byte that is not UTF-8 has become U+FFFD, and no file has that name.
  const lossy = code === "ENOENT" && name.includes("\xef\xbf\xbd");
  const gone = lossy ? "its name may not be UTF-8: use RUNTIME=node" : "run it again when nothing writes there";
  return {
    what: `${showName(name)} can't be read: ${words}`,
    fix: code === "ENOENT" ? gone : "check its owner, its mode and the disk",
  };
}
