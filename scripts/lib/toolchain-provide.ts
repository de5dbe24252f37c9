/** What is done when the chosen cargo lacks the target. */
import { missingFailure } from "./errors.ts";
import type { Toolchain, ToolchainRequest } from "./toolchain.ts";

/**
 * Gets a cargo that can build for the target, in the order that `choice` allows.
 * @param sysroot of the rustc that lacks the target; undefined: there is none
 */
export async function provideToolchain(request: ToolchainRequest, sysroot: string | undefined): Promise<Toolchain> {
  throw missingFailure({
    what: `${request.cargo} can't build for ${request.target.triple}: its rustc has no standard library for it`,
    ...(sysroot === undefined ? {} : { file: sysroot }),
  });
}
