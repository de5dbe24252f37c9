import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { findTarget, RELEASE_TARGETS, type Target } from "../scripts/lib/contract.ts";
import { hasApt } from "../scripts/lib/debian.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { readPin } from "../scripts/lib/toolchain/pin.ts";
import type { ToolchainRequest } from "../scripts/lib/toolchain/request.ts";
import { askRustc, hasStd } from "../scripts/lib/toolchain/rustc.ts";
import { addByRustup } from "../scripts/lib/toolchain/rustup.ts";
import {
  lacking,
  namesIn,
  type Outcome,
  onPath,
  RUNTIME,
  runProgram,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { viewing } from "./lib/mounts.ts";
import { endsSoon, until } from "./lib/processes.ts";

const test = suite("toolchain");

const target = (triple: string): Target => {
  const found = findTarget(triple);
  if (found === undefined) throw new Error(triple);
  return found;
};
const AARCH64 = target("aarch64-unknown-linux-musl");

const HOST = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-unknown-linux-gnu`;
const WAYS_OUT =
  "set FASTBOOP_STAGE0_CARGO to a cargo that has the target, or FASTBOOP_STAGE0_EMBED_PATH to a prebuilt stage0";

/** Writes a program for sh. @returns its path */
function program(path: string, ...lines: string[]): string {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
  return path;
}

/** A folder that looks like one of rustup's toolchains, with programs of rustup's names; the rustup does as it is told. */
function rustupLike(...rustup: string[]): { cargo: string; sysroot: string; std: string; home: string } {
  const home = temporaryFolder();
  const sysroot = join(home, "toolchains", "9.9-tuned");
  const std = join(sysroot, "lib", "rustlib", AARCH64.triple, "lib");
  program(join(home, "bin", "rustc"), `echo '${sysroot}'`);
  program(join(home, "bin", "rustup"), ...rustup);
  return { cargo: program(join(home, "bin", "cargo"), "exit 1"), sysroot, std, home };
}
const requestFor = (cargo: string): ToolchainRequest => ({ cargo, target: AARCH64, choice: "auto", folder: PROJECT });
const quiet = (): void => {};
/** What rustup could not do for a toolchain in use, and whether that was the network's fault. */
const refusal = async (cargo: string, sysroot: string, limitMs?: number): Promise<[string, boolean]> => {
  const { reason, outOfReach } = (await addByRustup(requestFor(cargo), { sysroot }, undefined, quiet, limitMs)) ?? {};
  return [reason ?? "", outOfReach ?? false];
};

test("should know a standard library by its file", () => {
  const sysroot = temporaryFolder();
  const lib = join(sysroot, "lib/rustlib/x/lib");
  assert.is(hasStd(sysroot, "x"), false);
  fs.mkdirSync(lib, { recursive: true });
  for (const name of ["libcore-1.rlib", "libstd-1.so", "libstd_detect-1.rlib"]) fs.writeFileSync(join(lib, name), "");
  assert.is(hasStd(sysroot, "x"), false);
  fs.writeFileSync(join(lib, "libstd-1f.rlib"), "");
  assert.is(hasStd(sysroot, "x"), true);
  assert.is(hasStd(sysroot, "y"), false);
});

test("should ask the rustc that cargo would run, in the folder where it would", async () => {
  const folder = temporaryFolder();
  const { cargo, sysroot, home } = rustupLike();
  assert.equal(await askRustc(cargo, folder), { sysroot });
  program(join(home, "bin", "rustc"), '[ "$*" = "--print sysroot" ] && pwd');
  assert.equal(await askRustc(cargo, folder), { sysroot: folder });
  const lines = ["rustc 1.88.0 (6b00bc388 2025-06-23)", "host: x86_64-unknown-linux-gnu", "LLVM version: 20.1.5"];
  const told = [...lines, "release: 1.88.0", "commit-hash: none"].map((line) => `'${line}'`).join(" ");
  program(join(home, "bin", "rustc"), `[ "$1" = --version ] && exec printf '%s\\n' ${told}`, "echo /rust");
  assert.equal(await askRustc(cargo, folder), {
    sysroot: "/rust",
    version: { release: "1.88.0", lines, host: "x86_64-unknown-linux-gnu" },
  });
  program(join(home, "bin", "rustc"), "echo /wrong", "echo why >&2", "exit 1");
  assert.equal(await askRustc(cargo, folder), { complaint: "why\n" });
  fs.rmSync(join(home, "bin", "rustc"));
  const rustc = join(home, "bin", "rustc");
  assert.equal(await askRustc(cargo, folder), { complaint: `${rustc}: ENOENT` });
});

test("should take RUSTC's word, but not that of an outer build's rustc", async () => {
  const { cargo, std, home } = rustupLike();
  fs.mkdirSync(std, { recursive: true });
  fs.writeFileSync(join(std, "libstd-1.rlib"), "");
  const other = program(join(home, "other", "rustc"), "echo /elsewhere");
  const env = { FASTBOOP_STAGE0_CARGO: cargo, FASTBOOP_STAGE0_TOOLCHAIN: "none", RUSTC: other };
  const outer = { ...env, CARGO_CFG_TARGET_ARCH: "x86_64", CALLER_DIR: PROJECT };
  assert.equal(await script("toolchain.ts", [], { env: outer }), {
    code: 0,
    signal: null,
    stdout: `${cargo}\n`,
    stderr: "",
  });
  const { code, stderr } = await script("toolchain.ts", [], { env });
  assert.is(code, 3);
  assert.match(stderr, "got:      /elsewhere has no standard library for it\n");
});

test("should change nothing when the standard library may come from nowhere", async () => {
  const { cargo, sysroot, home } = rustupLike(`touch '${"$0"}.ran'`);
  const env = { FASTBOOP_STAGE0_CARGO: cargo, FASTBOOP_STAGE0_TOOLCHAIN: "none" };
  const { code, stdout, stderr } = await script("toolchain.ts", [], { env });
  assert.equal([code, stdout], [3, ""]);
  assert.is(
    stderr,
    [
      `error: ${cargo} can't build for aarch64-unknown-linux-musl`,
      "  expected: a rustc with the target's standard library",
      `  got:      ${sysroot} has no standard library for it`,
      `  fix:      run "rustup target add aarch64-unknown-linux-musl" where rustup reaches its server; or ${WAYS_OUT}`,
      "",
    ].join("\n"),
  );
  assert.equal(namesIn(join(home, "bin")), ["cargo", "rustc", "rustup"]);
});

test("should have rustup add the target to the toolchain in use", async () => {
  const { cargo, std, home } = rustupLike(
    `echo "$@" >"$0.asked"`,
    `mkdir -p '${join("$HOME", "x")}' "$STD"`,
    `: >"$STD/libstd-0.rlib"`,
  );
  const env = { FASTBOOP_STAGE0_CARGO: cargo, STD: std, HOME: home };
  const { code, stdout, stderr } = await script("toolchain.ts", [], {
    env: { ...env, FASTBOOP_STAGE0_CACHE: join(home, "cache") },
  });
  assert.equal([code, stdout], [0, `${cargo}\n`]);
  assert.match(
    stderr,
    /^toolchain: asking rustup for aarch64-unknown-linux-musl \(0\.\d s\)\ntoolchain: done in \d\.\d s\n$/,
  );
  const asked = fs.readFileSync(join(home, "bin", "rustup.asked"), "utf8");
  assert.is(asked, "target add --toolchain 9.9-tuned aarch64-unknown-linux-musl\n");
});

test("should show what rustup says and not how it fell", async () => {
  const { cargo } = rustupLike(
    "cat >&2 <<'END'",
    "info: downloading component rust-std",
    "error: component download failed for rust-std-aarch64-unknown-linux-musl",
    "",
    "Caused by:",
    "    0: could not download file from 'https://example.invalid/x'",
    "    1: failed to lookup address \x1b[31minformation",
    "",
    "Stack backtrace:",
    "   0: <E as anyhow::context::ext::StdError>::ext_context",
    "   1: rustup::download::download_file",
    "END",
    "exit 1",
  );
  const env = { FASTBOOP_STAGE0_CARGO: cargo, FASTBOOP_STAGE0_TOOLCHAIN: "rustup" };
  const { code, stderr } = await script("toolchain.ts", [], { env });
  assert.is(code, 3);
  assert.match(
    stderr,
    "; rustup could not add aarch64-unknown-linux-musl: component download failed for rust-std-aarch64-unknown-linux-musl: failed to lookup address \\x1b[31minformation\n",
  );
  assert.not.match(stderr, /backtrace|anyhow|download_file/i);
});

test("should say in a line that rustup panicked", async () => {
  const { cargo, sysroot } = rustupLike(
    "cat >&2 <<'END'",
    "thread 'main' (123) panicked at src/cli.rs:1:2:",
    "called `Result::unwrap()` on an `Err` value: Custom { kind: Other }",
    "stack backtrace:",
    "   0: rust_begin_unwind",
    "END",
    "exit 101",
  );
  assert.equal(await refusal(cargo, sysroot), [
    "rustup could not add aarch64-unknown-linux-musl: called `Result::unwrap()` on an `Err` value: Custom { kind: Other }",
    false,
  ]);
});

test("should say how a silent rustup ended", async () => {
  const told = async (...rustup: string[]): Promise<string> => {
    const { cargo, sysroot } = rustupLike(...rustup);
    const [reason, outOfReach] = await refusal(cargo, sysroot);
    assert.is(outOfReach, false);
    return reason;
  };
  const could = "rustup could not add aarch64-unknown-linux-musl";
  assert.is(await told("exit 7"), `${could}: exit code 7`);
  assert.match(await told("kill -9 $$"), new RegExp(`^${could}: (SIGKILL|exit code 137)$`));
  assert.is(await told("exit 0"), `${could}: exit code 0`);
});

test("should not wait for ever for rustup, nor leave what it started", async () => {
  const { cargo, sysroot, home } = rustupLike('sleep 1002 & echo $! >"$0.child"', "wait");
  assert.equal(await refusal(cargo, sysroot, 1500), ["rustup was not done after 1.5 s", true]);
  assert.ok(await endsSoon(Number(fs.readFileSync(join(home, "bin", "rustup.child"), "utf8"))));
});

test("should end rustup, and what it started, when a signal ends the run", async () => {
  const { cargo, home } = rustupLike('sleep 1003 & echo $! >"$0.new"; mv "$0.new" "$0.child"', "wait");
  const child = join(home, "bin", "rustup.child");
  const env = { FASTBOOP_STAGE0_CARGO: cargo, FASTBOOP_STAGE0_TOOLCHAIN: "rustup" };
  let run = 0;
  const ended = script("toolchain.ts", [], { env, started: (pid) => (run = pid) });
  await until(() => fs.existsSync(child), ended);
  process.kill(run, "SIGTERM");
  const { signal, stderr } = await ended;
  assert.is(signal, "SIGTERM");
  assert.match(stderr, /^toolchain: asking rustup for aarch64-unknown-linux-musl \(\d\.\d s\)\n$/);
  assert.ok(await endsSoon(Number(fs.readFileSync(child, "utf8"))));
});

test("should not ask rustup for a toolchain that is not its own", async () => {
  const { cargo } = rustupLike('touch "$0.ran"');
  assert.equal(await refusal(cargo, "/usr"), ["its rustc is not rustup's", true]);
});

test("should tell why there is no rustc, as when rustup lacks the workspace's toolchain", async () => {
  const { cargo, home } = rustupLike('touch "$0.ran"');
  const env = { FASTBOOP_STAGE0_CARGO: cargo, FASTBOOP_STAGE0_TOOLCHAIN: "rustup" };
  const told = async (...rustc: string[]): Promise<string | undefined> => {
    program(join(home, "bin", "rustc"), ...rustc, "exit 1");
    const { code, stderr } = await script("toolchain.ts", [], { env });
    assert.is(code, 3);
    return /^ {2}got: {6}(.*)$/m.exec(stderr)?.[1];
  };
  const missing = `error: toolchain '\x1b1.80.0' is not installed`;
  const lines = [missing, "help: run `rustup toolchain install` to install it", "", "Stack backtrace:", "   0: anyhow"];
  assert.is(await told("cat >&2 <<'END'", ...lines, "END"), "toolchain '\\x1b1.80.0' is not installed");
  assert.is(await told(), "there is no rustc that tells its sysroot");
  assert.equal(namesIn(join(home, "bin")), ["cargo", "rustc", "rustup"]);
});

/** A workspace that asks for a toolchain, in the text of a file of a name. */
function asking(text: string, name = "rust-toolchain.toml"): string {
  const workspace = temporaryFolder();
  fs.mkdirSync(join(workspace, "stage0"));
  fs.writeFileSync(join(workspace, "stage0", "Cargo.toml"), "");
  fs.writeFileSync(join(workspace, name), text);
  return workspace;
}
const PINNED =
  '[toolchain]\nchannel = "9.9"\ncomponents = ["rustfmt", "clippy"]\ntargets = ["wasm32-unknown-unknown"]\n';
const NOT_INSTALLED = "error: toolchain '9.9-x' is not installed";

test("should read what a workspace asks rustup for, in both forms", async () => {
  const workspace = asking(PINNED);
  const file = join(workspace, "rust-toolchain.toml");
  const lists = { components: ["rustfmt", "clippy"], targets: ["wasm32-unknown-unknown"] };
  assert.equal(await readPin(join(workspace, "stage0")), { file, channel: "9.9", ...lists });
  const old = asking("1.60.0\n", "rust-toolchain");
  const nothing = { components: [], targets: [] };
  assert.equal(await readPin(old), { file: join(old, "rust-toolchain"), channel: "1.60.0", ...nothing });
  for (const text of [
    "",
    '[toolchain]\npath = "/opt/rust"\n',
    '[toolchain]\nchannel = "--help"\n',
    "[toolchain]\nchannel = 1\n",
  ])
    assert.is(await readPin(asking(text)), undefined);
});

test("should have rustup install what the workspace asks for, and no more", async () => {
  const { cargo, sysroot, std, home } = rustupLike(
    `echo "$@" >"$0.asked"`,
    `mkdir -p "$STD"; : >"$STD/libstd-0.rlib"`,
    // From now on rustc is there.
    `printf '#!/bin/sh\\necho %s\\n' "$SYSROOT" >"\${0%/*}/rustc"`,
  );
  program(
    join(home, "bin", "rustc"),
    'echo "$RUSTUP_AUTO_INSTALL" >"$0.auto"',
    `echo "${NOT_INSTALLED}" >&2`,
    "exit 1",
  );
  const env = { FASTBOOP_STAGE0_CARGO: cargo, STD: std, SYSROOT: sysroot, WORKSPACE: asking(PINNED) };
  const { code, stdout, stderr } = await script("toolchain.ts", ["--all"], { env: { ...env, HOME: home } });
  assert.equal([code, stdout.split("\n")[0]], [3, ""], stderr);
  assert.match(stderr, /^toolchain: asking rustup for Rust 9.9 \(0\.\d s\)\n/);
  assert.is(
    fs.readFileSync(join(home, "bin", "rustup.asked"), "utf8"),
    "toolchain install 9.9 --no-self-update --profile minimal --component rustfmt --component clippy " +
      "--target wasm32-unknown-unknown --target x86_64-unknown-linux-musl --target aarch64-unknown-linux-musl\n",
  );
  // Or rustup would have installed it by itself, with all of its default profile.
  assert.is(fs.readFileSync(join(home, "bin", "rustc.auto"), "utf8"), "0\n");
});

test("should have rustup add components that the workspace asks for, and build without those it does not have", async () => {
  const { cargo, sysroot, std, home } = rustupLike('echo "$@" >>"$0.asked"', 'echo "error: no clippy" >&2', "exit 1");
  fs.mkdirSync(std, { recursive: true });
  fs.writeFileSync(join(std, "libstd-1.rlib"), "");
  fs.writeFileSync(join(sysroot, "lib", "rustlib", "components"), "rustc-x\nrustfmt-preview-x\n");
  const env = { FASTBOOP_STAGE0_CARGO: cargo, WORKSPACE: asking(PINNED) };
  const { code, stdout, stderr } = await script("toolchain.ts", [], { env });
  assert.equal([code, stdout], [0, `${cargo}\n`]);
  assert.match(
    stderr,
    /^toolchain: asking rustup for clippy \(0\.\d s\)\ntoolchain: rustup could not add clippy: no clippy \(0\.\d s\)\ntoolchain: done in 0\.\d s\n$/,
  );
  assert.is(fs.readFileSync(join(home, "bin", "rustup.asked"), "utf8"), "component add --toolchain 9.9-tuned clippy\n");
  // Nobody asked for components of another toolchain.
  fs.renameSync(sysroot, join(dirname(sysroot), "stable-x"));
  program(join(home, "bin", "rustc"), `echo '${join(dirname(sysroot), "stable-x")}'`);
  assert.equal((await script("toolchain.ts", [], { env })).stderr, "");
});

test("should take no other compiler when rustup has not what the workspace asks for", async () => {
  const { cargo, home } = rustupLike('echo "error: could not download nonexistent rust version" >&2', "exit 1");
  program(join(home, "bin", "rustc"), `echo "${NOT_INSTALLED}" >&2`, "exit 1");
  const workspace = asking(PINNED);
  const env = { FASTBOOP_STAGE0_CARGO: cargo, WORKSPACE: workspace };
  const { code, stdout, stderr } = await script("toolchain.ts", [], { env });
  assert.equal([code, stdout], [3, ""]);
  assert.is(
    stderr.slice(stderr.indexOf("error: ")),
    [
      `error: ${cargo} can't build for aarch64-unknown-linux-musl`,
      `  expected: Rust 9.9, as ${workspace}/rust-toolchain.toml asks, with the target's standard library`,
      "  got:      toolchain '9.9-x' is not installed; rustup could not add Rust 9.9: could not download nonexistent rust version",
      `  fix:      set FASTBOOP_STAGE0_TOOLCHAIN=debian to build with Debian's compiler; or ${WAYS_OUT}`,
      "",
    ].join("\n"),
  );
});

test("should say that a compiler is not the one that the workspace asks for, and what that costs", async () => {
  const { cargo, std, home, sysroot } = rustupLike();
  fs.mkdirSync(std, { recursive: true });
  fs.writeFileSync(join(std, "libstd-1.rlib"), "");
  const told = async (version: string, channel: string): Promise<string> => {
    program(join(home, "bin", "rustc"), `[ "$1" = --version ] && echo "release: ${version}" || echo '${sysroot}'`);
    const workspace = asking(`[toolchain]\nchannel = "${channel}"\n`);
    const { stderr } = await script("toolchain.ts", [], {
      env: { FASTBOOP_STAGE0_CARGO: cargo, WORKSPACE: workspace },
    });
    return stderr.replace(workspace, "W");
  };
  const line =
    "toolchain: W/rust-toolchain.toml asks for Rust 1.88.0, but this is 1.96.0, whose output differs byte for byte\n";
  assert.is(await told("1.96.0", "1.88.0"), line);
  assert.is(await told("1.96.0", "1.96.0"), "");
  assert.is(await told("1.96.0", "1.96"), "");
  assert.is(await told("1.96.0", "stable"), "");
});

test("should send who builds for Alpine there", async () => {
  const { cargo } = rustupLike("exit 1");
  const env = { FASTBOOP_STAGE0_CARGO: cargo, TARGET: "aarch64-alpine-linux-musl" };
  const { code, stderr } = await script("toolchain.ts", [], { env });
  assert.is(code, 3);
  assert.match(stderr, `  fix:      build on Alpine, whose own rustc has the target; or ${WAYS_OUT}\n`);
});

test("should refuse to make a toolchain for a target that Debian has no musl for", async () => {
  const env = { TARGET: "aarch64-unknown-linux-gnu", FASTBOOP_STAGE0_TOOLCHAIN: "debian" };
  const { code, stdout, stderr } = await script("toolchain.ts", [], { env });
  assert.equal([code, stdout], [2, ""]);
  assert.is(
    stderr,
    [
      "error: FASTBOOP_STAGE0_TOOLCHAIN=debian has no recipe for aarch64-unknown-linux-gnu",
      "  expected: x86_64-unknown-linux-musl or aarch64-unknown-linux-musl or armv7-unknown-linux-musleabihf",
      "  fix:      set FASTBOOP_STAGE0_TOOLCHAIN to auto, or choose another TARGET",
      "",
    ].join("\n"),
  );
});

testUnless(test, onPath("cargo") ? undefined : "needs cargo", "should leave a cargo alone that can build", async () => {
  const env = { TARGET: `${process.arch === "x64" ? "x86_64" : "aarch64"}-unknown-linux-gnu` };
  const { code, stdout, stderr } = await script("toolchain.ts", [], { env });
  assert.equal([code, stderr], [0, ""]);
  assert.match(stdout, /^\/.*\/cargo\n$/);
});

const needsDebian = hasApt()
  ? lacking({ root: true, programs: ["unshare", "setpriv", "chroot"] })
  : "needs Debian's apt";
/** A cargo whose rustc has no target and that rustup knows nothing of, so that Debian's toolchain is what is left. */
const bare = (): string => {
  const folder = temporaryFolder();
  program(join(folder, "rustc"), "echo /nowhere");
  fs.chmodSync(folder, 0o755);
  fs.writeFileSync(join(folder, "rustup"), "");
  return program(join(folder, "cargo"), "exit 1");
};

testUnless(test, needsDebian, "should tell how to have the cache elsewhere when its folder can't be made", async () => {
  const file = join(temporaryFolder(), "file");
  fs.writeFileSync(file, "");
  const env = { FASTBOOP_STAGE0_TOOLCHAIN: "debian", XDG_CACHE_HOME: file };
  assert.equal(await script("toolchain.ts", [], { env }), {
    code: 3,
    signal: null,
    stdout: "",
    stderr: [
      `error: ${file}/stage0-distribution/toolchain: the cache folder can't be made`,
      "  got:      a part of the path is not a folder",
      `  fix:      set FASTBOOP_STAGE0_CACHE to a folder that you may write to; or ${WAYS_OUT}`,
      "",
    ].join("\n"),
  });
});

testUnless(test, needsDebian, "should end apt while it reads lists, when a signal ends the run", async () => {
  const folder = temporaryFolder();
  program(join(folder, "apt-get"), 'echo $$ >"$0.new"; mv "$0.new" "$0.pid"', "exec sleep 1004");
  const file = join(folder, "apt-get.pid");
  const cache = { FASTBOOP_STAGE0_CACHE: join(folder, "cache") };
  const env = { FASTBOOP_STAGE0_TOOLCHAIN: "debian", PATH: `${folder}:${process.env.PATH}`, ...cache };
  let run = 0;
  const ended = script("toolchain.ts", [], { env, started: (pid) => (run = pid) });
  await until(() => fs.existsSync(file), ended);
  process.kill(run, "SIGTERM");
  const { signal, stderr } = await ended;
  assert.is(signal, "SIGTERM");
  assert.match(stderr, /^toolchain: reading Debian's package lists for amd64 and arm64 \(\d\.\d s\)\n$/);
  assert.ok(await endsSoon(Number(fs.readFileSync(file, "utf8"))));
});

testUnless(
  test,
  needsDebian,
  "should name the toolchains that Debian's packages of today would give, and make none",
  async () => {
    const folder = temporaryFolder();
    const GITHUB_OUTPUT = join(folder, "output");
    const env = { TARGET: "x86_64-unknown-linux-musl", FASTBOOP_STAGE0_CACHE: join(folder, "cache"), GITHUB_OUTPUT };
    const { code, stdout, stderr } = await script("toolchain.ts", ["--key"], { env });
    assert.is(code, 0, stderr);
    const [x86_64 = "", aarch64 = "", ...rest] = stdout.split("\n");
    assert.match(
      x86_64,
      /^x86_64-unknown-linux-musl_rustc(-web)?_[0-9]+\.[0-9]+\.[0-9]+\+dfsg\S*_debian1[0-9]_(x64|arm64)_[0-9]+$/,
    );
    assert.is(aarch64, x86_64.replace("x86_64", "aarch64"));
    assert.equal(rest, [""]);
    assert.is(fs.readFileSync(GITHUB_OUTPUT, "utf8"), `x86_64=${x86_64}\naarch64=${aarch64}\nkey=${x86_64}\n`);
    assert.equal(namesIn(join(folder, "cache", "toolchain")), []);
  },
);

testUnless(test, needsDebian, "should give both ways out where there is neither rustup nor Debian", async () => {
  const cargo = bare();
  const command = [...RUNTIME, join(PROJECT, "scripts", "toolchain.ts")];
  const env = { FASTBOOP_STAGE0_CARGO: cargo, FASTBOOP_STAGE0_CACHE: temporaryFolder() };
  const { code, stderr } = await runProgram(viewing({ hidden: ["/usr/bin/apt-get"] }, command), { env });
  assert.is(code, 3);
  assert.is(
    stderr,
    [
      `error: ${cargo} can't build for aarch64-unknown-linux-musl`,
      "  expected: a rustc with the target's standard library",
      "  got:      /nowhere has no standard library for it; its rustc is not rustup's; this system has no apt to get Debian's packages with",
      `  fix:      run "rustup target add aarch64-unknown-linux-musl" where rustup reaches its server; or ${WAYS_OUT}`,
      "",
    ].join("\n"),
  );
});

/** The cargos of Debian's toolchains for the release targets, made at the first call. */
let made: Promise<string[]> | undefined;
const cargos = (): Promise<string[]> => {
  made ??= script("toolchain.ts", ["--all"], { env: { FASTBOOP_STAGE0_TOOLCHAIN: "debian" } }).then((outcome) => {
    if (outcome.code !== 0) throw new Error(outcome.stderr);
    return outcome.stdout.trimEnd().split("\n");
  });
  return made;
};

const MAIN = `
fn main() {
    let sum: u32 = (0..4).map(|n| std::thread::spawn(move || n * n)).map(|thread| thread.join().unwrap()).sum();
    let caught = std::panic::catch_unwind(|| std::hint::black_box([0; 3]).get(3).unwrap() + 0);
    println!("{} {} {}", std::env::consts::ARCH, sum, caught.is_err());
}
`;
const MANIFEST = `[package]
name = "probe"
version = "0.0.0"
edition = "2021"
[profile.release]
lto = "fat"
[profile.brief]
inherits = "release"
lto = "off"
panic = "abort"
strip = true
`;

/** A crate with a build script, and its executable's output when nothing else is in the root folder. */
function probe(): (cargo: string, target: Target, profile: string, around?: typeof viewing) => Promise<Outcome> {
  const folder = temporaryFolder();
  fs.mkdirSync(join(folder, "src"));
  fs.writeFileSync(join(folder, "Cargo.toml"), MANIFEST);
  fs.writeFileSync(join(folder, "src", "main.rs"), MAIN);
  fs.writeFileSync(join(folder, "build.rs"), "fn main() {}");
  return async (cargo, { triple, arch }, profile) => {
    const build = [cargo, "build", "--quiet", "--target", triple, "--profile", profile];
    // No PATH to find a linker by, and no network: the cargo carries what it needs.
    const env = { PATH: "/usr/bin:/bin", RUSTUP_TOOLCHAIN: "none" };
    const built = await runProgram(viewing({ offline: true }, build), { cwd: folder, env });
    assert.equal([built.code, built.stderr], [0, ""]);
    const root = temporaryFolder();
    fs.copyFileSync(join(folder, "target", triple, profile, "probe"), join(root, "probe"));
    const emulated = !HOST.startsWith(`${arch}-`);
    if (emulated) fs.copyFileSync(`/usr/bin/qemu-${arch}-static`, join(root, "qemu"));
    return runProgram(["chroot", root, ...(emulated ? ["/qemu"] : []), "/probe"], { cwd: "/" });
  };
}

const ARMV7 = target("armv7-unknown-linux-musleabihf");
/** The cargo of Debian's toolchain for armv7. */
async function armCargo(): Promise<string> {
  const env = { TARGET: ARMV7.triple, FASTBOOP_STAGE0_TOOLCHAIN: "debian" };
  const { code, stdout, stderr } = await script("toolchain.ts", [], { env });
  assert.is(code, 0, stderr);
  return stdout.trimEnd();
}

for (const [index, target] of [...RELEASE_TARGETS, ARMV7].entries()) {
  const needs = needsDebian ?? lacking({ programs: [`qemu-${target.arch}-static`] });
  testUnless(test, needs, `should make static programs for ${target.triple} that need nothing`, async () => {
    const cargo = (await cargos())[index] ?? (await armCargo());
    const run = probe();
    const whole = await run(cargo, target, "release");
    assert.equal([whole.code, whole.stdout], [0, `${target.arch} 14 true\n`]);
    const brief = await run(cargo, target, "brief");
    assert.is(brief.stdout, "");
    assert.match(brief.stderr, "called `Option::unwrap()` on a `None` value");
  });
}

testUnless(test, needsDebian, "should take a toolchain from the cache without a network, and say why", async () => {
  const [, cargo] = await cargos();
  const chosen = bare();
  const command = [...RUNTIME, join(PROJECT, "scripts", "toolchain.ts")];
  const outcome = await runProgram(viewing({ offline: true }, command), { env: { FASTBOOP_STAGE0_CARGO: chosen } });
  assert.equal(outcome, {
    code: 0,
    signal: null,
    stdout: `${cargo}\n`,
    stderr: `toolchain: uses ${cargo}, because ${chosen} lacks aarch64-unknown-linux-musl\n`,
  });
});

testUnless(
  test,
  needsDebian,
  "should take Debian's cargo where rustup's server is out of reach, and say so",
  async () => {
    const workspace = asking('[toolchain]\nchannel = "1.80.0"\n');
    const link = join(temporaryFolder(), "link");
    fs.symlinkSync(workspace, link);
    const [, cargo] = await cargos();
    const other = rustupLike('echo "error: could not download file from x" >&2', "exit 1");
    program(join(other.home, "bin", "rustc"), `echo "error: toolchain '1.80.0-x' is not installed" >&2`, "exit 1");
    const env = { WORKSPACE: link, FASTBOOP_STAGE0_CARGO: other.cargo };
    const { stdout, stderr } = await script("toolchain.ts", [], { env });
    assert.is(stdout, `${cargo}\n`);
    assert.match(
      stderr.replace(workspace, "W"),
      new RegExp(
        "^toolchain: asking rustup for Rust 1\\.80\\.0 \\(0\\.\\d s\\)\n" +
          `toolchain: uses ${cargo?.replaceAll("+", "\\+")}, because rustup could not add Rust 1\\.80\\.0: could not download file from x\n` +
          "toolchain: done in \\d\\.\\d s\n" +
          "toolchain: W/rust-toolchain\\.toml asks for Rust 1\\.80\\.0, but this is [0-9.]+, whose output differs byte for byte\n$",
      ),
    );
  },
);

testUnless(test, needsDebian, "should work wherever its cache is moved to", async () => {
  const [cargo = ""] = await cargos();
  const cache = temporaryFolder();
  const moved = join(cache, "toolchain");
  fs.mkdirSync(moved);
  const binds = { [moved]: join(dirname(cargo), "..", "..") };
  const command = [...RUNTIME, join(PROJECT, "scripts", "toolchain.ts")];
  const env = { FASTBOOP_STAGE0_CACHE: cache, FASTBOOP_STAGE0_TOOLCHAIN: "debian" };
  const { stdout, stderr } = await runProgram(viewing({ binds, offline: true }, command), { env });
  assert.match(stdout, new RegExp(`^${cache}/toolchain/${AARCH64.triple}_rustc.*/bin/cargo\\n$`), stderr);
  const build = viewing({ binds, hidden: [cargo] }, [stdout.trim(), "build", "--target", AARCH64.triple]);
  const crate = temporaryFolder();
  fs.mkdirSync(join(crate, "src"));
  fs.writeFileSync(join(crate, "Cargo.toml"), MANIFEST);
  fs.writeFileSync(join(crate, "src", "main.rs"), MAIN);
  // What a build script gets: the cargo and rustc that know the target, and of libraries only what any cargo adds.
  const script =
    'fn main() { println!("cargo:warning={:?}", ["CARGO", "RUSTC", "LD_LIBRARY_PATH"].map(|n| std::env::var(n).unwrap())) }';
  fs.writeFileSync(join(crate, "build.rs"), script);
  const built = await runProgram(build, { cwd: crate, env: { PATH: "/usr/bin:/bin" } });
  const near = dirname(stdout.trim());
  const debug = join(crate, "target", "debug");
  const libraries = `${debug}:${debug}/deps:${join(near, "..", "sysroot", "lib", "rustlib", HOST, "lib")}`;
  const seen = [`${near}/cargo`, `${near}/rustc`, libraries].map((text) => JSON.stringify(text)).join(", ");
  assert.match(built.stderr, `warning: probe@0.0.0: [${seen}]\n`);
  assert.is(built.code, 0);
});

testUnless(test, needsDebian, "should leave nothing of a toolchain whose making was interrupted", async () => {
  const [cargo = ""] = await cargos();
  const cache = temporaryFolder();
  const parent = join(cache, "toolchain");
  fs.mkdirSync(parent);
  // The compiler as it is, so that it is not downloaded once more.
  const target = basename(join(dirname(cargo), ".."));
  const compiler = target.slice(target.indexOf("_rustc") + 1);
  const copy = await runProgram(["cp", "-al", join(dirname(cargo), "..", "..", compiler), parent]);
  assert.is(copy.code, 0, copy.stderr);
  const env = { FASTBOOP_STAGE0_TOOLCHAIN: "debian", FASTBOOP_STAGE0_CACHE: cache };
  const compiling = (): boolean =>
    namesIn(parent).some((name) =>
      fs.existsSync(join(parent, name, "work", "target", AARCH64.triple, "release", "deps")),
    );
  let run = 0;
  const ended = script("toolchain.ts", [], { env, started: (pid) => (run = pid) });
  await until(compiling, ended);
  process.kill(run, "SIGTERM");
  const { signal, stderr } = await ended;
  assert.match(
    stderr.replace(/^(toolchain: .*) \(\d+\.\d s\)\n(\1 \(\d+\.\d s\)\n)*/gm, "$1\n"),
    new RegExp(
      "^toolchain: reading Debian's package lists for .*\\n" +
        "toolchain: downloading 4 packages \\(\\d+\\.\\d MB\\)\\n" +
        "toolchain: unpacking\\n" +
        "toolchain: building the standard library for aarch64-unknown-linux-musl\\n$",
    ),
  );
  assert.is(signal, "SIGTERM");
  assert.equal(namesIn(parent), [".lock", compiler]);
});

test.run();
