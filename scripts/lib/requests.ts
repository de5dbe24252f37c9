/** The files that a script is to boot: those that the user names, else those in the folder of artifacts. */
import { basename, join } from "node:path";
import { assetName, RELEASE_TARGETS, type Target, targetOfAsset } from "./contract.ts";
import { printable, usageFailure } from "./errors.ts";
import { knob } from "./knobs.ts";
import { distDir, toCaller } from "./paths.ts";
import { supportedTarget } from "./target.ts";

interface Request {
  /** As the user wrote it; relative paths count from the caller's folder. */
  path: string;
  target: Target;
}

/**
 * The files with their targets.
 * @param option value of --target, which wins over TARGET
 * @throws Failure (2) for an unknown target, or a file whose name tells none
 */
export function requestsFor(files: readonly string[], option: string | undefined): Request[] {
  const name = option === undefined ? "TARGET" : "--target";
  const triple = option ?? knob("TARGET");
  const chosen = triple === undefined ? undefined : supportedTarget(name, triple);
  return files.length === 0 ? inDist(chosen) : files.map((path) => named(path, chosen));
}

function inDist(chosen: Target | undefined): Request[] {
  const targets = chosen === undefined ? RELEASE_TARGETS : [chosen];
  return targets.map((target) => ({ path: toCaller(join(distDir(), assetName(target.triple))), target }));
}

function named(path: string, chosen: Target | undefined): Request {
  const target = chosen ?? targetOfAsset(basename(path));
  if (target !== undefined) return { path, target };
  throw usageFailure({
    what: "the file's name tells no target",
    expected: `${assetName("<target>")}, or a target with --target`,
    got: `"${printable(basename(path))}"`,
    fix: "add --target TRIPLE",
  });
}
