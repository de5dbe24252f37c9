#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../../scripts/lib/typescript.cjs" "$0" "$@"'
import { join } from "node:path";
import { runScript } from "../../scripts/lib/cli.ts";
import { contractFailure, type Problem } from "../../scripts/lib/errors.ts";
import { readRegular } from "../../scripts/lib/files.ts";
import { say } from "../../scripts/lib/log.ts";
import { PROJECT } from "../../scripts/lib/paths.ts";
import { showProgress } from "../../scripts/lib/progress.ts";
import { shell } from "../../scripts/lib/shell.ts";
import { requireTools } from "../../scripts/lib/tools.ts";
import { staleDocs } from "./lib/docs.ts";
import { moduleProblems } from "./lib/modules.ts";

/** Whether a file of the project is a script for sh or bash, by its name or its first line. */
function isShell(name: string): boolean {
  if (/\.[^./]+$/.test(name)) return name.endsWith(".sh");
  const read = readRegular(join(PROJECT, name), 80);
  return "bytes" in read && /^#!\S*[ /](ba)?sh\n/.test(read.bytes.toString("latin1"));
}

await runScript({
  name: "lint.ts",
  summary: "Checks types, format, shell, workflows, modules and docs. Shows all that is wrong in one run.",
  options: {},
  knobs: [],
  prints: "nothing",
  async main() {
    await requireTools(["shellcheck"]);
    const { glob } = await import("zx");
    const $ = await shell({ cwd: PROJECT });
    const files = await glob("**", { cwd: PROJECT, gitignore: true, dot: true, ignore: ["**/.git/**"] });
    const scripts = files.filter(isShell);
    const checks = {
      types: $`node_modules/.bin/tsc --noEmit`,
      format: $`ci/tools/node_modules/.bin/biome check --error-on-warnings --colors=off .`,
      shell: $`shellcheck ${scripts}`,
      workflows: $`node --require ./scripts/lib/typescript.cjs ci/dev/lint-workflows.ts`,
    };
    const problems: Problem[] = [];
    await showProgress("lint", async (progress, show) => {
      progress(`checking ${Object.keys(checks).join(", ")} and docs`);
      for (const [name, check] of Object.entries(checks)) {
        const { exitCode, stdout, stderr } = await check;
        show(`${exitCode === 0 ? "ok  " : "FAIL"} ${name}`);
        if (exitCode !== 0)
          problems.push({ what: `lint: ${name}`, got: `exit code ${exitCode}\n${stdout}${stderr}`.trimEnd() });
      }
    });
    const stale = (await staleDocs()).map(({ file }) => ({
      file,
      what: "differs from the code it is made from",
      fix: "make docs",
    }));
    for (const [name, found] of Object.entries({ modules: moduleProblems(), docs: stale })) {
      say(`${found.length === 0 ? "ok  " : "FAIL"} ${name}`);
      problems.push(...found);
    }
    if (problems.length > 0) throw contractFailure(...problems);
    return 0;
  },
});
