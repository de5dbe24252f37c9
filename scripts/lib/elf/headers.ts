/** The fixed tables of an ELF file: file header, section headers, program headers. */

import { bytesAt, defect, type Fields, type File, fields, range, strings, within } from "./bytes.ts";
import { PN_XNUM, SHN_XINDEX, SHT } from "./names.ts";
import type { Header, Section, Segment } from "./types.ts";

/** Most bytes of a table: 131,072 section headers, twice what the 16 bits of e_shnum can say. */
const TABLE_LIMIT = 8 * 1024 * 1024;
/** Bytes after which a section's name is cut. */
const NAME_LIMIT = 256;

export function readHeader(next: Fields, start: Buffer): Header {
  next.at = 16;
  // The members of an object literal are evaluated as written, which is the order of the fields in the file.
  return {
    identVersion: start[6] ?? 0,
    osabi: start[7] ?? 0,
    abiVersion: start[8] ?? 0,
    type: next.u16(),
    machine: next.u16(),
    version: next.u32(),
    entry: next.word(),
    phoff: next.word(),
    shoff: next.word(),
    flags: next.u32(),
    ehsize: next.u16(),
    phentsize: next.u16(),
    phnum: next.u16(),
    shentsize: next.u16(),
    shnum: next.u16(),
    shstrndx: next.u16(),
  };
}

interface Table {
  part: "program headers" | "section headers";
  offset: bigint;
  count: bigint;
  /** Bytes of an entry as the file header says, and as the class demands. */
  given: number;
  size: number;
}

/** A table read as one piece; undefined, with the defect noted, when it is not what the file header says. */
function readTable(file: File, { part, offset, count, given, size }: Table): Fields | undefined {
  const length = count * BigInt(size);
  if (given !== size) {
    defect(file, part, `entries of ${size} bytes`, `entries of ${given} bytes`);
  } else if (!within(file.source, offset, length)) {
    defect(file, part, `the table inside the file's ${file.source.size} bytes`, range(offset, length));
  } else if (length > TABLE_LIMIT) {
    defect(file, part, `at most ${Math.floor(TABLE_LIMIT / size)} entries`, String(count));
  } else {
    return fields(file, bytesAt(file.source, offset, length));
  }
  return undefined;
}

/** The section headers, and section header 0, which holds the counts that do not fit the file header. */
export function readSections(file: File, header: Header): { sections: Section[]; first?: Section } {
  const { shoff: offset, shentsize: given, shnum } = header;
  const size = file.shape.section;
  const part = "section headers";
  if (offset === 0n) {
    if (shnum !== 0) defect(file, part, "e_shoff of the table that e_shnum counts", "0");
    return { sections: [] };
  }
  const start = readTable(file, { part, offset, count: 1n, given, size });
  if (start === undefined) return { sections: [] };
  const first = nextSection(start);
  const count = shnum === 0 ? first.size : BigInt(shnum);
  const table = readTable(file, { part, offset, count, given, size });
  if (table === undefined) return { sections: [], first };
  const sections = Array.from({ length: Number(count) }, () => nextSection(table));
  nameSections(file, sections, header.shstrndx === SHN_XINDEX ? first.link : header.shstrndx);
  return { sections, first };
}

/** A section header, with the offset of its name in place of the name. */
const nextSection = (next: Fields): Section => ({
  name: String(next.u32()),
  type: next.u32(),
  flags: next.word(),
  addr: next.word(),
  offset: next.word(),
  size: next.word(),
  link: next.u32(),
  info: next.u32(),
  addralign: next.word(),
  entsize: next.word(),
});

/** Replaces the offsets of the names by the names. Index 0 stands for a file without names. */
function nameSections(file: File, sections: Section[], index: number): void {
  const table = sections[index];
  const usable = table?.type === SHT.STRTAB && within(file.source, table.offset, table.size);
  if (index !== 0 && !usable) {
    defect(file, "section headers", "a string table inside the file at e_shstrndx", `section ${index}`);
  }
  const lookup = usable ? strings(file, table.offset, table.size, NAME_LIMIT) : undefined;
  for (const section of sections) section.name = lookup?.(BigInt(section.name)) ?? "";
}

export function readSegments(file: File, header: Header, first: Section | undefined): Segment[] {
  const { phoff: offset, phentsize: given, phnum } = header;
  const count = phnum === PN_XNUM ? first?.info || phnum : phnum;
  if (count === 0) return [];
  const size = file.shape.segment;
  const table = readTable(file, { part: "program headers", offset, count: BigInt(count), given, size });
  return table === undefined ? [] : Array.from({ length: count }, () => nextSegment(table, file.bits));
}

function nextSegment(next: Fields, bits: 32 | 64): Segment {
  const type = next.u32();
  // The 64-bit class has the flags here, to keep its words aligned.
  const early = bits === 64 ? next.u32() : 0;
  const [offset, vaddr, paddr, filesz, memsz] = [next.word(), next.word(), next.word(), next.word(), next.word()];
  const flags = bits === 64 ? early : next.u32();
  return { type, flags, offset, vaddr, paddr, filesz, memsz, align: next.word() };
}
