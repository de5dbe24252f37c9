import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { nestedEnvironment } from "../scripts/lib/build/cargo.ts";
import { matchesCfg } from "../scripts/lib/build/cargo-cfg.ts";
import { targetSettings } from "../scripts/lib/build/cargo-config.ts";
import { findTarget, TARGETS, type Target } from "../scripts/lib/contract.ts";
import { writeTree } from "./lib/crate.ts";
import { onPath, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("cargo's settings");
const known = (triple: string): Target => {
  const target = findTarget(triple);
  if (target === undefined) throw new Error(triple);
  return target;
};
const AARCH64 = known("aarch64-unknown-linux-musl");
const ARMV7 = known("armv7-unknown-linux-musleabihf");
const VARIABLE = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER";

const TARGET_DIR = "/somewhere/target";

/** targetSettings, without the flags that give the same bytes in any folder, which have a test of their own. */
async function settingsFor(workspace: string, target: Target, env: Record<string, string>) {
  const plain = (text: string): string =>
    text.replace(/"?(--remap-path-prefix=[^",\x1f ]*|-C"?[, \x1f]"?link-arg=--build-id=sha1)"?[, \x1f]/g, "");
  const { args, set } = await targetSettings(workspace, target, TARGET_DIR, env);
  const flags = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"].filter((name) => set[name] !== undefined);
  return {
    args: args.map(plain),
    set: { ...set, ...Object.fromEntries(flags.map((name) => [name, plain(set[name] ?? "")])) },
  };
}

/** The linker that is set for a target, in a workspace with this configuration. */
async function linker(target: Target, files: Record<string, string> = {}, env: Record<string, string> = {}) {
  process.env.CARGO_HOME = writeTree(temporaryFolder(), { "config.toml": files.home ?? "" });
  const { home: _, ...rest } = files;
  const folder = writeTree(temporaryFolder(), rest);
  mkdirSync(join(folder, "workspace"), { recursive: true });
  const { set } = await settingsFor(join(folder, "workspace"), target, env);
  return Object.entries(set);
}

test("should name rust-lld for the targets whose linker a machine may lack, and for no other", async () => {
  const named = await Promise.all(TARGETS.map(async (target) => (await linker(target)).flat()));
  assert.equal(named, [
    ["CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld"],
    ["CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld"],
    [],
    [],
    [],
    ["CARGO_TARGET_ARMV7_UNKNOWN_LINUX_MUSLEABIHF_LINKER", "rust-lld"],
  ]);
});

test("should leave the linker alone that the user's environment or configuration names", async () => {
  const ours = [[VARIABLE, "rust-lld"]];
  const named = 'linker = "mine"\n';
  assert.equal(await linker(AARCH64, {}, { [VARIABLE]: "mine" }), []);
  assert.equal(await linker(AARCH64, {}, { [VARIABLE]: "" }), ours);
  const table = `[target.aarch64-unknown-linux-musl]\n${named}`;
  assert.equal(await linker(AARCH64, { "workspace/.cargo/config.toml": table }), []);
  assert.equal(await linker(AARCH64, { "workspace/.cargo/config": table }), []);
  assert.equal(await linker(AARCH64, { ".cargo/config.toml": table }), []);
  assert.equal(await linker(AARCH64, { home: table }), []);
  assert.equal(await linker(AARCH64, { home: `[target.'cfg(target_env = "musl")']\n${named}` }), []);
  assert.equal(await linker(AARCH64, { home: `[target.'cfg(windows)']\n${named}` }), ours);
  assert.equal(await linker(AARCH64, { home: `[target.x86_64-unknown-linux-musl]\n${named}` }), ours);
  const included = { ".cargo/config.toml": 'include = ["a.toml", { path = "none.toml" }]\n', ".cargo/a.toml": table };
  assert.equal(await linker(AARCH64, included), []);
  assert.equal(await linker(AARCH64, { home: 'include = "config.toml"\n' }), ours);
});

test("should read the configuration above the folder that a link leads to, as cargo does", async () => {
  process.env.CARGO_HOME = temporaryFolder();
  const folder = writeTree(temporaryFolder(), {
    "real/.cargo/config.toml": 'build.rustflags = ["--cfg", "a"]\n',
    "real/workspace/Cargo.toml": "",
    ".cargo/config.toml": 'build.rustflags = ["--cfg", "b"]\n',
    "links/.cargo/config.toml": 'build.rustflags = ["--cfg", "c"]\n',
  });
  symlinkSync("../real/workspace", join(folder, "links", "workspace"));
  const { args } = await settingsFor(join(folder, "links", "workspace"), AARCH64, {});
  const [, setting = ""] = args;
  assert.is(setting, 'target."cfg(all(unix))".rustflags=["--cfg","b","--cfg","a","-C","target-feature=+crt-static"]');
});

test("should pass io-uring's switch on for armv7, wherever the user's flags are", async () => {
  process.env.CARGO_HOME = temporaryFolder();
  const own = ["--cfg=io_uring_skip_arch_check", "-C", "target-feature=+crt-static"];
  const settings = async (target: Target, env: Record<string, string>) => {
    const { args, set } = await settingsFor(temporaryFolder(), target, env);
    return [args[1], set.RUSTFLAGS, set.CARGO_ENCODED_RUSTFLAGS];
  };
  const list = JSON.stringify(own);
  assert.equal(await settings(ARMV7, {}), [`target."cfg(all(unix))".rustflags=${list}`, undefined, undefined]);
  assert.equal(await settings(ARMV7, { RUSTFLAGS: "--cfg a" }), [undefined, `--cfg a ${own.join(" ")}`, undefined]);
  assert.equal(await settings(ARMV7, { CARGO_ENCODED_RUSTFLAGS: "--cfg\x1fa" }), [
    undefined,
    undefined,
    ["--cfg", "a", ...own].join("\x1f"),
  ]);
  assert.equal(await settings(AARCH64, {}), [
    'target."cfg(all(unix))".rustflags=["-C","target-feature=+crt-static"]',
    undefined,
    undefined,
  ]);
});

test("should name sources by their place in the project, inner folders last, and by a link's real path too", async () => {
  const folder = temporaryFolder();
  const home = join(folder, "real", "home of cargo");
  mkdirSync(home, { recursive: true });
  symlinkSync("real", join(folder, "w"));
  process.env.CARGO_HOME = home;
  const workspace = join(folder, "w");
  const targetDir = join(workspace, "target");
  const own = [
    `--remap-path-prefix=${workspace}=/workspace`,
    `--remap-path-prefix=${join(folder, "real")}=/workspace`,
    `--remap-path-prefix=${targetDir}=/workspace/target`,
    `--remap-path-prefix=${home}=/cargo`,
    ...["-C", "link-arg=--build-id=sha1", "-C", "target-feature=+crt-static"],
  ];
  const settings = (env: Record<string, string>) => targetSettings(workspace, AARCH64, targetDir, env);
  assert.equal((await settings({})).args, ["--config", `target."cfg(all(unix))".rustflags=${JSON.stringify(own)}`]);
  // A folder's name has a space, at which cargo would split RUSTFLAGS.
  const { set } = await settings({ RUSTFLAGS: "--cfg a" });
  assert.is(set.RUSTFLAGS, undefined);
  assert.is(set.CARGO_ENCODED_RUSTFLAGS, ["--cfg", "a", ...own].join("\x1f"));
});

test("should pass flags on as TOML, whatever is in them", async () => {
  process.env.CARGO_HOME = temporaryFolder();
  const workspace = writeTree(temporaryFolder(), {
    ".cargo/config.toml": 'build.rustflags = ["-Clink-arg=a \\"b\\" \\\\ \\u007f ü"]\n',
  });
  const { args } = await settingsFor(workspace, AARCH64, {});
  assert.equal(args, [
    "--config",
    'target."cfg(all(unix))".rustflags=["-Clink-arg=a \\"b\\" \\\\ \\u007f ü","-C","target-feature=+crt-static"]',
  ]);
});

// rustc knows what holds for a target: each of its settings has to be true, alone and in every combination.
testUnless(test, onPath("rustc") ? undefined : "needs rustc", "should judge cfg() as rustc does", async () => {
  for (const target of TARGETS.filter(({ triple }) => !triple.includes("alpine"))) {
    const { stdout } = await runProgram(["rustc", "--print", "cfg", "--target", target.triple]);
    const settings = stdout.split("\n").filter((line) => /^(unix|panic|target_(?!feature|has_atomic))/.test(line));
    assert.ok(settings.length >= 8);
    for (const setting of settings) {
      assert.ok(matchesCfg(`cfg(${setting})`, target), setting);
      assert.not.ok(matchesCfg(`cfg(not(${setting}))`, target), setting);
      assert.ok(matchesCfg(`cfg( any( windows , ${setting.replace("=", " = ")} ) )`, target), setting);
    }
    assert.ok(matchesCfg(`cfg(all(${settings.join(", ")},))`, target));
  }
});

test("should take no other name for a cfg() that holds", () => {
  assert.ok(matchesCfg("cfg(all())", AARCH64));
  for (const name of [
    "",
    "cfg",
    "unix",
    "cfg()",
    "cfg(any())",
    "cfg(windows)",
    'cfg(target_arch = "arm")',
    "cfg(target_arch)",
    'cfg(target_feature = "sve")',
    "cfg(none(unix))",
    "cfg(not(not(windows)))",
    "aarch64-unknown-linux-gnu",
  ]) {
    assert.not.ok(matchesCfg(name, AARCH64), name);
  }
});

test("should keep the user's environment, but for what an outer make or cargo left in it", () => {
  const users = {
    PATH: "/bin",
    RUSTFLAGS: "--cfg a",
    CARGO_HOME: "/home",
    CARGO_TARGET_DIR: "/target",
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS: "--cfg b",
    CARGO_BUILD_RUSTC_WRAPPER: "sccache",
    RUSTUP_TOOLCHAIN: "stable",
  };
  const flags = { CARGO_ENCODED_RUSTFLAGS: "--cfg\x1fc", RUSTC_WRAPPER: "sccache", RUSTC: "rustc", TARGET: "mine" };
  assert.equal(nestedEnvironment({ ...users, ...flags }), { ...users, ...flags });
  const ofMake = { MAKEFLAGS: "-j4 --jobserver-auth=3,4", MFLAGS: "-j4", MAKELEVEL: "1", CARGO_MAKEFLAGS: "-j" };
  assert.equal(nestedEnvironment({ ...users, ...flags, ...ofMake, CALLER_DIR: "/caller" }), { ...users, ...flags });
  const ofCargo = {
    ...flags,
    RUSTDOC: "rustdoc",
    RUSTC_WORKSPACE_WRAPPER: "clippy-driver",
    RUSTC_LINKER: "mold",
    CARGO_CFG_TARGET_ARCH: "x86_64",
    CARGO_FEATURE_STD: "1",
    CARGO_MANIFEST_DIR: "/crate",
    CARGO_MANIFEST_LINKS: "z",
    CARGO_PKG_NAME: "outer",
    DEP_Z_ROOT: "/z",
    OUT_DIR: "/out",
    HOST: "x86_64-unknown-linux-gnu",
    PROFILE: "debug",
    DEBUG: "true",
    OPT_LEVEL: "0",
    NUM_JOBS: "2",
  };
  assert.equal(nestedEnvironment({ ...users, ...ofCargo }, true), users);
});

test.run();
