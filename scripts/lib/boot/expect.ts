/** The console line that a boot has to show. */
import { dirname } from "node:path";
import type { Target } from "../contract.ts";
import { PACKAGE } from "../contract.ts";
import { knob } from "../knobs.ts";
import { distDir, EXAMPLE_WORKSPACE, fromCaller } from "../paths.ts";
import { findWorkspace, workspaceVersion } from "../workspace.ts";

/**
 * FASTBOOP_STAGE0_BOOT_EXPECT, else the line of the example workspace for its artifacts. A file is taken for one when it is
 * in the folder of artifacts, and what would be built there now is the example: no other workspace is given or near,
 * and no prebuilt file takes the place of a build.
 * @returns undefined when any program will do
 * @throws Failure (2) when the expression does not parse or WORKSPACE is none
 */
export async function expectedLine({ path, target }: { path: string; target: Target }): Promise<RegExp | undefined> {
  const given = knob("FASTBOOP_STAGE0_BOOT_EXPECT");
  if (given !== undefined) return given;
  if (dirname(fromCaller(path)) !== distDir() || knob("FASTBOOP_STAGE0_EMBED_PATH") !== undefined) return undefined;
  const { dir } = findWorkspace();
  return dir === EXAMPLE_WORKSPACE ? exampleLine(target, await workspaceVersion(dir)) : undefined;
}

/** What the example prints as PID 1, in full: name, version, architecture. */
export const exampleLine = ({ arch }: Target, version: string): RegExp =>
  new RegExp(`^${`${PACKAGE} ${version} ${arch} pid 1`.replaceAll(/[.*+?^$(){}|[\]\\]/g, "\\$&")}$`);
