/** Builds a package of the payload with a distribution's own tool, and extracts the payload again to compare it. */
import * as fs from "node:fs";
import { basename, join } from "node:path";
import type { ProcessOutput } from "zx/core";
import { withTemporaryFolder } from "../cleanup.ts";
import { hostedName, INSTALL_PATH } from "../contract.ts";
import { contractFailure, type Failure, missingFailure, printable } from "../errors.ts";
import { makeFolder, writeText } from "../files.ts";
import { digestFile } from "../hash.ts";
import { environment, knob } from "../knobs.ts";
import { ending } from "../process.ts";
import type { Progress } from "../progress.ts";
import { shell } from "../shell.ts";
import { requireTools } from "../tools.ts";
import { KINDS, type Kind, type PackageKind } from "./kinds.ts";
import type { RecipeFile } from "./recipes.ts";

interface Built {
  /** Absolute path of the package. */
  path: string;
  /** Bytes of the payload, and its digest in lower-case hexadecimal: the same inside and outside. */
  size: number;
  sha256: string;
}

/**
 * Builds a package of a payload and compares the two.
 * @param payload absolute path of a stage0 file that has passed the gate
 * @param dist folder that the package is moved to, under a name that a release can carry
 * @param log file for the tool's output
 * @throws Failure (3) when the tool is missing or fails, (1) when the package changed the payload
 */
export async function buildPackage(
  kind: PackageKind,
  recipes: readonly RecipeFile[],
  payload: string,
  dist: string,
  log: string,
  progress: Progress,
): Promise<Built> {
  const definition: Kind = KINDS[kind];
  await requireTools(definition.tools, progress);
  return withTemporaryFolder(async (root) => {
    const folder = join(root, "fastboop-stage0");
    const out = join(root, "out");
    fs.mkdirSync(out, { recursive: true });
    definition.writeSources(recipes, folder);
    const keys = join(root, "keys");
    const own = { FASTBOOP_STAGE0_EMBED_PATH: payload, ...(kind === "apk" && { ABUILD_USERDIR: keys }) };
    const $ = await shell({ cwd: folder, env: { ...environment(), ...own } });
    if (kind === "apk") {
      fs.mkdirSync(keys);
      await $`abuild-keygen -a -n`;
    }
    const command = definition.command(folder, knob("SOURCE_DATE_EPOCH"));
    progress(`running ${command[0]}`);
    const result = await $`${command}`;
    makeFolder(join(log, ".."));
    fs.writeFileSync(log, result.stdout + result.stderr);
    if (!result.ok) throw failed(command, result, `read ${log}`);
    const found = fs
      .readdirSync(root, { recursive: true, encoding: "utf8" })
      .find((name) => name.endsWith(definition.suffix));
    if (found === undefined)
      throw missingFailure({ what: `${command[0]} made no ${definition.suffix} file`, fix: `read ${log}` });

    const inside = join(root, "inside");
    fs.mkdirSync(inside);
    const unpack = definition.unpack(join(root, found), inside);
    const unpacked = await $`${unpack}`;
    if (!unpacked.ok) throw failed(unpack, unpacked, "check the space in the temporary folder");
    const digest = comparePayload(join(inside, "usr", INSTALL_PATH), payload, found);
    // The `~` of a release candidate's version would not survive an upload to a release.
    const path = join(dist, hostedName(basename(found)));
    writeText(path, fs.readFileSync(join(root, found)));
    return { path, ...digest };
  });
}

/** @param result of zx's `$` */
function failed([program = ""]: readonly string[], result: ProcessOutput, fix: string): Failure {
  const last = (result.stdout + result.stderr).trimEnd().split("\n").slice(-15).map(printable);
  return missingFailure({ what: `${program} failed`, got: [ending(result), ...last].join("\n"), fix });
}

function comparePayload(inside: string, payload: string, name: string): { size: number; sha256: string } {
  const expected = digestFile(payload);
  if (!fs.existsSync(inside)) {
    throw contractFailure({
      file: name,
      what: "the package does not contain the payload",
      expected: `/usr/${INSTALL_PATH}`,
    });
  }
  const got = digestFile(inside);
  const mode = fs.statSync(inside).mode & 0o7777;
  if (got.sha256 !== expected.sha256 || mode !== 0o644) {
    throw contractFailure({
      file: name,
      what: "packaging changed the payload",
      expected: `sha256 ${expected.sha256}, mode 0644`,
      got: `sha256 ${got.sha256}, mode 0${mode.toString(8)}`,
      fix: "keep the packaging tool from stripping it",
    });
  }
  return expected;
}
