/** What the gate reports of a file, JSON-ready. */
import { DT, machineName, SHF, sectionName, segmentName, typeName } from "../elf/names.ts";
import type { Elf } from "../elf/types.ts";
import { printable } from "../errors.ts";
import { fileSize, type Linkage, linkageOf, loads, names, rights, strippable } from "./layout.ts";
import type { Severity } from "./rules.ts";

/** A rule that a file breaks. The texts are printable. */
export interface Finding {
  rule: string;
  severity: Severity;
  expected: string;
  got: string;
  fix: string;
}

/** What a picture needs of a segment: bytes of the file, address in hexadecimal, bytes in memory. */
export interface SegmentView {
  /** LOAD, DYNAMIC, GNU_STACK … */
  type: string;
  /** "R", "RX", "RW", "RWX" … */
  rights: string;
  offset: number;
  size: number;
  address: string;
  memory: number;
  alignment: number;
}

export interface SectionView {
  name: string;
  /** PROGBITS, NOBITS, SYMTAB … */
  type: string;
  offset: number;
  /** Bytes that it takes in the file: 0 for NOBITS. */
  size: number;
  /** Whether it is loaded into memory (SHF_ALLOC). */
  loaded: boolean;
}

/** All that the gate knows of a file. null: unknown, because the file is not readable that far. */
export interface FileReport {
  /** As given, raw: show it through printable(). */
  path: string;
  /** The file's name when it is an asset name of the contract. */
  asset: string | null;
  /** Triple. */
  target: string | null;
  /** Whether no rule of severity fail is broken. */
  ok: boolean;
  /** EXEC, DYN, REL, CORE. */
  type: string | null;
  machine: string | null;
  linkage: Linkage | null;
  interpreter: string | null;
  needed: string[];
  /** Address in hexadecimal with 0x. */
  entry: string | null;
  /** Smallest p_align of the PT_LOADs, in bytes. */
  alignment: number | null;
  /** Lower-case hexadecimal. */
  buildId: string | null;
  stripped: boolean | null;
  /** Bytes. */
  size: number | null;
  /** Lower-case hexadecimal; null also for a file over the size budget, of which only the headers are read. */
  sha256: string | null;
  findings: Finding[];
  segments: SegmentView[];
  sections: SectionView[];
}

/** The part of a report that comes from the headers. */
export function describeElf(elf: Elf | undefined) {
  if (elf === undefined) {
    return {
      type: null,
      machine: null,
      linkage: null,
      interpreter: null,
      needed: [],
      entry: null,
      alignment: null,
      buildId: null,
      stripped: null,
      segments: [],
      sections: [],
    };
  }
  const alignments = loads(elf).map(({ align }) => Number(align));
  return {
    type: typeName(elf.header.type),
    machine: machineName(elf.header.machine),
    linkage: linkageOf(elf),
    interpreter: elf.interpreter === undefined ? null : printable(elf.interpreter),
    needed: names(elf, DT.NEEDED).map(printable),
    entry: `0x${elf.header.entry.toString(16)}`,
    alignment: alignments.length === 0 ? null : alignments.reduce((a, b) => Math.min(a, b)),
    buildId: elf.buildId ?? null,
    stripped: strippable(elf).length === 0,
    segments: elf.segments.map(
      (segment): SegmentView => ({
        type: segmentName(segment.type),
        rights: rights(segment),
        offset: Number(segment.offset),
        size: Number(segment.filesz),
        address: `0x${segment.vaddr.toString(16)}`,
        memory: Number(segment.memsz),
        alignment: Number(segment.align),
      }),
    ),
    sections: elf.sections.map(
      (section): SectionView => ({
        name: printable(section.name),
        type: sectionName(section.type),
        offset: Number(section.offset),
        size: Number(fileSize(section)),
        loaded: (section.flags & SHF.ALLOC) !== 0n,
      }),
    ),
  };
}
