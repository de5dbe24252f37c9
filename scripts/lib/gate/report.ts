/** What the gate reports of a file, JSON-ready. */
import { DT, machineName, typeName } from "../elf/names.ts";
import type { Elf } from "../elf/types.ts";
import { printable } from "../errors.ts";
import { type Linkage, linkageOf, loads, names, strippable } from "./layout.ts";
import type { Severity } from "./rules.ts";

/** A rule that a file breaks. The texts are printable. */
export interface Finding {
  rule: string;
  severity: Severity;
  expected: string;
  got: string;
  fix: string;
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
  /** Segments and sections for its picture, packed; null unless they were asked for. */
  parts: string | null;
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
  };
}
