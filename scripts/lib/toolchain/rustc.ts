/** What a rustc says of itself. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { nestedEnvironment } from "../build/cargo.ts";
import { hasApt } from "../debian.ts";
import { environment } from "../knobs.ts";
import { type Output, run } from "../process.ts";

export interface RustcAnswer {
  sysroot?: string;
  /** Absent: it does not tell. */
  version?: RustcVersion;
  /** What it wrote to stderr when it failed. */
  complaint?: string;
}

/** What the rustc says that a cargo runs in a folder: RUSTC, else the one on PATH, which rustup puts its own proxy on. */
export async function askRustc(cargo: string, folder: string): Promise<RustcAnswer> {
  const [{ exitCode, stdout, stderr }, version] = await Promise.all([
    runRustc(cargo, folder, "--print", "sysroot"),
    rustcVersion(cargo, folder),
  ]);
  if (exitCode !== 0) return { complaint: stderr };
  return { sysroot: stdout.replace(/\n$/, ""), ...(version && { version }) };
}

/** What the same rustc says of its version; undefined when it does not tell. */
export interface RustcVersion {
  /** As "1.88.0". */
  release: string;
  /** Its name, the machine that it is for, and LLVM's version. */
  lines: string[];
  /** The target triple of that machine. */
  host?: string;
  /** The commit of Rust's sources, by which the standard library names its own. */
  commit?: string;
}

export async function rustcVersion(cargo: string, folder: string): Promise<RustcVersion | undefined> {
  const { stdout } = await runRustc(cargo, folder, "--version", "--verbose");
  const release = /^release: ([0-9]+\.[0-9]+\.[0-9]+)/m.exec(stdout)?.[1];
  const commit = /^commit-hash: ([0-9a-f]{40})$/m.exec(stdout)?.[1];
  const host = /^host: (.+)$/m.exec(stdout)?.[1];
  const lines = stdout.split("\n").filter((line) => /^(rustc |host: |LLVM version: )/.test(line));
  return release === undefined ? undefined : { release, lines, ...(host && { host }), ...(commit && { commit }) };
}

function runRustc(cargo: string, folder: string, ...args: string[]): Promise<Output> {
  // rustup installs what a workspace asks for by itself, in its own default profile and without a word.
  const env: NodeJS.ProcessEnv = { ...nestedEnvironment(environment()), RUSTUP_AUTO_INSTALL: "0" };
  const near = join(dirname(cargo), "rustc");
  // A cargo made of Debian's packages runs its own whatever RUSTC says.
  const rustc = isMade(cargo) ? near : env.RUSTC || (isRustups(cargo) ? near : "rustc");
  return run([rustc, ...args], { cwd: folder, env });
}

/** Whether a cargo is rustup's proxy. */
export const isRustups = (cargo: string): boolean => existsSync(join(dirname(cargo), "rustup"));
/** Whether a cargo is of a toolchain that was made of Debian's packages, in the cache. */
export const isMade = (cargo: string): boolean => existsSync(join(dirname(cargo), "..", "packages.json"));

/** Whether a cargo is Debian's, installed or in the cache. */
export const isDebians = (cargo: string): boolean =>
  isMade(cargo) || (hasApt() && ["/usr/bin", "/bin"].includes(dirname(cargo)) && !isRustups(cargo));

/** Whether a sysroot has the target's standard library. */
export function hasStd(sysroot: string, triple: string): boolean {
  try {
    return readdirSync(join(sysroot, "lib", "rustlib", triple, "lib")).some((name) => /^libstd-.*\.rlib$/.test(name));
  } catch {
    return false;
  }
}
