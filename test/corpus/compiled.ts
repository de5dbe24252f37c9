/** Files as compilers and linkers left them: right or wrong by how they were made. */
import { HAS_GOLD } from "./compile.ts";
import {
  aarch64,
  compiled,
  crashes,
  type Entry,
  type Findings,
  NEEDS_LIBC,
  NO_ENTRY,
  NO_RELRO,
  NO_STACK,
} from "./entry.ts";

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

export const COMPILED: Entry[] = [
  compiled("x-static", []),
  compiled("x-static-pie", []),
  compiled("x-static-symbols", [["stripped", /^\.debug_aranges, .* and 5 more: strip would save [0-9]{5} bytes$/]]),
  compiled("x-strip-debug", []),
  compiled("x-debug-only", [
    ["load-rights", /^LOAD at 0x400000: R, [0-9]+ of [0-9]+ bytes, LOAD at 0x401000: RX, 0 of [0-9]+ bytes, /],
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
  ...(HAS_GOLD ? [compiled("x-gold", [])] : []),
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
  compiled("x-text-relocation", [
    ["relocation-types", "DT_RELA: 1"],
    ["text-relocations", "DT_TEXTREL"],
  ]),
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
  compiled("x-rust-debug", [["stripped", /^\.debug_(?!gdb)[a-z]+, .* more: strip would save [0-9]{7,8} bytes$/]]),
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
  compiled("ppc64-static", [...PPC64, ["load-rights", ".iplt"], ["entry", /^0x10[0-9a-f]{6}$/], NO_STACK], aarch64),
  compiled(
    "ppc64-dynamic",
    [
      ...PPC64,
      ["interpreter", '"/lib64/ld64.so.1"'],
      ["needed", '"libc.so.6"'],
      ["load-rights", ".plt"],
      ["entry", /^0x1[0-9a-f]{4}$/],
      NO_STACK,
      ["stripped", /^\.symtab, \.strtab: /],
    ],
    aarch64,
  ),
];
