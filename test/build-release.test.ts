import * as fs from "node:fs";
import { basename, join } from "node:path";
import * as assert from "uvu/assert";
import { bufferSource } from "../scripts/lib/elf/bytes.ts";
import { readElf } from "../scripts/lib/elf.ts";
import { EXAMPLE_WORKSPACE } from "../scripts/lib/paths.ts";
import { snapshot, stage0Crate } from "./lib/crate.ts";
import {
  copyProject,
  envLines,
  isDeno,
  lacking,
  namesIn,
  type Outcome,
  runProgram,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { type ReleaseFiles, releaseFiles } from "./lib/release.ts";

const AARCH64 = "aarch64-unknown-linux-musl";
const X86_64 = "x86_64-unknown-linux-musl";
const test = suite("build-stage0, the release targets");
let built: ReleaseFiles;
test.before(async () => {
  built = await releaseFiles();
});

/** A folder to be the root of, that holds the executable and nothing else; other files by their name in it. */
function emptyRoot(executable: string, others: Record<string, string> = {}): string {
  const root = temporaryFolder();
  for (const [name, source] of Object.entries({ stage0: executable, ...others })) {
    fs.copyFileSync(source, join(root, name));
    fs.chmodSync(join(root, name), 0o755);
  }
  return root;
}

function printedLine({ code, signal, stdout, stderr }: Outcome, arch: string): void {
  assert.match(stdout, new RegExp(`^fastboop-stage0 0\\.1\\.0 ${arch} pid [0-9]+\\n$`));
  assert.equal([code, signal, stderr], [0, null, ""]);
}

testUnless(
  test,
  process.arch === "x64" ? lacking({ root: true, programs: ["chroot"] }) : "needs an x86_64 machine",
  "should run the x86_64 file in an empty root folder",
  async () => {
    const root = emptyRoot(built[X86_64]);
    printedLine(await runProgram(["chroot", root, "/stage0"]), "x86_64");
    // A process that is not PID 1 changes nothing.
    assert.equal(namesIn(root), ["stage0"]);
  },
);

testUnless(
  test,
  lacking({ root: true, programs: ["chroot", "qemu-aarch64-static"] }),
  "should run the aarch64 file in an empty root folder",
  async () => {
    const { stdout: qemu } = await runProgram(["sh", "-c", "command -v qemu-aarch64-static"]);
    const root = emptyRoot(built[AARCH64], { qemu: qemu.trim() });
    printedLine(await runProgram(["chroot", root, "/qemu", "/stage0"]), "aarch64");
    assert.equal(namesIn(root), ["qemu", "stage0"]);
  },
);

testUnless(
  test,
  process.arch === "x64" ? lacking({ root: true, programs: ["chroot", "unshare"] }) : "needs an x86_64 machine",
  "should mount and power off as PID 1",
  async () => {
    const root = emptyRoot(built[X86_64]);
    const isolated = ["unshare", "--pid", "--fork", "--mount", "chroot", root];
    const { signal, stdout, stderr } = await runProgram([...isolated, "/stage0"]);
    assert.is(stdout, "fastboop-stage0 0.1.0 x86_64 pid 1\n");
    assert.is(stderr, "");
    // In a PID namespace the kernel turns a power-off into SIGINT for its PID 1 (reboot(2)), and unshare ends as it did.
    assert.is(signal, "SIGINT");
    assert.equal(namesIn(root), ["dev", "proc", "stage0", "sys"]);
  },
);

test("should build both, and leave them and stage0.env as they are the next time", async () => {
  const dist = join(built[AARCH64], "..");
  const before = snapshot(dist);
  const { code, stdout, stderr } = await script("build-stage0.ts", ["--all"], {
    env: { DIST: dist, WORKSPACE: EXAMPLE_WORKSPACE },
  });
  assert.is(code, 0, stderr);
  assert.is(stdout, `${built[X86_64]}\n${built[AARCH64]}\n`);
  assert.match(stderr, /^fastboop-stage0-x86_64-unknown-linux-musl: .*, static-pie, unchanged$/m);
  assert.match(stderr, /^fastboop-stage0-aarch64-unknown-linux-musl: .*, static, unchanged$/m);
  for (const name of [AARCH64, X86_64].map((triple) => `fastboop-stage0-${triple}`)) {
    assert.is(snapshot(dist)?.[name], before?.[name]);
    assert.match(before?.[name] ?? "", / 100755 /);
  }
  assert.is(fs.readFileSync(join(dist, "stage0.env"), "utf8"), envLines(built[AARCH64]));
});

test("should keep the whole executable beside the stripped one, with its build id", () => {
  for (const path of Object.values(built)) {
    const [asset, whole] = [path, join(path, "..", "debug", basename(path))].map(
      (file) => readElf(bufferSource(fs.readFileSync(file))).elf,
    );
    assert.match(asset?.buildId ?? "", /^[0-9a-f]{40}$/);
    assert.is(whole?.buildId, asset?.buildId);
    const symbols = [asset, whole].map((elf) => elf?.sections.some(({ name }) => name === ".symtab"));
    assert.equal(symbols, [false, true]);
  }
});

test("should name the selected target in stage0.env when all are built", async () => {
  const dist = join(built[AARCH64], "..");
  const run = (target?: string): Promise<Outcome> =>
    script("build-stage0.ts", ["--all", "--env"], {
      env: { DIST: dist, WORKSPACE: EXAMPLE_WORKSPACE, FASTBOOP_STAGE0_TARGET: target },
    });
  const line = (path: string): string => `export FASTBOOP_STAGE0_EMBED_PATH='${path}' FASTBOOP_STAGE0_PATH='${path}'\n`;
  assert.is((await run(X86_64)).stdout, line(built[X86_64]));
  assert.is((await run()).stdout, line(built[AARCH64]));
});

test("should build the example from a folder of any name, called from elsewhere, and the command line with it", async () => {
  const folder = join(temporaryFolder(), 'a "project" of $HOME\'s');
  copyProject(folder);
  const elsewhere = temporaryFolder();
  const run = (verb: string, env: Record<string, string> = {}): Promise<Outcome> =>
    runProgram(["make", "-s", "-C", folder, `RUNTIME=${isDeno ? "deno" : "node"}`, verb], {
      cwd: elsewhere,
      env: { PWD: elsewhere, ...env },
    });
  const artifact = join(folder, "dist", `fastboop-stage0-${AARCH64}`);
  const first = await run("stage0");
  assert.is(first.code, 0, first.stderr);
  assert.is(first.stdout, `${artifact}\n`);
  assert.is(
    first.stderr.split("\n")[0],
    `no stage0/Cargo.toml at or above your folder: builds the example, ${join(folder, "test", "workspace")}`,
  );
  assert.equal(namesIn(elsewhere), []);
  // The contributor's round trip: the variable from stage0-env, into a build that embeds the file.
  const exported = await run("stage0-env");
  const { size } = fs.statSync(artifact);
  const cli = await run("cli");
  assert.is(cli.code, 0, cli.stderr);
  assert.is(cli.stdout, `${join(folder, "test", "workspace", "target", "release", "fastboop-cli")}\n`);
  const said = `fastboop-cli 0.1.0 embeds ${size} bytes from ${artifact}\n`;
  assert.is((await runProgram([cli.stdout.trim()])).stdout, said);
  const byHand = await runProgram(["sh", "-c", `${exported.stdout}cargo run --quiet --locked --package fastboop-cli`], {
    cwd: join(folder, "test", "workspace"),
  });
  assert.is(byHand.stdout, said, byHand.stderr);
});

test("should not build the command line without stage0", async () => {
  const target = temporaryFolder();
  const { code, stderr } = await runProgram(
    ["cargo", "build", "--locked", "--package", "fastboop-cli", "--target-dir", target],
    { cwd: EXAMPLE_WORKSPACE },
  );
  assert.match(stderr, "error: FASTBOOP_STAGE0_EMBED_PATH is unset: set it to a stage0 executable\n");
  assert.is(code, 101);
});

test("should tell of a workspace without the command line before stage0 is built", async () => {
  const refused = async (workspace: string, got: string): Promise<void> => {
    const dist = temporaryFolder();
    const env = { WORKSPACE: workspace, DIST: dist };
    const { code, stdout, stderr } = await script("build-cli.ts", [], { env });
    assert.is(
      stderr,
      [
        `error: ${workspace}: the workspace has no package fastboop-cli`,
        `  got:      ${got}`,
        "  fix:      set WORKSPACE to the root of a workspace that has it",
        "",
      ].join("\n"),
    );
    assert.equal([code, stdout], [3, ""]);
    assert.equal(namesIn(dist), []);
  };
  const bare = stage0Crate();
  await refused(bare, `error: could not find \`Cargo.toml\` in \`${bare}\` or any parent directory`);
  const package_ = (name: string): string => `[package]\nname = "${name}"\nversion = "0.1.0"\n`;
  const other = stage0Crate({
    "Cargo.toml": `${package_("other")}[workspace]\nmembers = ["stage0"]\n`,
    "src/lib.rs": "",
    "stage0/Cargo.toml": package_("fastboop-stage0"),
  });
  await refused(other, "fastboop-stage0, other");
});

testUnless(
  test,
  lacking({ root: true, programs: ["mount", "umount"] }),
  "should keep the older artifact when the disk is full after the build",
  async () => {
    const dist = temporaryFolder();
    assert.is((await runProgram(["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", dist])).code, 0);
    try {
      fs.writeFileSync(join(dist, `fastboop-stage0-${AARCH64}`), Buffer.alloc(400_000));
      const before = snapshot(dist) ?? {};
      const { code, stdout, stderr } = await script("build-stage0.ts", [], {
        env: { DIST: dist, WORKSPACE: EXAMPLE_WORKSPACE },
      });
      assert.match(
        stderr,
        /^error: .*\/debug\/fastboop-stage0-\S+: the disk is full\n {2}got: {6}.*no space left.*\n {2}fix: {6}free some space /im,
      );
      assert.is(stdout, "");
      assert.is(code, 3);
      const { log: _, debug: __, [`log/stage0-${AARCH64}.log`]: log, ...after } = snapshot(dist) ?? {};
      assert.ok(log);
      assert.equal(after, before);
    } finally {
      await runProgram(["umount", dist]);
    }
  },
);

test.run();
