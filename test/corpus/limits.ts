/** Files at the very limit of a rule, and one step past it. */
import { aarch64, crashes, type Entry, NO_ENTRY, NO_RELRO, NO_SECTIONS, NO_STACK, patched } from "./entry.ts";
import { Patch, TYPES } from "./patch.ts";

/** A file without sections, so that its segments can be moved alone. */
const moved =
  (fields: Parameters<Patch["segment"]>[1]) =>
  (p: Patch): Patch =>
    p.withoutSections().segment(TYPES.LOAD, fields, 3);
/** Memory that the other PT_LOADs of x-bare take. */
const others = (p: Patch): bigint => [0, 1, 2].reduce((sum, nth) => sum + p.getSegment(TYPES.LOAD, "memsz", nth), 0n);

/** Data that ends that many bytes past the last address that phones' kernels leave to it. */
function atTheEnd(patch: Patch, past: bigint): Patch {
  const bare = patch.withoutSections();
  const vaddr = 0x3fffff0000n + (bare.getSegment(TYPES.LOAD, "offset", 1) % 0x10000n);
  for (const type of [TYPES.RELRO]) bare.segment(type, { type: 0 });
  return bare.segment(TYPES.LOAD, { vaddr, memsz: 0x4000000000n - vaddr + past }, 1);
}

/** Files at the very limit of a rule, and one step past it. */
export const LIMITS: Entry[] = [
  patched("data up to the last address that is left to it", "x-bare", moved({ vaddr: 0x3ffffffff000, memsz: 0x1000 }), [
    NO_SECTIONS,
    NO_RELRO,
  ]),
  patched(
    "data one byte past the last address that is left to it",
    "x-bare",
    moved({ vaddr: 0x3ffffffff000, memsz: 0x1001 }),
    [["load-address", "LOAD at 0x3ffffffff000, 4097 bytes"], NO_SECTIONS, NO_RELRO],
  ),
  patched("1 GiB of memory", "x-bare", (p) => moved({ memsz: (1n << 30n) - others(p) })(p), [NO_SECTIONS, NO_RELRO]),
  patched("1 GiB and a byte of memory", "x-bare", (p) => moved({ memsz: (1n << 30n) - others(p) + 1n })(p), [
    ["load-size", "1073741825 bytes"],
    NO_SECTIONS,
    NO_RELRO,
  ]),
  patched("code at 64 KiB", "x-bare", (p) => low(p, 0x10000n), [NO_SECTIONS, NO_RELRO]),
  patched("code below 64 KiB", "x-bare", (p) => low(p, 0xf000n), [
    ["load-address", /^LOAD at 0xf000, [0-9]+ bytes$/],
    NO_SECTIONS,
    NO_RELRO,
  ]),
  patched("p_align of 1 GiB", "x-static-pie", (p) => p.segment(TYPES.LOAD, { align: 1n << 30n }), []),
  patched("p_align of 2 GiB", "x-static-pie", (p) => p.segment(TYPES.LOAD, { align: 1n << 31n }), [
    ["load-alignment", "LOAD at 0x0, offset 0x0, p_align 0x80000000"],
  ]),
  patched("a PT_LOAD that fills its page", "x-bare", (p) => p.segment(TYPES.LOAD, { memsz: 0x1000 }), [
    ["load-rights", /^LOAD at 0x400000: R, [0-9]+ of 4096 bytes$/],
    NO_RELRO,
  ]),
  patched(
    "a PT_LOAD without memory after the others",
    "x-bare",
    (p) => p.segment(TYPES.STACK, { type: 1, vaddr: 0x404000, memsz: 0, align: 0x1000 }),
    [NO_STACK, NO_RELRO],
  ),
  patched(
    "a PT_LOAD without memory in a page of code",
    "x-bare",
    (p) => p.segment(TYPES.STACK, { type: 1, offset: 0x1010, vaddr: 0x401010, memsz: 0, align: 0x1000 }),
    [["load-order", "LOAD at 0x401010"], NO_STACK, NO_RELRO],
  ),
  patched("PT_GNU_PROPERTY of 1 KiB", "x-static", (p) => p.segment(TYPES.PROPERTY, { filesz: 1024 }), []),
  patched("PT_GNU_PROPERTY of a byte more than 1 KiB", "x-static", (p) => p.segment(TYPES.PROPERTY, { filesz: 1025 }), [
    ["notes", "bytes 624 to 1649"],
  ]),
  patched(
    "PT_GNU_RELRO up to the end of its PT_LOAD's last page",
    "x-lld",
    (p) => p.segment(TYPES.RELRO, { memsz: pageEnd(p) - p.getSegment(TYPES.RELRO, "vaddr") }),
    [],
  ),
  patched(
    "PT_GNU_RELRO one byte past its PT_LOAD's last page",
    "x-lld",
    (p) => p.segment(TYPES.RELRO, { memsz: pageEnd(p) - p.getSegment(TYPES.RELRO, "vaddr") + 1n }),
    [["segment-loaded", /^GNU_RELRO at 0x2[0-9a-f]{5}$/]],
  ),
  patched(
    "PT_GNU_RELRO one byte past its own bytes",
    "x-static",
    (p) => p.segment(TYPES.RELRO, { memsz: p.getSegment(TYPES.RELRO, "memsz") + 1n }),
    [["segment-loaded", /^GNU_RELRO at 0x4[0-9a-f]{5}$/]],
  ),
  patched("PT_TLS as large as its sections", "x-bare", (p) => thread(p, 4), [NO_STACK, NO_RELRO]),
  patched("PT_TLS rounded up to its alignment", "x-bare", (p) => thread(p, 8), [NO_STACK, NO_RELRO]),
  patched("PT_TLS rounded up past its alignment", "x-bare", (p) => thread(p, 9), [
    ["section-loaded", "TLS at 0x403000, 4 of 9 bytes, p_align 0x8"],
    NO_STACK,
    NO_RELRO,
  ]),
  patched(
    "PT_TLS that begins inside its sections",
    "x-bare",
    (p) => thread(p, 2).segment(TYPES.TLS, { offset: 0x3002, vaddr: 0x403002, filesz: 2 }),
    [["section-loaded", "TLS at 0x403002, 2 of 2 bytes, p_align 0x8"], NO_STACK, NO_RELRO],
  ),
  patched("relocations that do not belong in memory", "x-musl-pie", (p) => p.section(comment(p), { type: 4 }), []),
  patched(
    "a section of no relocations",
    "x-musl-pie",
    (p) => p.section(comment(p), { type: 4, flags: 2, addr: 0x100, size: 0 }),
    [],
  ),
  patched(
    "a static-pie of 1 GiB of addresses",
    "x-musl-pie",
    (p) => p.segment(TYPES.LOAD, { memsz: (1n << 30n) - p.getSegment(TYPES.LOAD, "vaddr", 3) }, 3),
    [],
  ),
  patched(
    "a static-pie of 1 GiB and a byte of addresses",
    "x-musl-pie",
    (p) => p.segment(TYPES.LOAD, { memsz: (1n << 30n) - p.getSegment(TYPES.LOAD, "vaddr", 3) + 1n }, 3),
    [["load-size", "1073741825 bytes"]],
  ),
  patched(
    "an entry at the last byte of the code",
    "x-bare",
    (p) => p.withoutSections().segment(TYPES.LOAD, { filesz: 1, memsz: 1 }, 1),
    [NO_SECTIONS, NO_RELRO],
  ),
  patched(
    "an entry one byte before the code",
    "x-bare",
    (p) => p.withoutSections().header({ entry: 0x400fff }),
    [["entry", "0x400fff"], NO_SECTIONS, NO_RELRO],
    crashes,
  ),
  patched("data up to the last address on a phone", "a-bare", (p) => atTheEnd(p, 0n), [NO_SECTIONS, NO_RELRO], aarch64),
  patched(
    "data past the last address on a phone",
    "a-bare",
    (p) => atTheEnd(p, 1n),
    [["load-address", /^LOAD at 0x3ffff[0-9a-f]{5}, [0-9]+ bytes$/], NO_SECTIONS, NO_RELRO],
    aarch64,
  ),
  patched("a small p_align, and an address that does not fit a page", "x-bare", moved({ vaddr: 0x403010, align: 16 }), [
    ["load-alignment", "LOAD at 0x403010, offset 0x3000, p_align 0x10"],
    NO_SECTIONS,
    NO_RELRO,
  ]),
  patched("an address that fits a p_align of 12 KiB", "x-bare", moved({ vaddr: 0x603000, align: 0x3000 }), [
    ["load-alignment", "LOAD at 0x603000, offset 0x3000, p_align 0x3000"],
    NO_SECTIONS,
    NO_RELRO,
  ]),
  patched(
    "PT_TLS whose address does not fit its offset",
    "x-static",
    (p) => p.segment(TYPES.TLS, { align: 1n << 23n }),
    [
      ["load-alignment", /^TLS at 0x4[0-9a-f]{5}, offset 0x[0-9a-f]{5}, p_align 0x800000$/],
      ["section-loaded", /^TLS at 0x4[0-9a-f]{5}, 32 of 104 bytes, p_align 0x800000$/],
    ],
  ),
  patched("PT_TLS of zeros alone", "x-bare", (p) => p.segment(TYPES.STACK, { type: TYPES.TLS, memsz: 8, align: 8 }), [
    NO_STACK,
    NO_RELRO,
  ]),
  patched(
    "PT_TLS of one byte that is not loaded",
    "x-bare",
    (p) => p.segment(TYPES.STACK, { type: TYPES.TLS, filesz: 1, memsz: 8, align: 8 }),
    [["segment-loaded", "TLS at 0x0"], NO_STACK, NO_RELRO],
  ),
  patched(
    "PT_NULL outside the file",
    "x-static",
    (p) => p.segment(TYPES.STACK, { type: 0, offset: 1n << 40n, filesz: 1 }),
    [NO_STACK],
  ),
  patched("PT_NOTE outside the file", "x-bare", (p) => p.segment(TYPES.NOTE, { offset: 1n << 40n }), [
    ["segment-bounds", "NOTE bytes 1099511627776 to 1099511627812"],
    ["notes", "bytes 1099511627776 to 1099511627812"],
    NO_RELRO,
  ]),
  patched("an empty section outside the file", "x-bare", (p) => p.section(5, { offset: 1n << 40n, size: 0 }), [
    NO_RELRO,
  ]),
  patched(
    "an empty section that belongs in memory and is not there",
    "x-bare",
    (p) => p.section(4, { addr: 0, size: 0 }),
    [NO_RELRO],
  ),
  patched(
    "a section up to the last byte",
    "x-bare",
    (p) => p.section(5, { size: BigInt(p.bytes.length) - p.getSection(5, "offset") }),
    [NO_RELRO],
  ),
  patched(
    "a section one byte past the last",
    "x-bare",
    (p) => p.section(5, { size: BigInt(p.bytes.length) - p.getSection(5, "offset") + 1n }),
    [["section-bounds", /^\.comment bytes 12292 to [0-9]+$/], NO_RELRO],
  ),
  {
    name: "a section as the last part of a file",
    bytes: (built) => {
      const more = new Patch(Buffer.concat([built("x-bare"), Buffer.alloc(16)]));
      return more.section(5, { offset: more.bytes.length - 16, size: 16 }).bytes;
    },
    findings: [NO_RELRO],
  },
  patched(
    "a nameless section outside the file",
    "x-bare",
    (p) => p.header({ shstrndx: 0 }).section(5, { offset: 1n << 40n }),
    [["section-bounds", "PROGBITS bytes 1099511627776 to 1099511627815"], NO_RELRO],
  ),
  patched(
    "a nameless section that is not loaded",
    "x-bare",
    (p) => p.header({ shstrndx: 0 }).section(4, { addr: 0x10000 }),
    [["section-loaded", "PROGBITS"], NO_RELRO],
  ),
  patched(
    "a nameless dynamic section without PT_DYNAMIC",
    "x-bare-pie",
    (p) => p.header({ shstrndx: 0 }).segment(TYPES.DYNAMIC, { type: 0 }),
    [
      ["type", "ET_DYN without DF_1_PIE"],
      ["dynamic", /^a section bytes [0-9]+ to [0-9]+ without one$/],
    ],
  ),
  patched(
    "a .dynamic of another size than PT_DYNAMIC",
    "x-bare-pie",
    (p) => p.section(p.findSection(6), { size: 16 }),
    [["dynamic", /^\.dynamic bytes [0-9]+ to [0-9]+ without one$/]],
  ),
  patched(
    "code without X",
    "x-musl",
    (p) => p.segment(TYPES.LOAD, { flags: 4 }, 1),
    [
      ["entry", /^0x401[0-9a-f]{3}$/],
      ["section-loaded", ".init, .text, .fini"],
    ],
    crashes,
  ),
  patched(".bss before its segment", "x-musl", (p) => p.section(p.findSection(8), { addr: 0x401000 }), [
    ["load-rights", ".bss"],
    ["section-loaded", ".bss"],
  ]),
  patched(
    "a header table that the first PT_LOAD begins with",
    "x-bare",
    (p) =>
      p.withoutSections().segment(TYPES.LOAD, { offset: 64, vaddr: 0x400040, filesz: 0x1b4 - 64, memsz: 0x1b4 - 64 }),
    [NO_SECTIONS, NO_RELRO],
  ),
  patched(
    "a header table that the first PT_LOAD cuts off",
    "x-bare",
    (p) => p.withoutSections().segment(TYPES.LOAD, { filesz: 0x100, memsz: 0x100 }),
    [["headers-loaded", /^bytes 64 to [0-9]+$/], NO_SECTIONS, NO_RELRO],
  ),
  patched(
    "headers that can be run and not read",
    "x-bare",
    (p) => p.withoutSections().segment(TYPES.LOAD, { flags: 1 }),
    [["load-rights", "LOAD at 0x400000: X"], NO_SECTIONS, NO_RELRO],
  ),
  patched(
    "entry 0 where there is code",
    "x-bare-pie",
    (p) => p.segment(TYPES.LOAD, { flags: 5 }).header({ entry: 0 }),
    [NO_ENTRY],
  ),
  patched("ET_REL with DF_1_PIE", "x-bare-pie", (p) => p.header({ type: 1 }), [["type", "ET_REL"]]),
  patched("DT_TEXTREL", "x-bare-pie", (p) => p.dynamic(21, 0, 22), [["text-relocations", "DT_TEXTREL"]]),
  patched("DT_REL without a size", "x-bare-pie", (p) => p.dynamic(21, 0x1000, 17), [
    ["relocations", "DT_REL"],
    ["relocations", "DT_RELENT missing"],
  ]),
  patched("DT_RELRSZ without a table", "x-bare-pie", (p) => p.dynamic(21, 8, 35), [["relocations", "DT_RELR"]]),
  patched("DT_RELR outside memory", "x-bare-pie", (p) => p.dynamic(21, 1n << 40n, 36).dynamic(0x6ffffef5, 1, 35), [
    ["relocations", "DT_RELR"],
    ["relocations", "DT_RELRENT missing"],
    ["relocation-types", "DT_RELR"],
  ]),
  patched(
    "an empty table of relocations outside memory",
    "x-bare-pie",
    (p) =>
      p
        .dynamic(21, 1n << 40n, 36)
        .dynamic(0x6ffffef5, 0, 35)
        .dynamic(11, 8, 37),
    [],
  ),
  patched(
    "PT_LOADs in pages of their own that claim to be larger",
    "x-bare",
    (p) => [0, 1, 2, 3].reduce((q, nth) => q.segment(TYPES.LOAD, { align: 0x200000 }, nth), p),
    [NO_RELRO],
  ),
  patched(
    "PT_TLS of single bytes",
    "x-bare",
    (p) => p.segment(TYPES.STACK, { type: TYPES.TLS, vaddr: 0x400001, memsz: 8, align: 1 }),
    [NO_STACK, NO_RELRO],
  ),
  patched(".bss past its segment", "x-musl", (p) => p.section(p.findSection(8), { size: 0x10000 }), [
    ["section-loaded", ".bss"],
  ]),
  patched(".bss outside the file", "x-musl", (p) => p.section(p.findSection(8), { offset: 1n << 40n }), []),
  patched("section 0 with a size", "x-bare", (p) => p.section(0, { size: 1n << 40n }), [NO_RELRO]),
  {
    name: "trailing bytes after malformed notes",
    bytes: (built) => new Patch(Buffer.concat([built("x-bare-pie"), Buffer.alloc(1)])).write(0x238 + 4, 4, 0x15).bytes,
    findings: [
      ["notes", "others in bytes 568 to 604"],
      ["trailing-bytes", /^an end at byte [0-9]+$/],
    ],
  },
];

/** Makes thread-local storage of the data of x-bare, which are 4 bytes: aligned to 8, with so much memory. */
const thread = (patch: Patch, memsz: number): Patch =>
  patch
    .section(4, { flags: 0x403, addralign: 8 })
    .segment(TYPES.STACK, { type: TYPES.TLS, offset: 0x3000, vaddr: 0x403000, filesz: 4, memsz, align: 8 });

/** The index of .comment, the last section but that of the names. */
const comment = (patch: Patch): number => Number(patch.get("shnum")) - 2;

/** Where the last page of the PT_LOAD ends that PT_GNU_RELRO is in. */
const pageEnd = (patch: Patch): bigint =>
  ((patch.getSegment(TYPES.LOAD, "vaddr", 2) + patch.getSegment(TYPES.LOAD, "memsz", 2)) | 0xfffn) + 1n;

/** Moves all of a file's memory image, so that it begins at an address. */
function low(patch: Patch, address: bigint): Patch {
  const bare = patch.withoutSections().header({ entry: address + 0x1000n });
  for (let nth = 0; nth < 4; nth++) bare.segment(TYPES.LOAD, { vaddr: address + BigInt(nth) * 0x1000n }, nth);
  return bare;
}
