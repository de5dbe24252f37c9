/** Files for armv7: the 32-bit class, Arm's flags and entries, and the limits of its smaller addresses. */
import type { Built } from "./compile.ts";
import { ARMV7, compiled, crashes, cut, type Entry, type Findings, NO_RELRO, NO_SECTIONS, patched } from "./entry.ts";
import { type Patch, TYPES } from "./patch.ts";

const armv7 = { target: ARMV7 };
const EXIDX = 0x70000001;
const changed = (name: string, base: Built, change: (p: Patch) => Patch, findings: Findings, more = {}): Entry =>
  patched(`${name}, armv7`, base, change, findings, { ...armv7, ...more });

/** Gives the data of arm-bare, which are the last PT_LOAD, another address: its page's offset stays. */
const data = (p: Patch, page: bigint, memsz: bigint): Patch => {
  const bare = p.withoutSections();
  const vaddr = page + (bare.getSegment(TYPES.LOAD, "offset", 1) % 0x1000n);
  return bare.segment(TYPES.LOAD, { vaddr, memsz: page + memsz - vaddr }, 1);
};

export const OF_ARMV7: Entry[] = [
  compiled("arm-static", [], armv7),
  compiled("arm-lld", [], armv7),
  compiled("arm-bare", [NO_RELRO], armv7),
  compiled("arm-bare-a32", [NO_RELRO], armv7),
  compiled("arm-soft", [["abi-flags", "0x5000200"], NO_RELRO], armv7),
  compiled("arm-high", [["load-address", /^LOAD at 0x40000000, [0-9]+ bytes, LOAD at 0x40001/], NO_RELRO], armv7),
  compiled("arm-low", [["load-address", /^LOAD at 0x8000, [0-9]+ bytes, LOAD at 0x9/], NO_RELRO], armv7),
  compiled("arm-write-execute", [["write-execute", "LOAD at 0x400000: RWX"], NO_RELRO], armv7),
  compiled("arm-exec-stack", [["executable-stack", "RWX"]], armv7),
  compiled(
    "arm-dynamic",
    [
      ["interpreter", '"/lib/ld-linux-armhf.so.3"'],
      ["needed", '"libc.so.6"'],
    ],
    { ...armv7, name: "arm-dynamic under its own name" },
  ),
  compiled(
    "a-static",
    [
      ["class", "64 bits"],
      ["machine", "aarch64"],
    ],
    { ...armv7, name: "aarch64 file as armv7" },
  ),
  compiled(
    "x-static",
    [
      ["class", "64 bits"],
      ["machine", "x86-64"],
    ],
    { ...armv7, name: "x86_64 file as armv7" },
  ),
  compiled("x32-bare", [["machine", "x86-64"], NO_RELRO], { ...armv7, name: "x32 file as armv7" }),
  changed("without section headers", "arm-static", (p) => p.withoutSections(), [NO_SECTIONS]),
  cut(
    "cut by one byte, armv7",
    "arm-static",
    (size) => size - 1,
    [["section-headers", /^bytes [0-9]+ to [0-9]+$/]],
    armv7,
  ),
  cut(
    "cut to half, armv7",
    "arm-static",
    (size) => size >> 1,
    [
      ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
      ["segment-bounds", /^ARM_EXIDX bytes [0-9]+ to [0-9]+, LOAD /],
    ],
    armv7,
  ),
  cut("cut inside the file header, armv7", "arm-static", () => 51, [["elf-header", "a file of 51 bytes"]], armv7),
  changed("e_ehsize 64", "arm-static", (p) => p.header({ ehsize: 64 }), [["elf-header", "64"]]),
  changed("e_phentsize 56", "arm-bare", (p) => p.header({ phentsize: 56 }), [
    ["program-headers", "entries of 56 bytes"],
    ["load", "none"],
    ["entry", /^0x100/],
    ["stack-rights", "none"],
    NO_RELRO,
  ]),
  changed("e_shentsize 64", "arm-static", (p) => p.header({ shentsize: 64 }), [
    ["section-headers", "entries of 64 bytes"],
  ]),
  // Arm's flags: the EABI's version is in the highest byte, the kind of float arguments in bits 9 and 10.
  changed("e_flags 0", "arm-static", (p) => p.header({ flags: 0 }), [["abi-flags", "0x0"]]),
  changed("EABI version 4", "arm-static", (p) => p.header({ flags: 0x04000400 }), [["abi-flags", "0x4000400"]]),
  changed("no word on floats", "arm-static", (p) => p.header({ flags: 0x05000000 }), [["abi-flags", "0x5000000"]]),
  changed("soft and hard floats", "arm-static", (p) => p.header({ flags: 0x05000600 }), [["abi-flags", "0x5000600"]]),
  changed("code of the other byte order", "arm-static", (p) => p.header({ flags: 0x05800400 }), [
    ["abi-flags", "0x5800400"],
  ]),
  patched("e_flags on x86_64", "x-static", (p) => p.header({ flags: 0x400 }), [["abi-flags", "0x400"]]),
  patched("e_flags on aarch64", "a-static", (p) => p.header({ flags: 1 }), [["abi-flags", "0x1"]], {
    target: "aarch64-unknown-linux-musl",
  }),
  // Odd for Thumb code, else a multiple of 4: Linux refuses 2.
  changed(
    "an entry between two instructions",
    "arm-bare-a32",
    (p) => p.header({ entry: p.get("entry") + 2n }),
    [["entry", /^0x100/], NO_RELRO],
    crashes,
  ),
  changed("a Thumb entry at its second instruction", "arm-bare", (p) => p.header({ entry: p.get("entry") + 2n }), [
    NO_RELRO,
  ]),
  changed("entry 0", "arm-static", (p) => p.header({ entry: 0 }), [["entry", "0x0"]], crashes),
  changed(
    "an entry one byte past the code",
    "arm-bare",
    (p) => p.header({ entry: codeEnd(p) | 1n }),
    [["entry", /^0x100/], NO_RELRO],
    crashes,
  ),
  // Addresses end at 1 GiB, in the middle of the 2 that some kernels leave.
  changed("data up to the last address", "arm-bare", (p) => data(p, 0x3ffff000n, 0x1000n), [NO_SECTIONS, NO_RELRO]),
  changed("data one byte past the last address", "arm-bare", (p) => data(p, 0x3ffff000n, 0x1001n), [
    ["load-address", /^LOAD at 0x3ffff0/],
    NO_SECTIONS,
    NO_RELRO,
  ]),
  changed(
    "addresses past 32 bits",
    "arm-bare",
    (p) => data(p, 0xfffff000n, 0x2000n),
    [["load-address", /^LOAD at 0xfffff0/], NO_SECTIONS, NO_RELRO],
    crashes,
  ),
  changed("PT_LOADs that share a page", "arm-bare", (p) => data(p, 0x10000n, 0x1000n), [
    ["load-order", /^LOAD at 0x100/],
    NO_SECTIONS,
    NO_RELRO,
  ]),
  changed(
    "an offset and a size that add up past 32 bits",
    "arm-static",
    (p) => p.segment(TYPES.STACK, { offset: 0xfffffff0, filesz: 32 }),
    [["segment-bounds", "GNU_STACK bytes 4294967280 to 4294967312"]],
  ),
  changed(
    "4 KiB pages claimed",
    "arm-lld",
    (p) => [0, 1, 2, 3].reduce((q, nth) => q.segment(TYPES.LOAD, { align: 0x1000 }, nth), p),
    [],
  ),
  changed("the unwinder's tables at another address", "arm-static", (p) => p.segment(EXIDX, { vaddr: 0x20000000 }), [
    ["segment-loaded", "ARM_EXIDX at 0x20000000"],
  ]),
  changed("the unwinder's tables at another offset", "arm-static", (p) => p.segment(EXIDX, { offset: 0 }), [
    ["segment-loaded", /^ARM_EXIDX at 0x6/],
  ]),
  changed("PT_TLS of another alignment than its sections", "arm-static", (p) => p.segment(TYPES.TLS, { align: 64 }), [
    ["section-loaded", /^TLS at 0x6[0-9a-f]{4}, 16 of [0-9]+ bytes, p_align 0x40$/],
  ]),
  changed(
    "PT_INTERP and PT_DYNAMIC taken out",
    "arm-dynamic",
    (p) => p.segment(TYPES.INTERP, { type: 0 }).segment(TYPES.DYNAMIC, { type: 0 }),
    [
      ["type", "ET_DYN without DF_1_PIE"],
      ["interpreter", "one, but no PT_INTERP"],
      ["dynamic", /^\.dynamic bytes [0-9]+ to [0-9]+ without one$/],
      ["relocations", ".rel.dyn, .rel.plt"],
    ],
    crashes,
  ),
];

/** The byte after the code of arm-bare. */
const codeEnd = (p: Patch): bigint => p.getSegment(TYPES.LOAD, "vaddr") + p.getSegment(TYPES.LOAD, "filesz");
