/**
 * A reader of ELF executables that trusts nothing: both classes, both byte orders, headers only (System V gABI, chapters
 * 4 and 5). Every offset and count is checked against the file's size before it is used, so any content gives a result
 * or a typed error, in time and memory that do not grow with the file.
 */

import { BecameShorter, bytesAt, defect, type File, fields, SHAPES, type Source } from "./elf/bytes.ts";
import { checkProperties, hasMoldRest, readDynamic, readInterpreter, readNotes } from "./elf/contents.ts";
import { readHeader, readSections, readSegments } from "./elf/headers.ts";
import { NT_GNU_BUILD_ID } from "./elf/names.ts";
import { readRelocations } from "./elf/relocations.ts";
import { describe, SNIFF } from "./elf/sniff.ts";
import type { ElfResult } from "./elf/types.ts";
import { systemWords } from "./errors.ts";

/** Reads an ELF file's headers. Never throws, whatever the content and whatever the system says. */
export function readElf(source: Source): ElfResult {
  try {
    return read(source);
  } catch (error) {
    const got = error instanceof BecameShorter ? "it became shorter while it was read" : systemWords(error);
    // Anything but a system error is a bug in this reader, and must not look like a broken file.
    if (got === undefined) throw error;
    return { error: { kind: "unreadable", expected: `${source.size} bytes that can be read`, got } };
  }
}

const MAGIC = Buffer.from("\x7fELF");

function read(source: Source): ElfResult {
  const start = bytesAt(source, 0n, BigInt(Math.min(source.size, SNIFF)));
  if (!start.subarray(0, MAGIC.length).equals(MAGIC)) {
    return { error: { kind: "not-elf", expected: "an ELF file", got: describe(start) } };
  }
  const bits = start[4] === 1 ? 32 : start[4] === 2 ? 64 : undefined;
  const order = start[5] === 1 ? "little" : start[5] === 2 ? "big" : undefined;
  if (bits === undefined || order === undefined) {
    const got = `EI_CLASS ${start[4] ?? "missing"}, EI_DATA ${start[5] ?? "missing"}`;
    return { error: { kind: "header", expected: "EI_CLASS and EI_DATA of 1 or 2", got } };
  }
  const shape = SHAPES[bits];
  if (source.size < shape.header) {
    const expected = `a file header of ${shape.header} bytes`;
    return { error: { kind: "header", expected, got: `a file of ${source.size} bytes` } };
  }
  const file: File = { source, bits, order, shape, defects: [] };
  const header = readHeader(fields(file, start), start);
  if (header.ehsize !== shape.header) defect(file, "header", `e_ehsize ${shape.header}`, String(header.ehsize));
  const { sections, first } = readSections(file, header);
  const { segments, segmentCount } = readSegments(file, header, first);
  const interpreter = readInterpreter(file, segments);
  const dynamic = readDynamic(file, segments);
  const notes = readNotes(file, segments, sections);
  checkProperties(file, header.machine, segments);
  const moldRest = sections.length === 0 && hasMoldRest(file, segments);
  const relocations = readRelocations(file, header, segments, sections, dynamic);
  const buildId = notes.find(({ name, type }) => name === "GNU" && type === NT_GNU_BUILD_ID)?.description;
  const { defects } = file;
  return {
    elf: {
      bits,
      order,
      header,
      segments,
      segmentCount,
      sections,
      dynamic,
      relocations,
      interpreter,
      notes,
      buildId,
      moldRest,
      defects,
    },
  };
}
