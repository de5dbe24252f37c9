/** GNU readelf as the oracle: what it prints about files, parsed, and the gate's rules judged by that alone. */
import type { Target } from "../../scripts/lib/contract.ts";
import { runProgram } from "./harness.ts";

export interface View {
  /** The bytes of e_ident. */
  ident: number[];
  header: Record<string, string>;
  type: number;
  machine: number | undefined;
  entry: bigint;
  phoff: bigint;
  shoff: bigint;
  segments: {
    type: number;
    flags: number;
    offset: bigint;
    vaddr: bigint;
    paddr: bigint;
    filesz: bigint;
    memsz: bigint;
    align: bigint;
  }[];
  sections: {
    name: string;
    type: number;
    addr: bigint;
    offset: bigint;
    size: bigint;
    entsize: bigint;
    link: number;
    info: number;
    addralign: bigint;
    flags: bigint;
  }[];
  /** value: undefined when readelf shows it as words that are not decoded here; name: its meaning. */
  dynamic: { tag: bigint; value: bigint | undefined; name?: string; words: string }[];
  interpreter: string | undefined;
  notes: { name: string; type: number | undefined; size: number }[];
  buildId: string | undefined;
}

/** Runs readelf once over many files. Returns what it prints of each, by path, and its complaints. */
export async function readelf(paths: readonly string[]): Promise<{ views: Map<string, View>; complaints: string }> {
  // With one file alone readelf leaves its name out.
  const { stdout, stderr } = await runProgram(["readelf", "-W", "-h", "-l", "-d", "-n", "-t", ...paths, "/dev/null"], {
    env: { LC_ALL: "C" },
  });
  const views = new Map<string, View>();
  for (const part of stdout.split(/^File: /m).slice(1)) {
    const end = part.indexOf("\n");
    if (part.includes("ELF Header:")) views.set(part.slice(0, end), parse(part.slice(end)));
  }
  return { views, complaints: stderr };
}

const TYPES: Record<string, number> = { NONE: 0, REL: 1, EXEC: 2, DYN: 3, CORE: 4 };
const MACHINES: Record<string, number> = {
  None: 0,
  "Advanced Micro Devices X86-64": 62,
  AArch64: 183,
  ARM: 40,
  "MIPS R3000": 8,
  PowerPC64: 21,
  "RISC-V": 243,
};
const SEGMENTS: Record<string, number> = {
  NULL: 0,
  LOAD: 1,
  DYNAMIC: 2,
  INTERP: 3,
  NOTE: 4,
  SHLIB: 5,
  PHDR: 6,
  TLS: 7,
  GNU_EH_FRAME: 0x6474e550,
  GNU_STACK: 0x6474e551,
  GNU_RELRO: 0x6474e552,
  GNU_PROPERTY: 0x6474e553,
  REGINFO: 0x70000000,
  ABIFLAGS: 0x70000003,
  EXIDX: 0x70000001,
  // As binutils 2.44 calls it.
  ARM_EXIDX: 0x70000001,
};
const SECTIONS: Record<string, number> = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  SHLIB: 10,
  DYNSYM: 11,
  INIT_ARRAY: 14,
  FINI_ARRAY: 15,
  PREINIT_ARRAY: 16,
  GROUP: 17,
  "SYMTAB SECTION INDICES": 18,
  RELR: 19,
  // Names that binutils has from 2.44 on.
  ANDROID_REL: 0x60000001,
  ANDROID_RELA: 0x60000002,
  GNU_ATTRIBUTES: 0x6ffffff5,
  GNU_HASH: 0x6ffffff6,
  VERDEF: 0x6ffffffd,
  VERNEED: 0x6ffffffe,
  VERSYM: 0x6fffffff,
  X86_64_UNWIND: 0x70000001,
  ARM_EXIDX: 0x70000001,
  ARM_ATTRIBUTES: 0x70000003,
  MIPS_REGINFO: 0x70000006,
  MIPS_ABIFLAGS: 0x7000002a,
  MIPS_DEBUG: 0x70000005,
  MIPS_XHASH: 0x7000002b,
};
const GNU_NOTES: Record<string, number> = {
  // NetBSD's.
  IDENT: 1,
  NT_GNU_ABI_TAG: 1,
  NT_GNU_BUILD_ID: 3,
  NT_GNU_GOLD_VERSION: 4,
  NT_GNU_PROPERTY_TYPE_0: 5,
};
const FLAG_WORDS: Record<string, bigint> = { ORIGIN: 1n, SYMBOLIC: 2n, TEXTREL: 4n, BIND_NOW: 8n, STATIC_TLS: 16n };
const FLAG_1_WORDS: Record<string, bigint> = { NOW: 1n, GLOBAL: 2n, NODELETE: 8n, ORIGIN: 0x80n, PIE: 0x8000000n };

const big = (hex: string | undefined): bigint => BigInt(`0x${(hex ?? "0").replace(/^0x/, "")}`);

/** The number of a type by its name; readelf shows those it does not know as a number or as a distance from a base. */
function numberOf(names: Record<string, number>, text: string): number {
  const known = names[text];
  if (known !== undefined) return known;
  const [, base, distance] = /^(LOOS|LOPROC|LOUSER)\+(?:0x)?([0-9a-f]+)/.exec(text) ?? [];
  const bases: Record<string, number> = { LOOS: 0x60000000, LOPROC: 0x70000000, LOUSER: 0x80000000 };
  if (base !== undefined) return (bases[base] ?? 0) + Number.parseInt(distance ?? "", 16);
  const [, unknown] = /^(?:<unknown>|.*: *)\(?(?:0x)?([0-9a-f]+)/.exec(text) ?? /([0-9a-f]+)/.exec(text) ?? [];
  return Number.parseInt(unknown ?? "", 16);
}

function parse(text: string): View {
  const [head = ""] = text.split(/^(?:There are|Section Headers:|Program Headers:|Elf file type)/m, 1);
  const header = Object.fromEntries(
    [...head.matchAll(/^ {2}([A-Z][^:]*): +(.*?) *$/gm)].map(([, key = "", value = ""]) => [key, value]),
  );
  // "Version" is printed twice: of e_ident and of the header. The first is among the bytes of e_ident.
  return {
    ident: (header.Magic ?? "").split(" ").map((byte) => Number.parseInt(byte, 16)),
    header,
    type: numberOf(TYPES, (header.Type ?? "").replace(/ \(.*/, "")),
    machine: MACHINES[header.Machine ?? ""],
    entry: big(header["Entry point address"]),
    phoff: BigInt((header["Start of program headers"] ?? "0").replace(/ .*/, "")),
    shoff: BigInt((header["Start of section headers"] ?? "0").replace(/ .*/, "")),
    segments: segmentsIn(text),
    sections: sectionsIn(text),
    dynamic: dynamicIn(text),
    interpreter: /\[Requesting program interpreter: (.*)\]$/m.exec(text)?.[1],
    notes: notesIn(text),
    buildId: /^ {2}GNU .*\tNT_GNU_BUILD_ID.*Build ID: ([0-9a-f]*)/m.exec(text)?.[1],
  };
}

function segmentsIn(text: string): View["segments"] {
  const row =
    /^ {2}(\S.*?) +0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+) (.)(.)(.) (?:0x)?([0-9a-f]+)$/gm;
  return [...text.matchAll(row)].map(([, type = "", ...rest]) => ({
    type: numberOf(SEGMENTS, type),
    offset: big(rest[0]),
    vaddr: big(rest[1]),
    paddr: big(rest[2]),
    filesz: big(rest[3]),
    memsz: big(rest[4]),
    flags: (rest[5] === "R" ? 4 : 0) + (rest[6] === "W" ? 2 : 0) + (rest[7] === "E" ? 1 : 0),
    align: big(rest[8]),
  }));
}

function sectionsIn(text: string): View["sections"] {
  const row =
    /^ {2}\[ *[0-9]+\] (.*)\n {7}(\S.*?) +([0-9a-f]{8,16}) ([0-9a-f]{6,}) ([0-9a-f]{6,}) ([0-9a-f]+) +([0-9]+) +([0-9]+) +([0-9]+)\n {7}\[([0-9a-f]+)\]/gm;
  return [...text.matchAll(row)].map(([, name = "", type = "", ...rest]) => ({
    name,
    type: numberOf(SECTIONS, type),
    addr: big(rest[0]),
    offset: big(rest[1]),
    size: big(rest[2]),
    entsize: big(rest[3]),
    link: Number(rest[4]),
    info: Number(rest[5]),
    addralign: BigInt(rest[6] ?? 0),
    flags: big(rest[7]),
  }));
}

function dynamicIn(text: string): View["dynamic"] {
  return [...text.matchAll(/^ 0x([0-9a-f]+) \((.*?)\) +(.*)$/gm)].map(([, tag, label = "", words = ""]) => {
    const name = /^[A-Z][a-z ]+: \[(.*)\]$/.exec(words)?.[1];
    return { tag: big(tag), value: dynamicValue(label, words), words, ...(name === undefined ? {} : { name }) };
  });
}

function dynamicValue(label: string, words: string): bigint | undefined {
  const bits = (table: Record<string, bigint>): bigint | undefined => {
    const given = words
      .replace(/^Flags: /, "")
      .trim()
      .split(" ");
    return given.every((word) => word in table)
      ? given.reduce((sum, word) => sum | (table[word] ?? 0n), 0n)
      : undefined;
  };
  if (/^0x[0-9a-f]+$/.test(words)) return BigInt(words);
  if (/^[0-9]+( \(bytes\))?$/.test(words)) return BigInt(words.replace(/ .*/, ""));
  if (label === "PLTREL") return words === "RELA" ? 7n : 17n;
  if (label === "FLAGS") return bits(FLAG_WORDS);
  if (label === "FLAGS_1") return bits(FLAG_1_WORDS);
  return undefined;
}

function notesIn(text: string): View["notes"] {
  return [...text.matchAll(/^ {2}(\S.*?|)[ \t]+0x([0-9a-f]{8})\t(\S+)/gm)].map(
    ([, name = "", size = "", type = ""]) => ({
      name,
      size: Number.parseInt(size, 16),
      type: GNU_NOTES[type],
    }),
  );
}

/**
 * The rules of severity fail that a file breaks by what readelf shows, found without any code of the gate.
 * @param size bytes of the file
 */
export function violations(view: View, size: number, target: Target): string[] {
  const { segments, sections, dynamic } = view;
  const broken: string[] = [];
  const demand = (holds: boolean, rule: string): void => {
    if (!holds) broken.push(rule);
  };
  const loads = segments.filter(({ type }) => type === SEGMENTS.LOAD);
  const has = (type: string): boolean => segments.some((segment) => segment.type === SEGMENTS[type]);
  const tagged = (tag: bigint) => dynamic.filter((entry) => entry.tag === tag);
  const end = (offset: bigint, length: bigint): bigint => offset + length;
  const entries = (key: string, bytes: string): bigint =>
    BigInt(view.header[key]?.match(/[0-9]+/g)?.at(-1) ?? 0) * BigInt(view.header[bytes]?.match(/[0-9]+/)?.[0] ?? 0);
  const phend = end(view.phoff, entries("Number of program headers", "Size of program headers"));
  const shend = end(view.shoff, entries("Number of section headers", "Size of section headers"));
  const [, , , , klass, data, version, osabi] = view.ident;
  const file = BigInt(size);

  demand(klass === (target.elf.bits === 64 ? 2 : 1), "class");
  demand(data === (target.elf.order === "little" ? 1 : 2), "byte-order");
  demand(version === 1 && view.header.Version === "0x1", "elf-header");
  demand(view.machine === target.elf.machine, "machine");
  demand(Number(/^0x[0-9a-f]+/.exec(view.header.Flags ?? "")?.[0]) === target.elf.flags, "abi-flags");
  const pie = tagged(0x6ffffffbn).some(({ words }) => words.split(" ").includes("PIE"));
  demand(view.type === 2 || (view.type === 3 && pie), "type");
  demand(osabi === 0 || osabi === 3, "os-abi");
  demand(!has("INTERP") && !sections.some(({ name }) => name === ".interp"), "interpreter");
  demand(tagged(1n).length === 0, "needed");
  // Of PN_XNUM readelf shows the count in section header 0 too, which no kernel looks for.
  const written = BigInt(view.header["Number of program headers"]?.match(/[0-9]+/)?.[0] ?? 0);
  demand(phend <= file && phend - view.phoff <= 4096n && written !== 0xffffn, "program-headers");
  demand(shend <= file, "section-headers");
  demand(
    segments.every(({ type, offset, filesz }) => type === 0 || end(offset, filesz) <= file),
    "segment-bounds",
  );
  const inFile = sections.filter(({ type, size }) => type !== 0 && type !== 8 && size > 0n);
  demand(
    inFile.every(({ offset, size }) => end(offset, size) <= file),
    "section-bounds",
  );
  demand(loads.length > 0, "load");
  demand(
    segments.every(({ type, filesz, memsz }) => (type !== 1 && type !== 7) || filesz <= memsz),
    "load-size",
  );
  demand(
    loads.every(({ vaddr, offset }) => vaddr % 4096n === offset % 4096n),
    "load-alignment",
  );
  demand(
    loads.every(({ vaddr, offset, align }) => align < 2n || vaddr % align === offset % align),
    "load-alignment",
  );
  const [arm64, arm32] = [target.elf.machine === 183, target.elf.machine === 40];
  demand(!arm64 || loads.every(({ align }) => align >= 65536n), "page-size");
  const page = arm64 ? 65536n : 4096n;
  const taken = loads.map(({ vaddr, memsz }) => [vaddr / page, (vaddr + memsz + page - 1n) / page] as const);
  demand(
    taken.every(([first], i) => i === 0 || first >= (taken[i - 1]?.[1] ?? 0n)),
    "load-order",
  );
  demand(
    loads.every(({ vaddr, memsz }) => vaddr + memsz <= 1n << (arm64 ? 38n : arm32 ? 30n : 46n)),
    "load-address",
  );
  demand(view.type !== 2 || loads.every(({ vaddr }) => vaddr >= 65536n), "load-address");
  const home = loads.some(
    ({ flags, vaddr, filesz }) => flags % 2 === 1 && view.entry >= vaddr && view.entry < vaddr + filesz,
  );
  const aligned = arm32 ? view.entry % 4n !== 2n : !arm64 || view.entry % 4n === 0n;
  demand(view.entry !== 0n && home && aligned, "entry");
  const [first] = loads;
  demand(
    first !== undefined && view.phoff >= first.offset && phend <= end(first.offset, first.filesz),
    "headers-loaded",
  );
  demand(((first?.flags ?? 0) & 4) !== 0, "headers-loaded");
  demand(
    segments.every(({ type, offset }) => type !== SEGMENTS.PHDR || offset === view.phoff),
    "headers-loaded",
  );
  const sum = segments.reduce((total, { type, memsz }) => total + (type === 1 || type === 7 ? memsz : 0n), 0n);
  demand(sum <= 2n ** 30n, "load-size");
  const addresses = loads.map(({ vaddr, memsz }) => vaddr + memsz - (first?.vaddr ?? 0n));
  demand(view.type !== 3 || addresses.every((last) => last <= 2n ** 30n), "load-size");
  const tls = segments.filter(({ type }) => type === SEGMENTS.TLS);
  demand(tls.length <= 1, "segment-loaded");
  demand(
    segments.every(
      ({ type, vaddr, offset }) =>
        type !== SEGMENTS.PHDR || vaddr - offset === (first?.vaddr ?? 0n) - (first?.offset ?? 0n),
    ),
    "segment-loaded",
  );
  demand(
    segments.every(
      ({ type, vaddr, offset, filesz }) =>
        type !== SEGMENTS.EXIDX ||
        loads.some(
          (load) =>
            vaddr >= load.vaddr &&
            vaddr + filesz <= load.vaddr + load.filesz &&
            vaddr - offset === load.vaddr - load.offset,
        ),
    ),
    "segment-loaded",
  );
  demand(
    segments.every(
      ({ type, vaddr, filesz, memsz }) =>
        type !== SEGMENTS.GNU_RELRO ||
        memsz <= filesz ||
        loads.some((load) => vaddr + filesz === load.vaddr + load.filesz && vaddr < load.vaddr + load.memsz),
    ),
    "segment-loaded",
  );
  demand(
    segments.every(({ type, filesz }) => type !== SEGMENTS.GNU_PROPERTY || (filesz >= 16n && filesz <= 1024n)),
    "notes",
  );
  demand(
    tls.every(({ align }) => align > 0n && (align & (align - 1n)) === 0n),
    "load-alignment",
  );
  const inMemory = sections.filter(({ flags, size }) => (flags & 2n) !== 0n && size > 0n);
  demand(
    inMemory.every(({ type, flags, addr, size }) => {
      const thread = (flags & 0x400n) !== 0n;
      if (thread && tls.length === 0) return false;
      const homes = loads.filter(({ vaddr, memsz }) => addr >= vaddr && addr + size <= vaddr + memsz);
      const right = (flags & 1n) !== 0n ? 2 : (flags & 4n) !== 0n ? 1 : 5;
      return (thread && type === SECTIONS.NOBITS) || homes.some((load) => (load.flags & right) !== 0);
    }),
    "section-loaded",
  );
  const threads = inMemory.filter(({ flags }) => (flags & 0x400n) !== 0n);
  demand(
    threads.every(({ addr, size, type }) =>
      tls.some(
        ({ vaddr, filesz, memsz }) =>
          addr >= vaddr && addr + size <= vaddr + (type === SECTIONS.NOBITS ? memsz : filesz),
      ),
    ),
    "section-loaded",
  );
  const section = sections.find(({ type }) => type === SECTIONS.DYNAMIC);
  demand(
    section === undefined || segments.some(({ type, offset }) => type === 2 && offset === section.offset),
    "dynamic",
  );
  demand(
    segments.every(({ type, flags }) => type !== SEGMENTS.GNU_STACK || flags % 2 === 0),
    "executable-stack",
  );
  demand(
    loads.every(({ flags }) => (flags & 3) !== 3),
    "write-execute",
  );
  const textrel = tagged(22n).length > 0 || tagged(30n).some(({ words }) => words.includes("TEXTREL"));
  demand(!textrel, "text-relocations");
  demand(tagged(15n).length + tagged(29n).length === 0, "run-path");
  const pairs = [
    [7n, 8n],
    [17n, 18n],
    [36n, 35n],
    [23n, 2n],
  ] as const;
  demand(
    pairs.every(([table, bytes]) => tagged(table).length > 0 === tagged(bytes).length > 0),
    "relocations",
  );
  const ends = [
    phend,
    shend,
    ...segments
      .filter(({ type, filesz }) => type !== 0 && filesz > 0n)
      .map(({ offset, filesz }) => end(offset, filesz)),
    ...inFile.map(({ offset, size }) => end(offset, size)),
  ];
  demand(
    ends.some((last) => last >= file),
    "trailing-bytes",
  );
  return broken;
}
