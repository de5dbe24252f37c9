/** What the rules ask about relocations: does the start-up code of a static program find them, and can it apply them? */
import { DT, ET, RELOCATION_TYPES, SHF, SHT } from "../elf/names.ts";
import type { Elf, Section } from "../elf/types.ts";
import { hasBit, hasTag, holds, linkageOf, loads } from "./layout.ts";
import { isOfGlibc } from "./system.ts";

/** The tables of relocations that a static-pie applies to itself: address, size in bytes, type of their sections. */
const RELOCATIONS = [
  ["DT_RELA", DT.RELA, DT.RELASZ, [SHT.RELA]],
  ["DT_REL", DT.REL, DT.RELSZ, [SHT.REL]],
  ["DT_RELR", DT.RELR, DT.RELRSZ, [SHT.RELR]],
  ["DT_JMPREL", DT.JMPREL, DT.PLTRELSZ, [SHT.RELA, SHT.REL]],
] as const;

/** The value of a tag. Of two entries the later counts: start-up code goes through them and keeps what it saw last. */
const tagValue = (elf: Elf, wanted: bigint): bigint | undefined =>
  elf.dynamic.findLast(({ tag }) => tag === wanted)?.value;

/** Tables of relocations without address or size, outside of memory, or that are not whole sections. */
export function lostRelocations(elf: Elf): string[] {
  return RELOCATIONS.filter(([, table, size, types]) => {
    const [vaddr, filesz] = [tagValue(elf, table), tagValue(elf, size)];
    if (vaddr === undefined || filesz === undefined) return vaddr !== filesz;
    const sections = elf.sections.filter(({ type }) => types.some((known) => known === type));
    const whole =
      elf.sections.length === 0 ||
      (sections.some(({ addr }) => addr === vaddr) &&
        sections.some(({ addr, size }) => addr + size === vaddr + filesz));
    return filesz > 0n && !(whole && loads(elf).some((load) => holds(load, { vaddr, filesz })));
  }).map(([name]) => name);
}

/** Sections of relocations in no table of the dynamic section: a static-pie would not apply them. */
export function unapplied(elf: Elf): Section[] {
  if (elf.header.type !== ET.DYN) return [];
  const tables = RELOCATIONS.map(([, table, size]) => [tagValue(elf, table) ?? 0n, tagValue(elf, size) ?? 0n] as const);
  return elf.sections.filter(
    ({ type, flags, addr, size }) =>
      RELOCATIONS.some(([, , , types]) => types.some((known) => known === type)) &&
      hasBit(flags, SHF.ALLOC) &&
      size > 0n &&
      !tables.some(([start, length]) => addr >= start && addr + size <= start + length),
  );
}

/** What goes with a table of relocations, size or kind of its entries, and is missing or wrong (gABI, "Dynamic Section"). */
export function wrongEntries(elf: Elf): string[] {
  const word = BigInt(elf.bits / 8);
  // glibc ends a program that has a DT_PLTREL of the other kind without a table, too.
  const stray = hasTag(elf, DT.PLTREL) ? DT.PLTREL : undefined;
  const wanted = [
    ["DT_RELAENT", DT.RELA, DT.RELAENT, 3n * word],
    ["DT_RELENT", DT.REL, DT.RELENT, 2n * word],
    ["DT_RELRENT", DT.RELR, DT.RELRENT, word],
    ["DT_PLTREL", DT.JMPREL, DT.PLTREL, elf.bits === 64 ? DT.RELA : DT.REL],
  ] as const;
  return wanted
    .filter(([, table, tag, value]) => (hasTag(elf, table) || tag === stray) && tagValue(elf, tag) !== value)
    .map(([name, , tag]) => `${name} ${tagValue(elf, tag) ?? "missing"}`);
}

/**
 * DT_RELACOUNT and DT_RELCOUNT that count more than the relocations of type RELATIVE with which the table begins: glibc takes
 * so many for relative ones without a look.
 */
export function wrongCounts(elf: Elf): string[] {
  const counts = [
    ["DT_RELACOUNT", DT.RELACOUNT, "DT_RELA"],
    ["DT_RELCOUNT", DT.RELCOUNT, "DT_REL"],
  ] as const;
  return counts.flatMap(([name, tag, table]) => {
    const [count, read] = [tagValue(elf, tag) ?? 0n, elf.relocations.find((one) => one.name === table)];
    if (linkageOf(elf) !== "static-pie" || read === undefined) return [];
    return count > BigInt(read.relative) ? [`${name} ${count} of ${read.relative}`] : [];
  });
}

/**
 * Whether a static-pie with relocations names its symbol table. glibc looks at the symbol of every relocation that is not of
 * type RELATIVE, though it is none.
 */
export function hasSymbols(elf: Elf): boolean {
  if (linkageOf(elf) !== "static-pie" || elf.relocations.length === 0) return true;
  const vaddr = tagValue(elf, DT.SYMTAB);
  if (vaddr === undefined) return false;
  const symbol = { vaddr, filesz: elf.bits === 64 ? 24n : 16n };
  const isSection = ({ type, addr }: Section): boolean => type === SHT.DYNSYM && addr === vaddr;
  return loads(elf).some((load) => holds(load, symbol)) && (elf.sections.length === 0 || elf.sections.some(isSection));
}

/** Relocations that the start-up code of a static program does not apply, or takes for others, as "table: number of type". */
export function unknownTypes(elf: Elf): string[] {
  const [linkage, known] = [linkageOf(elf), RELOCATION_TYPES.get(elf.header.machine)];
  if ((linkage !== "static" && linkage !== "static-pie") || known === undefined) return [];
  const applied = [
    ...(linkage === "static-pie" ? [known.NONE, known.RELATIVE] : []),
    ...(isOfGlibc(elf) ? [known.IRELATIVE] : []),
  ];
  return elf.relocations.flatMap(({ name, types }) =>
    [...types].filter(([type]) => !applied.includes(type)).map(([type, count]) => `${name}: ${count} of type ${type}`),
  );
}

/** Tables with relocations that would write where no PT_LOAD lets them, in programs that relocate themselves. */
export function unwritable(elf: Elf): string[] {
  const itself = linkageOf(elf)?.startsWith("static") && loads(elf).length > 0;
  if (!itself || !RELOCATION_TYPES.has(elf.header.machine)) return [];
  return elf.relocations.flatMap(({ name, unwritable }) => (unwritable > 0 ? [`${name}: ${unwritable}`] : []));
}

/** Whether there are relocations in the packed form of DT_RELR. */
export const isPacked = (elf: Elf): boolean => [DT.RELR, DT.RELRSZ].every((tag) => (tagValue(elf, tag) ?? 0n) > 0n);

const ANDROID = [
  ["DT_ANDROID_REL", DT.ANDROID_REL],
  ["DT_ANDROID_RELA", DT.ANDROID_RELA],
  ["DT_ANDROID_RELR", DT.ANDROID_RELR],
] as const;
/** Tables of relocations that only Android's loader reads. */
export const androidTables = (elf: Elf): string[] =>
  ANDROID.filter(([, tag]) => hasTag(elf, tag)).map(([name]) => name);
