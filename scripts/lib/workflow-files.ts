/** The workflow files that are installed and checked. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./paths.ts";

export const WORKFLOW_FOLDER = join(PROJECT, "ci", "workflows");

export interface WorkflowFile {
  /** File name without folder. */
  file: string;
  text: string;
}

/** The workflow files of a folder, by name. */
export const workflowFiles = (folder = WORKFLOW_FOLDER): WorkflowFile[] =>
  readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((file) => ({ file, text: readFileSync(join(folder, file), "utf8") }));
