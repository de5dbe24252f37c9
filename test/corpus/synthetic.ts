/** Files that no linker makes: counts past 16 bits, tables past every limit. */
import { type Entry, NO_SECTIONS } from "./entry.ts";
import { Patch } from "./patch.ts";

const HEADER = 64;
const SEGMENT = 56;
const SECTION = 64;

interface Shape {
  segments: number;
  sections: number;
  /** e_phnum, e_shnum and e_shstrndx as written, when not the true counts. */
  phnum?: number;
  shnum?: number;
}

/** A 64-bit little-endian file that has nothing but its tables; section header 0 has the counts. */
export function tables({ segments, sections, phnum = segments, shnum = sections }: Shape): Patch {
  const shoff = HEADER + segments * SEGMENT;
  const bytes = Buffer.alloc(shoff + sections * SECTION);
  bytes.write("\x7fELF\x02\x01\x01", "latin1");
  const patch = new Patch(bytes).header({
    type: 2,
    machine: 62,
    version: 1,
    ehsize: HEADER,
    phoff: HEADER,
    phentsize: SEGMENT,
    phnum,
    shoff: sections === 0 ? 0 : shoff,
    shentsize: SECTION,
    shnum,
  });
  return sections === 0 ? patch : patch.section(0, { size: sections, info: segments });
}

const ABSENT = [
  ["load", "none"],
  ["entry", "0x0"],
] as const;
const RIGHTS = [
  ["stack-rights", "none"],
  ["relro", "none"],
] as const;
const EMPTY = [...ABSENT, ...RIGHTS];
const WITHOUT_SECTIONS = [...ABSENT, NO_SECTIONS, ...RIGHTS];

export const synthetic = (): Entry[] => [
  {
    name: "a file header and nothing else",
    bytes: () => tables({ segments: 0, sections: 0 }).bytes,
    findings: WITHOUT_SECTIONS,
  },
  {
    name: "e_shnum in section header 0",
    bytes: () => tables({ segments: 0, sections: 70_000, shnum: 0 }).bytes,
    findings: EMPTY,
  },
  {
    name: "e_phnum in section header 0",
    bytes: () => tables({ segments: 70_000, sections: 1, phnum: 0xffff }).bytes,
    findings: [["program-headers", "70000 entries of 56 bytes"], ...EMPTY],
  },
  {
    name: "one program header more than old kernels read",
    bytes: () => tables({ segments: 74, sections: 0 }).bytes,
    findings: [["program-headers", "74 entries of 56 bytes"], ...WITHOUT_SECTIONS],
  },
  {
    name: "as many program headers as old kernels read",
    bytes: () => tables({ segments: 73, sections: 0 }).bytes,
    findings: WITHOUT_SECTIONS,
  },
  {
    name: "more program headers than are read",
    bytes: () => tables({ segments: 150_000, sections: 1, phnum: 0xffff }).bytes,
    findings: [["program-headers", "150000"], ...EMPTY],
  },
  {
    name: "more sections than are read",
    bytes: () => tables({ segments: 0, sections: 131_073, shnum: 0 }).bytes,
    findings: [["section-headers", "131073"], ...EMPTY],
  },
  {
    name: "70,000 segments to compare with 70,000 sections",
    bytes: () => {
      const patch = tables({ segments: 70_000, sections: 70_000, phnum: 0xffff, shnum: 0 });
      for (let i = 0; i < 70_000; i++) patch.write(HEADER + i * SEGMENT, 4, [1, 2, 7, 6][i % 4] ?? 0);
      for (let i = 1; i < 70_000; i++) patch.section(i, { type: 1, flags: 2, size: 1 });
      return patch.bytes;
    },
    findings: [
      ["program-headers", "70000 entries of 56 bytes"],
      ["load-rights", /^LOAD at 0x0: no right at all, .* and 29 more$/],
      ["load-alignment", /^TLS at 0x0, .* and [0-9]+ more$/],
      ["load-address", /^LOAD at 0x0, .* and [0-9]+ more$/],
      ["entry", "0x0"],
      ["headers-loaded", "bytes 64 to 3920064"],
      ["headers-loaded", /^PHDR at 0x0, .* and [0-9]+ more$/],
      ["segment-loaded", /^TLS at 0x0, .* and 28 more$/],
      ["section-loaded", /^PROGBITS, PROGBITS, PROGBITS and 69996 more$/],
      ["dynamic", "0 entries without one"],
      ["dynamic", /^DYNAMIC at 0x0, /],
      ["stack-rights", "none"],
      ["relro", "none"],
    ],
  },
  {
    name: "2^32 - 1 program headers claimed",
    bytes: () => tables({ segments: 0, sections: 1, phnum: 0xffff }).section(0, { info: 0xffffffff }).bytes,
    findings: [["program-headers", "bytes 64 to 240518168584"], ...EMPTY],
  },
];
