/** What is said of programs that are missing: all of them at once, and one command of the system at hand. */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PROJECT } from "../scripts/lib/paths.ts";
import { checkTools, findProgram, installFix } from "../scripts/lib/tools.ts";
import { failureOf, lacking, RUNTIME, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { viewing } from "./lib/mounts.ts";

const test = suite("tools");

/** Runs a script on a system with another /etc/os-release, and without a program on PATH. */
async function elsewhere(release: string, script: string, ...args: string[]): Promise<string> {
  const folder = temporaryFolder();
  fs.writeFileSync(join(folder, "os-release"), release);
  fs.writeFileSync(join(folder, "fastboop-stage0-aarch64-unknown-linux-musl"), "");
  const env = ["env", "PATH=/nowhere", `DIST=${folder}`];
  const command = viewing({ binds: { "/etc/os-release": join(folder, "os-release") } }, [
    ...env,
    ...RUNTIME,
    join(PROJECT, script),
    ...args,
  ]);
  const { code, stderr } = await runProgram(command);
  assert.is.not(code, 0);
  return stderr;
}

const FIXES: [system: string, release: string, boot: string, deb: string, apk: string][] = [
  [
    "Debian",
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
    "run as root: apt-get update && apt-get install --no-install-recommends qemu-system-arm",
    "run as root: apt-get update && apt-get install --no-install-recommends dpkg-dev debhelper",
    "abuild is no package of Debian's: use Alpine",
  ],
  [
    "one like Ubuntu",
    'ID=linuxmint\nID_LIKE="ubuntu debian"\n',
    "run as root: apt-get update && apt-get install --no-install-recommends qemu-system-arm",
    "run as root: apt-get update && apt-get install --no-install-recommends dpkg-dev debhelper",
    "abuild is no package of Debian's: use Alpine",
  ],
  [
    "Fedora",
    'NAME="Fedora Linux"\nVARIANT_ID=container\nID=fedora\n',
    "run as root: dnf install qemu-system-aarch64",
    "run as root: dnf install dpkg-dev debhelper",
    "abuild is no package of Fedora's: use Alpine",
  ],
  [
    "one like Fedora",
    'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
    "run as root: dnf install qemu-system-aarch64",
    "run as root: dnf install dpkg-dev debhelper",
    "abuild is no package of Fedora's: use Alpine",
  ],
  [
    "Alpine",
    "ID=alpine\n",
    "run as root: apk add qemu-system-aarch64",
    "run as root: apk add dpkg-dev; dh is no package of Alpine's: use Debian or Fedora",
    "run as root: apk add abuild",
  ],
  [
    "Arch Linux",
    "ID='arch'\n",
    "run as root: pacman -S --needed qemu-system-aarch64",
    "run as root: pacman -S --needed dpkg; dh is no package of Arch Linux's: use Debian or Fedora",
    "abuild is no package of Arch Linux's: use Alpine",
  ],
  [
    "any other",
    "ID=nixos\n",
    "install qemu-system-aarch64 (packages: qemu-system-arm on Debian)",
    "install dpkg-buildpackage and dh (packages: dpkg-dev on Debian, debhelper on Debian)",
    "install abuild (packages: abuild on Alpine)",
  ],
];

for (const [system, release, boot, deb, apk] of FIXES) {
  testUnless(
    test,
    lacking({ root: true, programs: ["unshare"] }),
    `should name the packages and the command of ${system}`,
    async () => {
      const target = ["--target", "aarch64-unknown-linux-musl"];
      assert.is(
        await elsewhere(release, "scripts/boot-stage0.ts", ...target),
        `error: qemu-system-aarch64 is not on PATH\n  fix:      ${boot}\n`,
      );
      assert.match(
        await elsewhere(release, "scripts/package.ts", "deb"),
        `error: dpkg-buildpackage and dh are not on PATH\n  fix:      ${deb}\n`,
      );
      assert.match(
        await elsewhere(release, "scripts/package.ts", "apk"),
        `error: abuild is not on PATH\n  fix:      ${apk}\n`,
      );
    },
  );
}

test("should name Homebrew's packages on macOS", () => {
  const { platform } = process;
  Object.defineProperty(process, "platform", { value: "darwin" });
  try {
    assert.is(installFix(["flock", "qemu-system-aarch64", "qemu-system-x86_64"]), "run: brew install flock qemu");
    assert.is(installFix(["dh", "cpio"]), "run: brew install cpio; dh is no package of macOS's: use Debian or Fedora");
  } finally {
    Object.defineProperty(process, "platform", { value: platform });
  }
});

test("should say what is wrong with the file and what is missing for it in one run", async () => {
  const folder = temporaryFolder();
  const command = [
    "env",
    "PATH=/nowhere",
    `DIST=${folder}`,
    "TAG=",
    ...RUNTIME,
    join(PROJECT, "scripts/package.ts"),
    "rpm",
  ];
  const { code, stdout, stderr } = await runProgram(command);
  const [file, ...rest] = stderr.split("\n").filter((line) => line.startsWith("error: "));
  assert.is(file, `error: ${folder}/fastboop-stage0-aarch64-unknown-linux-musl: there is no stage0 to package`);
  assert.equal(rest, ["error: rpmbuild, rpm2cpio and cpio are not on PATH"]);
  assert.equal([code, stdout], [3, ""]);
});

test("should look for everything that a rehearsal calls before it begins", async () => {
  const folder = temporaryFolder();
  const command = ["env", "PATH=/nowhere", `DIST=${folder}`, ...RUNTIME, join(PROJECT, "ci/dev/rehearse.ts")];
  const { code, stdout, stderr } = await runProgram(command);
  assert.is(
    stderr
      .split("\n")
      .filter((line) => line.startsWith("error: "))
      .join("\n"),
    "error: cargo, qemu-system-x86_64, qemu-system-aarch64, openssl, flock, dpkg-buildpackage, dh, rpmbuild, rpm2cpio, cpio and busybox are not on PATH",
  );
  assert.equal([code, stdout], [3, ""]);
  assert.equal(fs.readdirSync(folder), []);
});

test("should say once that lint has no shellcheck", async () => {
  for (const name of ["lint.ts", "lint-workflows.ts"]) {
    const { code, stderr } = await runProgram(["env", "PATH=/nowhere", ...RUNTIME, join(PROJECT, "ci/dev", name)]);
    assert.match(stderr, /^error: shellcheck is not on PATH\n {2}fix: {6}run as root: .* shellcheck\n$/);
    assert.is(code, 3);
  }
});

test("should find programs on PATH and by their path, and nothing that can't be run", async () => {
  const folder = temporaryFolder();
  const before = process.env.PATH;
  process.env.PATH = `/nowhere:${folder}`;
  try {
    fs.mkdirSync(join(folder, "dh"));
    fs.writeFileSync(join(folder, "cpio"), "");
    assert.is(findProgram("dh"), undefined);
    assert.is(findProgram("cpio"), undefined);
    fs.chmodSync(join(folder, "cpio"), 0o755);
    assert.is(findProgram("cpio"), join(folder, "cpio"));
    assert.is(findProgram(join(folder, "cpio")), join(folder, "cpio"));
    checkTools(["cpio"]);
    assert.is((await failureOf(() => checkTools(["cpio", "dh"]))).message, "dh is not on PATH");
  } finally {
    process.env.PATH = before;
  }
});

test("should have one place that makes installing commands", () => {
  const found = ["scripts", "ci/dev"].flatMap((folder) =>
    fs
      .readdirSync(join(PROJECT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(folder, name))
      .filter((name) =>
        /apt-get (update|install) [&-]|dnf install|apk add|pacman -S|brew install/.test(
          fs.readFileSync(join(PROJECT, name), "utf8"),
        ),
      ),
  );
  assert.equal(found.sort(), ["scripts/lib/debian/command.ts", "scripts/lib/tools.ts"]);
});

test.run();
