/** The fixed tables of an ELF file: file header, section headers, program headers. */

import { bytesAt, defect, type Fields, type File, type Places, places, range, strings, within } from "./bytes.ts";
import { PN_XNUM, SHN_XINDEX, SHT } from "./names.ts";
import type { Header, Section, Segment } from "./types.ts";

/** Most bytes of a table: 131,072 section headers, twice what the 16 bits of e_shnum can say. */
const TABLE_LIMIT = 8 * 1024 * 1024;
/** Segments that are read: those of the 4096 bytes of program headers that every kernel reads, in the smaller class. */
const MOST_SEGMENTS = 128;
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
function readTable(file: File, { part, offset, count, given, size }: Table): Places | undefined {
  const length = count * BigInt(size);
  if (given !== size) {
    defect(file, part, `entries of ${size} bytes`, `entries of ${given} bytes`);
  } else if (!within(file.source, offset, length)) {
    defect(file, part, `the table inside the file's ${file.source.size} bytes`, range(offset, length));
  } else if (length > TABLE_LIMIT) {
    defect(file, part, `at most ${Math.floor(TABLE_LIMIT / size)} entries`, String(count));
  } else {
    return places(file, bytesAt(file.source, offset, length));
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
  const first = new SectionEntry(start, 0, noName);
  const count = shnum === 0 ? first.size : BigInt(shnum);
  const table = readTable(file, { part, offset, count, given, size });
  if (table === undefined) return { sections: [], first };
  const names = readNames(file, table, header.shstrndx === SHN_XINDEX ? first.link : header.shstrndx, Number(count));
  const sections = Array.from({ length: Number(count) }, (_, index) => new SectionEntry(table, index * size, names));
  return { sections, first };
}

type Lookup = (at: bigint) => string | undefined;
const noName: Lookup = () => undefined;

/** The lookup of names in the section at an index. Index 0 stands for a file without names. */
function readNames(file: File, sections: Places, index: number, count: number): Lookup {
  const table = index < count ? new SectionEntry(sections, index * file.shape.section, noName) : undefined;
  const usable = table?.type === SHT.STRTAB && within(file.source, table.offset, table.size);
  if (index !== 0 && !usable) {
    defect(file, "section headers", "a string table inside the file at e_shstrndx", `section ${index}`);
  }
  return usable ? strings(file, table.offset, table.size, NAME_LIMIT) : noName;
}

/**
 * An entry in its table, of which each field is read when it is asked for: a hostile table has so many that objects of all
 * their fields would take hundreds of MiB.
 */
abstract class Entry {
  readonly #table: Places;
  readonly #at: number;

  constructor(table: Places, at: number) {
    this.#table = table;
    this.#at = at;
  }

  /** A field by its offset in the classes of 64 and 32 bits. */
  protected u32(wide: number, narrow: number): number {
    return this.#table.u32(this.#at + (this.#table.bits === 64 ? wide : narrow));
  }
  protected word(wide: number, narrow: number): bigint {
    return this.#table.word(this.#at + (this.#table.bits === 64 ? wide : narrow));
  }
}

class SectionEntry extends Entry implements Section {
  readonly #names: Lookup;

  constructor(table: Places, at: number, names: Lookup) {
    super(table, at);
    this.#names = names;
  }

  get name(): string {
    return this.#names(BigInt(this.u32(0, 0))) ?? "";
  }
  get type(): number {
    return this.u32(4, 4);
  }
  get flags(): bigint {
    return this.word(8, 8);
  }
  get addr(): bigint {
    return this.word(16, 12);
  }
  get offset(): bigint {
    return this.word(24, 16);
  }
  get size(): bigint {
    return this.word(32, 20);
  }
  get link(): number {
    return this.u32(40, 24);
  }
  get info(): number {
    return this.u32(44, 28);
  }
  get addralign(): bigint {
    return this.word(48, 32);
  }
  get entsize(): bigint {
    return this.word(56, 36);
  }
}

class SegmentEntry extends Entry implements Segment {
  get type(): number {
    return this.u32(0, 0);
  }
  get flags(): number {
    return this.u32(4, 24);
  }
  get offset(): bigint {
    return this.word(8, 4);
  }
  get vaddr(): bigint {
    return this.word(16, 8);
  }
  get paddr(): bigint {
    return this.word(24, 12);
  }
  get filesz(): bigint {
    return this.word(32, 16);
  }
  get memsz(): bigint {
    return this.word(40, 20);
  }
  get align(): bigint {
    return this.word(48, 28);
  }
}

/** The segments, at most as many as any kernel reads, and how many the table has. */
export function readSegments(
  file: File,
  header: Header,
  first: Section | undefined,
): { segments: Segment[]; segmentCount: number } {
  const { phoff: offset, phentsize: given, phnum } = header;
  const count = phnum === PN_XNUM ? first?.info || phnum : phnum;
  const size = file.shape.segment;
  const part = "program headers";
  const table = count === 0 ? undefined : readTable(file, { part, offset, count: BigInt(count), given, size });
  if (table === undefined) return { segments: [], segmentCount: 0 };
  const length = Math.min(count, MOST_SEGMENTS);
  return {
    segments: Array.from({ length }, (_, index) => new SegmentEntry(table, index * size)),
    segmentCount: count,
  };
}
