/** What the headers of an ELF file point at: interpreter, dynamic section, notes. */

import { bytesAt, defect, type File, fields, offsetOf, range, strings, untilNul, within } from "./bytes.ts";
import { DT, FEATURE_1_AND, NT_GNU_PROPERTY_TYPE_0, PT, SHF, SHT } from "./names.ts";
import type { DynamicEntry, Note, Section, Segment } from "./types.ts";

/** Most bytes of the dynamic section, and of all notes together. */
const PART_LIMIT = 64 * 1024;
/** Bytes after which a path is cut: PATH_MAX of Linux. */
const PATH_LIMIT = 4096;

const smaller = (length: bigint, limit: number): bigint => (length < limit ? length : BigInt(limit));

/** The path in the first PT_INTERP; undefined without one, empty when it is outside the file. */
export function readInterpreter(file: File, segments: Segment[]): string | undefined {
  const segment = segments.find(({ type }) => type === PT.INTERP);
  if (segment === undefined) return undefined;
  const { offset, filesz } = segment;
  // What reaches outside the file is seen by its segment.
  if (!within(file.source, offset, filesz)) return "";
  return untilNul(bytesAt(file.source, offset, smaller(filesz, PATH_LIMIT)));
}

/** The entries of the first PT_DYNAMIC up to its DT_NULL. */
export function readDynamic(file: File, segments: Segment[]): DynamicEntry[] {
  const segment = segments.find(({ type }) => type === PT.DYNAMIC);
  if (segment === undefined) return [];
  const { offset, filesz } = segment;
  if (!within(file.source, offset, filesz)) {
    defect(file, "dynamic", `the section inside the file's ${file.source.size} bytes`, range(offset, filesz));
    return [];
  }
  const bytes = bytesAt(file.source, offset, smaller(filesz, PART_LIMIT));
  const next = fields(file, bytes);
  const entries: DynamicEntry[] = [];
  const room = Math.floor(bytes.length / file.shape.dynamic);
  let ended = false;
  while (!ended && entries.length < room) {
    const entry = { tag: next.word(), value: next.word() };
    if (entry.tag === DT.NULL) ended = true;
    else entries.push(entry);
  }
  if (!ended) defect(file, "dynamic", "a DT_NULL at the end of the section", `${room} entries without one`);
  nameEntries(file, segments, entries);
  return entries;
}

const NAMING: readonly bigint[] = [DT.NEEDED, DT.SONAME, DT.RPATH, DT.RUNPATH];

/** Looks up what the entries name in the string table that DT_STRTAB gives the address of. */
function nameEntries(file: File, segments: Segment[], entries: DynamicEntry[]): void {
  const naming = entries.filter(({ tag }) => NAMING.includes(tag));
  if (naming.length === 0) return;
  const given = (wanted: bigint): bigint => entries.findLast(({ tag }) => tag === wanted)?.value ?? 0n;
  const offset = offsetOf(segments, given(DT.STRTAB));
  const length = given(DT.STRSZ);
  const usable = offset !== undefined && within(file.source, offset, length);
  const lookup = usable ? strings(file, offset, length, PATH_LIMIT) : undefined;
  for (const entry of naming) {
    const name = lookup?.(entry.value);
    if (name !== undefined) entry.name = name;
  }
  if (naming.some(({ name }) => name === undefined)) {
    defect(file, "dynamic", "every name inside the string table of DT_STRTAB", "a name outside it");
  }
}

/**
 * The notes: those of the PT_NOTEs, then those of the SHT_NOTEs that no PT_NOTE holds, because they are not loaded. Of the
 * latter there may be any number, as of SystemTap's probes: nobody reads them when the program starts.
 */
export function readNotes(file: File, segments: Segment[], sections: Section[]): Note[] {
  const pieces = [
    ...segments
      .filter(({ type }) => type === PT.NOTE)
      .map(({ offset, filesz, align }) => ({ offset, length: filesz, align, loaded: true })),
    ...sections
      .filter(({ type, flags }) => type === SHT.NOTE && (segments.length === 0 || (flags & SHF.ALLOC) === 0n))
      .map(({ offset, size, addralign }) => ({ offset, length: size, align: addralign, loaded: false })),
  ];
  const notes: Note[] = [];
  let room = BigInt(PART_LIMIT);
  for (const { offset, length, align, loaded } of pieces) {
    const inside = within(file.source, offset, length);
    if (inside && length > room && !loaded) continue;
    if (!inside || length > room) {
      const limit = inside
        ? `at most ${PART_LIMIT} bytes of notes`
        : `the notes inside the file's ${file.source.size} bytes`;
      defect(file, "notes", limit, range(offset, length));
      return notes;
    }
    room -= length;
    const bytes = bytesAt(file.source, offset, length);
    // A segment of p_align 8 may hold notes that are padded to 4 bytes, as mold's do.
    const found = (align === 8n ? parseNotes(file, bytes, 8) : undefined) ?? parseNotes(file, bytes, 4);
    if (found === undefined) {
      defect(file, "notes", "notes that end where their segment ends", `others in ${range(offset, length)}`);
      return notes;
    }
    notes.push(...found);
  }
  return notes;
}

/** Most bytes of PT_GNU_PROPERTY that Linux accepts. */
const PROPERTIES_LIMIT = 1024;

/**
 * Notes the defect of a PT_GNU_PROPERTY for which Linux refuses the file (fs/binfmt_elf.c, parse_elf_properties, and on
 * aarch64 asm/elf.h, arch_parse_elf_property).
 */
export function checkProperties(file: File, machine: number, segments: Segment[]): void {
  for (const { type, offset, filesz } of segments) {
    if (type !== PT.GNU_PROPERTY || !within(file.source, offset, filesz)) continue;
    if (filesz > PROPERTIES_LIMIT) {
      defect(file, "notes", `at most ${PROPERTIES_LIMIT} bytes of PT_GNU_PROPERTY`, range(offset, filesz));
    } else if (!isPropertyNote(file, machine, bytesAt(file.source, offset, filesz))) {
      defect(
        file,
        "notes",
        "one note of ascending properties in PT_GNU_PROPERTY",
        `others in ${range(offset, filesz)}`,
      );
    }
  }
}

/** Whether the bytes begin with a NT_GNU_PROPERTY_TYPE_0 that is whole, as are its properties (psABI, "Program Property"). */
function isPropertyNote(file: File, machine: number, bytes: Buffer): boolean {
  const start = 16;
  if (bytes.length < start) return false;
  const next = fields(file, bytes);
  const [nameLength, length, type] = [next.u32(), next.u32(), next.u32()];
  const known = nameLength === 4 && type === NT_GNU_PROPERTY_TYPE_0 && bytes.toString("latin1", 12, start) === "GNU\0";
  const end = start + length;
  if (!known || end > bytes.length) return false;
  const word = file.bits / 8;
  for (let at = start, before = -1; at < end; ) {
    if (at + 8 > end) return false;
    next.at = at;
    const [property, size] = [next.u32(), next.u32()];
    at += 8 + Math.ceil(size / word) * word;
    if (property <= before || at > end || (property === FEATURE_1_AND.get(machine) && size !== 4)) return false;
    before = property;
  }
  return true;
}

/** The notes in the bytes (gABI, "Note Section"), each padded to an alignment; undefined when they are malformed. */
function parseNotes(file: File, bytes: Buffer, align: number): Note[] | undefined {
  const padded = (length: number): number => Math.ceil(length / align) * align;
  const next = fields(file, bytes);
  const notes: Note[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 12 > bytes.length) return undefined;
    next.at = at;
    const [nameLength, length, type] = [next.u32(), next.u32(), next.u32()];
    const start = at + padded(12 + nameLength);
    if (start + length > bytes.length) return undefined;
    const name = untilNul(bytes.subarray(at + 12, at + 12 + nameLength));
    notes.push({ name, type, description: bytes.toString("hex", start, start + length) });
    at = start + padded(length);
  }
  return notes;
}

const MOLD = "mold ";

/**
 * Whether the bytes behind the last segment begin as those do that `mold -z nosectionheader` leaves: the sections that are
 * not loaded, without their headers, and mold's comment first.
 */
export function hasMoldRest({ source }: File, segments: readonly Segment[]): boolean {
  const ends = segments.filter(({ type }) => type !== PT.NULL).map(({ offset, filesz }) => offset + filesz);
  const end = ends.sort((a, b) => (a < b ? -1 : 1)).at(-1) ?? 0n;
  const length = BigInt(MOLD.length);
  return within(source, end, length) && bytesAt(source, end, length).toString("latin1") === MOLD;
}
