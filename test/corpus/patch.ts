/**
 * Changes single fields of real ELF files, by the offsets of the gABI's structures. It shares nothing with the reader
 * under test, and works on files that are whole.
 */

type Place = readonly [offset: number, width: 1 | 2 | 4 | 8];
type Layout = Record<string, Place>;

const HEADER = {
  32: {
    entry: [24, 4],
    phoff: [28, 4],
    shoff: [32, 4],
    flags: [36, 4],
    ehsize: [40, 2],
    phentsize: [42, 2],
    phnum: [44, 2],
    shentsize: [46, 2],
    shnum: [48, 2],
    shstrndx: [50, 2],
  },
  64: {
    entry: [24, 8],
    phoff: [32, 8],
    shoff: [40, 8],
    flags: [48, 4],
    ehsize: [52, 2],
    phentsize: [54, 2],
    phnum: [56, 2],
    shentsize: [58, 2],
    shnum: [60, 2],
    shstrndx: [62, 2],
  },
} satisfies Record<number, Layout>;
const COMMON = {
  magic: [0, 4],
  class: [4, 1],
  data: [5, 1],
  identVersion: [6, 1],
  osabi: [7, 1],
  abiVersion: [8, 1],
  type: [16, 2],
  machine: [18, 2],
  version: [20, 4],
} satisfies Layout;
const SEGMENT = {
  32: { type: [0, 4], offset: [4, 4], vaddr: [8, 4], filesz: [16, 4], memsz: [20, 4], flags: [24, 4], align: [28, 4] },
  64: { type: [0, 4], flags: [4, 4], offset: [8, 8], vaddr: [16, 8], filesz: [32, 8], memsz: [40, 8], align: [48, 8] },
} satisfies Record<number, Layout>;
const SECTION = {
  32: {
    name: [0, 4],
    type: [4, 4],
    flags: [8, 4],
    addr: [12, 4],
    offset: [16, 4],
    size: [20, 4],
    link: [24, 4],
    info: [28, 4],
    addralign: [32, 4],
  },
  64: {
    name: [0, 4],
    type: [4, 4],
    flags: [8, 8],
    addr: [16, 8],
    offset: [24, 8],
    size: [32, 8],
    link: [40, 4],
    info: [44, 4],
    addralign: [48, 8],
  },
} satisfies Record<number, Layout>;

type HeaderField = keyof typeof COMMON | keyof (typeof HEADER)[64];
type SegmentField = keyof (typeof SEGMENT)[64];
type SectionField = keyof (typeof SECTION)[64];
type Fields<F extends string> = Partial<Record<F, number | bigint>>;

/** Segment types by name, for `segment`. */
export const TYPES = {
  LOAD: 1,
  DYNAMIC: 2,
  INTERP: 3,
  NOTE: 4,
  PHDR: 6,
  TLS: 7,
  EH_FRAME: 0x6474e550,
  STACK: 0x6474e551,
  RELRO: 0x6474e552,
  PROPERTY: 0x6474e553,
};

/** An ELF file, a copy of it as a rule, whose fields can be read and set. */
export class Patch {
  readonly bytes: Buffer;
  readonly bits: 32 | 64;

  constructor(original: Buffer, where: "copy" | "in place" = "copy") {
    this.bytes = where === "copy" ? Buffer.from(original) : original;
    this.bits = original[4] === 1 ? 32 : 64;
  }

  read(at: number, width: number): bigint {
    const bytes = this.bytes.subarray(at, at + width);
    const digits = this.bytes[5] === 2 ? bytes : Buffer.from(bytes).reverse();
    return BigInt(`0x${digits.toString("hex")}`);
  }

  write(at: number, width: number, value: number | bigint): this {
    const digits = Buffer.from(
      BigInt.asUintN(width * 8, BigInt(value))
        .toString(16)
        .padStart(width * 2, "0"),
      "hex",
    );
    (this.bytes[5] === 2 ? digits : digits.reverse()).copy(this.bytes, at);
    return this;
  }

  #set(base: number, layout: Layout, fields: Fields<string>): this {
    for (const [name, value] of Object.entries(fields)) {
      const [offset, width] = layout[name] ?? [0, 0];
      this.write(base + offset, width, value ?? 0);
    }
    return this;
  }

  get(field: HeaderField): bigint {
    const [offset, width] = { ...COMMON, ...HEADER[this.bits] }[field];
    return this.read(offset, width);
  }

  header(fields: Fields<HeaderField>): this {
    return this.#set(0, { ...COMMON, ...HEADER[this.bits] }, fields);
  }

  /** File offset of the nth program header of a type. */
  segmentAt(type: number, nth = 0): number {
    const size = this.bits === 64 ? 56 : 32;
    const places = Array.from({ length: Number(this.get("phnum")) }, (_, i) => Number(this.get("phoff")) + i * size);
    const at = places.filter((place) => this.read(place, 4) === BigInt(type))[nth];
    if (at === undefined) throw new Error(`the file has no segment ${nth} of type ${type}`);
    return at;
  }

  getSegment(type: number, field: SegmentField, nth = 0): bigint {
    const [offset, width] = SEGMENT[this.bits][field];
    return this.read(this.segmentAt(type, nth) + offset, width);
  }

  segment(type: number, fields: Fields<SegmentField>, nth = 0): this {
    return this.#set(this.segmentAt(type, nth), SEGMENT[this.bits], fields);
  }

  /** File offset of a section header by its index. */
  sectionAt(index: number): number {
    return Number(this.get("shoff")) + index * (this.bits === 64 ? 64 : 40);
  }

  getSection(index: number, field: SectionField): bigint {
    const [offset, width] = SECTION[this.bits][field];
    return this.read(this.sectionAt(index) + offset, width);
  }

  section(index: number, fields: Fields<SectionField>): this {
    return this.#set(this.sectionAt(index), SECTION[this.bits], fields);
  }

  /** The index of the first section of a type. */
  findSection(type: number): number {
    for (let index = 0; index < Number(this.get("shnum")); index++) {
      if (this.getSection(index, "type") === BigInt(type)) return index;
    }
    throw new Error(`the file has no section of type ${type}`);
  }

  /** Sets the value, and when given the tag, of the first entry of PT_DYNAMIC with a tag. */
  dynamic(tag: number, value: number | bigint, newTag: number | bigint = tag): this {
    const word = this.bits / 8;
    const start = Number(this.getSegment(TYPES.DYNAMIC, "offset"));
    const end = start + Number(this.getSegment(TYPES.DYNAMIC, "filesz"));
    for (let at = start; at < end; at += 2 * word) {
      if (this.read(at, word) === BigInt(tag)) return this.write(at, word, newTag).write(at + word, word, value);
    }
    throw new Error(`the file has no dynamic entry ${tag}`);
  }

  /** Drops everything that sections describe, as the tool sstrip does: no file needs it to run. */
  withoutSections(): Patch {
    const end = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].reduce((sum, i) => {
      const at = Number(this.get("phoff")) + i * (this.bits === 64 ? 56 : 32);
      if (i >= Number(this.get("phnum"))) return sum;
      const [offset, filesz] = [SEGMENT[this.bits].offset, SEGMENT[this.bits].filesz];
      return Math.max(sum, Number(this.read(at + offset[0], offset[1]) + this.read(at + filesz[0], filesz[1])));
    }, 0);
    return new Patch(this.bytes.subarray(0, end)).header({ shoff: 0, shnum: 0, shstrndx: 0, shentsize: 0 });
  }
}
