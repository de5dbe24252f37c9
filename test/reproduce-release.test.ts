/** make reproduce TAG=…: a release's files, built again from the commit that its buildinfo names, against a local GitHub. */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { firstDifference } from "../scripts/lib/build/reproduce.ts";
import { cacheDir } from "../scripts/lib/paths.ts";
import { startGitHub } from "./github/server.ts";
import type { GitHub } from "./github/types.ts";
import { ASSET, type Env, fetchRun, newFolder, type Run, sumsOf, TAG, X86_64 } from "./lib/fetching.ts";
import { git } from "./lib/git.ts";
import { copyWorkspace, lacking, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("reproduce a release");
const BUILDINFO = "fastboop-stage0.buildinfo.json";

interface Published {
  workspace: string;
  commit: string;
  bytes: Buffer;
  /** As make stage0 left it. */
  buildinfo: string;
}
let made: Published;

const needs = lacking({ programs: ["cargo", "git"] });
if (needs === undefined) {
  test.before(async () => {
    const workspace = temporaryFolder("published");
    copyWorkspace(workspace);
    await git(workspace, "init", "--quiet");
    await git(workspace, "add", ".");
    await git(workspace, "commit", "--quiet", "-m", "demo");
    const dist = temporaryFolder("dist");
    const env = { TARGET: X86_64, WORKSPACE: workspace, DIST: dist };
    const { code, stderr } = await script("build-stage0.ts", [], { env });
    assert.is(code, 0, stderr);
    made = {
      workspace,
      commit: await git(workspace, "rev-parse", "HEAD"),
      bytes: fs.readFileSync(join(dist, ASSET)),
      buildinfo: fs.readFileSync(join(dist, "log", `${ASSET}.buildinfo.json`), "utf8"),
    };
    // What is released is a commit, whatever the tree has become.
    fs.appendFileSync(join(workspace, "stage0", "src", "main.rs"), "compile_error!();\n");
    await git(workspace, "commit", "--quiet", "-am", "later");
  });
}

async function reproduce(bytes: Buffer, buildinfo: string | undefined, env: Env = {}, page?: string): Promise<Run> {
  const github: GitHub = await startGitHub({ tls: true });
  try {
    const files: Record<string, Buffer> = { [ASSET]: bytes };
    if (buildinfo !== undefined) files[BUILDINFO] = Buffer.from(buildinfo);
    const other = "fastboop-stage0-aarch64-unknown-linux-musl";
    const list = sumsOf({ ...files, [other]: Buffer.from("x") });
    const assets = [
      ...Object.entries(files).map(([name, content]) => ({ name, bytes: content })),
      { name: "SHA256SUMS", bytes: list },
    ];
    await github.addRelease({ tag: TAG, assets });
    const prefix = page === undefined ? {} : { args: ["--html", page] };
    // What is fetched is cached apart; a toolchain that was made for the release's build is there already.
    const folder = newFolder();
    fs.mkdirSync(join(folder, "cache"));
    fs.symlinkSync(cacheDir("toolchain"), join(folder, "cache", "toolchain"));
    return await fetchRun(github, { WORKSPACE: made.workspace, ...env }, { folder, name: "reproduce.ts", ...prefix });
  } finally {
    await github.close();
  }
}
const sha256 = (run: Run): string => /sha256 ([0-9a-f]{64})/.exec(run.stdout)?.[1] ?? "";

testUnless(
  test,
  needs,
  "should say that a release is what its sources give, and what was otherwise in the build",
  async () => {
    const info = JSON.parse(made.buildinfo);
    const same = await reproduce(made.bytes, made.buildinfo);
    assert.is(same.code, 0, same.stderr);
    assert.is(
      same.stdout,
      `ok   ${ASSET} of ${TAG}: the same bytes as its sources give, ${/bytes as its sources give, (.*), sha/.exec(same.stdout)?.[1]}, sha256 ${info.builds[0].sha256}\n`,
    );
    assert.match(same.stderr, `built from commit ${made.commit}\n`);
    assert.not.match(same.stderr, "note: ");
    info.builds[0].toolchain.cargo = "cargo 1.0.0";
    const other = await reproduce(made.bytes, JSON.stringify(info));
    assert.is(other.code, 0, other.stderr);
    assert.match(other.stderr, `note: ${ASSET}: another cargo: cargo 1.0.0 in the release, cargo `);
  },
);

testUnless(
  test,
  needs,
  "should name the first difference of a release that its sources do not give, as a page too",
  async () => {
    const altered = Buffer.from(made.bytes);
    const at = altered.indexOf("fastboop-stage0");
    assert.ok(at > 0);
    altered.write("F", at, "latin1");
    const page = join(temporaryFolder(), "page.html");
    const run = await reproduce(altered, made.buildinfo, {}, page);
    assert.is(run.code, 1, run.stderr);
    assert.match(run.stdout, new RegExp(`^FAIL ${ASSET} of ${TAG}: not what its sources give, `));
    assert.match(
      run.stderr,
      new RegExp(
        `^error: ${ASSET} of ${TAG} is not what its sources give: it differs first at byte [0-9]+ of \\.rodata\n {2}expected: ${sha256(run)}: .*Fastboop-stage0.*\n {2}got: {6}[0-9a-f]{64}: .*fastboop-stage0.*\n {2}fix: {6}look for a build script's output, or another compiler$`,
        "m",
      ),
    );
    const text = fs.readFileSync(page, "utf8");
    assert.match(text, "<h1>1 of 1 files of v1.2.3 differ</h1>");
    assert.match(text, /First difference: byte [0-9]+ of \.rodata/);
    assert.match(text, /46 61 73 74 62 6f 6f 70/);
    assert.match(text, /66 61 73 74 62 6f 6f 70/);

    const info = JSON.parse(made.buildinfo);
    info.builds[0].toolchain.rustc[0] = "rustc 1.0.0 (000000000 2015-05-15)";
    const compiler = await reproduce(altered, JSON.stringify(info));
    assert.is(compiler.code, 1, compiler.stderr);
    assert.match(
      compiler.stderr,
      / {2}fix: {6}look for another compiler: rustc 1\.0\.0 \(000000000 2015-05-15\).* there, rustc .* here\n/,
    );
  },
);

testUnless(test, needs, "should say what is missing before it builds", async () => {
  const cases: [string | undefined, number, string][] = [
    [undefined, 3, `the release ${TAG} does not say how it was built`],
    [made.buildinfo.replaceAll(ASSET, "fastboop-stage0-other"), 3, `the release ${TAG} does not say how it was built`],
    ["{}", 1, `${BUILDINFO}: it does not say how stage0 was built`],
    [
      made.buildinfo.replace(made.commit, "0".repeat(40)),
      3,
      `${made.workspace}: the repository does not have the release's commit`,
    ],
    [
      made.buildinfo.replace(/"cargoLock": "\w+"/, `"cargoLock": "${"1".repeat(64)}"`),
      1,
      "these are not the release's sources: Cargo.lock differs",
    ],
  ];
  for (const [buildinfo, code, what] of cases) {
    const run = await reproduce(made.bytes, buildinfo);
    assert.is(run.code, code, run.stderr);
    assert.ok(
      run.stderr.split("\n").some((line) => line.startsWith("error: ") && line.endsWith(what)),
      run.stderr,
    );
    assert.not.match(run.stderr, "Compiling");
  }
});

testUnless(test, needs, "should name the place of a difference that is in no section", () => {
  const flags = Buffer.from(made.bytes);
  flags.writeUInt32LE(1, 48);
  const { section, offset, bytes } = firstDifference(made.bytes, flags) ?? {};
  assert.equal([section, offset], ["the ELF header", 48]);
  assert.equal(
    bytes?.map((text) => text.slice(48, 56)),
    ["00000000", "01000000"],
  );
  assert.is(firstDifference(Buffer.from("some text"), Buffer.from("some other"))?.section, undefined);
});

test.run();
