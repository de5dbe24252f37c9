/** What a picture shows of a file's segments and sections: so few of them, and packed, that ten thousand files fit in memory. */
import { SHF, sectionName, segmentName } from "../elf/names.ts";
import type { Elf } from "../elf/types.ts";
import { printable } from "../errors.ts";
import { fileSize, hasBit, rights } from "./layout.ts";

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
  /** PROGBITS, SYMTAB … */
  type: string;
  offset: number;
  /** Bytes that it takes in the file. */
  size: number;
  /** Whether it is loaded into memory (SHF_ALLOC). */
  loaded: boolean;
}

export interface Parts {
  segments: SegmentView[];
  /** Those that take bytes of the file. */
  sections: SectionView[];
  /** How many more there are of either, and the bytes of these sections. */
  more: { segments: number; sections: number; bytes: number };
}

/** Sections that are drawn, the longest ones: a hostile table may have more, which nobody could tell apart. */
const MOST = 500;

function partsOf(elf: Elf): Parts {
  const sized = elf.sections.filter((section) => fileSize(section) > 0n);
  const bySize = sized.length <= MOST ? sized : sized.sort((a, b) => (fileSize(a) < fileSize(b) ? 1 : -1));
  return {
    segments: elf.segments.map((segment) => ({
      type: segmentName(segment.type),
      rights: rights(segment),
      offset: Number(segment.offset),
      size: Number(segment.filesz),
      address: `0x${segment.vaddr.toString(16)}`,
      memory: Number(segment.memsz),
      alignment: Number(segment.align),
    })),
    sections: bySize.slice(0, MOST).map((section) => ({
      name: printable(section.name),
      type: sectionName(section.type),
      offset: Number(section.offset),
      size: Number(section.size),
      loaded: hasBit(section.flags, SHF.ALLOC),
    })),
    more: {
      segments: elf.segmentCount - elf.segments.length,
      sections: Math.max(sized.length - MOST, 0),
      bytes: bySize.slice(MOST).reduce((sum, { size }) => sum + Number(size), 0),
    },
  };
}

/** As JSON, of a tenth of the objects' size. Compressed it would be smaller, and what zlib leaves behind much larger. */
export const packParts = (elf: Elf): string => JSON.stringify(partsOf(elf));

export const unpackParts = (packed: string): Parts => JSON.parse(packed);
