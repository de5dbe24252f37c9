/** Makes sure that a cargo can build for a target: its own standard library, rustup's, or one made of Debian's packages. */
import { readPin } from "./toolchain/pin.ts";
import { sayPin, type ToolchainRequest } from "./toolchain/request.ts";
import { askRustc, hasStd, type RustcAnswer } from "./toolchain/rustc.ts";
import { lackingComponents } from "./toolchain/rustup.ts";

/** A cargo that can build for a target. */
export interface Toolchain {
  /** Absolute path: the one that was chosen, or the one in the cache. */
  cargo: string;
  rustc: RustcAnswer;
}

/**
 * Makes sure that cargo can build for a target, with the compiler that the workspace asks for where rustup can give it: by
 * what cargo has; by rustup; by Debian's packages. When there is nothing to do, programs are asked for their version and
 * no other work is done: begin it before other work and await it after.
 * @throws Failure (3) when the target's standard library is not there and not available, with the ways out; (2) when the
 *   choice is debian and there is no recipe for the target
 */
export async function ensureToolchain(request: ToolchainRequest): Promise<Toolchain> {
  const { cargo, target, choice, folder } = request;
  const pin = await readPin(folder);
  // The choice debian means the same compiler everywhere, whatever else could build.
  const answer: RustcAnswer = choice === "debian" ? {} : await askRustc(cargo, folder);
  const { sysroot } = answer;
  const mayAsk = choice === "auto" || choice === "rustup";
  const whole =
    sysroot !== undefined && hasStd(sysroot, target.triple) && !(mayAsk && lackingComponents(sysroot, pin).length > 0);
  const used = whole ? cargo : await (await import("./toolchain/provide.ts")).provideToolchain(request, answer, pin);
  const rustc = whole ? answer : await askRustc(used, folder);
  if (pin !== undefined) sayPin(pin, rustc.version?.release);
  return { cargo: used, rustc };
}
