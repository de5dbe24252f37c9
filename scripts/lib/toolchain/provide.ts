/** What is done when the chosen cargo lacks the target. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { hasApt } from "../debian.ts";
import { Failure, missingFailure, type Problem, printable, usageFailure } from "../errors.ts";
import { environment } from "../knobs.ts";
import { ending } from "../process.ts";
import { type Progress, showProgress } from "../progress.ts";
import { shell } from "../shell.ts";
import { debianCargo } from "./debian.ts";
import { RECIPES, recipeOf } from "./recipes.ts";
import { sayDebian, type ToolchainRequest } from "./request.ts";
import { hasStd } from "./rustc.ts";

/** Far above what a download of 30 MB takes on a slow line; a network that drops packets takes longer to give up. */
const RUSTUP_LIMIT_MS = 120_000;

/**
 * Gets a cargo that can build for the target, by what the choice allows: rustup, then Debian's packages.
 * @param sysroot of the rustc that lacks the target; undefined: there is none, or it was not asked
 * @param complaint what the rustc that gave none wrote to stderr
 * @throws Failure as ensureToolchain
 */
export async function provideToolchain(
  request: ToolchainRequest,
  sysroot: string | undefined,
  complaint = "",
): Promise<string> {
  const { target, choice, also = [] } = request;
  const lack =
    sysroot === undefined
      ? (rustupError(complaint) ?? "there is no rustc that tells its sysroot")
      : `${printable(sysroot)} has no standard library for it`;
  const reasons = [lack];
  const recipe = choice === "rustup" || choice === "none" ? undefined : recipeOf(target.triple);
  if (choice === "debian" && recipe === undefined) {
    throw usageFailure({
      what: `FASTBOOP_STAGE0_TOOLCHAIN=debian has no recipe for ${target.triple}`,
      expected: RECIPES.map(({ triple }) => triple).join(" or "),
      fix: "set FASTBOOP_STAGE0_TOOLCHAIN to auto, or choose another TARGET",
    });
  }
  return showProgress("toolchain", async (progress) => {
    if (choice === "auto" || choice === "rustup") {
      const reason = sysroot === undefined ? lack : await addByRustup(request, sysroot, progress);
      if (reason === undefined) return request.cargo;
      if (reason !== lack) reasons.push(reason);
      if (recipe !== undefined && hasApt()) progress(`${reason}, so Debian's packages are used`);
    }
    if (recipe === undefined) throw unavailable(request, reasons);
    if (!hasApt()) throw unavailable(request, [...reasons, "this system has no apt to get Debian's packages with"]);
    // What the chosen cargo has by itself will not be asked of Debian's.
    const lacking = also.flatMap(({ triple }) => {
      const has = sysroot !== undefined && hasStd(sysroot, triple);
      return has ? [] : (recipeOf(triple) ?? []);
    });
    try {
      const cargo = await debianCargo([recipe, ...lacking], progress);
      sayDebian(cargo, request);
      return cargo;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new Failure(error.exitCode, ...error.problems.map(withWaysOut));
    }
  });
}

const WAYS_OUT =
  "set FASTBOOP_STAGE0_CARGO to a cargo that has the target, or FASTBOOP_STAGE0_EMBED_PATH to a prebuilt stage0";

const withWaysOut = (problem: Problem): Problem => ({
  ...problem,
  fix: problem.fix === undefined ? WAYS_OUT : `${problem.fix}; or ${WAYS_OUT}`,
});

const unavailable = ({ cargo, target }: ToolchainRequest, reasons: readonly string[]): Failure =>
  missingFailure({
    what: `${printable(cargo)} can't build for ${target.triple}`,
    expected: "a rustc with the target's standard library",
    got: reasons.join("; "),
    fix: `${
      target.triple.includes("-alpine-")
        ? "build on Alpine, whose own rustc has the target"
        : `run "rustup target add ${target.triple}" where rustup reaches its server`
    }; or ${WAYS_OUT}`,
  });

/**
 * Has rustup add the target to the toolchain that a sysroot belongs to.
 * @returns why it could not; undefined: it did
 */
export async function addByRustup(
  { cargo, target }: ToolchainRequest,
  sysroot: string,
  progress: Progress,
  limitMs = RUSTUP_LIMIT_MS,
): Promise<string | undefined> {
  // rustup's toolchains are in a folder of this name; those that are linked into it, it can't change.
  if (basename(dirname(sysroot)) !== "toolchains") return "its rustc is not rustup's";
  const folders = [dirname(cargo), ...(environment().PATH ?? "").split(":")];
  const rustup = folders.map((folder) => join(folder, "rustup")).find((path) => existsSync(path));
  if (rustup === undefined) return "rustup is not on PATH";
  progress(`asking rustup for ${target.triple}`);
  const limit = AbortSignal.timeout(limitMs);
  const $ = await shell({ signal: limit });
  const added = await $`${rustup} target add --toolchain ${basename(sysroot)} ${target.triple}`;
  if (limit.aborted) return `rustup was not done after ${limitMs / 1000} s`;
  if (added.ok && hasStd(sysroot, target.triple)) return undefined;
  return `rustup could not add it: ${rustupError(added.stderr) ?? ending(added)}`;
}

/** rustup's error and its innermost cause, without back trace; undefined when it gives none. */
function rustupError(stderr: string): string | undefined {
  const [report = ""] = stderr.split(/^stack backtrace:$/im);
  const error = /^error: (.+)$/m.exec(report)?.[1] ?? /panicked at .*\n(.+)$/m.exec(report)?.[1];
  const cause = [...report.matchAll(/^ +[0-9]+: (.+)$/gm)].at(-1)?.[1];
  return error === undefined ? undefined : printable(cause === undefined ? error : `${error}: ${cause}`);
}
