/** What is mutated, which tests have to notice, and which mutants nobody can notice. */

/** Test files by the source file that they prove, in the order in which they are run. Paths count from the project. */
export const PLAN: Readonly<Record<string, readonly string[]>> = {
  "scripts/lib/gate-rules.ts": ["test/gate.test.ts"],
  "scripts/lib/gate-layout.ts": ["test/gate.test.ts"],
  "scripts/lib/gate.ts": ["test/gate.test.ts"],
  "scripts/lib/sums.ts": ["test/sums.test.ts"],
  "scripts/lib/trust.ts": ["test/trust.test.ts"],
  "scripts/lib/trust-words.ts": ["test/trust.test.ts"],
  "scripts/lib/pins.ts": ["test/pins.test.ts"],
};

/** Mutants that behave as the source does, by their changed lines as the summary shows them. */
export interface Equivalent {
  file: string;
  before: string;
  after: readonly string[];
  /** Why no test can tell them from the source. */
  why: string;
}

export const EQUIVALENT: readonly Equivalent[] = [];
