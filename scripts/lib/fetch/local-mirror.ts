/** A mirror on this machine: a folder laid out as TAG/ASSET, or an archive of one, as make fetch-kit writes it. */
import * as fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SUMS } from "../contract.ts";
import { contractFailure, errorCode, Failure, missingFailure, printable, usageFailure } from "../errors.ts";
import { eachChunk, MAX_IN_MEMORY, type OpenFile, openRegular, withFd } from "../files.ts";
import { size as sizeText } from "../log.ts";
import { overBudget } from "./download.ts";
import type { Source } from "./source.ts";
import { readTar } from "./tar.ts";

type TakeBytes = (bytes: Uint8Array) => void;

/** @param address a file: address */
export function localMirror(address: string, tag: string, asset: string): Source {
  const mirror = fileURLToPath(address);
  return {
    list: printable(join(mirror, tag, SUMS)),
    claim: "not asked",
    isFinal: true,
    small: (name) => readSmallFile(mirror, `${tag}/${name}`),
    async sums() {
      const list = await readSmallFile(mirror, `${tag}/${SUMS}`);
      if (list !== undefined) return list;
      const names = await filesOf(mirror);
      if (!names.some((name) => name.startsWith(`${tag}/`))) throw holdsNo(mirror, `release ${tag}`, names, " and TAG");
      return undefined;
    },
    async download(partial, _, limits) {
      const found = await readFile(mirror, `${tag}/${asset}`, limits.maxSize, (size) => {
        partial.restart({ total: size });
        return (bytes) => partial.write(bytes);
      });
      if (found) return partial.received();
      throw holdsNo(mirror, `${tag}/${asset}`, await filesOf(mirror), ", TAG and TARGET");
    },
  };
}

/** A file of a mirror, read into memory; undefined when there is none of that name. */
async function readSmallFile(mirror: string, name: string): Promise<Uint8Array | undefined> {
  let pieces: Uint8Array[] = [];
  const found = await readFile(mirror, name, MAX_IN_MEMORY, () => {
    pieces = [];
    return (bytes) => pieces.push(Uint8Array.from(bytes));
  });
  return found ? Buffer.concat(pieces) : undefined;
}

const filesOf = async (mirror: string): Promise<string[]> =>
  (await namesIn(mirror)).filter((name) => name.includes("/"));

const holdsNo = (mirror: string, what: string, names: readonly string[], knobs: string): Failure =>
  missingFailure({
    what: `${printable(mirror)} holds no ${what}`,
    got: names.slice(0, 20).map(printable).join(", ") || "nothing laid out as TAG/ASSET",
    fix: `check FASTBOOP_STAGE0_MIRROR${knobs}`,
  });

const tooLong = (mirror: string, name: string, size: number): Failure =>
  contractFailure({
    what: `${printable(join(mirror, name))} is longer than any list`,
    expected: `at most ${sizeText(MAX_IN_MEMORY)}`,
    got: sizeText(size),
    fix: "check FASTBOOP_STAGE0_MIRROR",
  });

function isArchive(mirror: string): boolean {
  const status = fs.statSync(mirror, { throwIfNoEntry: false });
  if (status?.isFile() || status?.isDirectory()) return status.isFile();
  throw missingFailure({
    what: `the mirror ${printable(mirror)} is not there`,
    expected: "a folder laid out as TAG/ASSET, or the archive that make fetch-kit writes",
    fix: "check FASTBOOP_STAGE0_MIRROR",
  });
}

/**
 * Reads one file of a mirror. Returns false when there is none of that name.
 * @param start called with the file's size before its bytes come; again when an archive has another file of the same name
 */
async function readFile(mirror: string, name: string, most: number, start: (size: number) => TakeBytes) {
  const within = (size: number): TakeBytes => {
    if (size > most && most === MAX_IN_MEMORY) throw tooLong(mirror, name, size);
    if (size > most) throw overBudget(most, sizeText(size));
    return start(size);
  };
  if (isArchive(mirror)) {
    let found = false;
    await eachInArchive(mirror, (member, size) => {
      if (member !== name) return undefined;
      found = true;
      return within(size);
    });
    return found;
  }
  const file = open(join(mirror, name));
  if (file === undefined) return false;
  const size = Number(file.status.size);
  withFd(file.fd, (fd) => eachChunk(fd, within(size), { offset: 0, size }));
  return true;
}

/** A regular file, open; undefined when there is none. */
function open(path: string): OpenFile | undefined {
  try {
    const file = openRegular(path);
    return "reason" in file ? undefined : file;
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

async function eachInArchive(mirror: string, visit: (name: string, size: number) => TakeBytes | undefined) {
  const file = open(mirror);
  try {
    if (file !== undefined) await readTar(file.fd, visit);
  } catch (error) {
    if (error instanceof Failure || errorCode(error) !== undefined) throw error;
    throw usageFailure({
      what: `the mirror ${printable(mirror)} is no whole archive`,
      expected: "the archive that make fetch-kit writes, or a folder",
      got: error instanceof Error ? printable(error.message) : "",
      fix: "make it again with make fetch-kit TAG=…",
    });
  }
}

async function namesIn(mirror: string): Promise<string[]> {
  const names: string[] = [];
  if (isArchive(mirror)) await eachInArchive(mirror, (name) => void names.push(name));
  else {
    for (const folder of fs.readdirSync(mirror, { withFileTypes: true })) {
      if (!folder.isDirectory()) continue;
      names.push(...fs.readdirSync(join(mirror, folder.name)).map((name) => `${folder.name}/${name}`));
    }
  }
  return names;
}
