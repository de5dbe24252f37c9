/** Reading workflow files, for lint and for installing them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Workflow } from "../../dev/lib/workflows.ts";
import { PROJECT } from "./paths.ts";

export const WORKFLOW_FOLDER = join(PROJECT, "ci", "workflows");

/** The workflow files of a folder by name, parsed. @throws YAMLParseError on a file that is no YAML */
export async function readWorkflows(folder = WORKFLOW_FOLDER): Promise<Workflow[]> {
  const { YAML } = await import("zx");
  return readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((file) => {
      const text = readFileSync(join(folder, file), "utf8");
      return { file, text, data: YAML.parse(text) as Workflow["data"] };
    });
}
