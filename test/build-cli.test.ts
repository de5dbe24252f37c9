import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { findEmbedded } from "../scripts/lib/build/embedded.ts";
import { troubleIn } from "../scripts/lib/build/trouble.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { type Outcome, runProgram, script, suite, temporaryFolder } from "./lib/harness.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("build-cli");
const files = await releaseFiles();
const AARCH64 = files["aarch64-unknown-linux-musl"];
const X86_64 = files["x86_64-unknown-linux-musl"];
const SIZE = fs.statSync(AARCH64).size;

/**
 * The command line of the workspace that is hard to build, as crates.io would have it: without stage0. In an edition that
 * Debian 12's cargo knows.
 */
async function commandLine(edits: Record<string, string> = {}): Promise<string> {
  const folder = temporaryFolder("crate");
  for (const part of ["cli", "crates/demo-payload", "crates/demo-wire"]) {
    fs.cpSync(join(PROJECT, "test", "workspace-hard", part), join(folder, part), { recursive: true });
  }
  const manifest = `[workspace]
resolver = "2"
members = ["cli", "crates/*"]

[workspace.package]
version = "0.2.0"
edition = "2021"
rust-version = "1.63"
license = "MIT"
publish = false

[workspace.dependencies]
demo-payload = { path = "crates/demo-payload" }
demo-wire = { path = "crates/demo-wire" }
`;
  for (const [name, text] of Object.entries({ "Cargo.toml": manifest, ...edits })) {
    fs.mkdirSync(join(folder, name, ".."), { recursive: true });
    fs.writeFileSync(join(folder, name), text);
  }
  const locked = await runProgram(["cargo", "generate-lockfile", "--offline"], { cwd: folder });
  assert.is(locked.code, 0, locked.stderr);
  return folder;
}

/** Has a crate that the command line uses ask for a Rust. */
function needs(folder: string, version: string): void {
  const file = join(folder, "crates", "demo-wire", "Cargo.toml");
  fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(/^rust-version.*$/m, `rust-version = "${version}"`));
}

/** What is said of a prebuilt stage0 that was taken, before all else. */
const TAKEN = /^takes FASTBOOP_STAGE0_EMBED_PATH: .*\nfastboop-stage0-.*: [0-9,]+ bytes .*\nsha256 [0-9a-f]{64}\n/;

const manifestOf = (folder: string): string => fs.readFileSync(join(folder, "cli", "Cargo.toml"), "utf8");

const build = (workspace: string, env: Record<string, string | undefined> = {}): Promise<Outcome> =>
  script("build-cli.ts", [], {
    env: { WORKSPACE: workspace, DIST: join(workspace, "dist"), FASTBOOP_STAGE0_EMBED_PATH: AARCH64, ...env },
  });

test("should find the executable that cargo builds, of any name, and stage0's bytes in it", async () => {
  const folder = await commandLine();
  const { code, stdout, stderr } = await build(folder);
  assert.is(code, 0, stderr);
  const program = join(folder, "target", "release", "demo");
  assert.is(stdout, `${program}\n`);
  const { held } = findEmbedded(program, AARCH64);
  assert.ok(held);
  const [, offset, bytes, sha256] =
    /\ndemo: holds stage0 at offset ([0-9]+), ([0-9,]+) bytes \(.*\)\nsha256 ([0-9a-f]{64})\n$/.exec(stderr) ?? [];
  assert.equal([Number(offset), Number(bytes?.replaceAll(",", "")), sha256], [held.offset, SIZE, held.sha256]);
  const inside = fs.readFileSync(program).subarray(held.offset, held.offset + SIZE);
  assert.ok(inside.equals(fs.readFileSync(AARCH64)));
  const written = join(folder, "written");
  assert.match(
    (await runProgram([program, written])).stdout,
    new RegExp(`^demo 0\\.2\\.0 \\S+ carries ${SIZE} bytes of stage0\n$`),
  );
  assert.ok(fs.readFileSync(written).equals(fs.readFileSync(AARCH64)));
});

test("should say how a program finds stage0 that holds none", async () => {
  const folder = await commandLine();
  fs.writeFileSync(join(folder, "cli", "Cargo.toml"), manifestOf(folder).replace(/\[features\]\n.*\n/, ""));
  const { code, stdout, stderr } = await build(folder);
  assert.is(code, 0, stderr);
  const program = join(folder, "target", "release", "demo");
  assert.is(stdout, `${program}\n`);
  const artifact = join(folder, "dist", "fastboop-stage0-aarch64-unknown-linux-musl");
  assert.ok(
    stderr.endsWith(
      `warning: ${program}: the program holds no stage0: its package has no feature embed-stage0, so it loads one when it runs
  fix:      run it with --stage0 ${artifact}, or FASTBOOP_STAGE0_PATH set to that
`,
    ),
    stderr,
  );
});

test("should refuse a program that was built around stage0 and does not hold it", async () => {
  const forgets = await commandLine();
  fs.writeFileSync(
    join(forgets, "cli", "Cargo.toml"),
    manifestOf(forgets).replace('["demo-payload/embed-stage0"]', "[]"),
  );
  const replaces = await commandLine({
    "crates/demo-payload/src/lib.rs": `pub fn stage0() -> Option<&'static [u8]> {
    Some(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/other")))
}
`,
  });
  // Of the same target, and its end is another.
  const other = Buffer.concat([fs.readFileSync(AARCH64).subarray(0, SIZE - 1), Buffer.from("x")]);
  fs.writeFileSync(join(replaces, "crates", "demo-payload", "other"), other);
  for (const [folder, got] of [
    [forgets, "no ELF file, though built with embed-stage0"],
    [replaces, "another ELF file at offset [0-9]+"],
  ] as const) {
    const { code, stdout, stderr } = await build(folder);
    assert.equal([code, stdout], [1, ""], stderr);
    assert.match(
      stderr,
      new RegExp(
        `\\nerror: ${folder}/target/release/demo: the program does not hold the stage0 that it was built with\n` +
          `  expected: all bytes of ${folder}/dist/fastboop-stage0-aarch64-unknown-linux-musl\n` +
          `  got:      ${got}\n` +
          "  fix:      let the build embed the file that FASTBOOP_STAGE0_EMBED_PATH names\n$",
      ),
    );
  }
});

test("should take of several programs the one that holds stage0", async () => {
  const folder = await commandLine({ "cli/src/bin/a-helper.rs": "fn main() {}\n" });
  const { code, stdout, stderr } = await build(folder);
  assert.is(code, 0, stderr);
  assert.is(stdout, `${join(folder, "target", "release", "demo")}\n`);
});

test("should want a package that builds a program, and without a prebuilt stage0 a workspace that has its own", async () => {
  const folder = await commandLine();
  const without = await build(folder, { FASTBOOP_STAGE0_EMBED_PATH: undefined });
  assert.equal([without.code, without.stdout], [2, ""]);
  assert.match(without.stderr, /^error: WORKSPACE holds no stage0\/Cargo\.toml\n/);
  const empty = await build(temporaryFolder());
  assert.equal([empty.code, empty.stdout], [2, ""]);
  assert.match(empty.stderr, /^error: WORKSPACE holds no Cargo\.toml\n {2}expected: a cargo workspace or package\n/);
  fs.writeFileSync(
    join(folder, "cli", "Cargo.toml"),
    manifestOf(folder).replace("[[bin]]", "[lib]").replace("[package]", "[package]\nautobins = false"),
  );
  const { code, stdout, stderr } = await build(folder);
  assert.equal([code, stdout], [3, ""]);
  assert.is(
    stderr.replace(TAKEN, ""),
    `error: ${folder}: the package fastboop-cli builds no executable\n` +
      "  fix:      set WORKSPACE to the root of a workspace that has it\n",
  );
});

test("should find a file at any offset of a program, past what only begins like it", () => {
  const folder = temporaryFolder();
  const part = join(folder, "part");
  const program = join(folder, "program");
  const head = fs.readFileSync(AARCH64).subarray(0, 20);
  const content = Buffer.concat([head, Buffer.alloc(5000, "a"), Buffer.from("end")]);
  fs.writeFileSync(part, content);
  const cut = content.subarray(0, -1);
  for (const before of [0, 1, 65_516, 65_520, 65_535, 65_536, 200_003]) {
    const filler = Buffer.alloc(before, "f");
    fs.writeFileSync(program, Buffer.concat([filler, content, filler]));
    assert.is(findEmbedded(program, part).held?.offset, before);
    fs.writeFileSync(program, Buffer.concat([filler, cut, filler, content]));
    assert.is(findEmbedded(program, part).held?.offset, 2 * before + cut.length);
    fs.writeFileSync(program, Buffer.concat([filler, cut]));
    assert.equal(findEmbedded(program, part), before === 0 ? {} : { other: before });
  }
  // The program itself is none, and neither is a file of another machine.
  fs.writeFileSync(program, Buffer.concat([fs.readFileSync(AARCH64), fs.readFileSync(X86_64)]));
  assert.equal(findEmbedded(program, part), {});
});

test("should take stage0's cargo when the one at hand is older than the workspace asks, unless CARGO names that", async () => {
  const folder = await commandLine();
  const bin = temporaryFolder();
  const std = join(bin, "lib", "rustlib", "aarch64-unknown-linux-musl", "lib");
  fs.mkdirSync(std, { recursive: true });
  fs.writeFileSync(join(std, "libstd-1.rlib"), "");
  const real = await runProgram(["sh", "-c", "command -v cargo"]);
  const programs = {
    // Elsewhere, as rustup's cargo minds the rust-toolchain of the folder that it is in, and with its own rustc.
    cargo: `[ "$1" = metadata ] && cd / && exec env -u RUSTC 'PATH=${process.env.PATH}' '${real.stdout.trim()}' "$@" --manifest-path '${folder}/Cargo.toml'; echo the one at hand >&2; exit 1`,
    stage0s: "echo that of stage0 >&2; exit 1",
    rustc: `[ "$1" = --version ] && echo release: 1.84.1 || echo '${bin}'`,
  };
  for (const [name, text] of Object.entries(programs))
    fs.writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  let said = "";
  const asked = async (channel: string, env: Record<string, string> = {}): Promise<string | undefined> => {
    fs.writeFileSync(join(folder, "rust-toolchain"), channel);
    const { code, stderr } = await build(folder, {
      ...{ PATH: `${bin}:${process.env.PATH}`, RUSTC: join(bin, "rustc"), FASTBOOP_STAGE0_TOOLCHAIN: "none" },
      ...{ FASTBOOP_STAGE0_CARGO: join(bin, "stage0s"), ...env },
    });
    assert.is(code, 3, stderr);
    said = stderr.replace(TAKEN, "");
    return /^ {2}got: {6}(.*)$/m.exec(stderr)?.[1];
  };
  assert.is(await asked("1.84"), "the one at hand");
  assert.is(await asked("1.83.0"), "the one at hand");
  assert.is(await asked("stable"), "the one at hand");
  assert.is(await asked("1.85"), "that of stage0");
  assert.is(await asked("1.85", { CARGO: join(bin, "cargo") }), "the one at hand");
  needs(folder, "1.84.1");
  assert.is(await asked("stable"), "the one at hand");
  needs(folder, "1.85");
  assert.is(await asked("stable"), "that of stage0");
  assert.ok(said.startsWith(`${join(bin, "cargo")} has Rust 1.84.1, and demo-wire 0.2.0 needs 1.85\n`), said);
  // Where cargo does not tell what the crates ask for, it says why when it builds.
  fs.rmSync(join(folder, "Cargo.lock"));
  assert.is(await asked("stable"), "the one at hand");
});

test("should look at a prebuilt stage0 before it asks cargo or makes a toolchain", async () => {
  const bin = temporaryFolder();
  const cargo = join(bin, "cargo");
  fs.writeFileSync(cargo, `#!/bin/sh\necho "$0 $*" >>'${bin}/calls'\nexit 1\n`, { mode: 0o755 });
  const { code, stderr } = await build(await commandLine(), {
    ...{ FASTBOOP_STAGE0_EMBED_PATH: X86_64, PATH: `${bin}:${process.env.PATH}`, CARGO: undefined },
  });
  assert.is(code, 1, stderr);
  assert.is(
    stderr,
    `takes FASTBOOP_STAGE0_EMBED_PATH: ${X86_64}\n` +
      `error: ${X86_64}: FASTBOOP_STAGE0_EMBED_PATH is for another machine\n` +
      "  expected: a 64-bit little-endian ELF file for aarch64, as aarch64-unknown-linux-musl is\n" +
      "  got:      a 64-bit little-endian ELF file for x86-64\n" +
      "  fix:      set FASTBOOP_STAGE0_EMBED_PATH to a stage0 for the target, or unset it to build one\n",
  );
  assert.not.ok(fs.existsSync(join(bin, "calls")));
});

test("should say which crate asks for a newer Rust", async () => {
  const folder = await commandLine();
  needs(folder, "1.999");
  const { stdout: cargo } = await runProgram(["sh", "-c", "command -v cargo"]);
  const { code, stdout, stderr } = await build(folder, { CARGO: cargo.trim() });
  assert.equal([code, stdout], [3, ""], stderr);
  const [, got] =
    /\nerror: cargo failed: exit code 101\n {2}got: {6}(.*\n(?: {12}.*\n)*) {2}fix: {6}update the Rust that /.exec(
      stderr,
    ) ?? [];
  assert.match(got ?? stderr, /^error: (rustc .+ is not supported|package `demo-wire v0\.2\.0)/);
  assert.match(got ?? stderr, /demo-wire.+ requires rustc 1\.999/);
});

test("should show the first error of a long log, and its end", () => {
  const packages = Array.from({ length: 30 }, (_, number) => `  crate-${number}@1.0.0 requires rustc 1.88`);
  const first = "error: rustc 1.85.1 is not supported by the following packages:";
  const shown = (lines: readonly string[]): string[] =>
    troubleIn(["   Compiling a v1.0.0", ...lines, ""].join("\n"), "exit code 101").got.split("\n            ");
  assert.equal(shown([first, ...packages]), [first, "…", ...packages.slice(-10)]);
  assert.equal(shown([first, ...packages.slice(-11)]), [first, ...packages.slice(-11)]);
  assert.equal(shown(packages), packages.slice(-12));
});

test.run();
