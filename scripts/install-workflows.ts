#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runScript } from "./lib/cli.ts";
import { contractFailure, printable, usageFailure } from "./lib/errors.ts";
import { writeText } from "./lib/files.ts";
import { knob } from "./lib/knobs.ts";
import { say } from "./lib/log.ts";
import { fromCaller } from "./lib/paths.ts";
import { copiesFor } from "./lib/workflow-files.ts";

await runScript({
  name: "install-workflows.ts",
  summary:
    "Copies the workflows into the .github/workflows of a repository, as stage0-NAME where it has workflows of these names.\n" +
    "Of what is there it writes over its own files only, and over changed ones only with FORCE=1.\n" +
    "This project's own repository gets the workflow that releases this project.",
  options: { check: { type: "boolean", means: "write nothing; fail when a copy is missing or differs" } },
  knobs: ["WORKSPACE", "FORCE"],
  prints: "the path of each file that was written",
  async main({ check }) {
    const workspace = knob("WORKSPACE");
    if (workspace === undefined) {
      throw usageFailure({ what: "no repository is named", fix: "WORKSPACE=path/to/repository" });
    }
    if (!existsSync(fromCaller(workspace))) throw usageFailure({ file: printable(workspace), what: "no such folder" });

    const copies = copiesFor(fromCaller(workspace));
    const foreign = copies.filter((copy) => copy.foreign);
    if (foreign.length > 0) {
      throw usageFailure(
        ...foreign.map(({ path }) => ({
          file: printable(path),
          what: "is there and not of this project; nothing was written",
          fix: "give it another name",
        })),
      );
    }
    const differing = copies.filter(({ text, found }) => found !== undefined && found !== text);
    const missing = copies.filter(({ found }) => found === undefined);
    if (check && differing.length + missing.length > 0) {
      throw contractFailure(
        ...missing.map(({ path }) => ({ file: printable(path), what: "is not there", fix: "make install-workflows" })),
        ...differing.map(({ path }) => ({
          file: printable(path),
          what: "differs from the project's",
          fix: "make install-workflows FORCE=1",
        })),
      );
    }
    if (differing.length > 0 && !knob("FORCE")) {
      throw usageFailure(
        ...differing.map(({ path }) => ({
          file: printable(path),
          what: "is there and differs; nothing was written",
          fix: "FORCE=1 writes over it",
        })),
      );
    }
    for (const { path, text, found } of check ? [] : copies) {
      if (found === text) continue;
      writeText(path, text);
      process.stdout.write(`${path}\n`);
    }
    say(
      check
        ? "the workflows are as the project has them"
        : `${copies.length} workflows in ${printable(join(fromCaller(workspace), ".github", "workflows"))}`,
    );
    return 0;
  },
});
