/** What the rules ask about an ELF file: do its segments, sections and dynamic entries fit together? */
import { MACHINES } from "../contract.ts";
import { DF_1_PIE, DT, ET, PF, PT, SHF, SHT } from "../elf/names.ts";
import type { Elf, Section, Segment } from "../elf/types.ts";

/** Bytes of program headers that every kernel reads: older ones refuse more than a page of them. */
export const MOST_HEADERS = 4096;
/** Memory that a payload may ask for before it runs. */
export const MOST_MEMORY = 1n << 30n;
export const KIB_64 = 0x10000n;
const PAGE = 0x1000n;

interface Memory {
  /** Largest page that kernels for the machine use. */
  page: bigint;
  /** The middle of a process's addresses: stack and mmap come from above. */
  end: bigint;
}
/** The kernels of most phones are built with 39 bits of virtual address, and may be with pages of 64 KiB. */
const PHONE: Memory = { page: KIB_64, end: 1n << 38n };
const PC: Memory = { page: PAGE, end: 1n << 46n };
/** Of 4 GiB a 32-bit kernel may take 2 for itself (CONFIG_VMSPLIT_2G). */
const PHONE_32: Memory = { page: PAGE, end: 1n << 30n };
const MEMORIES = new Map<number, Memory>([
  [MACHINES["x86-64"], PC],
  [MACHINES.arm, PHONE_32],
]);
export const memory = ({ header }: Elf): Memory => MEMORIES.get(header.machine) ?? PHONE;

/** The segments of some types. */
export const ofType = (elf: Elf, ...types: number[]): Segment[] =>
  elf.segments.filter(({ type }) => types.includes(type));
export const loads = (elf: Elf): Segment[] => ofType(elf, PT.LOAD);

export const has = (flags: number, flag: number): boolean => (flags & flag) !== 0;
export const hasBit = (flags: bigint, flag: bigint): boolean => (flags & flag) !== 0n;
export const rights = ({ flags }: Segment): string =>
  (has(flags, PF.R) ? "R" : "") + (has(flags, PF.W) ? "W" : "") + (has(flags, PF.X) ? "X" : "");

export const hasTag = (elf: Elf, tag: bigint): boolean => elf.dynamic.some((entry) => entry.tag === tag);
export const hasFlag = (elf: Elf, tag: bigint, flag: bigint): boolean =>
  elf.dynamic.some((entry) => entry.tag === tag && hasBit(entry.value, flag));
export const isPie = (elf: Elf): boolean => hasFlag(elf, DT.FLAGS_1, DF_1_PIE);
export const names = (elf: Elf, ...tags: bigint[]): string[] =>
  elf.dynamic.filter(({ tag }) => tags.includes(tag)).map(({ name }) => name ?? "(no name)");

/** How a program is linked; null when it is no program. */
export type Linkage = "static" | "static-pie" | "dynamic" | "shared library";
export function linkageOf(elf: Elf): Linkage | null {
  if (ofType(elf, PT.INTERP).length > 0 || names(elf, DT.NEEDED).length > 0) return "dynamic";
  if (elf.header.type === ET.EXEC) return "static";
  if (elf.header.type === ET.DYN) return isPie(elf) ? "static-pie" : "shared library";
  return null;
}

/** Bytes that a section takes in the file. */
export const fileSize = ({ type, size }: Section): bigint => (type === SHT.NOBITS || type === SHT.NULL ? 0n : size);

export const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const isPowerOfTwo = (value: bigint): boolean => (value & (value - 1n)) === 0n;
const MAX_ALIGN = 1n << 30n;

/** Whether the alignment is one, and address and file offset agree modulo it, and modulo a page for a PT_LOAD. */
export function isAligned({ type, align, vaddr, offset }: Segment): boolean {
  const least = type === PT.LOAD ? 0n : 1n;
  const modulus = larger(align, type === PT.LOAD ? PAGE : 1n);
  return align >= least && align <= MAX_ALIGN && isPowerOfTwo(align) && (vaddr - offset) % modulus === 0n;
}

/** Bytes from the first segment's start to the last one's end. */
export const span = (segments: readonly Segment[]): bigint => {
  const [first, last] = [segments.at(0), segments.at(-1)];
  return first === undefined || last === undefined ? 0n : last.vaddr + last.memsz - first.vaddr;
};

/** PT_LOADs that begin in a page in which an earlier one ends, or before it. */
export function misplaced(elf: Elf): Segment[] {
  let end = 0n;
  return loads(elf).filter(({ vaddr, memsz, align }) => {
    const page = smaller(larger(align, PAGE), memory(elf).page);
    const collides = vaddr / page < (end + page - 1n) / page;
    end = vaddr + memsz;
    return collides;
  });
}

/** A range of memory that comes from the file. */
interface Range {
  vaddr: bigint;
  filesz: bigint;
}
export const holds = (load: Segment, { vaddr, filesz }: Range): boolean =>
  vaddr >= load.vaddr && vaddr + filesz <= load.vaddr + load.filesz;

/** Whether a PT_LOAD maps a segment's bytes of the file to the segment's addresses. */
export const isLoadedBy = (load: Segment, part: Range & { offset: bigint }): boolean =>
  holds(load, part) && part.vaddr - part.offset === load.vaddr - load.offset;

/**
 * Whether a PT_LOAD has the memory of a segment too. Beyond the segment's bytes that is only what is beyond the PT_LOAD's
 * own, and the rest of its last page, up to which linkers draw PT_GNU_RELRO.
 */
export function covers(load: Segment, { vaddr, filesz, memsz }: Segment): boolean {
  const page = larger(load.align, PAGE);
  const end = ((load.vaddr + load.memsz + page - 1n) / page) * page;
  return memsz <= filesz || (vaddr + filesz === load.vaddr + load.filesz && vaddr + memsz <= end);
}

/** Sections that belong in memory, in no PT_LOAD that has their bytes and the rights that their flags ask for. */
export function unloaded(elf: Elf): Section[] {
  const candidates = loads(elf);
  if (candidates.length === 0) return [];
  const tls = ofType(elf, PT.TLS).length > 0;
  return elf.sections.filter((section) => {
    const { flags, addr: vaddr, offset, size } = section;
    if (!hasBit(flags, SHF.ALLOC) || size === 0n) return false;
    if (hasBit(flags, SHF.TLS) && !tls) return true;
    // The zeros of thread-local storage have no addresses of their own.
    if (section.type === SHT.NOBITS && hasBit(flags, SHF.TLS)) return false;
    const wanted = hasBit(flags, SHF.WRITE) ? PF.W : hasBit(flags, SHF.EXECINSTR) ? PF.X : PF.R | PF.X;
    const held = (load: Segment): boolean =>
      section.type === SHT.NOBITS
        ? vaddr >= load.vaddr && vaddr + size <= load.vaddr + load.memsz
        : isLoadedBy(load, { vaddr, offset, filesz: size });
    return !candidates.some((load) => has(load.flags, wanted) && held(load));
  });
}

/** Sections of zeros where a PT_LOAD has bytes of the file: what the program takes for 0 would be something else. */
export function overlaid(elf: Elf): Section[] {
  const candidates = loads(elf);
  return elf.sections.filter(
    ({ type, flags, addr, size }) =>
      type === SHT.NOBITS &&
      hasBit(flags, SHF.ALLOC) &&
      !hasBit(flags, SHF.TLS) &&
      size > 0n &&
      candidates.some(({ vaddr, filesz }) => addr >= vaddr && addr < vaddr + filesz),
  );
}

/**
 * Sections of variables (gABI, "Special Sections") that PT_GNU_RELRO makes read-only before the program writes to them. Where
 * there is nothing to protect, GNU ld begins PT_GNU_RELRO with them; no C library is in such a program to obey it.
 */
export function frozen(elf: Elf): Section[] {
  const relro = ofType(elf, PT.GNU_RELRO);
  const inside = (addr: bigint): boolean => relro.some(({ vaddr, memsz }) => addr > vaddr && addr < vaddr + memsz);
  const isOfVariables = (name: string): boolean =>
    /^\.(data|bss)(\.|$)/.test(name) && !/^\.(data|bss)\.rel\.ro(\.|$)/.test(name);
  // Names are looked up last: they take longer than all other fields.
  return elf.sections.filter((section) => inside(section.addr) && isOfVariables(section.name));
}

/** Whether an address is in a section of code; true of a file without section headers, which does not tell. */
export const isCode = (elf: Elf, address: bigint): boolean =>
  elf.sections.length === 0 ||
  elf.sections.some(
    ({ flags, addr, size }) => hasBit(flags, SHF.EXECINSTR) && address >= addr && address < addr + size,
  );

/**
 * PT_TLSs that are not what the sections of thread-local storage make: size and alignment decide where each variable is.
 * Linkers may round the size in memory up.
 */
export function unlikeSections(elf: Elf): Segment[] {
  const sections = elf.sections.filter(({ flags, size }) => hasBit(flags, SHF.TLS) && size > 0n);
  const [first] = sections;
  if (first === undefined) return [];
  const start = sections.reduce((least, { addr }) => smaller(least, addr), first.addr);
  const endOf = (parts: Section[]): bigint => parts.reduce((end, { addr, size }) => larger(end, addr + size), start);
  const [data, all] = [endOf(sections.filter(({ type }) => type !== SHT.NOBITS)), endOf(sections)];
  const wanted = sections.reduce((most, { addralign }) => larger(most, addralign), 1n);
  const units = (bytes: bigint): bigint => (bytes + wanted - 1n) / wanted;
  return ofType(elf, PT.TLS).filter(
    ({ vaddr, filesz, memsz, align }) =>
      vaddr !== start ||
      vaddr + filesz !== data ||
      align !== wanted ||
      vaddr + memsz < all ||
      units(memsz) !== units(all - start),
  );
}

/** The byte after the last one that a header, segment or section accounts for; what has no bytes accounts for none. */
export function endOfContent(elf: Elf): bigint {
  const { header, segments, segmentCount, sections } = elf;
  let end = 0n;
  const reach = (offset: bigint, length: bigint): void => {
    if (length > 0n) end = larger(end, offset + length);
  };
  reach(0n, BigInt(header.ehsize));
  reach(header.phoff, BigInt(segmentCount * header.phentsize));
  reach(header.shoff, BigInt(sections.length * header.shentsize));
  for (const { type, offset, filesz } of segments) reach(offset, type === PT.NULL ? 0n : filesz);
  for (const section of sections) reach(section.offset, fileSize(section));
  return end;
}

/** Sections that strip removes: symbols and debug information. */
export function strippable(elf: Elf): Section[] {
  const symbols = elf.sections.filter(({ type }) => type === SHT.SYMTAB);
  const strings = new Set(symbols.map(({ link }) => elf.sections[link]));
  return elf.sections.filter(
    (section) =>
      section.type === SHT.SYMTAB ||
      strings.has(section) ||
      (!hasBit(section.flags, SHF.ALLOC) && /^\.z?debug_/.test(section.name)),
  );
}
