/** Debian packages that the tests use as oracles, peers and machines. */

import { installPackages } from "../../scripts/lib/debian/install.ts";
import { hasApt, installedVersions } from "../../scripts/lib/debian.ts";
import { say } from "../../scripts/lib/log.ts";

const PACKAGES: readonly string[] = [
  "binutils",
  "busybox-static",
  "chromium",
  "cpio",
  "curl",
  "debhelper",
  "dpkg-dev",
  "file",
  "fonts-dejavu-core",
  "gcc",
  "gcc-aarch64-linux-gnu",
  "gcc-arm-linux-gnueabihf",
  "gcc-mips-linux-gnu",
  "gcc-powerpc64-linux-gnu",
  "gh",
  "git",
  "hyperfine",
  "libc6-dev",
  "libc6-dev-arm64-cross",
  "libc6-dev-armhf-cross",
  "libc6-dev-mips-cross",
  "libc6-dev-ppc64-cross",
  "lintian",
  "lld",
  "musl-tools",
  "nginx-light",
  "openssl",
  "perl",
  "qemu-system-arm",
  "qemu-system-x86",
  "qemu-user-static",
  "rpm",
  "rpm2cpio",
  "shellcheck",
  "time",
  "tinyproxy",
  "util-linux",
];

/** Installs what is missing, as root on Debian; elsewhere the tests that need it are skipped, loudly. */
export async function providePackages(): Promise<void> {
  if (process.getuid?.() !== 0 || !hasApt()) return;
  const installed = await installedVersions(PACKAGES);
  const missing = PACKAGES.filter((name) => !installed.has(name));
  if (missing.length > 0) await installPackages(missing, say);
}
