import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { hasApt } from "../scripts/lib/debian.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import {
  lacking,
  namesIn,
  type Outcome,
  RUNTIME,
  runProgram,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { viewing } from "./lib/mounts.ts";

const test = suite("toolchain, its cache");
const TRIPLE = "aarch64-unknown-linux-musl";
const HOST = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-unknown-linux-gnu`;
const WAYS_OUT =
  "set FASTBOOP_STAGE0_CARGO to a cargo that has the target, or FASTBOOP_STAGE0_EMBED_PATH to a prebuilt stage0";

/** What every folder's name ends with on this machine, as os-release has it. */
const [, id] = /^ID="?(\w+)/m.exec(fs.readFileSync("/etc/os-release", "utf8")) ?? [];
const [, release = ""] = /^VERSION_ID="?([\w.]+)/m.exec(fs.readFileSync("/etc/os-release", "utf8")) ?? [];
const SUFFIX = `_${id}${release}_${process.arch}_3`;

/** A folder that looks like a target's toolchain in a cache; its programs do as they are told. */
function toolchain(cache: string, name: string, ...programs: string[]): string {
  const folder = join(cache, "toolchain", name);
  const files = {
    "bin/cargo": programs,
    "bin/rustc": programs,
    [`sysroot/lib/rustlib/${HOST}/bin/rust-lld`]: programs,
    [`sysroot/lib/rustlib/${TRIPLE}/lib/libstd-1.rlib`]: [],
  };
  for (const [file, lines] of Object.entries(files)) {
    fs.mkdirSync(dirname(join(folder, file)), { recursive: true });
    fs.writeFileSync(join(folder, file), ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
  }
  return folder;
}

const command = [...RUNTIME, join(PROJECT, "scripts", "toolchain.ts")];
const find = (cache: string, around: readonly string[] = command): Promise<Outcome> =>
  runProgram(around, { env: { FASTBOOP_STAGE0_CACHE: cache, FASTBOOP_STAGE0_TOOLCHAIN: "debian" } });

test("should take the newest toolchain for the target, this release and this kind of machine", async () => {
  const cache = temporaryFolder();
  const names = [
    `${TRIPLE}_rustc-web_1.9.0-1${SUFFIX}`,
    `${TRIPLE}_rustc-web_1.10.0-1${SUFFIX}`,
    `${TRIPLE}_rustc-web_1.11.0-1_other1_${process.arch}_3`,
    `${TRIPLE}_rustc-web_1.11.0-1_${id}${release}_riscv64_3`,
    `${TRIPLE}_rustc-web_1.11.0-1_${id}${release}_${process.arch}_2`,
    `x86_64-unknown-linux-musl_rustc-web_1.11.0-1${SUFFIX}`,
    `.${TRIPLE}_rustc-web_1.11.0-1${SUFFIX}.1.0.tmp`,
  ];
  for (const name of names) toolchain(cache, name);
  const cargo = join(cache, "toolchain", names[1] ?? "", "bin", "cargo");
  assert.equal(await find(cache), {
    code: 0,
    signal: null,
    stdout: `${cargo}\n`,
    stderr: `toolchain: uses ${cargo}, because FASTBOOP_STAGE0_TOOLCHAIN=debian\n`,
  });
});

const needsMounts = lacking({ root: true, programs: ["unshare", "mount"] });

testUnless(
  test,
  needsMounts,
  "should take no toolchain whose programs do not start, or whose library is gone",
  async () => {
    const noApt = viewing({ hidden: ["/usr/bin/apt-get"] }, command);
    const refused = async (cache: string): Promise<void> => {
      const { code, stdout, stderr } = await find(cache, noApt);
      assert.equal([code, stdout], [3, ""]);
      assert.match(stderr, "; this system has no apt to get Debian's packages with\n");
    };
    const name = `${TRIPLE}_rustc-web_1.9.0-1${SUFFIX}`;
    for (const program of ["bin/cargo", "bin/rustc", `sysroot/lib/rustlib/${HOST}/bin/rust-lld`]) {
      const cache = temporaryFolder();
      fs.writeFileSync(join(toolchain(cache, name), program), "#!/bin/sh\nexit 127\n");
      await refused(cache);
    }
    const cache = temporaryFolder();
    fs.rmSync(join(toolchain(cache, name), "sysroot", "lib", "rustlib", TRIPLE, "lib", "libstd-1.rlib"));
    await refused(cache);
  },
);

const needsDebian = hasApt() ? needsMounts : "needs Debian's apt";

testUnless(test, needsDebian, "should say that the cache's file system runs no programs", async () => {
  const cache = temporaryFolder();
  const mounted = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o noexec tmpfs "$0" && exec "$@"', cache];
  const { code, stdout, stderr } = await find(cache, [...mounted, ...command]);
  assert.equal([code, stdout], [3, ""]);
  assert.is(
    stderr,
    [
      `error: ${cache}/toolchain: no program can be run in this folder`,
      "  expected: a file system that is not mounted with noexec",
      `  fix:      set FASTBOOP_STAGE0_CACHE to another folder; or ${WAYS_OUT}`,
      "",
    ].join("\n"),
  );
});

testUnless(test, needsDebian, "should refuse a cache whose path would be read as a list of paths", async () => {
  for (const name of ["a:b", "a;b", "$LIB", "a\nb"]) {
    const cache = join(temporaryFolder(), name);
    const { code, stdout, stderr } = await find(cache);
    assert.equal([code, stdout], [2, ""]);
    assert.is(
      stderr,
      [
        `error: ${cache.replace("\n", "\\n")}/toolchain: a toolchain can't be used in a folder of this name`,
        '  expected: a path without ":", ";", "$" and line breaks',
        `  fix:      set FASTBOOP_STAGE0_CACHE to another folder; or ${WAYS_OUT}`,
        "",
      ].join("\n"),
    );
    assert.not.ok(fs.existsSync(cache));
  }
});

testUnless(test, needsDebian, "should say that there is no C compiler, before anything is downloaded", async () => {
  const cache = temporaryFolder();
  const fake = join(temporaryFolder(), "cc");
  fs.writeFileSync(fake, "#!/bin/sh\necho 'ld: cannot find crt1.o' >&2\nexit 1\n", { mode: 0o755 });
  fs.chmodSync(dirname(fake), 0o755);
  const { code, stdout, stderr } = await find(cache, viewing({ binds: { "/usr/bin/cc": fake } }, command));
  assert.equal([code, stdout], [3, ""]);
  assert.is(
    stderr,
    [
      "error: cc can't link a program for this machine, which build scripts need",
      "  got:      ld: cannot find crt1.o",
      `  fix:      run as root: apt-get update && apt-get install --no-install-recommends gcc libc6-dev; or ${WAYS_OUT}`,
      "",
    ].join("\n"),
  );
  assert.equal(namesIn(join(cache, "toolchain")), []);
});

testUnless(test, needsDebian, "should say how much space a toolchain takes, before it is downloaded", async () => {
  const cache = temporaryFolder();
  const mounted = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=64m tmpfs "$0" && exec "$@"', cache];
  const { code, stdout, stderr } = await find(cache, [...mounted, ...command]);
  assert.equal([code, stdout], [3, ""]);
  assert.match(
    stderr,
    new RegExp(
      `^(toolchain: reading Debian's package lists for .*\\n)+` +
        `error: ${cache}/toolchain: there is too little space to make a toolchain\\n` +
        "  expected: [12]\\d{3} MB free\\n" +
        "  got:      67 MB\\n" +
        "  fix:      free some space, or set FASTBOOP_STAGE0_CACHE to another folder; or ",
    ),
  );
});

test.run();
