/** Plain ustar archives (POSIX.1-2017, pax, "ustar Interchange Format"): regular files with short names, nothing else. */
import * as fs from "node:fs";

const BLOCK = 512;
/** What GNU tar pads archives to. */
const RECORD = 20 * BLOCK;

export interface Member {
  /** At most 100 bytes of ASCII. */
  name: string;
  bytes: Uint8Array;
  /** Permission bits. */
  mode: number;
}

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;

function header({ name, bytes, mode }: Member, mtime: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const put = (text: string, at: number): number => block.write(text, at, "latin1");
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new Error(`${JSON.stringify(name)} is no name for a ustar archive`);
  put(name, 0);
  put(octal(mode, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(bytes.length, 11), 124);
  put(octal(mtime, 11), 136);
  put(" ".repeat(8), 148);
  put("0", 156);
  put("ustar\x0000", 257);
  put("root", 265);
  put("root", 297);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)} `, 148);
  return block;
}

/** An archive that holds the same bytes for the same members, whoever makes it. @param mtime seconds since 1970, of every member */
export function writeTar(members: readonly Member[], mtime: number): Buffer {
  const pieces = members.flatMap((member) => [
    header(member, mtime),
    member.bytes,
    Buffer.alloc(-member.bytes.length & (BLOCK - 1)),
  ]);
  const length = pieces.reduce((total, piece) => total + piece.length, 2 * BLOCK);
  return Buffer.concat(pieces, Math.ceil(length / RECORD) * RECORD);
}

export interface Span {
  /** Bytes from the start of the archive. */
  offset: number;
  size: number;
}

/**
 * Where the regular files of an archive are, by name. Members of other kinds are passed over.
 * @throws Error when it is no ustar archive, or is cut off
 */
export function readTar(fd: number): Map<string, Span> {
  const found = new Map<string, Span>();
  const { size: whole } = fs.fstatSync(fd);
  const block = Buffer.alloc(BLOCK);
  for (let at = 0; at + BLOCK <= whole; ) {
    fs.readSync(fd, block, 0, BLOCK, at);
    if (block.every((byte) => byte === 0)) return found;
    const field = (from: number, to: number): string =>
      block.toString("latin1", from, to).replace(/[\0 ]*(\0.*)?$/s, "");
    const [sum, size] = [Number.parseInt(field(148, 156), 8), Number.parseInt(field(124, 136), 8)];
    const real = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
    if (field(257, 262) !== "ustar" || sum !== real) throw new Error(`no ustar header at byte ${at}`);
    if (!(size >= 0) || at + BLOCK + size > whole) throw new Error(`cut off: a member ends after byte ${whole}`);
    const prefix = field(345, 500);
    const name = (prefix === "" ? field(0, 100) : `${prefix}/${field(0, 100)}`).replace(/^(\.\/)+/, "");
    const kind = field(156, 157);
    if (kind === "0" || kind === "") found.set(name, { offset: at + BLOCK, size });
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new Error("cut off: the end of the archive is missing");
}
