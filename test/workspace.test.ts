import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { EXAMPLE_WORKSPACE } from "../scripts/lib/paths.ts";
import { workspaceVersion } from "../scripts/lib/workspace.ts";
import { HOST_TARGET, stage0Crate, writeTree } from "./lib/crate.ts";
import { failureOf, runProgram, script, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("workspace");

test("should give the example workspace's version", async () => {
  assert.is(await workspaceVersion(EXAMPLE_WORKSPACE), "0.1.0");
});

const manifests = (root: string | undefined, stage0?: string): string =>
  writeTree(temporaryFolder(), { "Cargo.toml": root, "stage0/Cargo.toml": stage0 });

test("should find the version where cargo would", async () => {
  const version = (root: string | undefined, stage0?: string): Promise<string> =>
    workspaceVersion(manifests(root, stage0));
  assert.is(await version('[workspace.package]\nversion = "1.2.3-rc.4"\n'), "1.2.3-rc.4");
  assert.is(await version('[package]\nversion = "1.2.3"\n[workspace]\n'), "1.2.3");
  assert.is(
    await version('[package]\nversion.workspace = true\n[workspace]\npackage = { version = "2.0.0" }\n'),
    "2.0.0",
  );
  assert.is(await version('[workspace]\nmembers = ["stage0"]\n', '[package]\nversion = "3.0.0"\n'), "3.0.0");
  assert.is(await version(undefined, '[package]\nversion = "4.0.0"\n'), "4.0.0");
});

test("should say when no manifest gives a version, or one is not TOML", async () => {
  const none = manifests("[workspace]\n", "[package]\nversion.workspace = true\n");
  const missing = await failureOf(() => workspaceVersion(none));
  assert.is(missing.exitCode, 3);
  assert.equal(missing.problems, [
    {
      what: "the workspace's manifests give no version",
      expected: 'version = "X.Y.Z" in [workspace.package] or [package]',
      file: join(none, "Cargo.toml"),
    },
  ]);
  const broken = manifests("[workspace\n");
  const unparsed = await failureOf(() => workspaceVersion(broken));
  assert.is(unparsed.exitCode, 2);
  assert.is(unparsed.problems[0]?.file, join(broken, "Cargo.toml"));
  assert.match(unparsed.problems[0]?.what ?? "", /^is not TOML: Invalid TOML document: [^\n]+$/);
});

test("should refuse a WORKSPACE without stage0/Cargo.toml", async () => {
  const refused = async (workspace: string, cwd: string, got: string): Promise<void> => {
    const dist = join(temporaryFolder(), "dist");
    const { code, stdout, stderr } = await script("build-stage0.ts", [], {
      cwd,
      env: { WORKSPACE: workspace, TARGET: HOST_TARGET, DIST: dist },
    });
    assert.is(
      stderr,
      [
        "error: WORKSPACE holds no stage0/Cargo.toml",
        "  expected: a cargo workspace with the package fastboop-stage0 in stage0/",
        `  got:      ${got}`,
        "  fix:      set WORKSPACE to the workspace's root, or FASTBOOP_STAGE0_EMBED_PATH to a prebuilt stage0",
        "",
      ].join("\n"),
    );
    assert.is(stdout, "");
    assert.is(code, 2);
    assert.not.ok(fs.existsSync(dist));
  };
  const folder = temporaryFolder();
  fs.mkdirSync(join(folder, "stage0", "Cargo.toml"), { recursive: true });
  fs.writeFileSync(join(folder, "file"), "");
  await refused(folder, folder, folder);
  await refused("file", folder, join(folder, "file"));
  await refused("-no\n\x1b[31m", folder, `${folder}/-no\\n\\x1b[31m`);
});

test("should take the nearest workspace at or above the caller's folder", async () => {
  const outer = stage0Crate();
  const inner = stage0Crate({ "deep/er/file": "" }, join(outer, "vendor", "inner"));
  const built = async (cwd: string): Promise<string> => {
    const dist = temporaryFolder();
    const { code, stderr } = await script("build-stage0.ts", [], { cwd, env: { TARGET: HOST_TARGET, DIST: dist } });
    assert.is(code, 0, stderr);
    const log = fs.readFileSync(join(dist, "log", `stage0-${HOST_TARGET}.log`), "utf8");
    return /^\+ cd (\S+) &&/.exec(log)?.[1] ?? "";
  };
  assert.is(await built(join(inner, "deep", "er")), inner);
  assert.is(await built(join(inner, "stage0")), inner);
  assert.is(await built(join(outer, "vendor")), outer);
});

test("should have an example that builds offline, with a lock file that is up to date", async () => {
  const { code, stderr } = await runProgram(
    ["cargo", "metadata", "--locked", "--offline", "--format-version", "1", "--quiet"],
    { cwd: EXAMPLE_WORKSPACE },
  );
  assert.is(stderr, "");
  assert.is(code, 0);
});

test.run();
