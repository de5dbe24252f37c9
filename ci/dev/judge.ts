#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "../../scripts/lib/cli.ts";
import { contractFailure } from "../../scripts/lib/errors.ts";
import { say } from "../../scripts/lib/log.ts";
import { judgeMutants } from "./lib/judge.ts";

/** As many as find each class of defect that the gate once had several times. */
const MUTANTS = 20_000;
const SEED = 20_261_126;

await runScript({
  name: "judge.ts",
  summary:
    "Changes headers of small static programs at random, runs what the gate passes in a chroot as nobody, and fails when a\n" +
    "program that passes doesn't print its line. The seed is fixed. Needs root.",
  options: {},
  knobs: [],
  prints: "how many mutants there were, how many passed, and how many of these were right",
  async main() {
    const { made, passed, exempt, wrong } = await judgeMutants(MUTANTS, SEED, (done) => {
      if (done % 2000 < 100) say(`${done} of ${MUTANTS} mutants`);
    });
    process.stdout.write(`${made} mutants, ${passed} passed, ${exempt} of them exempt, ${wrong.length} wrong\n`);
    if (wrong.length > 0)
      throw contractFailure(...wrong.map((got) => ({ what: "passes the gate and does not run", got })));
    return 0;
  },
});
