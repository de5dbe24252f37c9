/** What is done when the chosen cargo lacks the target, or what the workspace asks for. */
import { hasApt } from "../debian.ts";
import { Failure, missingFailure, type Problem, printable, usageFailure } from "../errors.ts";
import { showProgress } from "../progress.ts";
import { cachedCargo } from "./cache.ts";
import { debianCargo } from "./debian.ts";
import type { Pin } from "./pin.ts";
import { RECIPES, recipeOf } from "./recipes.ts";
import { sayDebian, type ToolchainRequest } from "./request.ts";
import { unmetBy } from "./rust-version.ts";
import { hasStd, type RustcAnswer, rustcVersion } from "./rustc.ts";
import { addByRustup, rustupError } from "./rustup.ts";

/**
 * Gets a cargo that can build for the target, by what the choice allows: rustup, then Debian's packages. Where nothing is
 * asked for by name, what was made of Debian's packages earlier goes first, since it needs no network.
 * @param answer of the rustc that lacks something; empty: it was not asked
 * @throws Failure as ensureToolchain
 */
export async function provideToolchain(
  request: ToolchainRequest,
  answer: RustcAnswer,
  pin: Pin | undefined,
): Promise<string> {
  const { target, choice, folder, also = [] } = request;
  const { sysroot, complaint = "" } = answer;
  const reasons = [
    sysroot === undefined
      ? (rustupError(complaint) ?? "there is no rustc that tells its sysroot")
      : `${printable(sysroot)} has no standard library for it`,
  ];
  const recipe = choice === "rustup" || choice === "none" ? undefined : recipeOf(target.triple);
  if (choice === "debian" && recipe === undefined) {
    throw usageFailure({
      what: `FASTBOOP_STAGE0_TOOLCHAIN=debian has no recipe for ${target.triple}`,
      expected: RECIPES.map(({ triple }) => triple).join(" or "),
      fix: "set FASTBOOP_STAGE0_TOOLCHAIN to auto, or choose another TARGET",
    });
  }
  const fromCache = async (reason?: string): Promise<string | undefined> => {
    const cached = recipe === undefined ? undefined : await cachedCargo(target);
    const version = cached === undefined ? undefined : await rustcVersion(cached, folder);
    // Debian may have a newer one by now.
    if (cached === undefined || (await unmetBy(folder, version?.release ?? "")).length > 0) return undefined;
    sayDebian(cached, request, reason);
    return cached;
  };
  if (pin === undefined || choice === "debian") {
    const cached = await fromCache();
    if (cached !== undefined) return cached;
  }
  return showProgress("toolchain", async (progress) => {
    let reason: string | undefined;
    if (choice === "auto" || choice === "rustup") {
      const refusal = await addByRustup(request, answer, pin, progress);
      if (refusal === undefined) return request.cargo;
      reason = refusal.reason;
      if (!reasons.includes(reason)) reasons.push(reason);
      // What the workspace asks for is not available, and no other compiler was asked for.
      if (pin !== undefined && !refusal.outOfReach) throw unavailable(request, reasons, pin);
      const cached = pin === undefined ? undefined : await fromCache(reason);
      if (cached !== undefined) return cached;
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
      const cargo = await debianCargo([recipe, ...lacking], folder, progress);
      sayDebian(cargo, request, reason);
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

const unavailable = ({ cargo, target }: ToolchainRequest, reasons: readonly string[], pin?: Pin): Failure =>
  missingFailure({
    what: `${printable(cargo)} can't build for ${target.triple}`,
    expected: `${pin === undefined ? "a rustc" : `Rust ${pin.channel}, as ${printable(pin.file)} asks,`} with the target's standard library`,
    got: reasons.join("; "),
    fix: `${wayTo(target.triple, pin)}; or ${WAYS_OUT}`,
  });

function wayTo(triple: string, pin: Pin | undefined): string {
  if (triple.includes("-alpine-")) return "build on Alpine, whose own rustc has the target";
  if (pin !== undefined) return "set FASTBOOP_STAGE0_TOOLCHAIN=debian to build with Debian's compiler";
  return `run "rustup target add ${triple}" where rustup reaches its server`;
}
