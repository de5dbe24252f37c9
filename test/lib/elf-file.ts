/** Static executables of any size for a target: a few instructions that end the process, and filler. */
import { createCipheriv } from "node:crypto";
import { findTarget } from "../../scripts/lib/contract.ts";

/** exit(0), as machine code. */
const CODE: Record<string, string> = {
  x86_64: "31ffb83c0000000f05", // xor edi,edi; mov eax,60; syscall
  aarch64: "000080d2a80b80d2010000d4", // mov x0,#0; mov x8,#93; svc #0
  arm: "0000a0e30170a0e3000000ef", // mov r0,#0; mov r7,#1; svc #0
};
const ALIGNMENT = 64 * 1024;
/** Where the file is loaded, and where the code begins in it. */
export const BASE = 0x400000;
export const START = 256;
const [EXECUTABLE, LOAD, GNU_STACK] = [2, 1, 0x6474e551];

/**
 * An executable that the kernel runs and the gate passes, with only its relro warning.
 * @param size bytes of the whole, 512 at least
 * @param seed other seeds give other filler
 */
export function elfFile(triple: string, size: number, seed = 0): Buffer {
  const target = findTarget(triple);
  const code = Buffer.from(CODE[target?.arch ?? ""] ?? "", "hex");
  if (target === undefined || code.length === 0) throw new Error(`no code for ${triple}`);
  const { bits, machine, flags } = target.elf;
  // Filler in which compression and misplaced ranges show.
  const key = Buffer.alloc(32, seed);
  const file = createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
  file.fill(0, 0, START);
  file.write(`\x7fELF${bits === 64 ? "\x02" : "\x01"}\x01\x01`, 0, "latin1");
  let at = 16;
  const put = (width: number, ...values: number[]): void => {
    for (const value of values) {
      file.writeUIntLE(value, at, Math.min(width, 6));
      at += width;
    }
  };
  const word = bits / 8;
  const [header, entry] = bits === 64 ? [64, 56] : [52, 32];
  put(2, EXECUTABLE, machine);
  put(4, 1);
  put(word, BASE + START, header, 0);
  put(4, flags);
  put(2, header, entry, 2, bits === 64 ? 64 : 40, 0, 0);
  const segment = (type: number, rights: number, length: number, alignment: number): void => {
    const address = length === 0 ? 0 : BASE;
    put(4, type, ...(bits === 64 ? [rights] : []));
    put(word, 0, address, address, length, length);
    if (bits === 32) put(4, rights);
    put(word, alignment);
  };
  segment(LOAD, 5, size, ALIGNMENT); // R+X
  segment(GNU_STACK, 6, 0, 16); // R+W
  code.copy(file, START);
  return file;
}
