import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { eachChunk } from "./files.ts";

export interface Digest {
  /** Bytes that were hashed. */
  size: number;
  /** Lower-case hexadecimal. */
  sha256: string;
}

/** The digest of an open file, read from its start (FIPS 180-4). */
export function digestOf(fd: number): Digest {
  const hash = createHash("sha256");
  let size = 0;
  eachChunk(fd, (bytes) => {
    hash.update(bytes);
    size += bytes.length;
  });
  return { size, sha256: hash.digest("hex") };
}

/** The digest of the file at a path. @throws the system's error when it can't be read */
export function digestFile(path: string | Buffer): Digest {
  const fd = fs.openSync(path, "r");
  try {
    return digestOf(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** The SHA-512 of the file at a path, lower-case hexadecimal: Alpine's recipes want it. @throws as digestFile */
export function sha512File(path: string): string {
  const fd = fs.openSync(path, "r");
  try {
    const hash = createHash("sha512");
    eachChunk(fd, (bytes) => hash.update(bytes));
    return hash.digest("hex");
  } finally {
    fs.closeSync(fd);
  }
}
