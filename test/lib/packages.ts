/** Debian packages that the tests use as oracles, peers and machines. */

import { debianCommand } from "../../scripts/lib/debian/command.ts";
import { installPackages } from "../../scripts/lib/debian/install.ts";
import { hasApt, installedVersions } from "../../scripts/lib/debian.ts";
import { run } from "../../scripts/lib/process.ts";
import { showProgress } from "../../scripts/lib/progress.ts";
import { installFix, isProgram } from "../../scripts/lib/tools.ts";

const PACKAGES: readonly string[] = [
  "binutils",
  "build-essential",
  "busybox-static",
  "chromium",
  "cpio",
  "curl",
  "debhelper",
  "dpkg-dev",
  "erofs-utils",
  "file",
  "fonts-dejavu-core",
  "gcc",
  "gcc-aarch64-linux-gnu",
  "gcc-arm-linux-gnueabihf",
  "gcc-mips-linux-gnu",
  "gcc-powerpc64-linux-gnu",
  "gh",
  "git",
  "gzip",
  "hyperfine",
  "kmod",
  "libc6-dev",
  "libc6-dev-arm64-cross",
  "libc6-dev-armhf-cross",
  "libc6-dev-mips-cross",
  "libc6-dev-ppc64-cross",
  "lintian",
  "lld",
  "lz4",
  "mmdebstrap",
  "musl-tools",
  "nginx-light",
  "openssl",
  "perl",
  "piuparts",
  "python3-pip",
  "qemu-system-arm",
  "qemu-system-x86",
  "qemu-user-static",
  "rpm",
  "rpm2cpio",
  "rpmlint",
  "shellcheck",
  "time",
  "tinyproxy",
  "util-linux",
  "xz-utils",
  "zstd",
];

/** Of some releases only: Debian 12 has gold in binutils. */
const SOMEWHERE: readonly string[] = ["binutils-gold"];

async function missingPackages(): Promise<string[]> {
  const { stdout: known } = await run(["apt-cache", "pkgnames"]);
  const wanted = [...PACKAGES, ...SOMEWHERE.filter((name) => known.split("\n").includes(name))];
  const installed = await installedVersions(wanted);
  return wanted.filter((name) => !installed.has(name));
}

/** Installs what is missing, as root on Debian; elsewhere the tests that need it are skipped, loudly. */
export async function providePackages(): Promise<void> {
  if (process.getuid?.() !== 0 || !hasApt()) return;
  const missing = await missingPackages();
  if (missing.length > 0) await showProgress("packages", (progress) => installPackages(missing, progress));
}

/** The one command that installs what skipped tests lacked; undefined when nothing is missing that is known. */
export async function installCommand(lacked: readonly string[]): Promise<string | undefined> {
  if (lacked.length === 0) return undefined;
  if (hasApt()) {
    const missing = await missingPackages();
    return missing.length > 0 ? `run as root: ${debianCommand(missing)}` : undefined;
  }
  const programs = [...new Set(lacked)].filter(isProgram);
  return programs.length > 0 ? installFix(programs) : undefined;
}
