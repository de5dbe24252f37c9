/** The programs of the emulated phone, built from ci/phone by the toolchain that builds stage0, once into the cache. */
import * as fs from "node:fs";
import { join } from "node:path";
import { nestedEnvironment, subBuildCargo } from "../build/cargo.ts";
import { targetSettings } from "../build/cargo-config.ts";
import { runCargo } from "../build/cargo-run.ts";
import { troubleIn } from "../build/trouble.ts";
import { withGit } from "../build.ts";
import { ensureFolder } from "../cache-folder.ts";
import type { Target } from "../contract.ts";
import { createHash } from "../crypto.ts";
import { missingFailure, printable } from "../errors.ts";
import { environment, knob } from "../knobs.ts";
import { cacheDir, PROJECT } from "../paths.ts";
import type { Progress } from "../progress.ts";
import { ensureToolchain } from "../toolchain.ts";

export const PHONE_SOURCE = join(PROJECT, "ci", "phone");
const NAME = "phone";

/** The digest of the sources, which names what is built of them. */
function digestOfSources(): string {
  const hash = createHash("sha256");
  const names = [
    "Cargo.toml",
    "Cargo.lock",
    ...fs.readdirSync(join(PHONE_SOURCE, "src")).map((name) => join("src", name)),
  ];
  for (const name of names.sort())
    hash
      .update(`${name}\0`)
      .update(fs.readFileSync(join(PHONE_SOURCE, name)))
      .update("\0");
  return hash.digest("hex").slice(0, 16);
}

/** The path of the program for a target. @throws Failure (3) when it can't be built */
export async function phoneProgram(target: Target, progress: Progress): Promise<string> {
  const folder = cacheDir("phone-programs", `${NAME}_${digestOfSources()}_${target.triple}`);
  await ensureFolder(folder, progress, async (staging) => {
    progress(`building the phone's programs for ${target.triple}`);
    const targetDir = join(staging, "target");
    const args = ["build", "--release", "--locked", "--offline", "--quiet", "--target-dir", targetDir];
    await runBuild(PHONE_SOURCE, target, targetDir, args);
    fs.renameSync(join(targetDir, target.triple, "release", NAME), join(staging, NAME));
    fs.rmSync(targetDir, { recursive: true });
  });
  return join(folder, NAME);
}

/**
 * Runs cargo for a target as a build of stage0 runs it.
 * @param folder where cargo runs, absolute
 * @param args cargo's own, without target, flags and selection
 * @param selection arguments that say which package of a workspace is built; none: the folder's
 * @throws Failure (3) when cargo fails
 */
export async function runBuild(
  folder: string,
  target: Target,
  targetDir: string,
  args: readonly string[],
  variables: Record<string, string> = {},
  selection: readonly string[] = [],
): Promise<string> {
  const env = { ...nestedEnvironment(environment()), ...variables };
  const choice = knob("FASTBOOP_STAGE0_TOOLCHAIN");
  const { cargo } = await ensureToolchain({ cargo: subBuildCargo(), target, choice, folder });
  const settings = await targetSettings(folder, target, targetDir, env);
  const chosen = [...selection, "--target", target.triple];
  const command = {
    cargo,
    folder,
    args: [...args, ...chosen, ...settings.args],
    env: { ...env, ...settings.set },
    set: settings.set,
  };
  const { trouble, log, messages } = await runCargo(await withGit(command, chosen));
  if (trouble === undefined) return messages;
  throw missingFailure({
    ...troubleIn(log, trouble),
    expected: `a build for ${target.triple}`,
    file: printable(folder),
  });
}
