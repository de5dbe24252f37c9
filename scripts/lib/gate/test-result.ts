/** What gate, boots and phones said of a file, as the predicate of an in-toto test result: a release's workflow signs it. */
import { basename, join } from "node:path";
import { printableJson } from "../errors.ts";
import { writeText } from "../files.ts";
import { distDir } from "../paths.ts";
import type { FileReport } from "./report.ts";
import { RULES } from "./rules.ts";

/** One run of a file in a machine. */
interface TestRun {
  name: string;
  /** The machine, in words. */
  machine: string;
  passed: boolean;
}

/** What this run has tried so far, by path: boots come before phones. */
const runs = new Map<string, TestRun[]>();

/** Writes dist/log/NAME.test-result.json anew, with some more runs of the file. */
export function writeTestResult({ ok, path }: FileReport, more: readonly TestRun[]): void {
  const all = [...(runs.get(path) ?? []), ...more];
  runs.set(path, all);
  const tests = [{ name: "gate", passed: ok || all.some(({ passed }) => !passed) }, ...all];
  const named = (passed: boolean): string[] => tests.filter((one) => one.passed === passed).map(({ name }) => name);
  const predicate = {
    result: tests.every(({ passed }) => passed) ? "PASSED" : "FAILED",
    configuration: [
      { name: `gate of ${RULES.length} rules`, annotations: { rules: RULES.map(({ id }) => id) } },
      ...[...new Set(all.map(({ machine }) => machine))].map((name) => ({ name })),
    ],
    passedTests: named(true),
    failedTests: named(false),
  };
  writeText(join(distDir(), "log", `${basename(path)}.test-result.json`), `${printableJson(predicate)}\n`);
}
