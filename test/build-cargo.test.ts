import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PROJECT } from "../scripts/lib/paths.ts";
import { installFix } from "../scripts/lib/tools.ts";
import { HOST_TARGET, program, snapshot, stage0Crate, writeTree } from "./lib/crate.ts";
import {
  copyProject,
  isDeno,
  lacking,
  make,
  namesIn,
  type Outcome,
  RUNTIME,
  runProgram,
  type Settings,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { isRunning, until } from "./lib/processes.ts";

const NAME = `fastboop-stage0-${HOST_TARGET}`;
const TRIPLE_VARIABLE = `CARGO_TARGET_${HOST_TARGET.toUpperCase().replaceAll("-", "_")}`;
const test = suite("build-stage0, cargo");

interface Run extends Outcome {
  dist: string;
  log: string;
}

/** Runs the script for the host's target in a folder of artifacts of its own. */
async function build(workspace: string, env: Settings["env"] = {}, dist = temporaryFolder()): Promise<Run> {
  const outcome = await script("build-stage0.ts", [], {
    env: { TARGET: HOST_TARGET, WORKSPACE: workspace, DIST: dist, ...env },
  });
  const file = join(dist, "log", `stage0-${HOST_TARGET}.log`);
  return { ...outcome, dist, log: fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "" };
}

/** What cargo says at the end of a build, up to 1.78 and since. */
const PROFILES = { release: /Finished (release \[|`release` profile)/, debug: /Finished (dev \[|`dev` profile)/ };

const INSTALL = `${installFix(["cargo"])}; or set FASTBOOP_STAGE0_CARGO, or FASTBOOP_STAGE0_EMBED_PATH to a prebuilt stage0`;

test("should refuse a cargo that does not exist or can't be executed", async () => {
  const workspace = stage0Crate();
  const refused = async (env: Record<string, string>, what: string, got: string): Promise<void> => {
    const dist = join(temporaryFolder(), "dist");
    const { code, stdout, stderr } = await build(workspace, env, dist);
    assert.is(
      stderr,
      `error: ${what}\n  expected: cargo, Rust's build tool\n  got:      ${got}\n  fix:      ${INSTALL}\n`,
    );
    assert.is(stdout, "");
    assert.is(code, 3);
    assert.not.ok(fs.existsSync(dist));
  };
  const plain = program("exit 0", { mode: 0o644 });
  const folder = temporaryFolder();
  const path = `${join(PROJECT, "absent")}:${folder}`;
  await refused(
    { FASTBOOP_STAGE0_CARGO: "/nowhere/cargo" },
    "cargo does not exist",
    'FASTBOOP_STAGE0_CARGO="/nowhere/cargo"',
  );
  await refused(
    { FASTBOOP_STAGE0_CARGO: plain, CARGO: "cargo" },
    "cargo is not an executable file",
    `FASTBOOP_STAGE0_CARGO="${plain}"`,
  );
  await refused({ CARGO: folder }, "cargo is not an executable file", `CARGO="${folder}"`);
  await refused({ CARGO: "cargo-of-no-one" }, "cargo does not exist", 'CARGO="cargo-of-no-one"');
  await refused({ PATH: path }, "cargo does not exist", "none on PATH");
});

/** Has a build fail, and judges what is told and what is left. */
async function fails(workspace: string, cargo: string | undefined, expected: (run: Run) => string[]): Promise<Run> {
  const dist = writeTree(temporaryFolder(), { [NAME]: "older", "stage0.env": "older" });
  const { log: _, ...before } = snapshot(dist) ?? {};
  const run = await build(workspace, { FASTBOOP_STAGE0_CARGO: cargo }, dist);
  const [command = "", ...said] = run.log.split("\n");
  assert.is(
    run.stderr,
    [...said.slice(0, -1), `command: ${command.slice(2)}`, `log: ${logFile(dist)}`, ...expected(run), ""].join("\n"),
  );
  assert.match(command, ` build --manifest-path stage0/Cargo.toml --package fastboop-stage0 --target ${HOST_TARGET} `);
  assert.is(run.stdout, "");
  assert.is(run.code, 3);
  const { log: _log, [`log/stage0-${HOST_TARGET}.log`]: _file, ...after } = snapshot(dist) ?? {};
  assert.equal(after, before);
  return run;
}
const logFile = (dist: string): string => join(dist, "log", `stage0-${HOST_TARGET}.log`);
const whole = (run: Run): string => `  fix:      the whole log is in ${logFile(run.dist)}`;

test("should tell cargo's status and last errors when it fails", async () => {
  const workspace = stage0Crate({ "stage0/src/main.rs": "fn main() {\n    absent();\n}\n" });
  const run = await fails(workspace, undefined, (run) => [
    "error: cargo failed: exit code 101",
    "  got:      error[E0425]: cannot find function `absent` in this scope",
    "             --> src/main.rs:2:5",
    "              |",
    "            2 |     absent();",
    "              |     ^^^^^^ not found in this scope",
    "            For more information about this error, try `rustc --explain E0425`.",
    `            ${/^error: could not compile `fastboop-stage0`.* due to .*previous error$/m.exec(run.log)?.[0]}`,
    whole(run),
  ]);
  assert.match(run.log, "   Compiling fastboop-stage0 v0.1.0");
});

/** Has a workspace refused before anything is done: cargo is not started, and no toolchain is looked for. */
async function refusesFirst(workspace: string, code: number, stderr: string[]): Promise<void> {
  const cargo = program('touch "$0.ran"');
  const ran = program('touch "$0.ran"; exit 1');
  const outcome = await build(workspace, { FASTBOOP_STAGE0_CARGO: cargo, RUSTC: ran });
  assert.is(outcome.stderr, [...stderr, ""].join("\n"));
  assert.equal([outcome.code, outcome.stdout], [code, ""]);
  assert.equal(
    [cargo, ran].map((path) => fs.existsSync(`${path}.ran`)),
    [false, false],
  );
}

test("should tell of a lock file that is missing, before a toolchain is looked for", async () => {
  const workspace = stage0Crate();
  fs.rmSync(join(workspace, "stage0", "Cargo.lock"));
  await refusesFirst(workspace, 3, [
    `error: ${workspace}: the workspace has no Cargo.lock`,
    "  expected: a lock file, since cargo runs with --locked",
    "  fix:      run cargo generate-lockfile in the workspace and commit its Cargo.lock",
  ]);
});

test("should take a lock file that is the workspace's, or that of one around it", async () => {
  for (const place of [".", ".."]) {
    const folder = temporaryFolder();
    const workspace = stage0Crate({}, join(folder, "workspace"));
    fs.renameSync(join(workspace, "stage0", "Cargo.lock"), join(workspace, place, "Cargo.lock"));
    const { stderr } = await build(workspace, { FASTBOOP_STAGE0_CARGO: program("exit 7") });
    assert.match(stderr, "error: cargo failed: exit code 7\n");
  }
});

test("should refuse a manifest that is another package's, or none, before a toolchain is looked for", async () => {
  const fix = "  fix:      set WORKSPACE to the workspace's root, or FASTBOOP_STAGE0_EMBED_PATH to a prebuilt stage0";
  const refused = async (manifest: string, got: string): Promise<void> => {
    const workspace = stage0Crate({ "stage0/Cargo.toml": manifest });
    await refusesFirst(workspace, 2, [
      `error: ${workspace}/stage0/Cargo.toml: this is not the manifest of stage0`,
      '  expected: name = "fastboop-stage0" in [package]',
      `  got:      ${got}`,
      fix,
    ]);
  };
  await refused('[package]\nname = "other\\u001b"\n', '"other\\x1b"');
  await refused("[workspace]\n", "no name");
  await refused("", "no name");
});

testUnless(
  test,
  lacking({ root: true, programs: ["unshare", "mount"] }),
  "should refuse a folder of artifacts that takes no files, before a toolchain is looked for",
  async () => {
    const dist = temporaryFolder();
    const ran = program('touch "$0.ran"; exit 1');
    const mounted = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o ro tmpfs "$DIST" && exec "$@"', "sh"];
    const { code, stderr } = await runProgram([...mounted, ...RUNTIME, join(PROJECT, "scripts", "build-stage0.ts")], {
      env: { TARGET: HOST_TARGET, WORKSPACE: stage0Crate(), DIST: dist, RUSTC: ran },
    });
    assert.match(stderr, `error: ${dist}: the file system is read-only\n`);
    assert.is(code, 3);
    assert.not.ok(fs.existsSync(`${ran}.ran`));
  },
);

test("should tell of a cargo that is killed", async () => {
  await fails(stage0Crate(), program("echo working >&2; kill -9 $$"), (run) => [
    "error: cargo failed: SIGKILL",
    "  got:      working",
    whole(run),
  ]);
});

test("should tell of a cargo that says nothing, or prints no artifact", async () => {
  await fails(stage0Crate(), program("exit 7"), (run) => [
    "error: cargo failed: exit code 7",
    "  got:      nothing on stderr",
    whole(run),
  ]);
  await fails(stage0Crate(), program('echo hello; echo "{"; echo "{}"'), (run) => [
    "error: cargo built no executable fastboop-stage0",
    "  got:      nothing on stderr",
    whole(run),
  ]);
  const message = { reason: "compiler-artifact", target: { name: "other" }, executable: "/bin/sh" };
  await fails(stage0Crate(), program(`echo '${JSON.stringify(message)}'`), (run) => [
    "error: cargo built no executable fastboop-stage0",
    "  got:      nothing on stderr",
    whole(run),
  ]);
});

test("should take no executable that is not there, or is none", async () => {
  const claims = async (executable: string): Promise<Run> => {
    const message = { reason: "compiler-artifact", target: { name: "fastboop-stage0" }, executable };
    return build(stage0Crate(), { FASTBOOP_STAGE0_CARGO: program(`echo '${JSON.stringify(message)}'`) });
  };
  const absent = await claims("/nowhere/stage0");
  assert.match(absent.stderr, "error: /nowhere/stage0: cargo's executable can't be read\n");
  assert.is(absent.code, 3);
  const text = await claims(program("exit 0"));
  assert.match(text.stderr, ": cargo's executable is no stage0\n");
  assert.match(text.stderr, "  got:      a script\n");
  assert.is(text.code, 1);
  assert.equal(namesIn(text.dist), ["log"]);
});

/** Prints which cfgs the flags that reached rustc had set. */
const CFGS = `
#![allow(unexpected_cfgs)]
fn main() {
    let set = [("static", cfg!(target_feature = "crt-static")), ("a", cfg!(a)), ("b", cfg!(b)), ("c", cfg!(c))];
    println!("{}", set.iter().filter(|x| x.1).map(|x| x.0).collect::<Vec<_>>().join(" "));
}
`;

test("should add +crt-static to the user's flags, wherever they are, and lose none", async () => {
  const workspace = stage0Crate({ "stage0/src/main.rs": CFGS });
  const dist = temporaryFolder();
  const config = join(workspace, ".cargo", "config.toml");
  const home = temporaryFolder();
  const set = async (expected: string, env: Settings["env"], text = "", homeText = ""): Promise<void> => {
    writeTree(workspace, { ".cargo/config.toml": text });
    writeTree(home, { "config.toml": homeText });
    const { code, stderr } = await build(workspace, { ...env, CARGO_HOME: home }, dist);
    assert.is(code, 0, stderr);
    const { stdout } = await runProgram([join(dist, NAME)]);
    assert.is(stdout, `${expected}\n`, JSON.stringify([env, text, homeText]));
  };
  const [ofTarget, ofBuild] = [`${TRIPLE_VARIABLE}_RUSTFLAGS`, "CARGO_BUILD_RUSTFLAGS"];
  await set("static", {});
  await set("static a", { RUSTFLAGS: "--cfg a -C target-feature=-crt-static" });
  await set("static b", { RUSTFLAGS: "--cfg a", CARGO_ENCODED_RUSTFLAGS: "--cfg\x1fb" });
  await set("static a", { [ofTarget]: "--cfg a -Ctarget-feature=-crt-static" });
  await set("static b", { [ofBuild]: "--cfg b" });
  // As with cargo itself, the build's flags count only while the target has none, and RUSTFLAGS overrides both.
  await set("static a", { [ofTarget]: "--cfg a", [ofBuild]: "--cfg b" });
  const configured = `build.rustflags = ["--cfg", "b"]\n[target.${HOST_TARGET}]\nrustflags = `;
  await set("static a c", { [ofTarget]: "--cfg c" }, `${configured}["--cfg", "a"]`);
  await set("static a c", { [ofTarget]: "--cfg c" }, `${configured}"--cfg a"`);
  await set("static", { RUSTFLAGS: "" }, `${configured}["--cfg", "a"]`);
  await set("static a b", {}, 'build.rustflags = ["--cfg", "b"]', 'build.rustflags = ["--cfg", "a"]');
  await set(
    "static a",
    {},
    'target."cfg(all(unix, not(windows)))".rustflags = "--cfg a"',
    'build.rustflags = "--cfg b"',
  );
  await set("static b", {}, 'target."cfg(windows)".rustflags = "--cfg a"', 'build.rustflags = "--cfg b"');
  fs.rmSync(config);
});

test("should say which configuration file is not TOML", async () => {
  const workspace = stage0Crate({ ".cargo/config.toml": "build = [" });
  const { code, stderr } = await build(workspace);
  assert.match(stderr, `error: ${join(workspace, ".cargo", "config.toml")}: is not TOML: Invalid TOML document`);
  assert.is(code, 2);
});

/** An outer package whose build script builds stage0 as ours does: through make, or by the script alone. */
const OUTER = `
use std::{env, process::Command};
fn main() {
    let words: Vec<String> = env::var("NESTED").unwrap().lines().map(String::from).collect();
    let out = Command::new(&words[0]).args(&words[1..]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    println!("cargo:rerun-if-env-changed=DIST");
    println!("cargo:rustc-env=STAGE0={}", String::from_utf8_lossy(&out.stdout).trim());
}
`;

test("should build inside a build script as if there were no outer cargo", async () => {
  const workspace = stage0Crate({
    "stage0/src/main.rs": CFGS,
    "outer/Cargo.toml": '[package]\nname = "outer"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n',
    "outer/build.rs": OUTER,
    "outer/src/main.rs": 'fn main() { println!("{}", env!("STAGE0")); }\n',
  });
  // What the outer build uses must not reach the nested one: a wrapper, and flags that no musl linker would know.
  const wrapper = program('case " $* " in *fastboop_stage0*) exit 66;; esac; exec "$@"');
  const nested = async (command: readonly string[], env: Settings["env"] = {}): Promise<string> => {
    const dist = temporaryFolder();
    const { code, stdout, stderr } = await runProgram(
      // In the workspace's own target folder, whose lock it holds while the build script runs.
      [
        ...["cargo", "run", "--quiet", "--manifest-path", join(workspace, "outer", "Cargo.toml")],
        ...["--target-dir", join(workspace, "target")],
      ],
      {
        // Elsewhere than the build script, which cargo starts in its crate's folder without saying so in PWD.
        cwd: "/",
        env: {
          RUSTFLAGS: "--cfg a",
          RUSTC_WRAPPER: wrapper,
          FASTBOOP_STAGE0_TARGET: HOST_TARGET,
          NESTED: command.join("\n"),
          DIST: dist,
          ...env,
        },
      },
    );
    assert.is(code, 0, stderr);
    assert.is(stdout, `${join(dist, NAME)}\n`);
    const { stdout: set } = await runProgram([join(dist, NAME)]);
    assert.is(set, "static\n");
    const log = fs.readFileSync(logFile(dist), "utf8");
    assert.not.match(log, "jobserver");
    return log;
  };
  const viaMake = ["make", "-s", "-C", PROJECT, `RUNTIME=${isDeno ? "deno" : "node"}`];
  // cargo gives the build script TARGET and PROFILE=debug: they speak of the outer build.
  assert.match(await nested([...viaMake, "stage0"]), PROFILES.release);
  assert.match(await nested([...RUNTIME, join(PROJECT, "scripts", "build-stage0.ts")]), PROFILES.release);
  // Those of make's own command line are the caller's.
  const chosen = [...viaMake, "stage0", `TARGET=${HOST_TARGET}`, "PROFILE=debug"];
  assert.match(await nested(chosen, { FASTBOOP_STAGE0_TARGET: "aarch64-unknown-linux-musl" }), PROFILES.debug);
});

/** A package whose build script says that it runs, and then works for longer than any test. */
const SLOW = (marker: string): string => `
fn main() {
    std::fs::write(${JSON.stringify(`${marker}.new`)}, std::process::id().to_string()).unwrap();
    std::fs::rename(${JSON.stringify(`${marker}.new`)}, ${JSON.stringify(marker)}).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3600));
}
`;

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  test(`should end with ${status} on ${signal}, and cargo with it`, async () => {
    const marker = join(temporaryFolder(), "pid");
    const workspace = stage0Crate({ "stage0/build.rs": SLOW(marker) });
    const dist = writeTree(temporaryFolder(), { [NAME]: "older" });
    const before = snapshot(dist);
    const env = { TARGET: HOST_TARGET, WORKSPACE: workspace, DIST: dist };
    let pid = 0;
    const ended = script("build-stage0.ts", [], { env, started: (child) => (pid = child) });
    await until(() => fs.existsSync(marker), ended);
    const atWork = Number(fs.readFileSync(marker, "utf8"));
    assert.ok(isRunning(atWork));
    process.kill(pid, signal);
    const { code, stdout, stderr } = await ended;
    assert.is(code, status);
    assert.is(stdout, "");
    assert.match(stderr, `ended by ${signal}, and cargo with it; no artifact was touched\n`);
    await until(() => !isRunning(atWork));
    assert.equal(snapshot(dist), before);
  });
}

test("should end a cargo that does not heed the signal, when it comes twice", async () => {
  const marker = join(temporaryFolder(), "ready");
  const cargo = program(`trap "echo once >>'${marker}'" TERM; echo >'${marker}'; while :; do sleep 0.05; done`);
  const env = { TARGET: HOST_TARGET, WORKSPACE: stage0Crate(), DIST: temporaryFolder(), FASTBOOP_STAGE0_CARGO: cargo };
  let pid = 0;
  const ended = script("build-stage0.ts", [], { env, started: (child) => (pid = child) });
  await until(() => fs.existsSync(marker), ended);
  process.kill(pid, "SIGTERM");
  await until(() => fs.readFileSync(marker, "utf8").includes("once"), ended);
  process.kill(pid, "SIGTERM");
  assert.is((await ended).code, 143);
});

test("should build without zx, whose import would take longer than all that a build with nothing to do does", async () => {
  const project = copyProject(temporaryFolder());
  const modules = join(project, "node_modules");
  fs.rmSync(modules);
  fs.mkdirSync(modules);
  for (const name of namesIn(join(PROJECT, "node_modules"))) {
    if (name !== "zx") fs.symlinkSync(join(PROJECT, "node_modules", name), join(modules, name));
  }
  const env = { TARGET: HOST_TARGET, WORKSPACE: stage0Crate(), DIST: temporaryFolder() };
  const command = [...RUNTIME, join(project, "scripts", "build-stage0.ts")];
  const first = await runProgram(command, { env });
  assert.is(first.code, 0, first.stderr);
  const second = await runProgram(command, { env });
  assert.is(second.code, 0, second.stderr);
  assert.match(second.stderr, ", unchanged\n");
});

test("should let two builds into one folder both end right", async () => {
  const workspace = stage0Crate({ "stage0/src/main.rs": CFGS });
  const dist = temporaryFolder();
  const runs = await Promise.all([1, 2, 3].map(() => build(workspace, {}, dist)));
  for (const { code, stdout, stderr } of runs) {
    assert.is(code, 0, stderr);
    assert.is(stdout, `${join(dist, NAME)}\n`);
  }
  assert.equal(namesIn(dist), ["debug", NAME, "log", "stage0.env"]);
  assert.equal(namesIn(join(dist, "debug")), [NAME]);
  assert.equal(namesIn(join(dist, "log")), [`${NAME}.buildinfo.json`, `stage0-${HOST_TARGET}.log`]);
  assert.is((await runProgram([join(dist, NAME)])).stdout, "static\n");
});

test("should work below CARGO_TARGET_DIR when that is set, and leave the workspace as it is", async () => {
  const workspace = stage0Crate();
  const before = snapshot(workspace);
  const target = temporaryFolder();
  assert.is((await build(workspace, { CARGO_TARGET_DIR: target })).code, 0);
  assert.equal(snapshot(workspace), before);
  assert.equal(namesIn(target), ["stage0-distribution"]);
});

test("should build for the profile that PROFILE names, and refuse others", async () => {
  const workspace = stage0Crate();
  assert.match((await build(workspace, { PROFILE: "debug" })).log, PROFILES.debug);
  const { code, stderr } = await build(workspace, { PROFILE: "dev" });
  assert.match(stderr, "error: the environment variable PROFILE does not parse\n  expected: release, debug\n");
  assert.is(code, 2);
});

for (const name of ["a b'c\"d$e`f*\\ü$(touch pwned)", "line\nbreak", "-dash"]) {
  test(`should build a workspace named ${JSON.stringify(name)}`, async () => {
    const folder = temporaryFolder();
    stage0Crate({}, join(folder, name));
    // On make's command line, relative to the caller's folder.
    const first = await make(["stage0", `WORKSPACE=${name}`, `TARGET=${HOST_TARGET}`, "DIST=out"], {
      cwd: folder,
      env: { PWD: folder },
    });
    assert.is(first.code, 0, first.stderr);
    assert.is(first.stdout, `${join(folder, "out", NAME)}\n`);
    // Found from within, and nothing to do.
    const inside = join(folder, name, "stage0", "src");
    const before = snapshot(join(folder, "out"));
    const second = await make(["stage0"], {
      cwd: inside,
      env: { PWD: inside, TARGET: HOST_TARGET, DIST: join(folder, "out") },
    });
    assert.match(second.stderr, ", unchanged\n");
    assert.not.match(second.stderr, "Compiling");
    assert.is(snapshot(join(folder, "out"))?.[NAME], before?.[NAME]);
    assert.equal(namesIn(folder), [name, "out"].sort());
  });
}

test.run();
