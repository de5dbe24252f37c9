/** Static executables of any size for either release target: a few instructions that end the process, and filler. */
import { createCipheriv } from "node:crypto";
import { findTarget } from "../../scripts/lib/contract.ts";

/** exit(0), as machine code. */
const CODE: Record<string, string> = {
  x86_64: "31ffb83c0000000f05", // xor edi,edi; mov eax,60; syscall
  aarch64: "000080d2a80b80d2010000d4", // mov x0,#0; mov x8,#93; svc #0
};
const ALIGNMENT = 64 * 1024;
const BASE = 0x400000;

/**
 * An executable that the kernel runs and the gate passes, with only its relro warning.
 * @param size bytes of the whole, 512 at least
 * @param seed other seeds give other filler
 */
export function elfFile(triple: string, size: number, seed = 0): Buffer {
  const target = findTarget(triple);
  const code = Buffer.from(CODE[target?.arch ?? ""] ?? "", "hex");
  if (target === undefined || code.length === 0) throw new Error(`no code for ${triple}`);
  // Filler in which compression and misplaced ranges show.
  const key = Buffer.alloc(32, seed);
  const file = createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
  const start = 256;
  file.fill(0, 0, start);
  file.write("\x7fELF\x02\x01\x01", 0, "latin1");
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(target.elf.machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(BASE + start), 24);
  file.writeBigUInt64LE(64n, 32); // program headers
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  file.writeUInt16LE(64, 58);
  const segment = (at: number, type: number, flags: number, length: number, alignment: number): void => {
    file.writeUInt32LE(type, at);
    file.writeUInt32LE(flags, at + 4);
    const address = BigInt(length === 0 ? 0 : BASE);
    file.writeBigUInt64LE(address, at + 16);
    file.writeBigUInt64LE(address, at + 24);
    file.writeBigUInt64LE(BigInt(length), at + 32);
    file.writeBigUInt64LE(BigInt(length), at + 40);
    file.writeBigUInt64LE(BigInt(alignment), at + 48);
  };
  segment(64, 1, 5, size, ALIGNMENT); // PT_LOAD, R+X
  segment(120, 0x6474e551, 6, 0, 16); // PT_GNU_STACK, R+W
  code.copy(file, start);
  return file;
}
