/** The console lines that a boot has to show. */
import { dirname } from "node:path";
import type { Target } from "../contract.ts";
import { PACKAGE } from "../contract.ts";
import { knob } from "../knobs.ts";
import { distDir, EXAMPLE_WORKSPACE, fromCaller } from "../paths.ts";
import { findWorkspace, workspaceVersion } from "../workspace.ts";
import type { Expected } from "./console.ts";
import { WAITS_FOR_USB } from "./settings.ts";

/**
 * FASTBOOP_STAGE0_BOOT_EXPECT, else that it waits for USB for fastboop's stage0, and the line of the example workspace for its
 * artifacts. A file is taken for one of these when it is in the folder of artifacts, and what would be built there now is the
 * example: no other workspace is given or near, and no prebuilt file takes the place of a build.
 * @throws Failure (2) when the expression does not parse or WORKSPACE is none
 */
export async function expectedLines({ path, target }: { path: string; target: Target }): Promise<Expected> {
  const given = knob("FASTBOOP_STAGE0_BOOT_EXPECT");
  if (given !== undefined) return { fastboop: given, other: given };
  const any = { fastboop: WAITS_FOR_USB, other: undefined };
  if (dirname(fromCaller(path)) !== distDir() || knob("FASTBOOP_STAGE0_EMBED_PATH") !== undefined) return any;
  const { dir } = findWorkspace();
  return dir === EXAMPLE_WORKSPACE ? { ...any, other: exampleLine(target, await workspaceVersion(dir)) } : any;
}

/** What the example prints as PID 1, in full: name, version, architecture. */
export const exampleLine = ({ arch }: Target, version: string): RegExp =>
  new RegExp(`^${`${PACKAGE} ${version} ${arch} pid 1`.replaceAll(/[.*+?^$(){}|[\]\\]/g, "\\$&")}$`);
