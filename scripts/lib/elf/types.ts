/** What the ELF reader returns, in the terms of the System V gABI. */

/** File header (gABI, "ELF Header"); the counts are those in the header itself, before its extensions. */
export interface Header {
  identVersion: number;
  osabi: number;
  abiVersion: number;
  type: number;
  machine: number;
  version: number;
  entry: bigint;
  phoff: bigint;
  shoff: bigint;
  flags: number;
  ehsize: number;
  phentsize: number;
  phnum: number;
  shentsize: number;
  shnum: number;
  shstrndx: number;
}

/** Program header (gABI, "Program Header"). */
export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: bigint;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  readonly filesz: bigint;
  readonly memsz: bigint;
  readonly align: bigint;
}

/** Section header (gABI, "Sections"). */
export interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: bigint;
  readonly addr: bigint;
  readonly offset: bigint;
  readonly size: bigint;
  readonly link: number;
  readonly info: number;
  readonly addralign: bigint;
  readonly entsize: bigint;
}

export interface DynamicEntry {
  tag: bigint;
  value: bigint;
  /** What the value names in the dynamic string table, for the tags that name something. */
  name?: string;
}

export interface Note {
  name: string;
  type: number;
  /** The descriptor in lower-case hexadecimal. */
  description: string;
}

/** A table of the relocations that a program applies to itself. */
export interface Relocations {
  /** The dynamic tag of its address, or its section. */
  name: string;
  /** How many there are of each type. */
  types: ReadonlyMap<number, number>;
  /** How many of the machine's type RELATIVE it begins with. */
  relative: number;
  /** How many would change what no PT_LOAD lets be written. */
  unwritable: number;
}

/** A part of the file that violates the format. What could be read of it is in the result. */
export interface Defect {
  part: "header" | "program headers" | "section headers" | "dynamic" | "relocations" | "notes";
  expected: string;
  got: string;
}

export interface Elf {
  bits: 32 | 64;
  order: "little" | "big";
  header: Header;
  /** The first 128: more make a file that kernels refuse. */
  segments: Segment[];
  /** How many the table has. */
  segmentCount: number;
  /** As they stand in the file, section 0 with the header's extensions among them. */
  sections: Section[];
  /** Entries of the first PT_DYNAMIC before its DT_NULL; empty when there is none. */
  dynamic: DynamicEntry[];
  /** Those that the dynamic section of an ET_DYN names; the sections of relocations in the memory of other files. */
  relocations: Relocations[];
  /** The path in the first PT_INTERP, without its NUL; undefined without one, empty when it is outside the file. */
  interpreter: string | undefined;
  /** Those of the PT_NOTEs, then those of SHT_NOTEs that are not loaded. */
  notes: Note[];
  /** NT_GNU_BUILD_ID in lower-case hexadecimal. */
  buildId: string | undefined;
  /** Whether there are no section headers, and behind the last segment is what mold leaves in such a file. */
  moldRest: boolean;
  defects: Defect[];
}

/**
 * Why there is no result.
 * - `not-elf`: the magic is missing; `got` says in words what the file is instead
 * - `header`: the identification or the file header is unusable
 * - `unreadable`: the system refused, or the file became shorter while it was read
 */
interface ElfError {
  kind: "not-elf" | "header" | "unreadable";
  expected: string;
  got: string;
}

export type ElfResult = { elf: Elf; error?: never } | { error: ElfError; elf?: never };
