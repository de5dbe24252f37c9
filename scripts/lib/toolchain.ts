/** Makes sure that a cargo can build for a target: its own standard library, rustup's, or one made of Debian's packages. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { nestedEnvironment } from "./build/cargo.ts";
import type { Target } from "./contract.ts";
import { printable } from "./errors.ts";
import { environment } from "./knobs.ts";
import { say } from "./log.ts";
import { run } from "./process.ts";
import { cachedCargo } from "./toolchain/cache.ts";

/** Where the target's standard library may come from: FASTBOOP_STAGE0_TOOLCHAIN. */
type ToolchainChoice = "auto" | "rustup" | "debian" | "none";

export interface ToolchainRequest {
  /** Absolute path of the cargo that the user chose. */
  cargo: string;
  target: Target;
  choice: ToolchainChoice;
  /** Absolute path of the folder that cargo will run in: rust-toolchain files there and above count. */
  folder: string;
  /** Targets that will be asked for soon after: what is made for one is then made for all, in less time than one by one. */
  also?: readonly Target[];
}

export interface Toolchain {
  /** Absolute path of the cargo to run: the one that was chosen, or the one in the cache. */
  cargo: string;
  /** What to add to its environment. */
  env: Record<string, string>;
  /** present: the chosen cargo had the target already; rustup: rustup added it; debian: the cache's cargo. */
  source: "present" | "rustup" | "debian";
}

/**
 * Makes sure that cargo can build for a target: by itself; by Debian's toolchain when it is in the cache already, as that
 * asks no network; by rustup; by Debian's packages. When there is nothing to do, a rustc is started (50 ms under rustup) and
 * no other work done: begin it before other work and await it after.
 * @throws Failure (3) when the target's standard library is not there and can't be had, with the ways out; (2) when the
 *   choice is debian and there is no recipe for the target
 */
export async function ensureToolchain(request: ToolchainRequest): Promise<Toolchain> {
  const { cargo, target, choice, folder } = request;
  // Who chooses Debian's wants one and the same compiler everywhere, whatever else could build.
  const asked: RustcAnswer | Promise<RustcAnswer> = choice === "debian" ? {} : sysrootOf(cargo, folder);
  const [{ sysroot, complaint }, cached] = await Promise.all([
    asked,
    choice === "auto" || choice === "debian" ? cachedCargo(target) : undefined,
  ]);
  if (sysroot !== undefined && hasStd(sysroot, target.triple)) return { cargo, env: {}, source: "present" };
  if (cached !== undefined) return debianToolchain(cached, request);
  const { provideToolchain } = await import("./toolchain/provide.ts");
  return provideToolchain(request, sysroot, complaint);
}

/** The answer that names Debian's cargo, and a line in the log that says why it is not the one that was chosen. */
export function debianToolchain(cargo: string, { cargo: chosen, target, choice, folder }: ToolchainRequest): Toolchain {
  const why = choice === "debian" ? "FASTBOOP_STAGE0_TOOLCHAIN=debian" : `${printable(chosen)} lacks ${target.triple}`;
  say(`toolchain: takes ${printable(cargo)}, as ${why}`);
  const wish = toolchainFile(folder);
  if (wish !== undefined)
    say(`toolchain: only rustup heeds ${printable(wish)}; this compiler is Debian's, whatever it asks`);
  return { cargo, env: {}, source: "debian" };
}

/** The file by which a workspace asks rustup for a toolchain (The rustup book, "Overrides"); undefined when there is none. */
function toolchainFile(folder: string): string | undefined {
  for (let dir = realpathSync(folder); ; dir = dirname(dir)) {
    const file = ["rust-toolchain", "rust-toolchain.toml"]
      .map((name) => join(dir, name))
      .find((path) => existsSync(path));
    if (file !== undefined || dir === dirname(dir)) return file;
  }
}

interface RustcAnswer {
  sysroot?: string;
  /** What it wrote to stderr when it failed. */
  complaint?: string;
}

/** The sysroot of the rustc that a cargo runs in a folder: RUSTC, else the one on PATH, which rustup puts its own proxy on. */
export async function sysrootOf(cargo: string, folder: string): Promise<RustcAnswer> {
  const env = nestedEnvironment(environment());
  const besides = dirname(cargo);
  const rustc = env.RUSTC || (existsSync(join(besides, "rustup")) ? join(besides, "rustc") : "rustc");
  const { exitCode, stdout, stderr } = await run([rustc, "--print", "sysroot"], { cwd: folder, env });
  return exitCode === 0 ? { sysroot: stdout.replace(/\n$/, "") } : { complaint: stderr };
}

/** Whether a sysroot has the target's standard library. */
export function hasStd(sysroot: string, triple: string): boolean {
  try {
    return readdirSync(join(sysroot, "lib", "rustlib", triple, "lib")).some((name) => /^libstd-.*\.rlib$/.test(name));
  } catch {
    return false;
  }
}
