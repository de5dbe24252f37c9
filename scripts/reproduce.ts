#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { readFileSync } from "node:fs";
import { buildTwice, firstDifference } from "./lib/build/reproduce.ts";
import { withTemporaryFolder } from "./lib/cleanup.ts";
import { runScript } from "./lib/cli.ts";
import { contractFailure } from "./lib/errors.ts";
import { digestFile } from "./lib/hash.ts";
import { say } from "./lib/log.ts";
import { showProgress } from "./lib/progress.ts";
import { selectedTarget } from "./lib/target.ts";
import { findWorkspace } from "./lib/workspace.ts";

await runScript({
  name: "reproduce.ts",
  summary:
    "Builds stage0 twice, with different folders, CARGO_HOME, HOME, umask, locale, time zone and jobs, and compares the\n" +
    "bytes. A difference is named by its place in the file, with its likely cause.",
  options: {},
  knobs: ["TARGET", "FASTBOOP_STAGE0_TARGET", "WORKSPACE", "CARGO_HOME", "HOME"],
  prints: "the sha256 of both builds",
  async main() {
    const { triple } = selectedTarget();
    const { dir } = findWorkspace();
    await withTemporaryFolder(async (work) => {
      const [one, other] = await showProgress("reproduce", (progress) => buildTwice(dir, triple, work, progress));
      const difference = firstDifference(readFileSync(one), readFileSync(other));
      const [{ sha256 }, second] = [digestFile(one), digestFile(other)];
      if (difference !== undefined) {
        const { offset, section, texts, cause } = difference;
        throw contractFailure({
          what: `two builds of ${triple} differ first at byte ${offset} of ${section ?? "the file"}`,
          expected: `${sha256}: ${texts[0]}`,
          got: `${second.sha256}: ${texts[1]}`,
          fix: `look for ${cause}`,
        });
      }
      say(`both builds of ${triple} are the same ${second.size} bytes`);
      process.stdout.write(`${sha256}\n`);
    });
    return 0;
  },
});
