/** The workflow files that are installed and checked. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./paths.ts";

export const WORKFLOW_FOLDER = join(PROJECT, "ci", "workflows");
/** Those of this project's own repository. */
export const OWN_WORKFLOWS = join(PROJECT, "ci", "own");

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

/** A workflow on its way into a repository. */
interface Copy {
  /** Absolute. */
  path: string;
  text: string;
  /** What is there now; undefined: nothing. */
  found: string | undefined;
  /** Whether what is there was not written by us. */
  foreign: boolean;
}

/** The first line of every workflow of ours, without what may change in it. */
const isOurs = (text: string): boolean => text.startsWith("# Written by make install-workflows of stage0-distribution");

/**
 * The workflows as a folder of a repository is to have them: under the specification's names, or beside the repository's own
 * as stage0-NAME where one of those names is taken, reusable and never started by an event.
 * @param workspace the repository; this project's own gets those that release this project
 */
export function copiesFor(workspace: string): Copy[] {
  const folder = join(workspace, ".github", "workflows");
  const copyOf = ({ file, text }: WorkflowFile): Copy => {
    const path = join(folder, file);
    const found = existsSync(path) ? readFileSync(path, "utf8") : undefined;
    return { path, text, found, foreign: found !== undefined && !isOurs(found) };
  };
  const files = workflowFiles(workspace === PROJECT ? OWN_WORKFLOWS : WORKFLOW_FOLDER);
  const copies = files.map(copyOf);
  return copies.some(({ foreign }) => foreign) ? files.map((file) => copyOf(beside(file, files))) : copies;
}

const BESIDE = "stage0-";

function beside({ file, text }: WorkflowFile, all: readonly WorkflowFile[]): WorkflowFile {
  const renamed = all.reduce((result, { file: name }) => {
    const own = ["uses: ./.github/workflows/", "FASTBOOP_STAGE0_SIGNER_WORKFLOW: "];
    return own.reduce((changed, key) => changed.replaceAll(`${key}${name}\n`, `${key}${BESIDE}${name}\n`), result);
  }, text);
  const triggers = /^on:\n(?: .*\n)+/m;
  const call = /^ {2}workflow_call:\n(?: {4}.*\n)*/m.exec(triggers.exec(renamed)?.[0] ?? "")?.[0];
  return { file: BESIDE + file, text: renamed.replace(triggers, `on:\n${call ?? "  workflow_call:\n"}`) };
}
