/** What is mutated, which tests have to notice, and which mutants no test can notice. */

import { readFileSync } from "node:fs";

/** Test files by the source file that they prove, in the order in which they are run. Paths count from the project. */
export const PLAN: Readonly<Record<string, readonly string[]>> = {
  "scripts/lib/gate/rules.ts": ["test/gate-edges.test.ts", "test/gate.test.ts"],
  "scripts/lib/gate/layout.ts": ["test/gate-edges.test.ts", "test/gate.test.ts"],
  "scripts/lib/gate/relocations.ts": ["test/gate-edges.test.ts", "test/gate.test.ts"],
  "scripts/lib/gate/system.ts": ["test/gate-edges.test.ts", "test/gate.test.ts"],
  "scripts/lib/gate.ts": ["test/gate-edges.test.ts", "test/gate.test.ts"],
  "scripts/lib/gate/report.ts": ["test/gate-edges.test.ts", "test/gate.test.ts"],
  "scripts/lib/trust/sums.ts": ["test/sums-edges.test.ts", "test/trust-edges.test.ts", "test/sums.test.ts"],
  "scripts/lib/trust.ts": ["test/trust.test.ts", "test/trust-edges.test.ts"],
  "scripts/lib/trust/pins.ts": ["test/pins.test.ts", "test/pins-edges.test.ts"],
};

/** Mutants that behave as the source does, by their changed lines as the summary shows them. */
export interface Equivalent {
  file: string;
  before: string;
  after: readonly string[];
  /** Why no test can tell them from the source. */
  why: string;
}

/** Those in equivalent.diff: a line with the file and the reason, then the lines as the summary shows them. */
export const EQUIVALENT: readonly Equivalent[] = readFileSync(new URL("equivalent.diff", import.meta.url), "utf8")
  .trim()
  .split("\n\n")
  .map((text) => {
    const [head = "", ...lines] = text.split("\n");
    const marked = (mark: string): string[] =>
      lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length + 1));
    const [, file = "", why = ""] = /^(\S+): (.+)$/.exec(head) ?? [];
    return { file, why, before: marked("-")[0] ?? "", after: marked("+") };
  });
