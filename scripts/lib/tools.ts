/** The programs that are called, what each system calls the package that has it, and the one place that says how to install. */
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import { DEBIAN_INSTALL } from "./debian/command.ts";
import { type Failure, missingFailure } from "./errors.ts";
import { environment } from "./knobs.ts";
import { osRelease } from "./os-release.ts";
import { type Progress, showProgress } from "./progress.ts";

interface System {
  name: string;
  /** What its /etc/os-release says in ID or ID_LIKE. */
  ids: readonly string[];
  /** The command that takes names of packages. */
  install: string;
}

/** In the order of the columns below. */
const SYSTEMS: readonly System[] = [
  {
    name: "Debian",
    ids: ["debian", "ubuntu"],
    install: DEBIAN_INSTALL,
  },
  { name: "Fedora", ids: ["fedora", "rhel", "centos"], install: "dnf install" },
  { name: "Alpine", ids: ["alpine"], install: "apk add" },
  { name: "Arch Linux", ids: ["arch"], install: "pacman -S --needed" },
  { name: "macOS", ids: ["macos"], install: "brew install" },
];

/** The package of each program on each system. "": it has none. A path stands for what no program on PATH tells. */
const PACKAGES = {
  abuild: ["", "", "abuild", "", ""],
  "aarch64-linux-gnu-gcc": ["gcc-aarch64-linux-gnu", "gcc-aarch64-linux-gnu", "", "aarch64-linux-gnu-gcc", ""],
  aria2c: ["aria2", "aria2", "aria2", "aria2", "aria2"],
  "arm-linux-gnueabihf-gcc": ["gcc-arm-linux-gnueabihf", "gcc-arm-linux-gnu", "", "", ""],
  busybox: ["busybox-static", "busybox", "busybox", "busybox", ""],
  cargo: ["cargo", "cargo", "cargo", "rust", "rust"],
  checksec: ["checksec", "checksec", "", "checksec", "checksec"],
  chromium: ["chromium", "chromium", "chromium", "chromium", ""],
  clang: ["clang", "clang", "clang-dev", "clang", "llvm"],
  cpio: ["cpio", "cpio", "cpio", "cpio", "cpio"],
  curl: ["curl", "curl", "curl", "curl", "curl"],
  depmod: ["kmod", "kmod", "kmod", "kmod", ""],
  dh: ["debhelper", "debhelper", "", "", ""],
  "dpkg-buildpackage": ["dpkg-dev", "dpkg-dev", "dpkg-dev", "dpkg", "dpkg"],
  file: ["file", "file", "file", "file", "file-formula"],
  flock: ["util-linux", "util-linux", "flock", "util-linux", "flock"],
  gzip: ["gzip", "gzip", "gzip", "gzip", "gzip"],
  gh: ["gh", "gh", "github-cli", "github-cli", "gh"],
  git: ["git", "git", "git", "git", "git"],
  hyperfine: ["hyperfine", "hyperfine", "hyperfine", "hyperfine", "hyperfine"],
  lz4: ["lz4", "lz4", "lz4", "lz4", "lz4"],
  lintian: ["lintian", "", "", "", ""],
  "musl-gcc": ["musl-tools", "musl-gcc", "gcc", "musl", ""],
  nginx: ["nginx-light", "nginx", "nginx", "nginx", "nginx"],
  openssl: ["openssl", "openssl", "openssl", "openssl", "openssl"],
  pip3: ["python3-pip", "python3-pip", "py3-pip", "python-pip", "python"],
  "qemu-system-aarch64": [
    "qemu-system-arm",
    "qemu-system-aarch64",
    "qemu-system-aarch64",
    "qemu-system-aarch64",
    "qemu",
  ],
  "qemu-system-arm": ["qemu-system-arm", "qemu-system-arm", "qemu-system-arm", "qemu-system-arm", "qemu"],
  "qemu-system-x86_64": ["qemu-system-x86", "qemu-system-x86", "qemu-system-x86_64", "qemu-system-x86", "qemu"],
  readelf: ["binutils", "binutils", "binutils", "binutils", "binutils"],
  rpm2cpio: ["rpm2cpio", "rpm", "rpm", "rpm-tools", "rpm"],
  rpmbuild: ["rpm", "rpm-build", "rpm", "rpm-tools", "rpm"],
  rustfmt: ["rustfmt", "rustfmt", "rustfmt", "rust", "rust"],
  setpriv: ["util-linux", "util-linux", "setpriv", "util-linux", ""],
  shellcheck: ["shellcheck", "ShellCheck", "shellcheck", "shellcheck", "shellcheck"],
  tinyproxy: ["tinyproxy", "tinyproxy", "tinyproxy", "tinyproxy", "tinyproxy"],
  unshare: ["util-linux", "util-linux", "util-linux-misc", "util-linux", ""],
  wget: ["wget", "wget", "wget", "wget", "wget"],
  xz: ["xz-utils", "xz", "xz", "xz", "xz"],
  zstd: ["zstd", "zstd", "zstd", "zstd", "zstd"],
  "mkfs.erofs": ["erofs-utils", "erofs-utils", "erofs-utils", "erofs-utils", "erofs-utils"],
  mke2fs: ["e2fsprogs", "e2fsprogs", "e2fsprogs", "e2fsprogs", "e2fsprogs"],
  "x86_64-linux-gnu-gcc": ["gcc", "gcc", "gcc", "gcc", ""],
  "/usr/bin/time": ["time", "time", "", "time", ""],
} as const satisfies Record<string, readonly [string, string, string, string, string]>;

export type Program = keyof typeof PACKAGES;

export const isProgram = (name: string): name is Program => Object.hasOwn(PACKAGES, name);

/** The system that this is; undefined: one that is not known here. */
function thisSystem(): System | undefined {
  const ids = process.platform === "darwin" ? ["macos"] : [osRelease("ID"), ...osRelease("ID_LIKE").split(" ")];
  return ids.flatMap((id) => SYSTEMS.filter((system) => system.ids.includes(id)))[0];
}

/** The names of Debian's packages that have some programs. */
export const debianPackages = (programs: readonly Program[]): string[] => [
  ...new Set(programs.flatMap((program) => PACKAGES[program][0] || [])),
];

const listed = (names: readonly string[]): string => names.join(", ").replace(/, ([^,]*)$/, " and $1");

/** How to install programs on this system, as a fix line says it. */
export function installFix(programs: readonly Program[]): string {
  const system = thisSystem();
  if (system === undefined) {
    const known = programs.map((program) => {
      const column = PACKAGES[program].findIndex((name) => name !== "");
      return `${PACKAGES[program][column]} on ${SYSTEMS[column]?.name}`;
    });
    return `install ${listed(programs)} (packages: ${[...new Set(known)].join(", ")})`;
  }
  const column = SYSTEMS.indexOf(system);
  const names = new Set(programs.flatMap((program) => PACKAGES[program][column] || []));
  const elsewhere = programs.filter((program) => PACKAGES[program][column] === "");
  return [
    ...(names.size > 0
      ? [`run${system.name === "macOS" ? "" : " as root"}: ${system.install} ${[...names].join(" ")}`]
      : []),
    ...elsewhere.map((program) => `${program} is no package of ${system.name}'s: use ${systemsWith(program)}`),
  ].join("; ");
}

const systemsWith = (program: Program): string =>
  SYSTEMS.filter((_, column) => PACKAGES[program][column])
    .map(({ name }) => name)
    .join(" or ");

/** The path of a program, which may be on PATH; undefined when there is none that can be run. */
export function findProgram(program: string): string | undefined {
  const folders = program.includes("/") ? [""] : (environment().PATH ?? "").split(":");
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Those of some programs that are not there. */
export const missingTools = (programs: readonly Program[]): Program[] =>
  [...new Set(programs)].filter((program) => findProgram(program) === undefined);

const notThere = (missing: readonly Program[]): Failure =>
  missingFailure({
    what: `${listed(missing)} ${missing.length === 1 ? "is" : "are"} not on PATH`,
    fix: installFix(missing),
  });

/** @throws Failure (3) when programs are missing and requireTools can't install them, with one command that can */
export function checkTools(programs: readonly Program[]): void {
  const missing = missingTools(programs);
  const mayInstall = process.getuid?.() === 0 && findProgram("apt-get") !== undefined;
  if (missing.some((program) => !mayInstall || PACKAGES[program][0] === "")) throw notThere(missing);
}

/**
 * Makes sure that programs are there: as root on Debian their packages are installed.
 * @param progress of the job that needs them; absent: the installation is a job of its own
 * @throws Failure (3) as checkTools, and when packages can't be installed
 */
export async function requireTools(programs: readonly Program[], progress?: Progress): Promise<void> {
  checkTools(programs);
  const missing = missingTools(programs);
  if (missing.length === 0) return;
  const { installPackages } = await import("./debian/install.ts");
  const install = (show: Progress): Promise<void> => installPackages(debianPackages(missing), show);
  await (progress === undefined ? showProgress("packages", install) : install(progress));
  const still = missingTools(missing);
  if (still.length > 0) throw notThere(still);
}
