/** The machine, and the programs that are measured: looked for, installed, and listed with their versions. */
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { installPackages } from "../../../../scripts/lib/debian/install.ts";
import { hasApt } from "../../../../scripts/lib/debian.ts";
import { say, shortSize } from "../../../../scripts/lib/log.ts";
import { cacheDir, PROJECT } from "../../../../scripts/lib/paths.ts";
import { shell } from "../../../../scripts/lib/shell.ts";

/** Debian's package of each program; npm's for those that Debian does not have. */
const PACKAGES: Readonly<Record<string, string>> = {
  hyperfine: "hyperfine",
  "/usr/bin/time": "time",
  file: "file",
  readelf: "binutils",
  checksec: "checksec",
  openssl: "openssl",
  nginx: "nginx-light",
  curl: "curl",
  wget: "wget",
  aria2c: "aria2",
  gh: "gh",
  "dpkg-buildpackage": "dpkg-dev",
  dh: "debhelper",
  rpmbuild: "rpm",
  rpm2cpio: "rpm2cpio",
  cpio: "cpio",
  "qemu-system-aarch64": "qemu-system-arm",
  "qemu-system-x86_64": "qemu-system-x86",
};

/** A program with the package that has it, when there is one here. */
const named = (program: string): string =>
  PACKAGES[program] === undefined ? program : `${program} (Debian: ${PACKAGES[program]})`;

/** Every program that may be missing. */
export const PROGRAMS: readonly string[] = [...Object.keys(PACKAGES), "cargo", "abuild", "mise"];

/** The command that starts mise, which is on npm; kept in the cache folder. */
const MISE = { name: "@jdxcode/mise-linux-x64", version: "2026.9.15" };
const miseFolder = (): string => cacheDir("bench", `mise-${MISE.version}`);
export const MISE_PROGRAM = "mise";
export const misePath = (): string => join(miseFolder(), "node_modules", MISE.name, "bin", "mise");

export const DENO = join(PROJECT, "ci", "tools", "node_modules", ".bin", "deno");

async function isThere(program: string): Promise<boolean> {
  const { which } = await import("zx");
  return (await which(program === MISE_PROGRAM ? misePath() : program, { nothrow: true })) !== null;
}

/**
 * Looks for programs, and as root on Debian installs what is missing.
 * @returns a function that says what is missing of some programs, in words; undefined: nothing
 */
export async function provide(programs: readonly string[]): Promise<(needs: readonly string[]) => string | undefined> {
  const missingOf = async (): Promise<string[]> => {
    const there = await Promise.all(programs.map(isThere));
    return programs.filter((_, index) => !there[index]);
  };
  const before = await missingOf();
  const packages = [...new Set(before.flatMap((program) => PACKAGES[program] ?? []))];
  if (packages.length > 0 && hasApt() && process.getuid?.() === 0) await installPackages(packages, say);
  if (before.includes(MISE_PROGRAM)) {
    say(`installing ${MISE.name}`);
    const $ = await shell();
    await $`npm install --silent --prefix ${miseFolder()} ${MISE.name}@${MISE.version}`;
  }
  const missing = new Set(await missingOf());
  return (needs) => {
    const absent = needs.filter((program) => missing.has(program));
    return absent.length === 0 ? undefined : absent.map((program) => named(program)).join(", ");
  };
}

/** The machine in a line: processor, cores, memory, system. */
export function machine(): string {
  const [first] = cpus();
  const [, system = "unknown system"] = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync("/etc/os-release", "utf8")) ?? [];
  return `${first?.model.trim()}, ${cpus().length} cores, ${shortSize(totalmem())} of memory, ${system}, Linux ${release()}`;
}

const VERSIONS: Readonly<Record<string, readonly string[]>> = {
  node: ["node", "--version"],
  tsx: ["node", "-p", "require('tsx/package.json').version"],
  deno: [DENO, "--version"],
  make: ["make", "--version"],
  cargo: ["cargo", "--version"],
  hyperfine: ["hyperfine", "--version"],
  coreutils: ["sha256sum", "--version"],
  openssl: ["openssl", "version"],
  file: ["file", "--version"],
  binutils: ["readelf", "--version"],
  checksec: ["checksec", "--version"],
  curl: ["curl", "--version"],
  wget: ["wget", "--version"],
  aria2: ["aria2c", "--version"],
  gh: ["gh", "--version"],
  mise: [misePath(), "--version"],
  nginx: ["sh", "-c", "nginx -v 2>&1"],
  qemu: ["qemu-system-aarch64", "--version"],
};

/** The version of each program that is there, by name. */
export async function versions(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const $ = await shell({ cwd: PROJECT });
  for (const [name, command] of Object.entries(VERSIONS)) {
    const { ok, stdout } = await $`${command}`;
    const version = /[0-9]+\.[0-9][0-9A-Za-z.+~-]*/.exec(stdout)?.[0];
    if (ok && version !== undefined) found[name] = version;
  }
  return found;
}
