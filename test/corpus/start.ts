/** Files that the kernel or the start-up code of the C library refuses, or would, though their segments are whole. */
import { aarch64, compiled, crashes, type Entry, type Findings, NO_RELRO, NO_SECTIONS, patched } from "./entry.ts";
import { Patch, TYPES } from "./patch.ts";

const gnu = { target: "x86_64-unknown-linux-gnu" };
const RELACOUNT = 0x6ffffff9;
const [SYMTAB, PLTREL, DEBUG] = [6, 20, 21];

/** The file offset of the description of the note in PT_GNU_PROPERTY. */
const properties = (p: Patch): number => Number(p.getSegment(TYPES.PROPERTY, "offset")) + 16;
/** Moves the description of the note NT_GNU_ABI_TAG to another system. */
const abiTag = (p: Patch, system: number): Patch => {
  const at = p.bytes.indexOf(Buffer.from("040000001000000001000000474e5500", "hex"));
  return p.write(at + 16, 4, system);
};
/** How many entries of DT_RELA are of type R_X86_64_RELATIVE, which come first. */
const relative = (p: Patch): bigint => {
  const start = Number(p.getSection(p.findSection(4), "offset"));
  let count = 0;
  while (p.read(start + 24 * count + 8, 8) === 8n) count += 1;
  return BigInt(count);
};
const readable = (got: string): Findings => [["load-rights", got]];

export const START: Entry[] = [
  compiled("x-relr", [["relocation-types", "DT_RELR"]]),
  compiled("x-relr", [["recent-relocations", "DT_RELR"]], { ...gnu, name: "x-relr for glibc" }),
  patched("DT_RELR taken out", "x-relr", (p) => p.dynamic(36, 0, 0xffff).dynamic(35, 0, 0xffff), [
    ["relocations", ".relr.dyn"],
  ]),
  compiled("x-musl-relr", [["relocation-types", "DT_RELR"]]),
  compiled("x-android", [["relocation-types", "DT_ANDROID_RELA"]], crashes),
  patched("DT_ANDROID_REL", "x-bare-pie", (p) => p.dynamic(DEBUG, 0, 0x6000000f), [
    ["relocation-types", "DT_ANDROID_REL"],
  ]),
  patched("DT_ANDROID_RELR", "x-bare-pie", (p) => p.dynamic(DEBUG, 0, 0x6fffe000), [
    ["relocation-types", "DT_ANDROID_RELR"],
  ]),
  compiled("x-export-dynamic", [["relocation-types", /^DT_RELA: [0-9]+ of type 18$/]], crashes),
  compiled("x-musl-ifunc", [["relocation-types", ".rela.plt: 1 of type 37"]]),
  compiled("x-ifunc", []),
  compiled("a-ifunc", [], aarch64),
  compiled("x-v3", [["instruction-set", "x86-64-v2, x86-64-v3"]]),
  compiled("x-netbsd", [["os-abi", "NetBSD"], NO_RELRO]),
  patched("NT_GNU_ABI_TAG of the Hurd", "x-static", (p) => abiTag(p, 1), [
    ["os-abi", "the Hurd"],
    ["relocation-types", ".rela.plt: 24 of type 37"],
  ]),
  patched(
    "NT_GNU_ABI_TAG of an unknown system",
    "a-static",
    (p) => abiTag(p, 7),
    [
      ["os-abi", "system 7 of NT_GNU_ABI_TAG"],
      ["relocation-types", /^\.rela\.plt: [0-9]+ of type 1032$/],
    ],
    aarch64,
  ),
  compiled("a-bti", [], aarch64),
  patched(
    "FEATURE_1_AND of 8 bytes",
    "a-bti",
    (p) => p.write(properties(p) + 4, 4, 8),
    [["notes", /^others in bytes [0-9]+ to [0-9]+$/]],
    aarch64,
  ),
  patched(
    "another property of 8 bytes",
    "a-bti",
    (p) => p.write(properties(p), 4, 0xc0000001).write(properties(p) + 4, 4, 8),
    [],
    aarch64,
  ),
  patched(
    "code that can be run and not read",
    "x-musl",
    (p) => p.segment(TYPES.LOAD, { flags: 1 }, 1),
    readable("LOAD at 0x401000: X"),
  ),
  patched(
    "zeros that can't be written",
    "x-musl",
    (p) => p.withoutSections().segment(TYPES.LOAD, { flags: 4 }, 3),
    [["load-rights", /^LOAD at 0x406[0-9a-f]{3}: R, [0-9]+ of [0-9]+ bytes$/], NO_SECTIONS],
    crashes,
  ),
  patched(
    "p_filesz one byte into .bss",
    "x-musl",
    (p) =>
      p.segment(
        TYPES.LOAD,
        {
          filesz: p.getSection(p.findSection(8), "addr") - p.getSegment(TYPES.LOAD, "vaddr", 3) + 1n,
        },
        3,
      ),
    readable(".bss"),
  ),
  patched(
    "p_filesz up to .bss",
    "x-musl",
    (p) =>
      p.segment(
        TYPES.LOAD,
        {
          filesz: p.getSection(p.findSection(8), "addr") - p.getSegment(TYPES.LOAD, "vaddr", 3),
        },
        3,
      ),
    [],
  ),
  patched(
    "the entry in the file header",
    "x-one-page",
    (p) => p.header({ entry: 0x400000 }),
    [["entry", "0x400000"]],
    crashes,
  ),
  patched(
    "DT_RELACOUNT of one too many",
    "x-static-pie",
    (p) => p.dynamic(RELACOUNT, relative(p) + 1n),
    [["relocations", /^DT_RELACOUNT [0-9]+ of [0-9]+$/]],
    crashes,
  ),
  patched("DT_RELACOUNT of less", "x-static-pie", (p) => p.dynamic(RELACOUNT, 1), []),
  patched("DT_RELACOUNT of more than there are", "x-musl-pie", (p) => p.dynamic(RELACOUNT, 9), [
    ["relocations", "DT_RELACOUNT 9 of 8"],
  ]),
  patched(
    "DT_SYMTAB taken out",
    "x-static-pie",
    (p) => p.dynamic(SYMTAB, 0, 0xffff),
    [["relocations", "none"]],
    crashes,
  ),
  patched(
    "DT_SYMTAB outside memory",
    "x-static-pie",
    (p) => p.dynamic(SYMTAB, 1n << 40n),
    [["relocations", "none"]],
    crashes,
  ),
  patched("DT_SYMTAB of another section", "x-static-pie", (p) => p.dynamic(SYMTAB, 0x40), [["relocations", "none"]]),
  patched(
    "DT_SYMTAB taken out of a static-pie without relocations",
    "x-bare-pie",
    (p) => p.dynamic(SYMTAB, 0, 0xffff),
    [],
  ),
  patched("a DT_PLTREL of the other kind without a table", "x-bare-pie", (p) => p.dynamic(DEBUG, 17, PLTREL), [
    ["relocations", "DT_PLTREL 17"],
  ]),
  patched("a DT_PLTREL without a table", "x-bare-pie", (p) => p.dynamic(DEBUG, 7, PLTREL), []),
  patched(
    "notes padded to 4 bytes in a PT_NOTE of p_align 8",
    "x-static",
    (p) => p.segment(TYPES.NOTE, { align: 8 }, 1),
    [],
  ),
  compiled("x-many-notes", [NO_RELRO]),
  {
    name: "what mold leaves behind the last segment without section headers",
    bytes: (built) =>
      appended(built("x-bare"), "mold 2.37.1 (compatible with GNU ld)\0GCC: (Debian 14.2.0-19) 14.2.0\0"),
    findings: [NO_SECTIONS, NO_RELRO],
  },
  {
    name: "other bytes behind the last segment without section headers",
    bytes: (built) => appended(built("x-bare"), "GCC: (Debian 14.2.0-19) 14.2.0\0mold 2.37.1\0"),
    findings: [["trailing-bytes", /^an end at byte [0-9]+$/], NO_SECTIONS, NO_RELRO],
  },
  {
    name: "mold's comment behind the section headers",
    bytes: (built) => Buffer.concat([built("x-bare"), Buffer.from("mold 2.37.1\0")]),
    findings: [["trailing-bytes", /^an end at byte [0-9]+$/], NO_RELRO],
  },
];

const appended = (bytes: Buffer, rest: string): Buffer =>
  Buffer.concat([new Patch(bytes).withoutSections().bytes, Buffer.from(rest)]);
