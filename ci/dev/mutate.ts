#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../../scripts/lib/typescript.cjs" "$0" "$@"'
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { onExit } from "../../scripts/lib/cleanup.ts";
import { runScript } from "../../scripts/lib/cli.ts";
import { contractFailure, usageFailure } from "../../scripts/lib/errors.ts";
import { say } from "../../scripts/lib/log.ts";
import { PLAN } from "./lib/mutate/plan.ts";
import { baseline, candidates, judge, projectCopy, score, summary } from "./lib/mutate/run.ts";

/** The share of the noticeable mutants that tests have to notice. */
const AIM = 0.95;

await runScript({
  name: "mutate.ts",
  summary:
    "Puts small defects into the rules of the gate, the checksum list's parser and the rules of trust, one at a time, and\n" +
    "sees whether a test notices. Fails below 95 %.",
  operands: "[SOURCE…]",
  options: { json: { type: "boolean", means: "print every mutant and what became of it as JSON" } },
  knobs: [],
  prints: "a table as Markdown, with a difference for each mutant that no test noticed; or JSON",
  async main({ json }, operands) {
    const files = operands.length > 0 ? operands : Object.keys(PLAN);
    const unknown = files.find((file) => PLAN[file] === undefined);
    if (unknown !== undefined) {
      throw usageFailure({
        what: "no tests are known for a source",
        got: unknown,
        expected: Object.keys(PLAN).join(", "),
      });
    }
    // A handler of exit removes the copies.
    onExit((signal) => {
      if (signal !== undefined) process.exit(1);
    });
    const copies = Array.from({ length: availableParallelism() }, projectCopy);
    const [first = ""] = copies;
    const found = files.map((file) => ({ file, ...candidates(file, readFileSync(join(first, file), "utf8")) }));
    const stale = found.filter(({ gone }) => gone.length > 0);
    if (stale.length > 0) {
      throw contractFailure(
        ...stale.map(({ file, gone }) => ({
          file,
          what: "has no such mutants any more",
          got: gone.join("\n"),
          fix: "write the lines as they are now into ci/dev/lib/mutate/equivalent.diff, or remove them",
        })),
      );
    }
    const verdicts = found.flatMap(({ verdicts }) => verdicts);
    const tests = [...new Set(files.flatMap((file) => PLAN[file] ?? []))];
    const times = await baseline(first, tests);
    const queue = verdicts.filter(({ outcome }) => outcome !== "equivalent");
    const all = queue.length;
    const work = async (copy: string): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        next.outcome = await judge(copy, next, PLAN[next.file] ?? [], times);
        const { file, mutant, before, after, outcome } = next;
        if (outcome === "survived") say(`${file}:${mutant.line}: ${mutant.operator}\n- ${before}\n+ ${after}`);
        if (queue.length % 50 === 0) say(`${all - queue.length} of ${all} mutants`);
      }
    };
    await Promise.all(copies.map(work));
    const { noticed, of } = score(verdicts);
    process.stdout.write(`${json ? JSON.stringify(verdicts, null, 2) : summary(verdicts)}\n`);
    return noticed / of >= AIM ? 0 : 1;
  },
});
