/** Takes symbols and debug information out of an executable. What is loaded keeps its place: only what follows it changes. */

import { contractFailure } from "../errors.ts";
import { strippable } from "../gate/layout.ts";
import { SHAPES } from "./bytes.ts";
import { SHF, SHN_LORESERVE, SHT } from "./names.ts";
import type { Elf, Section } from "./types.ts";

const NAMES = ".shstrtab";

/**
 * The file without its symbol table and debug sections (gABI, "Sections"). Our own and not the machine's `strip`, so that
 * the bytes depend on no tool's version and no tool for the target is needed.
 * @param bytes the whole file
 * @param elf what the reader made of it, without defects
 * @throws Failure (1) when it has more sections than its header can count
 */
export function strip(bytes: Buffer, elf: Elf): Buffer {
  const dropped = new Set(strippable(elf));
  if (dropped.size === 0) return bytes;
  const oldNames = elf.sections[elf.header.shstrndx];
  const stays = (section: Section): boolean =>
    section !== oldNames && !dropped.has(section) && !relocates(section, dropped, elf);
  const kept = elf.sections.filter(stays);
  if (kept.length + 1 >= SHN_LORESERVE) {
    throw contractFailure({
      what: "the executable has too many sections to be stripped",
      expected: `fewer than ${SHN_LORESERVE}`,
      got: String(kept.length),
    });
  }
  const output = new Output(bytes.subarray(0, Number(loadedEnd(elf))));
  const names = stringTable([...kept.map(({ name }) => name), NAMES]);
  const index = (old: number): number => Math.max(kept.indexOf(elf.sections[old] as Section), 0);
  const moved = kept.map((section): Section => {
    const { name, type, flags, addr, size, addralign, entsize } = section;
    const inPlace = type === SHT.NULL || type === SHT.NOBITS || section.offset + size <= output.loaded;
    const content = bytes.subarray(Number(section.offset), Number(section.offset + section.size));
    return {
      ...{ name, type, flags, addr, size, addralign, entsize },
      offset: inPlace ? section.offset : output.append(content, addralign),
      link: index(section.link),
      info: refersByInfo(section) ? index(section.info) : section.info,
    };
  });
  const nothing = { flags: 0n, addr: 0n, link: 0, info: 0, entsize: 0n };
  moved.push({
    ...nothing,
    name: NAMES,
    type: SHT.STRTAB,
    offset: output.append(names.bytes, 1n),
    size: BigInt(names.bytes.length),
    addralign: 1n,
  });
  const table = Buffer.concat(moved.map((section) => headerOf(section, names.offsetOf(section.name), elf)));
  const shoff = output.append(table, BigInt(elf.bits / 8));
  return output.finish(elf, shoff, moved.length);
}

/** Whether a section holds relocations for one that goes. */
const relocates = ({ type, flags, info }: Section, dropped: Set<Section>, { sections }: Elf): boolean =>
  (type === SHT.REL || type === SHT.RELA) && (flags & SHF.ALLOC) === 0n && dropped.has(sections[info] as Section);

/** Whether sh_info is the index of another section (gABI, "sh_link and sh_info Interpretation"). */
const refersByInfo = ({ type, flags }: Section): boolean =>
  (flags & SHF.INFO_LINK) !== 0n || type === SHT.REL || type === SHT.RELA;

/** The offset behind everything that a segment or a loaded section has in the file. */
function loadedEnd({ bits, header, segments, sections }: Elf): bigint {
  const ends = [
    BigInt(SHAPES[bits].header),
    header.phoff + BigInt(SHAPES[bits].segment * segments.length),
    ...segments.map(({ offset, filesz }) => offset + filesz),
    ...sections
      .filter(({ type, flags }) => type !== SHT.NOBITS && (flags & SHF.ALLOC) !== 0n)
      .map(({ offset, size }) => offset + size),
  ];
  return ends.reduce((most, end) => (end > most ? end : most));
}

/** A string table (gABI, "String Table"). */
function stringTable(texts: readonly string[]): { bytes: Buffer; offsetOf(text: string): number } {
  const offsets = new Map([["", 0]]);
  let bytes = Buffer.alloc(1);
  for (const text of texts) {
    if (offsets.has(text)) continue;
    offsets.set(text, bytes.length);
    bytes = Buffer.concat([bytes, Buffer.from(`${text}\0`)]);
  }
  return { bytes, offsetOf: (text) => offsets.get(text) ?? 0 };
}

/** The new file: what is loaded, and what was appended. */
class Output {
  readonly #parts: Buffer[];
  #size: number;
  readonly loaded: bigint;

  constructor(start: Buffer) {
    this.#parts = [Buffer.from(start)];
    this.#size = start.length;
    this.loaded = BigInt(start.length);
  }

  /** Appends bytes at the next aligned offset, and returns it. */
  append(bytes: Buffer, align: bigint): bigint {
    const step = Math.max(Number(align), 1);
    const padding = (step - (this.#size % step)) % step;
    this.#parts.push(Buffer.alloc(padding), bytes);
    const offset = this.#size + padding;
    this.#size = offset + bytes.length;
    return BigInt(offset);
  }

  /** The file with its header pointing at the section headers; the last one names the others. */
  finish({ bits, order }: Elf, shoff: bigint, count: number): Buffer {
    const file = Buffer.concat(this.#parts);
    const view = new DataView(file.buffer, file.byteOffset);
    const little = order === "little";
    const { at, counts } = bits === 64 ? { at: 40, counts: 60 } : { at: 32, counts: 48 };
    if (bits === 64) view.setBigUint64(at, shoff, little);
    else view.setUint32(at, Number(shoff), little);
    view.setUint16(counts, count, little);
    view.setUint16(counts + 2, count - 1, little);
    return file;
  }
}

function headerOf(section: Section, name: number, { bits, order }: Elf): Buffer {
  const bytes = Buffer.alloc(SHAPES[bits].section);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const little = order === "little";
  let at = 0;
  const u32 = (value: number): void => {
    view.setUint32(at, value, little);
    at += 4;
  };
  const word = (value: bigint): void => {
    if (bits === 32) view.setUint32(at, Number(value), little);
    else view.setBigUint64(at, value, little);
    at += bits / 8;
  };
  u32(name);
  u32(section.type);
  for (const value of [section.flags, section.addr, section.offset, section.size]) word(value);
  u32(section.link);
  u32(section.info);
  word(section.addralign);
  word(section.entsize);
  return bytes;
}
