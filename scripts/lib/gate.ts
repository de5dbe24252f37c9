/** The gate: reads what the rules need to know of a file, and applies them. */
import * as fs from "node:fs";
import { basename } from "node:path";
import { assetName, type Target, targetOfAsset } from "./contract.ts";
import { fileSource } from "./elf/bytes.ts";
import type { Elf, ElfResult } from "./elf/types.ts";
import { readElf } from "./elf.ts";
import { printable, systemWords } from "./errors.ts";
import { isUnchanged, type OpenFile, openRegular, wordsFor } from "./files.ts";
import { type Content, readContent } from "./gate/content.ts";
import { freeTables, noteTable } from "./gate/memory.ts";
import { describeElf, type FileReport, type Finding } from "./gate/report.ts";
import { NO_MACHINE, NO_PHONE, READABLE, RULES, ruleById, type Subject, SWAP } from "./gate/rules.ts";

/**
 * Checks a file against every rule. Never throws for anything that a path may name: a folder, a fifo (never opened), a
 * missing or shrinking file are findings of the rule `readable`.
 * @param expected.target the target that the file is for; else its name gives it, and a name outside the contract is a finding
 * @param expected.maxSize size budget in bytes
 * @param expected.content what a caller has found who just read the file; then only the headers are read
 * @param expected.fd the file when the caller has it open; then the path is only its name
 * @param expected.folders where the file may have been built, as readContent's
 * @param expected.pack packs what a picture of the file needs; without it there is none
 */
export function inspect(
  path: string,
  expected: {
    target?: Target | undefined;
    maxSize: number;
    content?: Content | undefined;
    fd?: number | undefined;
    folders?: readonly string[] | undefined;
    pack?: ((elf: Elf) => string) | undefined;
  },
): FileReport {
  const named = targetOfAsset(basename(path));
  const target = expected.target ?? named;
  const observed = observe(path, expected);
  const subject: Subject = { ...observed, size: observed.size ?? 0, maxSize: expected.maxSize, target, named };
  const findings = applyRules(subject);
  return {
    path,
    asset: named === undefined ? null : assetName(named.triple),
    target: target?.triple ?? null,
    ok: findings.every(({ severity }) => severity !== "fail"),
    ...describeElf(observed.read.elf),
    size: observed.size,
    sha256: observed.sha256,
    findings,
    parts: observed.read.elf === undefined ? null : (expected.pack?.(observed.read.elf) ?? null),
  };
}

/** The findings of every rule that a check of its own decides. */
export function applyRules(subject: Subject): Finding[] {
  // No other rule applies to what can't be read.
  const rules = subject.read.error?.kind === "unreadable" ? RULES.filter(({ id }) => id === READABLE) : RULES;
  return rules.flatMap(({ id, severity, fix, check }) =>
    (check?.(subject) ?? []).map(({ expected, got }) => ({ rule: id, severity, expected, got, fix })),
  );
}

interface Observation {
  read: ElfResult;
  size: number | null;
  sha256: string | null;
  paths: Subject["paths"];
}

const REGULAR = "a regular file that can be read";
const unreadable = (got: string, expected = REGULAR): Observation => ({
  read: { error: { kind: "unreadable", expected, got } },
  size: null,
  sha256: null,
  paths: { count: 0, examples: [] },
});

/** Reads what the rules need of a file, and says so when that fails. */
function observe(path: string, { maxSize, content: known, fd, folders }: Parameters<typeof inspect>[1]): Observation {
  let file: OpenFile | undefined;
  try {
    const opened = fd === undefined ? openRegular(path) : { fd, status: fs.fstatSync(fd, { bigint: true }) };
    if ("reason" in opened) return unreadable(opened.reason);
    file = opened;
    const size = Number(file.status.size);
    freeTables();
    const read = readElf(fileSource(file.fd, size));
    noteTable(read.elf?.sections.length ?? 0);
    // Of a file over the budget only the headers are read: it may be of any size.
    const content = size > maxSize ? undefined : (known ?? readContent(file.fd, folders));
    if (!isUnchanged(file) || (content?.size ?? size) !== size) {
      return unreadable("it was written to while it was read", "a file that does not change");
    }
    return { read, size, sha256: content?.sha256 ?? null, paths: content?.paths ?? { count: 0, examples: [] } };
  } catch (error) {
    const words = systemWords(error);
    // What has no code of the system's is a defect of the gate.
    if (words === undefined) throw error;
    return unreadable(wordsFor(path, words));
  } finally {
    if (file !== undefined && fd === undefined) fs.closeSync(file.fd);
  }
}

/** What no file shows by itself: two targets' files with one digest or build id are a swap. */
export function crossCheck(reports: readonly FileReport[]): Finding[] {
  const { severity, fix } = ruleById(SWAP);
  const findings: Finding[] = [];
  for (const [key, what] of [
    ["sha256", "digest"],
    ["buildId", "build id"],
  ] as const) {
    const seen = new Map<string, FileReport>();
    for (const report of reports) {
      const value = report[key];
      if (!value || report.target === null) continue;
      const first = seen.get(value);
      if (first === undefined) seen.set(value, report);
      else if (first.target !== report.target) {
        findings.push({
          rule: SWAP,
          severity,
          expected: `a ${what} of its own for every target`,
          got: `${printable(first.path)} and ${printable(report.path)} both have ${value}`,
          fix,
        });
      }
    }
  }
  return findings;
}

/** The exit code for findings: 0 without a fail, 1 when an artifact fails the contract, 3 when one can't be read or booted. */
export function exitCodeFor(findings: readonly Finding[]): 0 | 1 | 3 {
  const failed = findings.filter(({ severity }) => severity === "fail");
  if (failed.some(({ rule }) => ![READABLE, NO_MACHINE, NO_PHONE].includes(rule))) return 1;
  return failed.length > 0 ? 3 : 0;
}
