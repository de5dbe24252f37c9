/** zizmor, the auditor of workflows and actions. PyPI has it; pip holds it to the digests in ci/tools/requirements.txt. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../../../scripts/lib/errors.ts";
import { PROJECT } from "../../../scripts/lib/paths.ts";
import { shell } from "../../../scripts/lib/shell.ts";
import { findProgram, requireTools } from "../../../scripts/lib/tools.ts";

const REQUIREMENTS = "ci/tools/requirements.txt";
const FOLDER = "ci/tools/node_modules/.zizmor";
const PROGRAM = `${FOLDER}/bin/zizmor`;

/** What it says of the workflows and actions; ci/zizmor.yml has what is meant to be so. */
export async function audit(): Promise<Problem[]> {
  const $ = await shell({ cwd: PROJECT });
  const [, version = ""] = /^zizmor==(\S+)/m.exec(readFileSync(join(PROJECT, REQUIREMENTS), "utf8")) ?? [];
  const installed = findProgram(join(PROJECT, PROGRAM)) && (await $`${PROGRAM} --version`).stdout.trim();
  if (installed !== `zizmor ${version}`) {
    await requireTools(["pip3"]);
    const pip =
      await $`pip3 install --quiet --upgrade --no-deps --require-hashes --target ${FOLDER} -r ${REQUIREMENTS}`;
    if (pip.exitCode !== 0) return [{ what: "pip can't install zizmor", got: pip.stderr.trim() }];
  }
  // Of a folder it would take the actions only.
  const { glob } = await import("zx");
  const files = await glob(["ci/{workflows,own}/*.yml", "ci/actions/*/action.yml"], { cwd: PROJECT });
  const options = ["--offline", "--quiet", "--color=never", "--persona=auditor", "--config=ci/zizmor.yml"];
  const { exitCode, stdout, stderr } = await $`${PROGRAM} ${options} ${files}`;
  return exitCode === 0 ? [] : [{ what: "zizmor", got: `${stdout}${stderr}`.trim() }];
}
