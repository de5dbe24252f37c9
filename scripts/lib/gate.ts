/** The release gate: which rules an artifact has to keep, and what a file looks like to them. */
import type { Target } from "./contract.ts";

export type Severity = "fail" | "warn";

/** A rule of the gate, as the documentation shows it. */
export interface Rule {
  id: string;
  severity: Severity;
  /** What the rule demands. */
  demands: string;
  /** Why it matters for a PID 1 payload. */
  why: string;
  /** What to do about a file that breaks it. */
  fix: string;
}

/** A rule that a file breaks. The texts are printable. */
export interface Finding {
  rule: string;
  severity: Severity;
  expected: string;
  got: string;
  fix: string;
}

export type Linkage = "static" | "static-pie" | "dynamic" | "shared library";

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

/** All that the gate knows of a file, JSON-ready. null: unknown, since the file is not that far readable. */
export interface FileReport {
  /** As given, raw: show it through printable(). */
  path: string;
  /** The asset name of the contract that the file bears. */
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

/** Every rule, in the order in which findings are listed. */
export const RULES: readonly Rule[] = [];

/** The rule of files that are missing, of the wrong kind or out of reach: exit code 3, where the others' is 1. */
export const READABLE = "readable";

/**
 * Checks a file against every rule. Never throws for anything that a path may name: a folder, a fifo (never opened), a
 * missing or shrinking file are findings of the rule `readable`.
 * @param expected.target the target that the file is for; else its name tells, and a name outside the contract is a finding
 * @param expected.maxSize size budget in bytes
 */
export function inspect(_path: string, _expected: { target?: Target; maxSize: number }): FileReport {
  throw new Error("not written yet");
}

/** What no file shows by itself: two targets' files with one digest or build id are a swap. */
export function crossCheck(_reports: readonly FileReport[]): Finding[] {
  throw new Error("not written yet");
}

/** The exit code for findings: 0 without a fail, 1 when an artifact fails the contract, 3 when one can't be read. */
export function exitCodeFor(_findings: readonly Finding[]): 0 | 1 | 3 {
  throw new Error("not written yet");
}
