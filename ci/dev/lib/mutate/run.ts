/** Runs tests against mutants, each in a copy of the project that nothing else uses. */
import * as fs from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../../../../scripts/lib/paths.ts";
import { runFile } from "../../../../test/lib/guard.ts";
import { copyProject, temporaryFolder } from "../../../../test/lib/harness.ts";
import { changedLines, type Mutant, mutantsOf, mutate } from "./mutations.ts";
import { EQUIVALENT, type Equivalent } from "./plan.ts";

export interface Verdict {
  file: string;
  mutant: Mutant;
  before: string;
  after: string;
  /** equivalent: listed as one that no test can notice, and not run. */
  outcome: "killed" | "timed out" | "survived" | "equivalent";
}

/** What uvu prints for a test that failed: one is enough. */
const FAILURE = "✘";
/** What tests compile once; shared with the copies. */
const CACHE = join("test", ".cache");

/** Copies the project to a new folder that goes away with the process. */
export function projectCopy(): string {
  const copy = copyProject(temporaryFolder("mutants"));
  fs.mkdirSync(join(PROJECT, CACHE), { recursive: true });
  fs.symlinkSync(join(PROJECT, CACHE), join(copy, CACHE));
  return copy;
}

/** Temporary folders of its own: some tests need a path of a fixed name, and several copies are tested at once. */
function environmentOf(copy: string): { TMPDIR: string } {
  const TMPDIR = join(copy, "tmp");
  fs.mkdirSync(TMPDIR, { recursive: true });
  return { TMPDIR };
}

/**
 * The mutants of a source file, those that are listed as equivalent already judged; and of those that are listed, the
 * ones that are gone, because the source has changed.
 */
export function candidates(
  file: string,
  source: string,
  equivalents: readonly Equivalent[] = EQUIVALENT,
): { verdicts: Verdict[]; gone: string[] } {
  const listed = equivalents.filter((entry) => entry.file === file);
  const matched = new Set<string>();
  const verdicts = mutantsOf(source).map((mutant): Verdict => {
    const lines = changedLines(source, mutant);
    const entry = listed.find(({ before, after }) => before === lines.before && after.includes(lines.after));
    if (entry !== undefined) matched.add(`${entry.before} → ${lines.after}`);
    return { file, mutant, ...lines, outcome: entry === undefined ? "survived" : "equivalent" };
  });
  const gone = listed
    .flatMap(({ before, after }) => after.map((text) => `${before} → ${text}`))
    .filter((key) => !matched.has(key));
  return { verdicts, gone };
}

/**
 * Time that test files take on unchanged sources, in milliseconds.
 * @throws Error when one of them fails: a mutant would seem killed by it
 */
export async function baseline(copy: string, tests: readonly string[]): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const test of tests) {
    const { trouble, output, milliseconds } = await runFile(join(copy, test), 600_000, { env: environmentOf(copy) });
    if (trouble !== undefined) throw new Error(`${test} fails without any mutant: ${trouble}\n${output}`);
    times.set(test, milliseconds);
  }
  return times;
}

/** How much longer than without a mutant a test file may take, on a busy machine too: it only ends a hang. */
const MARGIN_MS = 20_000;

/** Puts a mutant into a copy, runs the tests one after the other until one fails, and takes it out again. */
export async function judge(
  copy: string,
  { file, mutant }: Verdict,
  tests: readonly string[],
  times: ReadonlyMap<string, number>,
  margin = MARGIN_MS,
): Promise<Verdict["outcome"]> {
  const path = join(copy, file);
  const source = fs.readFileSync(path, "utf8");
  fs.writeFileSync(path, mutate(source, mutant));
  try {
    for (const test of tests) {
      const limit = 2 * (times.get(test) ?? 0) + margin;
      const { trouble } = await runFile(join(copy, test), limit, { enough: FAILURE, env: environmentOf(copy) });
      if (trouble?.startsWith("did not end")) return "timed out";
      if (trouble !== undefined) return "killed";
    }
    return "survived";
  } finally {
    fs.writeFileSync(path, source);
  }
}

/** How many of some mutants were noticed, of those that can be. */
export function score(verdicts: readonly Verdict[]): { noticed: number; of: number } {
  const count = (outcome: Verdict["outcome"]): number =>
    verdicts.filter((verdict) => verdict.outcome === outcome).length;
  return { noticed: count("killed") + count("timed out"), of: verdicts.length - count("equivalent") };
}

const percent = ({ noticed, of }: { noticed: number; of: number }): string =>
  of === 0 ? "–" : `${((noticed / of) * 100).toFixed(1)} %`;

/** The result as Markdown: a row for each file, then a difference for each survivor. */
export function summary(verdicts: readonly Verdict[]): string {
  const files = [...new Set(verdicts.map(({ file }) => file))];
  const row = (name: string, of: readonly Verdict[]): string => {
    const count = (outcome: Verdict["outcome"]): number => of.filter((verdict) => verdict.outcome === outcome).length;
    return `| ${name} | ${of.length} | ${count("killed")} | ${count("timed out")} | ${count("survived")} | ${count("equivalent")} | ${percent(score(of))} |`;
  };
  const survivors = verdicts.filter(({ outcome }) => outcome === "survived");
  return [
    "| file | mutants | killed | timed out | survived | equivalent | noticed |",
    "|---|---|---|---|---|---|---|",
    ...files.map((file) =>
      row(
        file,
        verdicts.filter((verdict) => verdict.file === file),
      ),
    ),
    row("all", verdicts),
    ...survivors.flatMap(({ file, mutant, before, after }) => [
      "",
      `${file}:${mutant.line}: ${mutant.operator}`,
      "```diff",
      `- ${before}`,
      `+ ${after}`,
      "```",
    ]),
  ].join("\n");
}
