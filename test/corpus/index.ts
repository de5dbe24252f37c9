/**
 * The corpus: files whose truth is known, each with exactly what the gate has to say about it. Those that compilers
 * made are right or wrong by how they were made; the others are those, cut, patched, or replaced by something else.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Built, compileAll } from "./compile.ts";
import { Patch, TYPES } from "./patch.ts";
import { synthetic } from "./synthetic.ts";

export interface Entry {
  name: string;
  /** The target that the file is for; x86_64-unknown-linux-musl unless given. */
  target?: string;
  bytes: (built: (name: Built) => Buffer) => Buffer;
  /** Every finding: its rule, and what it says the file has. */
  findings: readonly (readonly [rule: string, got: string | RegExp])[];
  /** Set for files of which it is known that Linux does not start them, or that they crash at once. */
  crashes?: true;
}

export const X86_64 = "x86_64-unknown-linux-musl";
export const AARCH64 = "aarch64-unknown-linux-musl";

type Findings = Entry["findings"];
const NO_RELRO = ["relro", "none"] as const;
const NO_STACK = ["stack-rights", "none"] as const;
const NO_ENTRY = ["entry", "0x0"] as const;
const NEEDS_LIBC: Findings = [
  ["interpreter", '"/lib64/ld-linux-x86-64.so.2"'],
  ["needed", '"libc.so.6"'],
];

const compiled = (name: Built, findings: Findings = [], more: Partial<Entry> = {}): Entry => ({
  name,
  bytes: (built) => built(name),
  findings,
  ...more,
});
const patched = (
  name: string,
  base: Built,
  change: (patch: Patch) => Patch,
  findings: Findings,
  more: Partial<Entry> = {},
): Entry => ({ name, bytes: (built) => change(new Patch(built(base))).bytes, findings, ...more });
const cut = (name: string, base: Built, length: (size: number) => number, findings: Findings): Entry => ({
  name,
  bytes: (built) => built(base).subarray(0, length(built(base).length)),
  findings,
});
const foreign = (name: string, content: string | Buffer, got: string): Entry => ({
  name,
  bytes: () => (typeof content === "string" ? Buffer.from(content, "latin1") : content),
  findings: [["elf", got]],
});
const aarch64 = { target: AARCH64 };
const crashes = { crashes: true } as const;

/** What other machines' files lack under the name of an aarch64 one. */
const MIPS: Findings = [
  ["class", "32 bits"],
  ["byte-order", "big-endian"],
  ["machine", "mips"],
];
const PPC64: Findings = [
  ["byte-order", "big-endian"],
  ["machine", "ppc64"],
];
const ARM: Findings = [
  ["class", "32 bits"],
  ["machine", "arm"],
];

const COMPILED: Entry[] = [
  compiled("x-static", []),
  compiled("x-static-pie", []),
  compiled("x-static-symbols", [["stripped", /^\.debug_aranges, .* and 5 more: strip would save [0-9]{5} bytes$/]]),
  compiled("x-strip-debug", []),
  compiled("x-debug-only", [
    ["entry", /^0x4[0-9a-f]{5}$/],
    ["stripped", /^\.debug_aranges, /],
  ]),
  compiled("x-dynamic-pie", NEEDS_LIBC),
  compiled("x-dynamic", NEEDS_LIBC),
  compiled("x-says-static", [
    ["interpreter", '"/statically linked"'],
    ["needed", '"libc.so.6"'],
  ]),
  compiled("x-pie-without-library", [["interpreter", '"/lib/ld.so"']]),
  compiled("x-library", [["type", "ET_DYN without DF_1_PIE"], NO_ENTRY]),
  compiled("x-library-alone", [["type", "ET_DYN without DF_1_PIE"], NO_ENTRY]),
  compiled("x-object", [
    ["type", "ET_REL"],
    ["load", "none"],
    NO_ENTRY,
    NO_STACK,
    NO_RELRO,
    ["stripped", /^\.symtab, \.strtab: strip would save [0-9]+ bytes$/],
  ]),
  compiled("x-exec-stack", [["executable-stack", "RWX"]]),
  compiled("x-no-relro", [NO_RELRO]),
  compiled("x-no-build-id", []),
  compiled("x-one-page", []),
  compiled("x-large-pages", []),
  compiled("x-gold", []),
  compiled("x-lld", []),
  compiled("x-lld-pie", []),
  compiled("x-lld-separate", []),
  compiled("x-runpath", [["run-path", '"/opt/lib"']]),
  compiled("x-rpath", [["run-path", '"/opt/lib"']]),
  compiled("x-paths", [
    ["build-paths", '"/home/builder/project/main.rs", "/root/.cargo/registry/lib.rs", "/Users/builder/x.rs"'],
  ]),
  compiled("x-bare", [NO_RELRO]),
  compiled("x-bare-pie", []),
  compiled("x-bare-relro", [NO_RELRO]),
  compiled("x-bare-nmagic", [
    ["headers-loaded", /^bytes 64 to [0-9]+$/],
    ["write-execute", /^LOAD at 0x400[0-9a-f]{3}: RWX$/],
    NO_RELRO,
  ]),
  compiled("x-bare-omagic", [
    ["headers-loaded", /^bytes 64 to [0-9]+$/],
    ["write-execute", /^LOAD at 0x400[0-9a-f]{3}: RWX$/],
    NO_RELRO,
  ]),
  compiled("x-entry-zero", [NO_ENTRY, NO_RELRO], crashes),
  compiled("x-entry-data", [["entry", "0x403000"], NO_RELRO], crashes),
  compiled("x-text-relocation", [["text-relocations", "DT_TEXTREL"]]),
  compiled("x-no-stack-note", [NO_STACK, NO_RELRO]),
  compiled("x-high", [["load-address", /^LOAD at 0x7ffffffff000, /], NO_RELRO], crashes),
  compiled("x-low", [["load-address", /^LOAD at 0x1000, /], NO_RELRO]),
  compiled("x-write-execute", [["write-execute", "LOAD at 0x400000: RWX"], NO_RELRO]),
  compiled("x32-bare", [["class", "32 bits"], NO_RELRO]),
  compiled("x-many-sections", [NO_RELRO]),
  compiled("x-musl", []),
  compiled("x-musl-pie", []),
  compiled("x-musl-silently-dynamic", [
    ["interpreter", '"/lib/ld-musl-x86_64.so.1"'],
    ["needed", '"libc.so"'],
  ]),
  compiled(
    "x-musl-nmagic",
    [["headers-loaded", /^bytes 64 to [0-9]+$/], ["write-execute", /^LOAD at 0x400[0-9a-f]{3}: RWX$/], NO_RELRO],
    crashes,
  ),
  compiled("x-musl-headers-apart", [["headers-loaded", "bytes 64 to 288"], NO_RELRO], crashes),
  compiled("x-rust", []),
  compiled("x-rust-exec", []),
  compiled("x-rust-debug", [["stripped", /^\.debug_(?!gdb)[a-z]+, .* more: strip would save [0-9]{7} bytes$/]]),
  compiled("x-rust-dynamic", [
    ["interpreter", '"/lib64/ld-linux-x86-64.so.2"'],
    ["needed", '"libgcc_s.so.1", "libc.so.6", "ld-linux-x86-64.so.2"'],
  ]),
  compiled("x-static", [["machine", "x86-64"]], { ...aarch64, name: "x86_64 file under the aarch64 name" }),
  compiled("a-static", [["machine", "aarch64"]], { name: "aarch64 file under the x86_64 name" }),
  compiled("a-static", [], aarch64),
  compiled("a-static-pie", [], aarch64),
  compiled("a-bare", [], aarch64),
  compiled("a-bare-pie", [], aarch64),
  compiled(
    "a-dynamic",
    [
      ["interpreter", '"/lib/ld-linux-aarch64.so.1"'],
      ["needed", '"libc.so.6"'],
    ],
    aarch64,
  ),
  compiled("a-4k-pages", [["page-size", /^LOAD at 0x400000: 0x1000, LOAD at 0x4[0-9a-f]{5}: 0x1000$/]], aarch64),
  compiled("a-16k-pages", [["page-size", /^LOAD at 0x0: 0x4000, LOAD at 0x[0-9a-f]{5}: 0x4000$/]], aarch64),
  compiled("a-far", [["load-address", /^LOAD at 0x8000000000, [0-9]+ bytes, /]], aarch64),
  compiled("arm-static", ARM, aarch64),
  compiled("arm-dynamic", [...ARM, ["interpreter", '"/lib/ld-linux-armhf.so.3"'], ["needed", '"libc.so.6"']], aarch64),
  compiled("mips-static", [...MIPS, ["executable-stack", "RWX"], NO_RELRO], aarch64),
  compiled(
    "mips-dynamic",
    [...MIPS, ["interpreter", '"/lib/ld.so.1"'], ["needed", '"libc.so.6"'], ["executable-stack", "RWX"], NO_RELRO],
    aarch64,
  ),
  // The entry of PowerPC's first 64-bit ABI is the address of a descriptor in the data.
  compiled("ppc64-static", [...PPC64, ["entry", /^0x10[0-9a-f]{6}$/], NO_STACK], aarch64),
  compiled(
    "ppc64-dynamic",
    [
      ...PPC64,
      ["interpreter", '"/lib64/ld64.so.1"'],
      ["needed", '"libc.so.6"'],
      ["entry", /^0x1[0-9a-f]{4}$/],
      NO_STACK,
      ["stripped", /^\.symtab, \.strtab: /],
    ],
    aarch64,
  ),
];

const CUT: Entry[] = [
  { name: "cut to nothing", bytes: () => Buffer.alloc(0), findings: [["elf", "an empty file"]] },
  cut("cut inside the magic", "x-static", () => 3, [["elf", "data that begins with 7f454c"]]),
  cut("cut after the magic", "x-static", () => 4, [["elf-header", "EI_CLASS missing, EI_DATA missing"]]),
  cut("cut inside the file header", "x-static", () => 63, [["elf-header", "a file of 63 bytes"]]),
  cut("cut after the file header", "x-bare", () => 64, [
    ["program-headers", /^bytes 64 to [0-9]+$/],
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
    ["load", "none"],
    ["entry", "0x401000"],
    NO_STACK,
    NO_RELRO,
  ]),
  cut("cut to 1 KiB", "x-static", () => 1024, [
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
    ["segment-bounds", /^LOAD bytes 0 to [0-9]+, LOAD bytes 4096 to [0-9]+, LOAD .* and 3 more$/],
  ]),
  cut("cut to half", "x-static", (size) => size >> 1, [
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
    ["segment-bounds", /^LOAD bytes 4096 to [0-9]+, LOAD /],
  ]),
  cut("cut to half, a static-pie", "x-static-pie", (size) => size >> 1, [
    ["type", "ET_DYN without DF_1_PIE"],
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
    ["segment-bounds", /^LOAD bytes [0-9]+ to [0-9]+, LOAD /],
    ["dynamic", /^bytes [0-9]+ to [0-9]+$/],
  ]),
  cut("cut by one byte", "x-static", (size) => size - 1, [["section-headers", /^bytes [0-9]+ to [0-9]+$/]]),
  cut("cut by one byte, aarch64", "a-static", (size) => size - 1, [
    ["machine", "aarch64"],
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
  ]),
  {
    name: "one byte more",
    bytes: (built) => Buffer.concat([built("x-static"), Buffer.alloc(1)]),
    findings: [["trailing-bytes", /^an end at byte [0-9]+$/]],
  },
  {
    name: "two files in one",
    bytes: (built) => Buffer.concat([built("x-bare"), built("x-bare-pie")]),
    findings: [["trailing-bytes", /^an end at byte [0-9]{5}$/], NO_RELRO],
  },
];

const PATCHED: Entry[] = [
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
  ]),
  patched("a static-pie that says ET_EXEC", "x-static-pie", (p) => p.header({ type: 2 }), [
    ["load-address", /^LOAD at 0x0, [0-9]+ bytes, LOAD at 0x9000, [0-9]+ bytes$/],
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
  patched("without section headers", "x-static", (p) => p.withoutSections(), []),
  patched("without section headers, a static-pie", "x-static-pie", (p) => p.withoutSections(), []),
  patched("a dynamic PIE without section headers", "x-dynamic-pie", (p) => p.withoutSections(), NEEDS_LIBC),
  patched(
    "PT_LOAD outside the file",
    "x-static",
    (p) => p.segment(TYPES.LOAD, { filesz: 1n << 35n, memsz: 1n << 35n }, 3),
    [
      ["segment-bounds", /^LOAD bytes [0-9]+ to 343[0-9]+$/],
      ["load-size", /^343[0-9]{8} bytes$/],
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
  ]),
  patched("PT_TLS larger in the file", "x-static", (p) => p.segment(TYPES.TLS, { memsz: 1 }), [
    ["load-size", /^TLS at 0x[0-9a-f]+: [0-9]+ of 1 bytes$/],
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
    [["load-size", /^87960[0-9]+ bytes$/]],
    crashes,
  ),
  patched(
    "PT_TLS with an odd alignment",
    "x-musl",
    (p) => p.segment(TYPES.TLS, { align: 0xff04 }),
    [["load-alignment", /^TLS at 0x406[0-9a-f]{3}, offset 0x5[0-9a-f]{3}, p_align 0xff04$/]],
    crashes,
  ),
  patched(
    "PT_TLS without an alignment",
    "x-musl",
    (p) => p.segment(TYPES.TLS, { align: 0 }),
    [["load-alignment", /^TLS at 0x406[0-9a-f]{3}, offset 0x5[0-9a-f]{3}, p_align 0x0$/]],
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
    [["section-loaded", /^\.tdata, \.init_array, \.fini_array and [0-9] more$/]],
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
    [["relocations", "DT_RELA"]],
    crashes,
  ),
  patched("DT_RELA taken out", "x-musl-pie", (p) => p.dynamic(7, 0x250, 0xffff), [["relocations", "DT_RELA"]], crashes),
  patched(
    "DT_RELASZ past the end of memory",
    "x-musl-pie",
    (p) => p.dynamic(8, 1n << 40n),
    [["relocations", "DT_RELA"]],
    crashes,
  ),
  patched("DT_JMPREL without a size", "x-static-pie", (p) => p.dynamic(2, 0, 21), [["relocations", "DT_JMPREL"]]),
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
    findings: [["trailing-bytes", /^an end at byte [0-9]+$/], NO_RELRO],
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
    ["load-order", "LOAD at 0x401000"],
    NO_RELRO,
  ]),
  patched(
    "headers that may not be read",
    "x-musl",
    (p) => p.segment(TYPES.LOAD, { flags: 0 }),
    [["headers-loaded", "no right at all"]],
    crashes,
  ),
  patched("PT_PHDR of another table", "x-dynamic", (p) => p.segment(TYPES.PHDR, { offset: 0, vaddr: 0x400000 }), [
    ...NEEDS_LIBC,
    ["headers-loaded", "PHDR at 0x400000"],
  ]),
  patched("PT_TLS outside every PT_LOAD", "x-static", (p) => p.segment(TYPES.TLS, { vaddr: 0x10000 }), [
    ["segment-loaded", "TLS at 0x10000"],
  ]),
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
const LIMITS: Entry[] = [
  patched("data up to the last address that is left to it", "x-bare", moved({ vaddr: 0x3ffffffff000, memsz: 0x1000 }), [
    NO_RELRO,
  ]),
  patched(
    "data one byte past the last address that is left to it",
    "x-bare",
    moved({ vaddr: 0x3ffffffff000, memsz: 0x1001 }),
    [["load-address", "LOAD at 0x3ffffffff000, 4097 bytes"], NO_RELRO],
  ),
  patched("1 GiB of memory", "x-bare", (p) => moved({ memsz: (1n << 30n) - others(p) })(p), [NO_RELRO]),
  patched("1 GiB and a byte of memory", "x-bare", (p) => moved({ memsz: (1n << 30n) - others(p) + 1n })(p), [
    ["load-size", "1073741825 bytes"],
    NO_RELRO,
  ]),
  patched("code at 64 KiB", "x-bare", (p) => low(p, 0x10000n), [NO_RELRO]),
  patched("code below 64 KiB", "x-bare", (p) => low(p, 0xf000n), [
    ["load-address", /^LOAD at 0xf000, [0-9]+ bytes$/],
    NO_RELRO,
  ]),
  patched("p_align of 1 GiB", "x-static-pie", (p) => p.segment(TYPES.LOAD, { align: 1n << 30n }), []),
  patched("p_align of 2 GiB", "x-static-pie", (p) => p.segment(TYPES.LOAD, { align: 1n << 31n }), [
    ["load-alignment", "LOAD at 0x0, offset 0x0, p_align 0x80000000"],
  ]),
  patched("a PT_LOAD that fills its page", "x-bare", (p) => p.segment(TYPES.LOAD, { memsz: 0x1000 }), [NO_RELRO]),
  patched(
    "a PT_LOAD without memory between the others",
    "x-bare",
    (p) => p.segment(TYPES.STACK, { type: 1, vaddr: 0x10000, memsz: 0, align: 0x1000 }),
    [NO_STACK, NO_RELRO],
  ),
  patched(
    "an entry at the last byte of the code",
    "x-bare",
    (p) => p.withoutSections().segment(TYPES.LOAD, { filesz: 1, memsz: 1 }, 1),
    [NO_RELRO],
  ),
  patched("data up to the last address on a phone", "a-bare", (p) => atTheEnd(p, 0n), [NO_RELRO], aarch64),
  patched(
    "data past the last address on a phone",
    "a-bare",
    (p) => atTheEnd(p, 1n),
    [["load-address", /^LOAD at 0x3ffff[0-9a-f]{5}, [0-9]+ bytes$/], NO_RELRO],
    aarch64,
  ),
  patched("a small p_align, and an address that does not fit a page", "x-bare", moved({ vaddr: 0x403010, align: 16 }), [
    ["load-alignment", "LOAD at 0x403010, offset 0x3000, p_align 0x10"],
    NO_RELRO,
  ]),
  patched("an address that fits a p_align of 12 KiB", "x-bare", moved({ vaddr: 0x603000, align: 0x3000 }), [
    ["load-alignment", "LOAD at 0x603000, offset 0x3000, p_align 0x3000"],
    NO_RELRO,
  ]),
  patched(
    "PT_TLS whose address does not fit its offset",
    "x-static",
    (p) => p.segment(TYPES.TLS, { align: 1n << 23n }),
    [["load-alignment", /^TLS at 0x4[0-9a-f]{5}, offset 0x[0-9a-f]{5}, p_align 0x800000$/]],
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
    ["section-loaded", ".bss"],
  ]),
  patched(
    "a header table that the first PT_LOAD begins with",
    "x-bare",
    (p) =>
      p.withoutSections().segment(TYPES.LOAD, { offset: 64, vaddr: 0x400040, filesz: 0x1b4 - 64, memsz: 0x1b4 - 64 }),
    [NO_RELRO],
  ),
  patched(
    "a header table that the first PT_LOAD cuts off",
    "x-bare",
    (p) => p.withoutSections().segment(TYPES.LOAD, { filesz: 0x100, memsz: 0x100 }),
    [["headers-loaded", /^bytes 64 to [0-9]+$/], NO_RELRO],
  ),
  patched(
    "headers that can be run and not read",
    "x-bare",
    (p) => p.withoutSections().segment(TYPES.LOAD, { flags: 1 }),
    [["headers-loaded", "X"], NO_RELRO],
  ),
  patched(
    "entry 0 where there is code",
    "x-bare-pie",
    (p) => p.segment(TYPES.LOAD, { flags: 5 }).header({ entry: 0 }),
    [NO_ENTRY],
  ),
  patched("ET_REL with DF_1_PIE", "x-bare-pie", (p) => p.header({ type: 1 }), [["type", "ET_REL"]]),
  patched("DT_TEXTREL", "x-bare-pie", (p) => p.dynamic(21, 0, 22), [["text-relocations", "DT_TEXTREL"]]),
  patched("DT_REL without a size", "x-bare-pie", (p) => p.dynamic(21, 0x1000, 17), [["relocations", "DT_REL"]]),
  patched("DT_RELRSZ without a table", "x-bare-pie", (p) => p.dynamic(21, 8, 35), [["relocations", "DT_RELR"]]),
  patched("DT_RELR outside memory", "x-bare-pie", (p) => p.dynamic(21, 1n << 40n, 36).dynamic(0x6ffffef5, 1, 35), [
    ["relocations", "DT_RELR"],
  ]),
  patched(
    "an empty table of relocations outside memory",
    "x-bare-pie",
    (p) => p.dynamic(21, 1n << 40n, 36).dynamic(0x6ffffef5, 0, 35),
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

/** Moves all of a file's memory image, so that it begins at an address. */
function low(patch: Patch, address: bigint): Patch {
  const bare = patch.withoutSections().header({ entry: address + 0x1000n });
  for (let nth = 0; nth < 4; nth++) bare.segment(TYPES.LOAD, { vaddr: address + BigInt(nth) * 0x1000n }, nth);
  return bare;
}

const LFS = `version https://git-lfs.github.com/spec/v1\noid sha256:${"4".repeat(64)}\nsize 742792\n`;
const FOREIGN: Entry[] = [
  foreign(
    "an HTML page",
    "\n<!DOCTYPE html><html><title>Not Found</title>",
    "an HTML page, probably a server's error or login page saved under this name",
  ),
  foreign(
    "an HTML page without a doctype",
    "<html lang=en>",
    "an HTML page, probably a server's error or login page saved under this name",
  ),
  foreign(
    "an HTML page with a byte order mark",
    "\xef\xbb\xbf<!doctype html>",
    "an HTML page, probably a server's error or login page saved under this name",
  ),
  foreign("a Git LFS pointer", LFS, "a Git LFS pointer: the file itself was not fetched (git lfs pull)"),
  foreign(
    "XML",
    '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>',
    "an XML document, probably a server's error answer",
  ),
  foreign("JSON", '{"message": "Not Found"}', "JSON, probably an API's answer instead of the asset's bytes"),
  foreign("a script", "#!/bin/sh\nexec true\n", "a script"),
  foreign("text", "Not Found\n", "text"),
  foreign(
    "zeros",
    Buffer.alloc(4096),
    "zeros: probably a file of which only the size was written, or a failed download",
  ),
  foreign("xz", "\xfd7zXZ\0\0\x04", "xz data: unpack it first"),
  foreign("zstd", "\x28\xb5\x2f\xfd\x04\x58", "zstd data: unpack it first"),
  foreign("bzip2", "BZh91AY&SY", "bzip2 data: unpack it first"),
  foreign("zip", "PK\x03\x04\x14\0", "a zip archive, such as CI artifacts are downloaded in: unpack it first"),
  foreign(
    "tar",
    Buffer.concat([Buffer.alloc(257, "a"), Buffer.from("ustar\0"), Buffer.alloc(249)]),
    "a tar archive: unpack it first",
  ),
  foreign("ar", "!<arch>\n", "an ar archive (a static library or a Debian package)"),
  foreign("a Windows program", "MZ\x90\0", "a Windows program"),
  foreign("a macOS program", "\xcf\xfa\xed\xfe\x07\0", "a macOS program"),
  foreign("WebAssembly", "\0asm\x01\0\0\0", "a WebAssembly module"),
  foreign("other bytes", "\x01\x02\x03\x04\xff\xff\xff\xff\xff", "data that begins with 01020304ffffffff"),
  {
    name: "gzip of the right file",
    bytes: (built) => gzipSync(built("x-bare")),
    findings: [["elf", "gzip data: unpack it first"]],
  },
];

export const ENTRIES: readonly Entry[] = [...COMPILED, ...CUT, ...PATCHED, ...LIMITS, ...FOREIGN, ...synthetic()];

/** Compiles what is compiled and gives each entry's bytes. */
export async function corpus(): Promise<{ folder: string; bytesOf: (entry: Entry) => Buffer }> {
  const folder = await compileAll();
  const kept = new Map<string, Buffer>();
  const built = (name: Built): Buffer => {
    const bytes = kept.get(name) ?? fs.readFileSync(join(folder, name));
    kept.set(name, bytes);
    return bytes;
  };
  return { folder, bytesOf: (entry) => entry.bytes(built) };
}
