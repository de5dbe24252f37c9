/** Makes sure that a cargo can build for a target: its own standard library, rustup's, or one made of Debian's packages. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "./contract.ts";

/** Where the target's standard library may come from: FASTBOOP_STAGE0_TOOLCHAIN. */
export type ToolchainChoice = "auto" | "rustup" | "debian" | "none";

export interface ToolchainRequest {
  /** The cargo that the user chose: a path or a name on PATH. */
  cargo: string;
  target: Target;
  choice: ToolchainChoice;
  /** Absolute path of the folder that cargo will run in: rust-toolchain files there and above count. */
  folder: string;
  /** Targets that will be asked for soon after: what is made for one is then made for all, in less time than one by one. */
  also?: readonly Target[];
}

export interface Toolchain {
  /** The cargo to run: the one that was chosen, or the one in the cache. */
  cargo: string;
  /** What to add to its environment. */
  env: Record<string, string>;
  /** present: the chosen cargo had the target already; rustup: rustup added it; debian: the cache's cargo. */
  source: "present" | "rustup" | "debian";
}

/**
 * Makes sure that cargo can build for a target. When its rustc has the target already, this starts one rustc (about 50 ms
 * under rustup) and nothing else: start it before other work and await it after.
 * @throws Failure (3) when the target's standard library is not there and can't be had, with the ways out
 */
export async function ensureToolchain(request: ToolchainRequest): Promise<Toolchain> {
  const sysroot = await sysrootOf("rustc", request.folder);
  if (sysroot !== undefined && hasStd(sysroot, request.target.triple)) {
    return { cargo: request.cargo, env: {}, source: "present" };
  }
  const { provideToolchain } = await import("./toolchain-provide.ts");
  return provideToolchain(request, sysroot);
}

/** The sysroot of a rustc when it runs in a folder; undefined when there is no such rustc or it fails. */
export function sysrootOf(rustc: string, folder: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(rustc, ["--print", "sysroot"], { cwd: folder }, (error, stdout) =>
      resolve(error === null ? stdout.replace(/\n$/, "") : undefined),
    );
  });
}

/** Whether a sysroot has the target's standard library. */
export function hasStd(sysroot: string, triple: string): boolean {
  try {
    return readdirSync(join(sysroot, "lib", "rustlib", triple, "lib")).some((name) => /^libstd-.*\.rlib$/.test(name));
  } catch {
    return false;
  }
}
