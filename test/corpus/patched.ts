/** Files of which a few fields were changed, on purpose, by a tool or by a broken disk. */
import {
  aarch64,
  crashes,
  type Entry,
  NEEDS_LIBC,
  NO_ENTRY,
  NO_RELRO,
  NO_SECTIONS,
  NO_STACK,
  patched,
} from "./entry.ts";
import { Patch, TYPES } from "./patch.ts";

export const PATCHED: Entry[] = [
  patched("EI_CLASS 0", "x-static", (p) => p.header({ class: 0 }), [["elf-header", "EI_CLASS 0, EI_DATA 1"]]),
  patched("EI_DATA 3", "x-static", (p) => p.header({ data: 3 }), [["elf-header", "EI_CLASS 2, EI_DATA 3"]]),
  patched("EI_VERSION 0", "x-static", (p) => p.header({ identVersion: 0 }), [["elf-header", "0"]]),
  patched("e_version 2", "x-static", (p) => p.header({ version: 2 }), [["elf-header", "2"]]),
  patched("e_ehsize 52", "x-static", (p) => p.header({ ehsize: 52 }), [["elf-header", "52"]]),
  patched("EI_OSABI of FreeBSD", "x-static", (p) => p.header({ osabi: 9 }), [["os-abi", "9"]]),
  patched("EI_OSABI of GNU", "x-static", (p) => p.header({ osabi: 3 }), []),
  patched("EI_OSABI of SYSV", "x-static", (p) => p.header({ osabi: 0 }), []),
  patched("a wrong e_machine", "x-static", (p) => p.header({ machine: 243 }), [["machine", "riscv"]]),
  patched("e_machine 0", "x-static", (p) => p.header({ machine: 0 }), [["machine", "machine 0"]]),
  patched("ET_CORE", "x-static", (p) => p.header({ type: 4 }), [["type", "ET_CORE"]]),
  patched("ET_NONE", "x-static", (p) => p.header({ type: 0 }), [["type", "ET_NONE"]]),
  patched("an ET_EXEC that says ET_DYN", "x-static", (p) => p.header({ type: 3 }), [
    ["type", "ET_DYN without DF_1_PIE"],
    ["relocations", ".rela.plt"],
  ]),
  patched("a static-pie that says ET_EXEC", "x-static-pie", (p) => p.header({ type: 2 }), [
    ["load-address", /^LOAD at 0x0, [0-9]+ bytes, LOAD at 0x9000, [0-9]+ bytes$/],
    ["relocation-types", /^\.rela\.dyn: [0-9]+ of type 8$/],
  ]),
  patched("a static-pie without DF_1_PIE", "x-static-pie", (p) => p.dynamic(0x6ffffffb, 1), [
    ["type", "ET_DYN without DF_1_PIE"],
  ]),
  patched("a static-pie without DT_FLAGS_1", "x-bare-pie", (p) => p.dynamic(0x6ffffffb, 0, 21), [
    ["type", "ET_DYN without DF_1_PIE"],
  ]),
  patched("entry 0", "x-static", (p) => p.header({ entry: 0 }), [NO_ENTRY], crashes),
  patched("an entry outside memory", "x-static", (p) => p.header({ entry: 0x10 }), [["entry", "0x10"]], crashes),
  patched("an entry in what is not executable", "x-bare", (p) => p.header({ entry: 0x400000 }), [
    ["entry", "0x400000"],
    NO_RELRO,
  ]),
  patched(
    "an entry one byte past the code",
    "x-bare",
    (p) => p.header({ entry: 0x401000n + p.getSegment(TYPES.LOAD, "filesz", 1) }),
    [["entry", /^0x4010[0-9a-f]{2}$/], NO_RELRO],
    crashes,
  ),
  patched(
    "an odd entry on aarch64",
    "a-static",
    (p) => p.header({ entry: p.get("entry") + 2n }),
    [["entry", /^0x4[0-9a-f]{4}2$/]],
    aarch64,
  ),
  patched("PT_INTERP taken out", "x-dynamic", (p) => p.segment(TYPES.INTERP, { type: 0 }), [
    ["interpreter", "one, but no PT_INTERP"],
    ["needed", '"libc.so.6"'],
  ]),
  patched("PT_DYNAMIC taken out", "x-dynamic", (p) => p.segment(TYPES.DYNAMIC, { type: 0 }), [
    ["interpreter", '"/lib64/ld-linux-x86-64.so.2"'],
    ["dynamic", /^\.dynamic bytes [0-9]+ to [0-9]+ without one$/],
  ]),
  patched(
    "PT_INTERP and PT_DYNAMIC taken out",
    "x-dynamic",
    (p) => p.segment(TYPES.INTERP, { type: 0 }).segment(TYPES.DYNAMIC, { type: 0 }),
    [
      ["interpreter", "one, but no PT_INTERP"],
      ["dynamic", /^\.dynamic bytes [0-9]+ to [0-9]+ without one$/],
      ["relocation-types", ".rela.dyn: 2 of type 6, .rela.plt: 1 of type 7"],
    ],
    crashes,
  ),
  patched(
    "PT_INTERP and PT_DYNAMIC taken out of a PIE",
    "x-dynamic-pie",
    (p) => p.segment(TYPES.INTERP, { type: 0 }).segment(TYPES.DYNAMIC, { type: 0 }),
    [
      ["type", "ET_DYN without DF_1_PIE"],
      ["interpreter", "one, but no PT_INTERP"],
      ["dynamic", /^\.dynamic bytes [0-9]+ to [0-9]+ without one$/],
      ["relocations", ".rela.dyn, .rela.plt"],
    ],
    crashes,
  ),
  patched("an interpreter outside the file", "x-dynamic", (p) => p.segment(TYPES.INTERP, { offset: 1n << 40n }), [
    ["interpreter", '""'],
    ["needed", '"libc.so.6"'],
    ["segment-bounds", "INTERP bytes 1099511627776 to 1099511627804"],
  ]),
  patched("no PT_LOAD", "x-bare", (p) => [0, 0, 0, 0].reduce((q) => q.segment(TYPES.LOAD, { type: 0 }), p), [
    ["load", "none"],
    ["entry", "0x401000"],
    NO_RELRO,
  ]),
  patched("no program header", "x-bare", (p) => p.header({ phnum: 0 }), [
    ["load", "none"],
    ["entry", "0x401000"],
    NO_STACK,
    NO_RELRO,
  ]),
  patched("e_phentsize 0", "x-bare", (p) => p.header({ phentsize: 0 }), [
    ["program-headers", "entries of 0 bytes"],
    ["load", "none"],
    ["entry", "0x401000"],
    NO_STACK,
    NO_RELRO,
  ]),
  patched("e_phoff at the end of the numbers", "x-bare", (p) => p.header({ phoff: -1n }), [
    ["program-headers", /^bytes 18446744073709551615 to [0-9]+$/],
    ["load", "none"],
    ["entry", "0x401000"],
    NO_STACK,
    NO_RELRO,
  ]),
  patched("e_phnum of PN_XNUM", "x-static", (p) => p.header({ phnum: 0xffff }), [
    ["program-headers", /^bytes 64 to 3670024$/],
    ["load", "none"],
    ["entry", /^0x/],
    NO_STACK,
    NO_RELRO,
  ]),
  patched(
    "e_phnum of PN_XNUM, and the true count in section header 0",
    "x-musl",
    (p) => p.section(0, { info: p.get("phnum") }).header({ phnum: 0xffff }),
    [["program-headers", "65535 entries of 56 bytes"]],
    crashes,
  ),
  patched("e_shentsize 0", "x-static", (p) => p.header({ shentsize: 0 }), [["section-headers", "entries of 0 bytes"]]),
  patched("e_shoff outside the file", "x-static", (p) => p.header({ shoff: 1n << 63n }), [
    ["section-headers", /^bytes 9223372036854775808 to /],
  ]),
  patched("e_shoff 0", "x-static", (p) => p.header({ shoff: 0 }), [["section-headers", "0"]]),
  patched("e_shnum one too many", "x-static", (p) => p.header({ shnum: p.get("shnum") + 1n }), [
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
  ]),
  patched(
    "e_shnum 0 and a count past every file",
    "x-static",
    (p) => p.section(0, { size: (1n << 64n) - 1n }).header({ shnum: 0 }),
    [["section-headers", /^bytes [0-9]+ to 11805916207[0-9]+$/]],
  ),
  patched("e_shstrndx past the sections", "x-static", (p) => p.header({ shstrndx: 200 }), [
    ["section-headers", "section 200"],
  ]),
  patched("e_shstrndx of code", "x-static", (p) => p.header({ shstrndx: 5 }), [["section-headers", "section 5"]]),
  patched("a section outside the file", "x-static", (p) => p.section(5, { offset: 1n << 33n }), [
    ["section-bounds", /^\.init bytes 8589934592 to [0-9]+$/],
    ["section-loaded", ".init"],
  ]),
  patched("without section headers", "x-static", (p) => p.withoutSections(), [NO_SECTIONS]),
  patched("without section headers, a static-pie", "x-static-pie", (p) => p.withoutSections(), [NO_SECTIONS]),
  patched("a dynamic PIE without section headers", "x-dynamic-pie", (p) => p.withoutSections(), [
    ...NEEDS_LIBC,
    NO_SECTIONS,
  ]),
  patched(
    "PT_LOAD outside the file",
    "x-static",
    (p) => p.segment(TYPES.LOAD, { filesz: 1n << 35n, memsz: 1n << 35n }, 3),
    [
      ["segment-bounds", /^LOAD bytes [0-9]+ to 343[0-9]+$/],
      ["load-size", /^343[0-9]{8} bytes$/],
      ["load-rights", ".bss, __libc_freeres_ptrs"],
    ],
  ),
  patched(
    "p_offset and p_filesz that add up past 64 bits",
    "x-static",
    (p) => p.segment(TYPES.STACK, { offset: -16n, filesz: 32 }),
    [["segment-bounds", "GNU_STACK bytes 18446744073709551600 to 18446744073709551632"]],
  ),
  patched("p_filesz above p_memsz", "x-static", (p) => p.segment(TYPES.LOAD, { memsz: 0x10 }, 3), [
    ["load-size", /^LOAD at 0x[0-9a-f]+: [0-9]+ of 16 bytes$/],
    ["section-loaded", ".bss, __libc_freeres_ptrs"],
    ["relocation-types", ".rela.plt: 24"],
  ]),
  patched(
    "a static-pie whose data is 128 GiB away",
    "x-bare-pie",
    (p) => moveLast(p.withoutSections(), 1n << 37n).segment(TYPES.LOAD, { flags: 6 }),
    [["load-size", /^1374389[0-9]{5} bytes$/], NO_SECTIONS],
    crashes,
  ),
  patched("PT_TLS larger in the file", "x-static", (p) => p.segment(TYPES.TLS, { memsz: 1 }), [
    ["load-size", /^TLS at 0x[0-9a-f]+: [0-9]+ of 1 bytes$/],
    ["section-loaded", /^TLS at 0x[0-9a-f]+, 32 of 1 bytes, p_align 0x8$/],
  ]),
  patched(
    "bss of 8 TiB",
    "x-static",
    (p) => p.segment(TYPES.LOAD, { memsz: 1n << 43n }, 3),
    [["load-size", /^87960[0-9]+ bytes$/]],
    crashes,
  ),
  patched(
    "thread-local storage of 8 TiB",
    "x-static",
    (p) => p.segment(TYPES.TLS, { memsz: 1n << 43n }),
    [
      ["load-size", /^87960[0-9]+ bytes$/],
      ["section-loaded", /^TLS at 0x[0-9a-f]+, 32 of 8796093022208 bytes, p_align 0x8$/],
    ],
    crashes,
  ),
  patched(
    "PT_TLS with an odd alignment",
    "x-musl",
    (p) => p.segment(TYPES.TLS, { align: 0xff04 }),
    [
      ["load-alignment", /^TLS at 0x406[0-9a-f]{3}, offset 0x5[0-9a-f]{3}, p_align 0xff04$/],
      ["section-loaded", /^TLS at 0x406[0-9a-f]{3}, 4 of 4 bytes, p_align 0xff04$/],
    ],
    crashes,
  ),
  patched(
    "PT_TLS without an alignment",
    "x-musl",
    (p) => p.segment(TYPES.TLS, { align: 0 }),
    [
      ["load-alignment", /^TLS at 0x406[0-9a-f]{3}, offset 0x5[0-9a-f]{3}, p_align 0x0$/],
      ["section-loaded", /^TLS at 0x406[0-9a-f]{3}, 4 of 4 bytes, p_align 0x0$/],
    ],
    crashes,
  ),
  patched(
    "PT_GNU_RELRO over the variables",
    "x-static-pie",
    (p) => {
      const of = (field: "vaddr" | "filesz" | "memsz"): bigint => p.getSegment(TYPES.LOAD, field, 3);
      const skipped = p.getSegment(TYPES.RELRO, "vaddr") - of("vaddr");
      return p.segment(TYPES.RELRO, { filesz: of("filesz") - skipped, memsz: of("memsz") - skipped });
    },
    [["section-loaded", ".data, .bss"]],
    crashes,
  ),
  patched(
    "PT_TLS taken out",
    "x-musl",
    (p) => p.segment(TYPES.TLS, { type: 0 }),
    [["section-loaded", ".tdata"]],
    crashes,
  ),
  patched(
    "the PT_LOAD of constants taken out",
    "x-musl",
    (p) => p.segment(TYPES.LOAD, { type: 0 }, 2),
    [["section-loaded", /^\.rodata, \.eh_frame$/]],
    crashes,
  ),
  patched(
    "data without W",
    "x-musl",
    (p) => p.segment(TYPES.LOAD, { flags: 4 }, 3),
    [
      ["load-rights", /^LOAD at 0x406[0-9a-f]{3}: R, [0-9]+ of [0-9]+ bytes$/],
      ["section-loaded", /^\.tdata, \.init_array, \.fini_array and [0-9] more$/],
    ],
    crashes,
  ),
  patched(
    "a PT_LOAD that ends too early in the file",
    "x-musl-pie",
    (p) => p.segment(TYPES.LOAD, { filesz: p.getSegment(TYPES.LOAD, "filesz", 3) - 0x40n }, 3),
    [["section-loaded", /^\.[a-z.]+$/]],
  ),
  patched(
    "DT_RELA outside memory",
    "x-musl-pie",
    (p) => p.dynamic(7, 0x2000000250n),
    [
      ["relocations", "DT_RELA"],
      ["relocations", ".rela.dyn"],
    ],
    crashes,
  ),
  patched(
    "DT_RELA taken out",
    "x-musl-pie",
    (p) => p.dynamic(7, 0x250, 0xffff),
    [
      ["relocations", "DT_RELA"],
      ["relocations", ".rela.dyn"],
    ],
    crashes,
  ),
  patched(
    "DT_RELASZ past the end of memory",
    "x-musl-pie",
    (p) => p.dynamic(8, 1n << 40n),
    [["relocations", "DT_RELA"]],
    crashes,
  ),
  patched(
    "DT_RELAENT of another size",
    "x-static-pie",
    (p) => p.dynamic(9, 16),
    [["relocations", "DT_RELAENT 16"]],
    crashes,
  ),
  patched(
    "DT_RELAENT taken out",
    "x-static-pie",
    (p) => p.dynamic(9, 24, 4),
    [["relocations", "DT_RELAENT missing"]],
    crashes,
  ),
  patched(
    "DT_PLTREL of the other kind",
    "x-static-pie",
    (p) => p.dynamic(20, 17),
    [["relocations", "DT_PLTREL 17"]],
    crashes,
  ),
  patched(
    "DT_RELA one entry too late",
    "x-musl-pie",
    (p) =>
      p
        .dynamic(7, p.getSection(p.findSection(4), "addr") + 24n)
        .dynamic(8, p.getSection(p.findSection(4), "size") - 24n),
    [
      ["relocations", "DT_RELA"],
      ["relocations", ".rela.dyn"],
      ["relocations", "DT_RELACOUNT 8 of 7"],
    ],
  ),
  patched(
    "DT_RELASZ of one entry less",
    "x-musl-pie",
    (p) => p.dynamic(8, p.getSection(p.findSection(4), "size") - 24n),
    [
      ["relocations", "DT_RELA"],
      ["relocations", ".rela.dyn"],
      ["relocations", "DT_RELACOUNT 8 of 7"],
    ],
  ),
  patched("DT_JMPREL without a size", "x-static-pie", (p) => p.dynamic(2, 0, 21), [
    ["relocations", "DT_JMPREL"],
    ["relocations", ".rela.plt"],
  ]),
  patched(
    "DT_NULL before the tables of relocations",
    "x-musl-pie",
    (p) => p.dynamic(7, 0, 0),
    [
      ["type", "ET_DYN without DF_1_PIE"],
      ["relocations", ".rela.dyn"],
    ],
    crashes,
  ),
  patched("DT_RELASZ of 0", "x-musl-pie", (p) => p.dynamic(8, 0), [["relocations", ".rela.dyn"]], crashes),
  patched(
    "DT_RELASZ of one entry more",
    "x-musl-pie",
    (p) => p.dynamic(8, p.getSection(p.findSection(4), "size") + 24n),
    [["relocations", "DT_RELA"]],
  ),
  // What mutations of real files found.
  {
    name: "trailing bytes behind an empty section that claims to be there",
    bytes: (built) => {
      const more = new Patch(Buffer.concat([built("x-bare"), Buffer.alloc(16)]));
      return more.section(1, { offset: more.bytes.length, size: 0, flags: 0 }).bytes;
    },
    findings: [["trailing-bytes", /^an end at byte [0-9]+$/], NO_RELRO],
  },
  {
    name: "trailing bytes behind a PT_NULL that claims them",
    bytes: (built) => {
      const more = new Patch(Buffer.concat([built("x-bare"), Buffer.alloc(16)]));
      return more.segment(TYPES.STACK, { type: 0, offset: more.bytes.length - 16, filesz: 16 }).bytes;
    },
    findings: [["trailing-bytes", /^an end at byte [0-9]+$/], NO_STACK, NO_RELRO],
  },
  {
    name: "trailing bytes before a table of no sections",
    bytes: (built) => {
      const more = new Patch(Buffer.concat([new Patch(built("x-bare")).withoutSections().bytes, Buffer.alloc(64)]));
      return more.header({ shoff: more.bytes.length - 64, shentsize: 64 }).bytes;
    },
    findings: [["trailing-bytes", /^an end at byte [0-9]+$/], NO_SECTIONS, NO_RELRO],
  },
  patched("p_align that is no power of two", "x-static", (p) => p.segment(TYPES.LOAD, { align: 0x3000 }), [
    ["load-alignment", "LOAD at 0x400000, offset 0x0, p_align 0x3000"],
  ]),
  patched("p_align of 2^40", "x-static-pie", (p) => p.segment(TYPES.LOAD, { align: 1n << 40n }), [
    ["load-alignment", "LOAD at 0x0, offset 0x0, p_align 0x10000000000"],
  ]),
  patched("p_align of 0", "x-static", (p) => p.segment(TYPES.LOAD, { align: 0 }), []),
  patched("an address that does not fit its offset", "x-static", (p) => p.segment(TYPES.LOAD, { vaddr: 0x400800n }), [
    ["load-alignment", /^LOAD at 0x400800, /],
    ["section-loaded", /^\.note\.gnu\.property, .* and [0-9]+ more$/],
  ]),
  patched(
    "4 KiB claimed on aarch64",
    "a-static",
    (p) => p.segment(TYPES.LOAD, { align: 0x1000 }),
    [["page-size", "LOAD at 0x400000: 0x1000"]],
    aarch64,
  ),
  patched(
    "64 KiB claimed for a layout of 4 KiB",
    "a-4k-pages",
    (p) => p.segment(TYPES.LOAD, { align: 0x10000 }).segment(TYPES.LOAD, { align: 0x10000 }, 1),
    [
      ["load-alignment", /^LOAD at 0x4[0-9a-f]{5}, offset 0x[0-9a-f]+, p_align 0x10000$/],
      ["load-order", /^LOAD at 0x4[0-9a-f]{5}$/],
    ],
    aarch64,
  ),
  patched("PT_LOADs in descending order", "x-bare", (p) => swapSegments(p, 0, 1), [
    ["load-order", "LOAD at 0x400000"],
    ["headers-loaded", /^bytes 64 to [0-9]+$/],
    NO_RELRO,
  ]),
  patched("two PT_LOADs in one page", "x-bare", (p) => p.segment(TYPES.LOAD, { memsz: 0x1001 }), [
    ["load-rights", /^LOAD at 0x400000: R, [0-9]+ of 4097 bytes$/],
    ["load-order", "LOAD at 0x401000"],
    NO_RELRO,
  ]),
  patched(
    "headers that may not be read",
    "x-musl",
    (p) => p.segment(TYPES.LOAD, { flags: 0 }),
    [["load-rights", "LOAD at 0x400000: no right at all"]],
    crashes,
  ),
  patched("PT_PHDR of another table", "x-dynamic", (p) => p.segment(TYPES.PHDR, { offset: 0, vaddr: 0x400000 }), [
    ...NEEDS_LIBC,
    ["headers-loaded", "PHDR at 0x400000"],
  ]),
  patched("PT_TLS outside every PT_LOAD", "x-static", (p) => p.segment(TYPES.TLS, { vaddr: 0x10000 }), [
    ["segment-loaded", "TLS at 0x10000"],
    ["section-loaded", /^TLS at 0x10000, 32 of 104 bytes, p_align 0x8$/],
  ]),
  patched(
    "a second PT_TLS",
    "x-musl",
    (p) => p.segment(TYPES.STACK, { type: TYPES.TLS, offset: 0, vaddr: 0x400000, filesz: 0, memsz: 64, align: 1 }),
    [
      ["segment-loaded", "TLS at 0x400000"],
      ["section-loaded", "TLS at 0x400000, 0 of 64 bytes, p_align 0x1"],
      NO_STACK,
    ],
    crashes,
  ),
  patched(
    "PT_TLS of more memory than its sections",
    "x-musl",
    (p) => p.segment(TYPES.TLS, { memsz: 0x44 }),
    [["section-loaded", /^TLS at 0x406[0-9a-f]{3}, 4 of 68 bytes, p_align 0x4$/]],
    crashes,
  ),
  patched(
    "PT_TLS of another alignment than its sections",
    "x-musl",
    (p) => p.segment(TYPES.TLS, { align: 0x1000 }),
    [["section-loaded", /^TLS at 0x406[0-9a-f]{3}, 4 of 4 bytes, p_align 0x1000$/]],
    crashes,
  ),
  patched("PT_TLS of less memory than its sections", "x-static", (p) => p.segment(TYPES.TLS, { memsz: 0x67 }), [
    ["section-loaded", /^TLS at 0x4[0-9a-f]{5}, 32 of 103 bytes, p_align 0x8$/],
  ]),
  patched(
    "PT_TLS that begins after its sections",
    "x-static",
    (p) => {
      const [offset, vaddr] = [p.getSegment(TYPES.TLS, "offset"), p.getSegment(TYPES.TLS, "vaddr")];
      return p.segment(TYPES.TLS, { offset: offset + 8n, vaddr: vaddr + 8n, filesz: 0x18, memsz: 0x60 });
    },
    [["section-loaded", /^TLS at 0x4[0-9a-f]{5}, 24 of 96 bytes, p_align 0x8$/]],
    crashes,
  ),
  patched(
    "PT_TLS of more bytes of the file than its sections",
    "x-static",
    (p) => p.segment(TYPES.TLS, { filesz: 0x44 }),
    [["section-loaded", /^TLS at 0x4[0-9a-f]{5}, 68 of 104 bytes, p_align 0x8$/]],
    crashes,
  ),
  patched(
    "an empty PT_PHDR at another address",
    "x-musl",
    (p) => p.segment(TYPES.STACK, { type: TYPES.PHDR, offset: 64, vaddr: 0x300000 }),
    [["segment-loaded", "PHDR at 0x300000"], NO_STACK],
    crashes,
  ),
  patched(
    "PT_GNU_RELRO past its PT_LOAD",
    "x-lld",
    (p) => p.segment(TYPES.RELRO, { memsz: 0x5600 }),
    [
      ["segment-loaded", /^GNU_RELRO at 0x2[0-9a-f]{5}$/],
      ["section-loaded", ".data"],
    ],
    crashes,
  ),
  patched(
    "PT_GNU_RELRO over data",
    "x-static",
    (p) => p.segment(TYPES.RELRO, { memsz: p.getSegment(TYPES.RELRO, "memsz") + 0x1000n }),
    [
      ["segment-loaded", /^GNU_RELRO at 0x4[0-9a-f]{5}$/],
      ["section-loaded", ".data"],
    ],
    crashes,
  ),
  patched("PT_GNU_RELRO over other bytes", "x-static", (p) => p.segment(TYPES.RELRO, { offset: 0 }), [
    ["segment-loaded", /^GNU_RELRO at 0x/],
  ]),
  patched("PT_DYNAMIC over harmless bytes", "x-static-pie", (p) => redirectDynamic(p), [
    ["segment-loaded", /^DYNAMIC at 0x/],
    ["dynamic", /^\.dynamic bytes [0-9]+ to [0-9]+ without one$/],
  ]),
  patched("a second PT_DYNAMIC", "x-static-pie", (p) => p.segment(TYPES.STACK, { type: TYPES.DYNAMIC }), [
    ["dynamic", "DYNAMIC at 0x0"],
    NO_STACK,
  ]),
  patched(
    "no DT_NULL",
    "x-bare-pie",
    (p) =>
      p
        .dynamic(0, 0, 21)
        .segment(TYPES.DYNAMIC, { filesz: 8 * 16 })
        .section(8, { size: 8 * 16 }),
    [["dynamic", "8 entries without one"]],
  ),
  patched("a DT_NEEDED whose name is nowhere", "x-bare-pie", (p) => p.dynamic(21, 1n << 40n, 1), [
    ["needed", '"(no name)"'],
    ["dynamic", "a name outside it"],
  ]),
  patched("a DT_NEEDED in a static-pie", "x-bare-pie", (p) => p.dynamic(21, 0, 1), [["needed", '""']]),
  patched("DF_TEXTREL", "x-bare-pie", (p) => p.dynamic(21, 4, 30), [["text-relocations", "DF_TEXTREL"]]),
  patched("a note that ends outside its segment", "x-bare-pie", (p) => p.write(0x238 + 4, 4, 0x15), [
    ["notes", "others in bytes 568 to 604"],
  ]),
  patched(
    "PT_GNU_PROPERTY over other bytes",
    "a-static",
    (p) =>
      p.segment(TYPES.RELRO, { type: TYPES.PROPERTY, offset: 0, vaddr: 0x400000, filesz: 64, memsz: 64, align: 8 }),
    [["notes", "others in bytes 0 to 64"], NO_RELRO],
    { ...aarch64, crashes: true },
  ),
  patched("PT_GNU_PROPERTY of less than a note", "x-static", (p) => p.segment(TYPES.PROPERTY, { filesz: 11 }), [
    ["notes", "others in bytes 624 to 635"],
  ]),
  patched(
    "PT_GNU_PROPERTY of more than 1 KiB",
    "a-static",
    (p) => p.segment(TYPES.RELRO, { type: TYPES.PROPERTY, offset: 0, filesz: 1025 }),
    [["notes", "bytes 0 to 1025"], NO_RELRO],
    { ...aarch64, crashes: true },
  ),
  patched(
    "PT_GNU_PROPERTY that ends inside a property",
    "x-static",
    (p) =>
      p
        .segment(TYPES.NOTE, { type: 0 })
        .segment(TYPES.PROPERTY, { filesz: 20 })
        .write(Number(p.getSegment(TYPES.PROPERTY, "offset")) + 4, 4, 4),
    [["notes", "others in bytes 624 to 644"]],
  ),
  ...properties(),
  patched("a writable and executable PT_LOAD", "x-static", (p) => p.segment(TYPES.LOAD, { flags: 7 }, 1), [
    ["write-execute", /^LOAD at 0x401000: RWX$/],
  ]),
  patched(
    "an executable stack asked for",
    "a-static",
    (p) => p.segment(TYPES.STACK, { flags: 7 }),
    [["executable-stack", "RWX"]],
    aarch64,
  ),
  patched("PT_GNU_STACK taken out", "x-static", (p) => p.segment(TYPES.STACK, { type: 0 }), [NO_STACK]),
];

/** The GNU properties of x-static, changed word by word; on aarch64 Linux refuses a file for each of the wrong ones. */
function properties(): Entry[] {
  const changed = (name: string, words: Record<number, number>, right = false): Entry =>
    patched(
      `PT_GNU_PROPERTY with ${name}`,
      "x-static",
      (p) => {
        const start = Number(p.getSegment(TYPES.PROPERTY, "offset"));
        for (const [at, value] of Object.entries(words)) p.write(start + Number(at), 4, value);
        // The PT_NOTE over the same bytes would be a finding of its own.
        return p.segment(TYPES.NOTE, { type: 0 });
      },
      right ? [] : [["notes", "others in bytes 624 to 656"]],
    );
  const [x, y] = [0xc0008002, 0xc0008003];
  return [
    changed("a name of another length", { 0: 5 }),
    changed("another name", { 12: 0x00554e48 }),
    changed("a note of another type", { 8: 1 }),
    changed("a note longer than itself", { 4: 24 }),
    changed("a property longer than its note", { 20: 9 }),
    changed("a property whose padding is missing", { 4: 12 }),
    changed("a property without a size", { 4: 4 }),
    changed("two properties of one type", { 16: x, 20: 0, 24: x, 28: 0 }),
    changed("properties that descend", { 16: y, 20: 0, 24: x, 28: 0 }),
    changed("two properties", { 16: x, 20: 0, 24: y, 28: 0 }, true),
    changed("no property", { 4: 0 }, true),
  ];
}

/** Moves the last PT_LOAD, and what is in it, that many bytes away. */
function moveLast(patch: Patch, distance: bigint): Patch {
  const move = (type: number, nth: number): Patch =>
    patch.segment(type, { vaddr: patch.getSegment(type, "vaddr", nth) + distance }, nth);
  move(TYPES.DYNAMIC, 0);
  move(TYPES.RELRO, 0);
  return move(TYPES.LOAD, 3);
}

function swapSegments(patch: Patch, a: number, b: number): Patch {
  const size = patch.bits === 64 ? 56 : 32;
  const [first, second] = [patch.segmentAt(TYPES.LOAD, a), patch.segmentAt(TYPES.LOAD, b)];
  const kept = Buffer.from(patch.bytes.subarray(first, first + size));
  patch.bytes.copyWithin(first, second, second + size);
  kept.copy(patch.bytes, second);
  return patch;
}

/** Points PT_DYNAMIC at a copy of its entries that lies elsewhere, where no loader would look. */
function redirectDynamic(patch: Patch): Patch {
  const [from, size] = [patch.getSegment(TYPES.DYNAMIC, "offset"), patch.getSegment(TYPES.DYNAMIC, "filesz")];
  const to = patch.getSegment(TYPES.LOAD, "offset", 2);
  patch.bytes.copyWithin(Number(to), Number(from), Number(from + size));
  return patch.segment(TYPES.DYNAMIC, { offset: to });
}
