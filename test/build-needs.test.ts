import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { hasApt } from "../scripts/lib/debian.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { installFix } from "../scripts/lib/tools.ts";
import { HOST_TARGET, program, stage0Crate } from "./lib/crate.ts";
import { hardWorkspace } from "./lib/hard-workspace.ts";
import {
  lacking,
  type Outcome,
  onPath,
  RUNTIME,
  runProgram,
  type Settings,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { viewing } from "./lib/mounts.ts";

const AARCH64 = "aarch64-unknown-linux-musl";
const test = suite("build-stage0, what dependencies need");

const build = (workspace: string, env: Settings["env"] = {}): Promise<Outcome> =>
  script("build-stage0.ts", [], {
    env: { TARGET: HOST_TARGET, WORKSPACE: workspace, DIST: temporaryFolder(), ...env },
  });

/** A rustc of a version, whose sysroot has every target. */
function rustc(version: string): string {
  const sysroot = temporaryFolder();
  for (const triple of [HOST_TARGET, AARCH64]) {
    const lib = join(sysroot, "lib", "rustlib", triple, "lib");
    fs.mkdirSync(lib, { recursive: true });
    fs.writeFileSync(join(lib, "libstd-1.rlib"), "");
  }
  return program(`if [ "$1" = --version ]; then echo release: ${version}; else echo '${sysroot}'; fi`, {
    name: "rustc",
  });
}

/** A cargo to which the packages of stage0 are these, and that writes what it got of some variables when it builds. */
const telling = (packages: string, names: readonly string[] = []): string =>
  program(
    `case $1 in tree) printf '${packages}' ;; *) env | grep -E '^(${names.join("|")})=' | sort >"$0.env"; exit 7 ;; esac`,
  );

const LOCKED =
  'version = 3\n\n[[package]]\nname = "bindgen"\nversion = "0.1.0"\n\n[[package]]\nname = "cc"\nversion = "1.0.0"\n';
const GIT = '\n[[package]]\nname = "x"\nversion = "0.1.0"\nsource = "git+https://git.example.invalid/x#0123"\n';

test("should tell of all that is missing, before a toolchain is looked for", async () => {
  const workspace = stage0Crate({
    "Cargo.lock": LOCKED + GIT,
    ".gitmodules":
      '[submodule "a"]\n\tpath = deps/a\n[submodule "b"]\n\tpath = b\n[submodule "c"]\n\tpath = c\n[submodule "d"]\n\tpath = docs\n' +
      '[submodule "e"]\n\tpath = e\n[submodule "f"]\n\tpath = f\n',
    "Cargo.toml":
      '[workspace]\nmembers = ["stage0", "c/crates/*", "cli", "apps/*"]\n[patch.crates-io]\nx = { path = "deps/a/x" }\ny = { path = "b/y" }\n',
    "b/y/Cargo.toml": "",
    "cli/Cargo.toml": '[dependencies]\nz = { path = "../e/z" }\n',
    "apps/one/Cargo.toml": '[build-dependencies]\nz.path = "../../f"\n',
  });
  fs.rmSync(join(workspace, "stage0", "Cargo.lock"));
  fs.mkdirSync(join(workspace, "c"));
  const env = { FASTBOOP_STAGE0_TOOLCHAIN: "debian", PATH: temporaryFolder() };
  assert.equal(await build(workspace, env), {
    code: 3,
    signal: null,
    stdout: "",
    stderr: [
      `error: ${workspace}: submodules are not checked out: deps/a, c, e, f`,
      "  fix:      run git submodule update --init in the workspace",
      "error: git is not on PATH",
      "  expected: git, by which Debian's cargo gets the git dependencies that Cargo.lock names",
      `  fix:      ${installFix(["git"])}`,
      "",
    ].join("\n"),
  });
});

test("should tell both versions when the compiler is older than the workspace asks", async () => {
  const workspace = stage0Crate({
    "Cargo.toml": '[workspace.package]\nrust-version = "1.88"\nedition = "2024"\n',
    "stage0/Cargo.toml": '[package]\nname = "fastboop-stage0"\nedition = "2024"\nrust-version.workspace = true\n',
  });
  const cargo = program('touch "$0.ran"');
  const { code, stderr } = await build(workspace, { FASTBOOP_STAGE0_CARGO: cargo, RUSTC: rustc("1.84.1") });
  assert.is(code, 3);
  const told = (file: string, asks: string): string[] => [
    `error: ${join(workspace, file)}: the workspace needs a newer Rust`,
    `  expected: ${asks}`,
    "  got:      1.84.1",
    "  fix:      update the Rust that cargo belongs to, or set FASTBOOP_STAGE0_TOOLCHAIN=debian for Debian's",
  ];
  const both = [
    ...told("Cargo.toml", '1.88 or later, by rust-version = "1.88"'),
    ...told("stage0/Cargo.toml", '1.85 or later, by edition = "2024"'),
  ];
  assert.is(stderr, `${both.join("\n")}\n`);
  assert.not.ok(fs.existsSync(`${cargo}.ran`));
  const enough = await build(workspace, { FASTBOOP_STAGE0_CARGO: program("exit 7"), RUSTC: rustc("1.88.0") });
  assert.match(enough.stderr, "error: cargo failed: exit code 7\n");
});

test("should tell both versions before rustup is asked for a compiler or a target that would be too old", async () => {
  const workspace = stage0Crate({
    "Cargo.toml": '[workspace.package]\nrust-version = "1.88.1"\n',
    "rust-toolchain": "1.84",
  });
  const bin = temporaryFolder();
  const tell = async (rustc: string): Promise<string> => {
    for (const [name, text] of Object.entries({ rustc, rustup: 'touch "$0.ran"', cargo: "exit 1" }))
      fs.writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    const { code, stderr } = await build(workspace, { TARGET: AARCH64, FASTBOOP_STAGE0_CARGO: join(bin, "cargo") });
    assert.is(code, 3);
    assert.not.ok(fs.existsSync(join(bin, "rustup.ran")));
    return stderr.replaceAll(workspace, "W");
  };
  const told = (version: string, fix: string): string =>
    [
      "error: W/Cargo.toml: the workspace needs a newer Rust",
      '  expected: 1.88.1 or later, by rust-version = "1.88.1"',
      `  got:      ${version}`,
      `  fix:      ${fix}`,
      "",
    ].join("\n");
  const absent = await tell("echo \"error: toolchain '1.84-x' is not installed\" >&2; exit 1");
  assert.is(absent, told("1.84", "raise channel in W/rust-toolchain"));
  const update = "update the Rust that cargo belongs to, or set FASTBOOP_STAGE0_TOOLCHAIN=debian for Debian's";
  const present = `[ "$1" = --version ] && echo release: 1.84.1 || echo '${bin}/toolchains/1.84-x'`;
  assert.is(await tell(present), told("1.84.1", update));
});

testUnless(
  test,
  hasApt() ? undefined : "needs Debian's apt",
  "should tell both versions before Debian's compiler is downloaded",
  async () => {
    const workspace = stage0Crate({ "Cargo.toml": '[workspace.package]\nrust-version = "9.99"\n' });
    const cache = temporaryFolder();
    const env = { FASTBOOP_STAGE0_CACHE: cache, FASTBOOP_STAGE0_TOOLCHAIN: "debian" };
    const { code, stdout, stderr } = await build(workspace, { TARGET: AARCH64, ...env });
    assert.equal([code, stdout], [3, ""]);
    assert.match(
      stderr.slice(stderr.indexOf("error: ")),
      new RegExp(
        `^error: ${workspace}/Cargo.toml: the workspace needs a newer Rust\n` +
          '  expected: 9.99 or later, by rust-version = "9.99"\n' +
          "  got:      1\\.[0-9]+\\..*\n" +
          "  fix:      set FASTBOOP_STAGE0_TOOLCHAIN=rustup, whose server has newer ones; or set FASTBOOP_STAGE0_CARGO ",
      ),
    );
    assert.equal(fs.readdirSync(join(cache, "toolchain")), []);
  },
);

test("should leave the variables of bindgen and cc to the user", async () => {
  const workspace = stage0Crate({ "stage0/Cargo.lock": LOCKED });
  const given = {
    LIBCLANG_PATH: "/their/libclang",
    BINDGEN_EXTRA_CLANG_ARGS: "-Itheirs",
    [`CC_${AARCH64.replaceAll("-", "_")}`]: "their-cc",
    TARGET_CFLAGS: "-Dtheirs",
  };
  const cargo = telling("bindgen v0.1.0\\ncc v1.0.0\\n", [
    "LIBCLANG_PATH",
    "BINDGEN_.*",
    "CC_.*",
    "C?FLAGS_.*",
    "TARGET_CFLAGS",
  ]);
  const rustfmt = program("exit 0", { name: "rustfmt" });
  const { stderr } = await build(workspace, {
    ...{ TARGET: AARCH64, FASTBOOP_STAGE0_CARGO: cargo, RUSTC: rustc("1.90.0"), RUSTFMT: rustfmt },
    ...given,
    FASTBOOP_STAGE0_CACHE: temporaryFolder(),
  });
  assert.match(stderr, /^command: .*\nlog: .*\nerror: cargo failed: exit code 7\n/);
  const seen = fs.readFileSync(`${cargo}.env`, "utf8").trim().split("\n");
  assert.equal(
    seen,
    Object.entries(given)
      .map((entry) => entry.join("="))
      .sort(),
  );
});

test("should want nothing for packages that stage0 is not built of", async () => {
  const workspace = stage0Crate({ "stage0/Cargo.lock": LOCKED });
  const cargo = telling("fastboop-stage0 v0.1.0\\n", ["LIBCLANG_PATH", "CC_.*"]);
  const env = { TARGET: AARCH64, FASTBOOP_STAGE0_CARGO: cargo, RUSTC: rustc("1.90.0"), RUSTFMT: "/nowhere" };
  const { stderr } = await build(workspace, env);
  assert.match(stderr, "error: cargo failed: exit code 7\n");
  assert.is(fs.readFileSync(`${cargo}.env`, "utf8"), "");
});

test("should name the standard library's sources by their place in Rust's repository", async () => {
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const compiler = rustc(`1.90.0; echo commit-hash: ${commit}`);
  const { stdout } = await runProgram([compiler, "--print", "sysroot"]);
  const { stderr } = await build(stage0Crate(), { FASTBOOP_STAGE0_CARGO: program("exit 7"), RUSTC: compiler });
  assert.match(stderr, `"--remap-path-prefix=${stdout.trim()}/lib/rustlib/src/rust=/rustc/${commit}"`);
});

const needsView = lacking({ root: true, programs: ["unshare"] });
testUnless(
  test,
  hasApt() ? needsView : "needs apt to hide",
  "should tell what to install where there is no apt",
  async () => {
    const workspace = stage0Crate({ "stage0/Cargo.lock": LOCKED });
    const command = [...RUNTIME, join(PROJECT, "scripts", "build-stage0.ts")];
    const outcome = await runProgram(viewing({ hidden: ["/usr/bin/apt-get"] }, command), {
      env: {
        ...{ TARGET: AARCH64, WORKSPACE: workspace, DIST: temporaryFolder(), RUSTC: rustc("1.90.0") },
        FASTBOOP_STAGE0_CARGO: telling("bindgen v0.1.0\\ncc v1.0.0\\n"),
        RUSTFMT: "/nowhere",
        PATH: `${join(program("", { name: "x" }), "..")}:/usr/sbin:/sbin:/bin:/usr/bin`,
      },
    });
    const clang = onPath("clang") ? [] : ["clang"];
    assert.is(
      outcome.stderr,
      [
        ...["rustfmt", ...clang].flatMap((name) => [
          `error: ${name} is not there, or does not start`,
          `  expected: ${name}, for bindgen in a build script`,
          `  fix:      run as root: apt-get update && apt-get install --no-install-recommends ${name}`,
        ]),
        "error: no C compiler for aarch64-unknown-linux-musl",
        "  expected: aarch64-linux-musl-gcc on PATH, or CC_aarch64_unknown_linux_musl, for C code in a build script",
        "  fix:      run as root: apt-get update && apt-get install --no-install-recommends musl-tools",
        "",
      ].join("\n"),
    );
    assert.is(outcome.code, 3);
  },
);

const needsCargo = onPath("cargo") ? undefined : "needs cargo";
testUnless(test, needsCargo, "should name the package whose build script fails, with what it says itself", async () => {
  const told = async (...script: string[]): Promise<string> => {
    const workspace = stage0Crate({ "stage0/build.rs": `fn main() {\n${script.join("\n")}\n}\n` });
    const { code, stderr } = await build(workspace, { RUST_BACKTRACE: "1" });
    assert.is(code, 3);
    return stderr.slice(stderr.indexOf("\nerror: the build script of ") + 1);
  };
  const loud = await told(
    'println!("cargo:rerun-if-changed=x");',
    'eprintln!("looks for it");',
    'panic!("no header\\nx.h");',
  );
  assert.match(
    loud,
    /^error: the build script of fastboop-stage0 v0\.1\.0 failed\n {2}got: {6}looks for it\n {12}thread 'main'.* panicked at .*\n?.*no header\n {12}x\.h.*\n {2}fix: {6}the whole log is in \S+\n$/,
  );
  const quiet = await told(
    'println!("cargo:rerun-if-changed=x");',
    'println!("no compiler");',
    "std::process::exit(3);",
  );
  assert.match(quiet, "failed\n  got:      no compiler\n  fix:");
});

const needs = hasApt() ? lacking({ programs: ["git", "qemu-aarch64-static"] }) : "needs Debian's apt";
testUnless(
  test,
  needs,
  "should build a workspace with all that makes one hard to build, of Debian's packages",
  async () => {
    const workspace = await hardWorkspace(temporaryFolder("hard"));
    const dist = temporaryFolder();
    const env = {
      WORKSPACE: workspace,
      DIST: dist,
      CARGO_HOME: temporaryFolder(),
      FASTBOOP_STAGE0_TOOLCHAIN: "debian",
    };
    const { code, stdout, stderr } = await script("build-stage0.ts", ["--all"], { env });
    assert.is(code, 0, stderr);
    assert.not.match(stderr, /^error/m);
    const paths = stdout.trimEnd().split("\n");
    assert.equal(
      paths,
      ["x86_64", "aarch64"].map((arch) => join(dist, `fastboop-stage0-${arch}-unknown-linux-musl`)),
    );
    for (const path of paths) {
      const arch = path.includes("x86_64") ? "x86_64" : "aarch64";
      const { stdout } = await runProgram(arch === "aarch64" ? ["qemu-aarch64-static", path] : [path]);
      assert.match(stdout, new RegExp(`^fastboop-stage0 0\\.2\\.0 ${arch} pid \\d+: headers ok, c ok, git ok\\n$`));
    }
    assert.match(stderr, /asks for Rust 1\.91\.0, but this is 1\.[0-9.]+, whose output differs byte for byte\n/);
    const gate = await script("preflight.ts", [], { env: { DIST: dist } });
    assert.equal([gate.code, gate.stderr], [0, ""]);
  },
);

test.run();
