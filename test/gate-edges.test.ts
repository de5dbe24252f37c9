/** The gate at limits that no file of the corpus has, on good headers changed one field at a time, and its whole reports. */
import * as fs from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { findTarget } from "../scripts/lib/contract.ts";
import { bufferSource } from "../scripts/lib/elf/bytes.ts";
import { DF_1_PIE, DT, ET, PT, SHF, SHT } from "../scripts/lib/elf/names.ts";
import type { Elf, Section, Segment } from "../scripts/lib/elf/types.ts";
import { readElf } from "../scripts/lib/elf.ts";
import {
  covers,
  endOfContent,
  frozen,
  isCode,
  linkageOf,
  overlaid,
  span,
  strippable,
  unlikeSections,
} from "../scripts/lib/gate/layout.ts";
import { packParts } from "../scripts/lib/gate/parts.ts";
import { lostRelocations, unapplied } from "../scripts/lib/gate/relocations.ts";
import type { Finding } from "../scripts/lib/gate/report.ts";
import { RULES, ruleById } from "../scripts/lib/gate/rules.ts";
import { applyRules, crossCheck, exitCodeFor, inspect } from "../scripts/lib/gate.ts";
import { elfFile } from "./lib/elf-file.ts";
import { runProgram, suite, temporaryFolder } from "./lib/harness.ts";
import { partsIn } from "./lib/parts.ts";
import { until } from "./lib/processes.ts";

const test = suite("gate at the borders");

const TRIPLE = "x86_64-unknown-linux-musl";
const SIZE = 4096;
const target = findTarget(TRIPLE);

/** The headers of a good file of 4096 bytes, changed. */
function changed(change: (elf: Elf) => void): Elf {
  const { elf } = readElf(bufferSource(elfFile(TRIPLE, SIZE)));
  if (elf === undefined) throw new Error("the file can't be read");
  change(elf);
  return elf;
}
const NO_PATHS = { count: 0, examples: [] };
/** What a rule says of those. */
function findings(rule: string, change: (elf: Elf) => void, paths: { count: number; examples: string[] } = NO_PATHS) {
  const subject = { read: { elf: changed(change) }, size: SIZE, maxSize: SIZE, target, named: target, paths };
  return applyRules(subject).flatMap(({ rule: id, expected, got }) => (id === rule ? [[expected, got]] : []));
}

const UNUSED: Segment = { type: 0, flags: 0, offset: 0n, vaddr: 0n, paddr: 0n, filesz: 0n, memsz: 0n, align: 0n };
const section = (fields: Partial<Section>): Section => ({
  ...{
    name: ".data",
    type: 1,
    flags: 0n,
    addr: 0n,
    offset: 0n,
    size: 0n,
    link: 0,
    info: 0,
    addralign: 1n,
    entsize: 0n,
  },
  ...fields,
});

test("should take 4096 bytes of program headers and not one entry more", () => {
  const withEntries = (count: number) =>
    findings("program-headers", (elf) => {
      elf.header.phentsize = 32;
      elf.segmentCount = count;
    });
  assert.equal(withEntries(128), []);
  assert.equal(withEntries(129), [["at most 4096 bytes of program headers", "129 entries of 32 bytes"]]);
  const withNone = findings("program-headers", (elf) => {
    elf.header.phentsize = 4097;
    elf.segmentCount = 0;
  });
  assert.equal(withNone, []);
});

test("should see a section of one byte that begins where the file ends", () => {
  const at = (offset: bigint, size: bigint) =>
    findings("section-bounds", (elf) => {
      elf.sections = [section({ offset, size })];
    });
  assert.equal(at(4095n, 1n), []);
  assert.equal(at(4096n, 0n), []);
  assert.equal(at(4096n, 1n), [["sections inside the file's 4096 bytes", ".data bytes 4096 to 4097"]]);
});

test("should end a file after the last byte that something accounts for", () => {
  const endOf = (ehsize: number, segments: Partial<Segment>[], sections: Section[]): bigint =>
    endOfContent(
      changed((elf) => {
        elf.header = { ...elf.header, ehsize, phoff: 0n, shoff: 0n, phentsize: 0, shentsize: 0 };
        elf.segments = segments.map((fields) => ({ ...UNUSED, ...fields }));
        elf.segmentCount = segments.length;
        elf.sections = sections;
      }),
    );
  assert.is(endOf(0, [], []), 0n);
  assert.is(endOf(64, [], []), 64n);
  assert.is(endOf(64, [{ type: PT.NULL, offset: 99n, filesz: 9n }], []), 64n);
  assert.is(endOf(64, [{ type: PT.NOTE, offset: 99n, filesz: 0n }], []), 64n);
  assert.is(endOf(64, [{ type: PT.NOTE, offset: 99n, filesz: 1n }], []), 100n);
  assert.is(endOf(64, [], [section({ offset: 200n, size: 1n })]), 201n);
});

test("should miss a relocation table of which the address or the size is not told", () => {
  const lost = (...dynamic: [tag: bigint, value: bigint][]): string[] =>
    lostRelocations(
      changed((elf) => {
        elf.dynamic = dynamic.map(([tag, value]) => ({ tag, value }));
      }),
    );
  assert.equal(lost(), []);
  assert.equal(lost([DT.RELA, 0x400000n], [DT.RELASZ, 4096n]), []);
  assert.equal(lost([DT.RELA, 0x400000n], [DT.RELASZ, 4097n]), ["DT_RELA"]);
  assert.equal(lost([DT.RELA, 0n], [DT.RELASZ, 0n]), []);
  assert.equal(lost([DT.RELASZ, 0n]), ["DT_RELA"]);
  assert.equal(lost([DT.RELA, 0x400000n]), ["DT_RELA"]);
  assert.equal(lost([DT.RELA, 0x400000n], [DT.RELASZ, 4096n], [DT.RELA, 1n]), ["DT_RELA"]);
  assert.equal(lost([DT.RELA, 1n], [DT.RELASZ, 4096n], [DT.RELA, 0x400000n]), []);
});

test("should take a relocation table for whole only when it is a section of relocations", () => {
  const lost = (table: bigint, size: bigint, type: number): string[] =>
    lostRelocations(
      changed((elf) => {
        elf.dynamic = [
          { tag: table, value: 0x400100n },
          { tag: size, value: 24n },
        ];
        elf.sections = [section({ type, addr: 0x400100n, size: 24n })];
      }),
    );
  assert.equal(lost(DT.RELA, DT.RELASZ, SHT.RELA), []);
  assert.equal(lost(DT.REL, DT.RELSZ, SHT.REL), []);
  assert.equal(lost(DT.RELR, DT.RELRSZ, SHT.RELR), []);
  assert.equal(lost(DT.RELA, DT.RELASZ, 1), ["DT_RELA"]);
  assert.equal(lost(DT.RELR, DT.RELRSZ, SHT.RELA), ["DT_RELR"]);
});

test("should find the sections of relocations that a static-pie would not apply, of one byte too", () => {
  const left = (dynamic: [tag: bigint, value: bigint][], fields: Partial<Section>): ((change: Elf) => void) => {
    const relocations = section({ name: "", type: SHT.RELA, flags: SHF.ALLOC, ...fields });
    return (elf) => {
      elf.header.type = ET.DYN;
      elf.dynamic = dynamic.map(([tag, value]) => ({ tag, value }));
      elf.sections = [relocations];
    };
  };
  const count = (...[dynamic, fields]: Parameters<typeof left>): number =>
    unapplied(changed(left(dynamic, fields))).length;
  const table: [bigint, bigint][] = [
    [DT.RELA, 0x200n],
    [DT.RELASZ, 48n],
  ];
  assert.is(count(table, { addr: 0x200n, size: 48n }), 0);
  assert.is(count(table, { addr: 0x200n, size: 49n }), 1);
  assert.is(count(table, { addr: 0x1ffn, size: 48n }), 1);
  assert.is(count([], { addr: 0x200n, size: 0n }), 0);
  assert.is(count([], { addr: 0x200n, size: 1n }), 1);
  assert.is(count([], { addr: 0x200n, size: 1n, flags: 0n }), 0);
  assert.is(count([[DT.RELASZ, 48n]], { addr: 0n, size: 1n }), 0, "without an address it begins at 0");
  assert.is(count([[DT.RELA, 0x200n]], { addr: 0x200n, size: 1n }), 1, "without a size it is empty");
  assert.equal(findings("relocations", left([], { size: 24n })), [
    ["every section of relocations in such a table", "RELA"],
  ]);
});

/** A static-pie of one PT_LOAD with relocations in DT_REL that count two relative ones, changed. */
const pie =
  (dynamic: [tag: bigint, value: bigint][], more: (elf: Elf) => void = () => {}) =>
  (elf: Elf): void => {
    elf.header.type = ET.DYN;
    elf.dynamic = [[DT.FLAGS_1, DF_1_PIE] as const, ...dynamic].map(([tag, value]) => ({ tag, value }));
    elf.relocations = [{ name: "DT_REL", types: new Map([[8, 2]]), relative: 2, unwritable: 0 }];
    more(elf);
  };

test("should count no more relative relocations than a table begins with, in DT_REL too", () => {
  const counted = (...dynamic: [bigint, bigint][]): unknown[] =>
    findings("relocations", pie([[DT.SYMTAB, 0x400000n], ...dynamic]));
  assert.equal(counted(), []);
  assert.equal(counted([DT.RELCOUNT, 2n]), []);
  assert.equal(counted([DT.RELACOUNT, 3n]), [], "there is no such table");
  assert.equal(counted([DT.RELCOUNT, 3n]), [
    ["a count of the relative relocations that a table begins with", "DT_RELCOUNT 3 of 2"],
  ]);
});

test("should want a static-pie's symbol table whole in memory, and as a section where there are any", () => {
  const missing = (address: bigint | undefined, more?: (elf: Elf) => void): boolean =>
    findings("relocations", pie(address === undefined ? [] : [[DT.SYMTAB, address]], more)).length > 0;
  const end = 0x400000n + BigInt(SIZE);
  const narrow = (elf: Elf): void => {
    elf.bits = 32;
  };
  const sections =
    (fields: Partial<Section>) =>
    (elf: Elf): void => {
      elf.sections = [section({ addr: 0x400000n, type: SHT.DYNSYM, ...fields })];
    };
  assert.is(missing(undefined), true);
  assert.is(missing(end - 24n), false);
  assert.is(missing(end - 23n), true);
  assert.is(missing(end - 16n, narrow), false);
  assert.is(missing(end - 15n, narrow), true);
  assert.is(missing(0x400000n, sections({})), false);
  assert.is(missing(0x400000n, sections({ type: 1 })), true);
  assert.is(missing(0x400001n, sections({})), true);
  assert.is(missing(0n, sections({ addr: 0n })), true, "in no PT_LOAD");
});

test("should look at what relocations write to in programs that relocate themselves, of one PT_LOAD too", () => {
  const relocated = (more: (elf: Elf) => void): unknown[] =>
    findings("relocation-types", (elf) => {
      elf.relocations = [{ name: ".rel", types: new Map(), relative: 0, unwritable: 3 }];
      more(elf);
    });
  assert.equal(
    relocated(() => {}),
    [["relocations of memory that can be written", ".rel: 3"]],
  );
  assert.equal(
    relocated((elf) => elf.segments.push({ ...UNUSED, type: PT.INTERP })),
    [],
  );
});

test("should see packed relocations only where there are an address and a size", () => {
  const packed = (...dynamic: [bigint, bigint][]): unknown[] =>
    findings("relocation-types", (elf) => {
      elf.dynamic = dynamic.map(([tag, value]) => ({ tag, value }));
    });
  assert.equal(packed([DT.RELR, 1n], [DT.RELRSZ, 1n]), [["no DT_RELR", "DT_RELR"]]);
  assert.equal(packed([DT.RELR, 1n]), []);
  assert.equal(packed([DT.RELRSZ, 1n]), []);
  assert.equal(packed([DT.RELR, 1n], [DT.RELRSZ, 0n]), []);
});

test("should see zeros where the file has bytes, of one byte too, and only in memory", () => {
  const zeros = { type: SHT.NOBITS, flags: SHF.ALLOC, addr: 0x400000n, size: 1n };
  const found = (fields: Partial<Section>): number => {
    return overlaid(
      changed((elf) => {
        elf.sections = [section({ ...zeros, ...fields })];
      }),
    ).length;
  };
  assert.is(found({}), 1);
  assert.is(found({ addr: 0x400000n + BigInt(SIZE) - 1n }), 1);
  assert.is(found({ addr: 0x400000n + BigInt(SIZE) }), 0);
  assert.is(found({ addr: 0x3fffffn }), 0);
  assert.is(found({ size: 0n }), 0);
  assert.is(found({ flags: 0n }), 0);
  assert.is(found({ flags: SHF.ALLOC | SHF.TLS }), 0, "those of thread-local storage have no place of their own");
  assert.is(found({ type: 1 }), 0);
  const nameless = findings("load-rights", (elf) => {
    elf.sections = [section({ ...zeros, name: "" })];
  });
  assert.equal(nameless, [["sections of zeros behind the bytes of their PT_LOAD", "NOBITS"]]);
});

test("should say that a segment has no right at all", () => {
  const found = findings("load-rights", (elf) => {
    elf.segments = [{ ...UNUSED, type: PT.LOAD, vaddr: 0x400000n, filesz: 4096n, memsz: 4097n }];
  });
  assert.equal(found, [
    ["PT_LOADs with R", "LOAD at 0x400000: no right at all"],
    ["W for PT_LOADs with zeros behind their bytes", "LOAD at 0x400000: no right at all, 4096 of 4097 bytes"],
  ]);
});

test("should take 0 for no entry point, where there is code too", () => {
  const found = findings("entry", (elf) => {
    elf.segments = [{ ...UNUSED, type: PT.LOAD, flags: 5, filesz: 4096n, memsz: 4096n }];
    elf.header.entry = 0n;
  });
  assert.equal(found, [["an address in an executable PT_LOAD", "0x0"]]);
});

test("should expect the flags of the target's own ABI", () => {
  const triple = "armv7-unknown-linux-musleabihf";
  const [armv7, read] = [findTarget(triple), readElf(bufferSource(elfFile(triple, SIZE)))];
  if (read.elf !== undefined) read.elf.header.flags = 0x5000200;
  const subject = { read, size: SIZE, maxSize: SIZE, target: armv7, named: armv7, paths: NO_PATHS };
  assert.equal(
    applyRules(subject).flatMap(({ rule, expected, got }) => (rule === "abi-flags" ? [[expected, got]] : [])),
    [["e_flags 0x5000400", "0x5000200"]],
  );
});

test("should see variables that PT_GNU_RELRO makes read-only, up to its last byte, by the names of their sections", () => {
  const found = (name: string, addr: bigint): number =>
    frozen(
      changed((elf) => {
        elf.segments = [{ ...UNUSED, type: PT.GNU_RELRO, vaddr: 0x400000n, filesz: 8n, memsz: 0x10n }];
        elf.sections = [section({ name, addr, size: 1n })];
      }),
    ).length;
  assert.is(found(".data", 0x400001n), 1);
  assert.is(found(".bss", 0x40000fn), 1);
  assert.is(found(".data", 0x400010n), 0);
  assert.is(found(".data", 0x400000n), 0, "GNU ld's where there is nothing to protect");
  assert.is(found(".data.counters", 0x400001n), 1);
  for (const name of [".data.rel.ro", ".bss.rel.ro.local", ".database", ".tdata", "data", ".init.data"]) {
    assert.is(found(name, 0x400001n), 0, name);
  }
});

test("should take for code the bytes of the sections of code alone", () => {
  const elf = changed((changed) => {
    changed.sections = [
      section({ flags: SHF.EXECINSTR, addr: 0x400100n, size: 2n }),
      section({ addr: 0x400200n, size: 2n }),
    ];
  });
  const code = [0x4000ffn, 0x400100n, 0x400101n, 0x400102n, 0x400200n].map((address) => isCode(elf, address));
  assert.equal(code, [false, true, true, false, false]);
  assert.is(isCode({ ...elf, sections: [] }, 0n), true, "without sections nothing tells");
});

test("should know other systems by their notes", () => {
  const system = (name: string, type: number, description = "", order: Elf["order"] = "little"): string[] =>
    findings("os-abi", (elf) => {
      elf.notes = [{ name, type, description }];
      elf.order = order;
    }).map(([, got]) => got ?? "");
  for (const name of ["NetBSD", "OpenBSD", "FreeBSD", "DragonFly"]) {
    assert.equal(system(name, 1), [name]);
    assert.equal(system(name, 2), []);
  }
  for (const [index, name] of ["the Hurd", "Solaris", "FreeBSD", "NetBSD", "Syllable", "Native Client"].entries())
    assert.equal(system("GNU", 1, `0${index + 1}00000003000000`), [name]);
  assert.equal(system("GNU", 1, "07000000"), ["system 7 of NT_GNU_ABI_TAG"]);
  assert.equal(system("GNU", 1, "00000001", "big"), ["the Hurd"]);
  for (const description of ["", "00", "00000000", "0000000003000000"]) assert.equal(system("GNU", 1, description), []);
});

test("should read what a file needs of a processor among its properties", () => {
  const needed = (description: string, { name = "GNU", type = 5, change = (_: Elf): void => {} } = {}): string[] =>
    findings("instruction-set", (elf) => {
      elf.notes = [{ name, type, description }];
      change(elf);
    }).map(([, got]) => got ?? "");
  /** A property with its data, padded to 8 bytes unless told otherwise. */
  const property = (type: string, size: number, data: string, padded = 16): string =>
    `${type}0${size}000000${data.padEnd(padded, "0")}`;
  const [NEEDED, OTHER] = ["028000c0", "020000c0"];
  const v4 = property(NEEDED, 4, "08000000");
  assert.equal(needed(v4), ["x86-64-v4"]);
  assert.equal(needed(v4.slice(0, 24)), ["x86-64-v4"], "without padding at the end");
  assert.equal(needed(v4.slice(0, 22)), [], "cut short");
  assert.equal(needed(property(NEEDED, 4, "07000000")), ["x86-64-v2, x86-64-v3"]);
  assert.equal(needed(property(NEEDED, 4, "01000000")), []);
  assert.equal(needed(property(NEEDED, 8, "0e000000")), [], "of another size");
  assert.equal(needed(property(OTHER, 4, "0e000000")), [], "another property");
  assert.equal(
    needed(property(OTHER, 4, "0e000000") + property(OTHER, 9, "00000000000000000000000000ffffff", 32) + v4),
    ["x86-64-v4"],
  );
  const narrow = {
    change: (elf: Elf): void => {
      elf.bits = 32;
    },
  };
  assert.equal(needed(property(OTHER, 4, "0e000000", 8) + property(NEEDED, 4, "02000000", 8), narrow), ["x86-64-v2"]);
  assert.equal(needed(v4, { name: "LLVM" }), []);
  assert.equal(needed(v4, { type: 1 }), []);
  const aarch64 = {
    change: (elf: Elf): void => {
      elf.header.machine = 183;
    },
  };
  assert.equal(needed(v4, aarch64), []);
});

test("should count addresses from the first segment's start to the last one's end", () => {
  assert.is(span([]), 0n);
  assert.is(span([{ ...UNUSED, vaddr: 0x1000n, memsz: 0x10n }]), 0x10n);
  assert.is(span([UNUSED, { ...UNUSED, vaddr: 0x2000n, memsz: 0x20n }]), 0x2020n);
  assert.equal(
    findings("load-size", (elf) => {
      elf.header.type = ET.DYN;
      elf.segments = [];
    }),
    [],
  );
});

test("should let PT_GNU_RELRO reach the end of its last page, and not a byte further", () => {
  const reaches = (memory: bigint, relro: bigint): boolean => {
    const load = { ...UNUSED, type: PT.LOAD, vaddr: 0x400000n, filesz: 0x10n, memsz: memory, align: 4096n };
    return covers(load, { ...UNUSED, type: PT.GNU_RELRO, vaddr: 0x400000n, filesz: 0x10n, memsz: relro });
  };
  assert.ok(reaches(0x1000n, 0x1000n));
  assert.not.ok(reaches(0x1000n, 0x1001n));
  assert.ok(reaches(0x1001n, 0x2000n));
  assert.not.ok(reaches(0x1001n, 0x2001n));
});

test("should hold PT_TLS against sections of one byte and of any alignment, and leave empty ones out", () => {
  const unlike = (align: bigint, ...sections: Partial<Section>[]): number =>
    unlikeSections(
      changed((elf) => {
        elf.segments = [{ ...UNUSED, type: PT.TLS, vaddr: 0x400000n, filesz: 1n, memsz: 1n, align }];
        elf.sections = sections.map((fields) => section({ flags: SHF.TLS, addr: 0x400000n, size: 1n, ...fields }));
      }),
    ).length;
  assert.is(unlike(1n, {}), 0);
  assert.is(unlike(1n, { addralign: 0n }), 0);
  assert.is(unlike(2n, {}), 1);
  assert.is(unlike(1n, {}, { size: 0n, addralign: 64n }), 0);
  assert.is(unlike(64n, {}, { size: 0n, addralign: 64n }), 1);
});

test("should take for debug information what has its name from the beginning, and is not loaded", () => {
  const names = [".debug_info", ".zdebug_info", ".my.debug_info", "debug_info", ".debug"];
  const elf = changed((headers) => {
    headers.sections = [...names.map((name) => section({ name })), section({ name: ".debug_loaded", flags: 2n })];
  });
  assert.equal(
    strippable(elf).map(({ name }) => name),
    [".debug_info", ".zdebug_info"],
  );
});

test("should count the build paths that it does not show", () => {
  const paths = { count: 5, examples: ["/home/a", "/home/b"] };
  assert.equal(
    findings("build-paths", () => {}, paths),
    [["no build path", '"/home/a", "/home/b" and 3 more']],
  );
  assert.equal(
    findings("build-paths", () => {}, { ...paths, count: 2 }),
    [["no build path", '"/home/a", "/home/b"']],
  );
});

test("should know every rule by its id, those about folders and boots too, and no other", () => {
  for (const id of [
    "swap",
    "release-asset",
    "unknown-asset",
    "not-released",
    "boot",
    "boot-machine",
    "phone",
    "phone-machine",
  ]) {
    assert.is(ruleById(id).id, id);
  }
  assert.is(RULES.filter(({ check }) => check === undefined).length, 8);
  assert.throws(() => ruleById("nowhere"), "no rule has the id nowhere");
});

test("should tell how a program is linked", () => {
  const linkage = (change: (elf: Elf) => void) => linkageOf(changed(change));
  assert.is(
    linkage(() => {}),
    "static",
  );
  const pie = { tag: DT.FLAGS_1, value: DF_1_PIE };
  const ofKind = (type: number, ...dynamic: Elf["dynamic"]) =>
    linkage((elf) => {
      elf.header.type = type;
      elf.dynamic = dynamic;
    });
  assert.is(ofKind(ET.DYN, pie), "static-pie");
  assert.is(ofKind(ET.DYN), "shared library");
  assert.is(ofKind(1), null);
  assert.is(ofKind(1, pie), null);
  assert.is(ofKind(ET.DYN, pie, { tag: DT.NEEDED, value: 0n, name: "libc.so" }), "dynamic");
  assert.is(
    linkage((elf) => elf.segments.push({ ...UNUSED, type: PT.INTERP })),
    "dynamic",
  );
});

test("should tell two targets' equal build ids from equal digests", () => {
  const report = (triple: string) => ({
    ...inspect("/nowhere", { maxSize: 1 }),
    target: triple,
    sha256: null,
    buildId: "b",
  });
  assert.equal(
    crossCheck([report("one"), report("other")]).map(({ expected }) => expected),
    ["a build id of its own for every target"],
  );
});

test("should end with 3 when no machine came as far as the file", () => {
  const finding = (rule: string): Finding => ({ rule, severity: "fail", expected: "", got: "", fix: "" });
  assert.is(exitCodeFor([finding("boot-machine")]), 3);
  assert.is(exitCodeFor([finding("boot-machine"), finding("readable")]), 3);
  assert.is(exitCodeFor([finding("boot-machine"), finding("boot")]), 1);
});

/** All that is unknown of what is no ELF file. */
const UNKNOWN = {
  type: null,
  machine: null,
  linkage: null,
  interpreter: null,
  needed: [],
  entry: null,
  alignment: null,
  buildId: null,
  stripped: null,
  parts: null,
};

test("should report every field of what can't be read, and of what is no ELF file", () => {
  const folder = temporaryFolder();
  const absent = join(folder, "absent");
  const { findings: said, ...report } = inspect(absent, { target, maxSize: 1 });
  assert.equal(said.length, 1);
  assert.equal(report, { path: absent, asset: null, target: TRIPLE, ok: false, ...UNKNOWN, size: null, sha256: null });
  const text = join(folder, "text");
  fs.writeFileSync(text, "text");
  const other = inspect(text, { target, maxSize: 9 });
  assert.equal([other.ok, other.size, other.sha256?.length], [false, 4, 64]);
  assert.equal(
    Object.entries(other).filter(([key]) => key in UNKNOWN),
    Object.entries(UNKNOWN),
  );
});

test("should report the smallest alignment, no build id, and which sections are loaded", () => {
  const bytes = elfFile(TRIPLE, SIZE);
  // PT_GNU_STACK becomes a PT_LOAD without memory and with pages of 4 KiB.
  bytes.writeUInt32LE(PT.LOAD, 120);
  bytes.writeBigUInt64LE(4096n, 120 + 48);
  // A section that is loaded and one that is not: offsets, sizes and flags of two headers at the end.
  bytes.fill(0, SIZE - 128);
  for (const [at, flags] of [
    [SIZE - 128, 2n],
    [SIZE - 64, 0n],
  ] as const) {
    bytes.writeUInt32LE(1, at + 4);
    bytes.writeBigUInt64LE(1n, at + 32);
    bytes.writeBigUInt64LE(flags, at + 8);
  }
  bytes.writeBigUInt64LE(BigInt(SIZE - 128), 40);
  bytes.writeUInt16LE(2, 60);
  const path = join(temporaryFolder(), "file");
  fs.writeFileSync(path, bytes);
  const { alignment, buildId, parts } = inspect(path, { target, maxSize: SIZE, pack: packParts });
  assert.equal([alignment, buildId], [4096, null]);
  assert.equal(
    partsIn(parts).sections.map(({ loaded }) => loaded),
    [true, false],
  );
});

test("should read a file that the caller has open by its descriptor, and leave that open", () => {
  const path = join(temporaryFolder(), "file");
  fs.writeFileSync(path, elfFile(TRIPLE, SIZE));
  const fd = fs.openSync(path, "r");
  try {
    const named = inspect(path, { target, maxSize: SIZE });
    assert.equal(inspect("another name", { target, maxSize: SIZE, fd }), { ...named, path: "another name" });
    assert.is(fs.fstatSync(fd).size, SIZE);
  } finally {
    fs.closeSync(fd);
  }
});

test("should take the content from whoever has read it, when it is that of the file", () => {
  const path = join(temporaryFolder(), "file");
  fs.writeFileSync(path, elfFile(TRIPLE, SIZE));
  const content = { size: SIZE, sha256: "of another", paths: { count: 1, examples: ["/home/a"] } };
  const report = inspect(path, { target, maxSize: SIZE, content });
  assert.is(report.sha256, "of another");
  assert.equal(
    report.findings.map(({ rule }) => rule),
    ["sections", "relro", "build-paths"],
  );
  const shorter = inspect(path, { target, maxSize: SIZE, content: { ...content, size: SIZE - 1 } });
  assert.equal(
    shorter.findings.map(({ rule, expected, got }) => [rule, expected, got]),
    [["readable", "a file that does not change", "it was written to while it was read"]],
  );
});

test("should not pass a file whose time changes while it is read", async () => {
  const path = join(temporaryFolder(), "file");
  fs.writeFileSync(path, "");
  fs.truncateSync(path, 128 * 2 ** 20);
  const toucher = runProgram(["sh", "-c", 'while [ -e "$1" ]; do touch -c "$1"; done', "sh", path]);
  const started = fs.statSync(path).mtimeMs;
  await until(() => fs.statSync(path).mtimeMs !== started);
  const { findings: said } = inspect(path, { target, maxSize: 2 ** 30 });
  fs.rmSync(path);
  await toucher;
  assert.equal(
    said.map(({ rule, got }) => [rule, got]),
    [["readable", "it was written to while it was read"]],
  );
});

test("should not open a socket", async () => {
  const path = join(temporaryFolder(), "socket");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const { findings: said } = inspect(path, { target, maxSize: 1 });
  await new Promise((resolve) => server.close(resolve));
  assert.equal(
    said.map(({ rule, got }) => [rule, got]),
    [["readable", "a socket"]],
  );
});

test("should close what it opens", () => {
  const path = join(temporaryFolder(), "file");
  fs.writeFileSync(path, elfFile(TRIPLE, SIZE));
  const open = (): number => fs.readdirSync("/proc/self/fd").length;
  inspect(path, { target, maxSize: SIZE });
  const before = open();
  for (let round = 0; round < 50; round++) inspect(path, { target, maxSize: SIZE });
  assert.ok(open() < before + 10, `${before} before, ${open()} after`);
});

test("should not take a defect of the caller for a file that can't be read", () => {
  assert.throws(() => inspect("a\0b", { target, maxSize: 1 }));
});

test.run();
