/** Makes sure that a cargo can build for a target: its own standard library, rustup's, or one made of Debian's packages. */
import { cachedCargo } from "./toolchain/cache.ts";
import { sayDebian, type ToolchainRequest } from "./toolchain/request.ts";
import { hasStd, type RustcAnswer, sysrootOf } from "./toolchain/rustc.ts";

/**
 * Makes sure that cargo can build for a target: by itself; by Debian's toolchain when it is in the cache already, since that
 * needs no network; by rustup; by Debian's packages. When there is nothing to do, programs are asked for their version and
 * no other work is done: begin it before other work and await it after.
 * @returns absolute path of the cargo to run: the one that was chosen, or the one in the cache
 * @throws Failure (3) when the target's standard library is not there and can't be had, with the ways out; (2) when the
 *   choice is debian and there is no recipe for the target
 */
export async function ensureToolchain(request: ToolchainRequest): Promise<string> {
  const { cargo, target, choice, folder } = request;
  // The choice debian means the same compiler everywhere, whatever else could build.
  const { sysroot, complaint }: RustcAnswer = choice === "debian" ? {} : await sysrootOf(cargo, folder);
  if (sysroot !== undefined && hasStd(sysroot, target.triple)) return cargo;
  const cached = choice === "auto" || choice === "debian" ? await cachedCargo(target) : undefined;
  if (cached !== undefined) {
    sayDebian(cached, request);
    return cached;
  }
  const { provideToolchain } = await import("./toolchain/provide.ts");
  return provideToolchain(request, sysroot, complaint);
}
