/** A mirror on this machine: a folder laid out as TAG/ASSET, or an archive of one, as make fetch-kit writes it. */
import * as fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SUMS } from "../contract.ts";
import { errorCode, missingFailure, printable, usageFailure } from "../errors.ts";
import { eachChunk, type OpenFile, openRegular } from "../files.ts";
import { size as sizeText } from "../log.ts";
import { overBudget } from "./download.ts";
import type { Source } from "./source.ts";
import { readTar } from "./tar.ts";

interface Member {
  /** Bytes. */
  size: number;
  each(use: (bytes: Buffer) => void): void;
}

/** @param address a file: address */
export function localMirror(address: string, tag: string, asset: string): Source {
  const mirror = fileURLToPath(address);
  return {
    list: printable(join(mirror, tag, SUMS)),
    claim: "not asked",
    lasting: true,
    async sums() {
      const pieces: Buffer[] = [];
      const found = withMember(mirror, `${tag}/${SUMS}`, ({ each }) =>
        each((bytes) => pieces.push(Buffer.from(bytes))),
      );
      return found ? Buffer.concat(pieces) : undefined;
    },
    async download(partial, _, { maxSize }) {
      const found = withMember(mirror, `${tag}/${asset}`, ({ size, each }) => {
        if (size > maxSize) throw overBudget(maxSize, sizeText(size));
        partial.restart(undefined, size);
        each((bytes) => partial.write(bytes));
      });
      if (found) return partial.received();
      const names = membersOf(mirror).filter((name) => name.includes("/"));
      throw missingFailure({
        what: `${printable(mirror)} holds no ${tag}/${asset}`,
        got: names.slice(0, 20).map(printable).join(", ") || "nothing laid out as TAG/ASSET",
        fix: "check FASTBOOP_STAGE0_MIRROR, TAG and TARGET",
      });
    },
  };
}

const isArchive = (mirror: string): boolean => {
  const status = fs.statSync(mirror, { throwIfNoEntry: false });
  if (status?.isFile() || status?.isDirectory()) return status.isFile();
  throw missingFailure({
    what: `the mirror ${printable(mirror)} is not there`,
    expected: "a folder laid out as TAG/ASSET, or the archive that make fetch-kit writes",
    fix: "check FASTBOOP_STAGE0_MIRROR",
  });
};

/** Opens a member of a mirror. Comes out with false when there is none of that name. */
function withMember(mirror: string, name: string, use: (member: Member) => void): boolean {
  const archive = isArchive(mirror);
  const file = openMember(archive ? mirror : join(mirror, name));
  if (file === undefined) return false;
  const { fd, status } = file;
  try {
    const span = archive ? archiveOf(fd, mirror).get(name) : { offset: 0, size: Number(status.size) };
    if (span !== undefined) use({ size: span.size, each: (piece) => eachChunk(fd, piece, span) });
    return span !== undefined;
  } finally {
    fs.closeSync(fd);
  }
}

function openMember(path: string): OpenFile | undefined {
  try {
    const file = openRegular(path);
    return "trouble" in file ? undefined : file;
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function archiveOf(fd: number, mirror: string) {
  try {
    return readTar(fd);
  } catch (error) {
    throw usageFailure({
      what: `the mirror ${printable(mirror)} is no whole archive`,
      expected: "the archive that make fetch-kit writes, or a folder",
      got: error instanceof Error ? printable(error.message) : "",
      fix: "make it again with make fetch-kit TAG=…",
    });
  }
}

function membersOf(mirror: string): string[] {
  if (!isArchive(mirror)) {
    return fs
      .readdirSync(mirror, { withFileTypes: true })
      .flatMap((entry) =>
        entry.isDirectory() ? fs.readdirSync(join(mirror, entry.name)).map((name) => `${entry.name}/${name}`) : [],
      );
  }
  const fd = fs.openSync(mirror, "r");
  try {
    return [...archiveOf(fd, mirror).keys()];
  } finally {
    fs.closeSync(fd);
  }
}
