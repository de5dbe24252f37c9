/** The relocations that a program applies to itself before anything else: their types and places. */
import { bytesAt, defect, type File, offsetOf, places, range, within } from "./bytes.ts";
import { DT, ET, PF, PT, RELOCATION_TYPES, SHF, SHT } from "./names.ts";
import type { DynamicEntry, Header, Relocations, Section, Segment } from "./types.ts";

/** Most bytes of all tables together: as many as the default budget leaves to a whole file. */
const TABLES_LIMIT = 32n * 1024n * 1024n;
/** Entries that are read at a time. */
const PIECE = 2048n;

interface Table {
  name: string;
  offset: bigint;
  size: bigint;
  /** Words of an entry: offset and info, and an addend in the kind that has one. */
  words: 2 | 3;
}

/** Reads the tables that the dynamic section of an ET_DYN names, or the sections in the memory of another file. */
export function readRelocations(
  file: File,
  header: Header,
  segments: readonly Segment[],
  sections: readonly Section[],
  dynamic: readonly DynamicEntry[],
): Relocations[] {
  const tables = header.type === ET.DYN ? dynamicTables(file, segments, dynamic) : loadedSections(sections);
  const writable = segments
    .filter(({ type, flags }) => type === PT.LOAD && (flags & PF.W) !== 0)
    .map(({ vaddr, memsz }) => ({ start: Number(vaddr), end: Number(vaddr + memsz) }));
  const found: Relocations[] = [];
  let room = TABLES_LIMIT;
  for (const table of tables) {
    const { offset, size } = table;
    // What reaches outside the file is seen by its segment or section.
    if (!within(file.source, offset, size)) continue;
    if (size > room) {
      defect(file, "relocations", `at most ${TABLES_LIMIT} bytes of relocations`, range(offset, size));
      break;
    }
    room -= size;
    found.push(readTable(file, header.machine, table, writable));
  }
  return found;
}

function dynamicTables(file: File, segments: readonly Segment[], dynamic: readonly DynamicEntry[]): Table[] {
  const tables = [
    ["DT_RELA", DT.RELA, DT.RELASZ, 3],
    ["DT_REL", DT.REL, DT.RELSZ, 2],
    ["DT_JMPREL", DT.JMPREL, DT.PLTRELSZ, file.bits === 64 ? 3 : 2],
  ] as const;
  const given = (wanted: bigint): bigint | undefined => dynamic.findLast(({ tag }) => tag === wanted)?.value;
  return tables.flatMap(([name, table, length, words]) => {
    const [address, size] = [given(table), given(length)];
    const offset = address === undefined ? undefined : offsetOf(segments, address);
    return offset === undefined || size === undefined || size === 0n ? [] : [{ name, offset, size, words }];
  });
}

const loadedSections = (sections: readonly Section[]): Table[] =>
  sections
    .filter(
      ({ type, flags, size }) => (type === SHT.RELA || type === SHT.REL) && (flags & SHF.ALLOC) !== 0n && size > 0n,
    )
    .map(({ name, type, offset, size }) => ({ name, offset, size, words: type === SHT.RELA ? 3 : 2 }));

interface Range {
  start: number;
  end: number;
}

function readTable(file: File, machine: number, table: Table, writable: readonly Range[]): Relocations {
  const { name, offset, size, words } = table;
  const word = file.bits / 8;
  const entry = BigInt(words * word);
  const known = RELOCATION_TYPES.get(machine);
  const types = new Map<number, number>();
  let relative = 0;
  let count = 0;
  let unwritable = 0;
  const end = offset + (size / entry) * entry;
  for (let start = offset; start < end; start += PIECE * entry) {
    const length = end - start < PIECE * entry ? end - start : PIECE * entry;
    const piece = places(file, bytesAt(file.source, start, length));
    for (let at = 0; at < length; at += words * word) {
      const place = piece.number(at);
      const info = piece.low(at + word);
      const type = file.bits === 64 ? info : info & 0xff;
      types.set(type, (types.get(type) ?? 0) + 1);
      if (type === known?.RELATIVE && relative === count) relative += 1;
      count += 1;
      if (type !== known?.NONE && !writable.some((load) => place >= load.start && place < load.end)) unwritable += 1;
    }
  }
  return { name, types, relative, unwritable };
}
