/** What a rustc says of itself. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { nestedEnvironment } from "../build/cargo.ts";
import { environment } from "../knobs.ts";
import { run } from "../process.ts";

export interface RustcAnswer {
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
