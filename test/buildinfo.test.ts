/** What a build tells of itself, and the release asset that is made of it. */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { RELEASE_ASSETS } from "../scripts/lib/contract.ts";
import { type Buildinfo, parseBuildinfo } from "../scripts/lib/release/buildinfo.ts";
import { HOST_TARGET, stage0Crate } from "./lib/crate.ts";
import {
  failureOf,
  lacking,
  type Outcome,
  runProgram,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("buildinfo");
const COMMITTER = ["-c", "user.name=Demo", "-c", "user.email=demo@example.invalid"];

/** A repository with the same commit wherever it is. */
async function repository(folder: string): Promise<string> {
  stage0Crate({}, join(folder, "below"));
  const env = { GIT_AUTHOR_DATE: "2026-01-01T00:00:00Z", GIT_COMMITTER_DATE: "2026-01-01T00:00:00Z" };
  for (const args of [
    ["init", "--quiet"],
    ["add", "."],
    [...COMMITTER, "commit", "--quiet", "-m", "demo"],
  ]) {
    const { code, stderr } = await runProgram(["git", "-C", folder, ...args], { env });
    assert.is(code, 0, stderr);
  }
  return join(folder, "below");
}

async function build(workspace: string, dist: string, env: Record<string, string> = {}): Promise<string> {
  const outcome = await script("build-stage0.ts", [], {
    env: { TARGET: HOST_TARGET, WORKSPACE: workspace, DIST: dist, ...env },
  });
  assert.is(outcome.code, 0, outcome.stderr);
  const file = join(dist, "log", `fastboop-stage0-${HOST_TARGET}.buildinfo.json`);
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
}

testUnless(
  test,
  lacking({ programs: ["cargo", "git"] }),
  "should tell commit, compiler and flags in the same bytes in any folder, and of a changed tree that it was changed",
  async () => {
    const [one, other] = [temporaryFolder("one"), join(temporaryFolder("two"), "with a longer name")];
    const dist = temporaryFolder("dist");
    const workspace = await repository(one);
    const first = await build(workspace, dist);
    fs.mkdirSync(other);
    assert.is(await build(await repository(other), temporaryFolder("dist")), first);
    for (const folder of [one, process.env.HOME ?? "", dist]) assert.not.ok(first.includes(folder), first);

    const info = parseBuildinfo(first, "");
    const head = await runProgram(["git", "-C", one, "rev-parse", "HEAD"]);
    assert.equal(info.source, { commit: head.stdout.trim(), modified: false, folder: "below" });
    const { toolchain, ...how } = info.builds[0] as Buildinfo["builds"][0];
    const rustc = await runProgram(["rustc", "--version"], { cwd: workspace });
    assert.is(toolchain.rustc[0], rustc.stdout.trim());
    assert.is(toolchain.cargo, (await runProgram(["cargo", "--version"], { cwd: workspace })).stdout.trim());
    assert.match(toolchain.std ?? "", /^[0-9a-f]{64}$/);
    const cargo = await runProgram(["sh", "-c", "command -v cargo"]);
    const isDebians = cargo.stdout === "/usr/bin/cargo\n" && fs.existsSync("/usr/bin/dpkg-query");
    assert.is(
      Object.keys(toolchain.packages).some((name) => name.startsWith("cargo")),
      isDebians,
    );
    // Newer compilers name themselves there, older ones and linkers only GCC.
    assert.ok(toolchain.comment.length > 0);
    assert.equal(how.rustflags, ["-C", "target-feature=+crt-static"]);
    assert.equal(how.environment, { CARGO_PROFILE_RELEASE_STRIP: "false" });

    // Of the same bytes by the same compiler the library is not read again.
    const part = join(dist, "log", `fastboop-stage0-${HOST_TARGET}.buildinfo.json`);
    const known = first.replace(toolchain.std ?? "", "0".repeat(64));
    const byAnother = known.replace(toolchain.rustc[0] ?? "", "rustc 1.0.0");
    const ofOthers = known.replace(info.builds[0]?.sha256 ?? "", "f".repeat(64));
    for (const [left, expected] of [
      [known, known],
      ...[byAnother, ofOthers, "{", "{}"].map((text) => [text, first] as const),
    ] as const) {
      fs.writeFileSync(part, left);
      assert.is(await build(workspace, dist), expected, left);
    }

    fs.appendFileSync(join(workspace, "stage0", "src", "main.rs"), "// changed\n");
    const changed = parseBuildinfo(await build(workspace, dist, { RUSTFLAGS: `-L${workspace}` }), "");
    assert.is(changed.source?.modified, true);
    assert.equal(changed.builds[0]?.rustflags, ["-L/workspace", "-C", "target-feature=+crt-static"]);

    const prebuilt = join(dist, "copy");
    fs.copyFileSync(join(dist, `fastboop-stage0-${HOST_TARGET}`), prebuilt);
    assert.is(await build(workspace, dist, { FASTBOOP_STAGE0_EMBED_PATH: prebuilt }), "", "it was not built here");
  },
);

const BUILT = await releaseFiles();
const digestOf = async (path: string): Promise<string> => (await runProgram(["sha256sum", path])).stdout.slice(0, 64);

/** A folder with the release assets, and what their builds left, changed. */
async function distOf(
  change: (info: Buildinfo, name: string) => Buildinfo | undefined = (info) => info,
): Promise<string> {
  const dist = temporaryFolder("dist");
  fs.mkdirSync(join(dist, "log"));
  for (const [target, path] of Object.entries(BUILT)) {
    const asset = `fastboop-stage0-${target}`;
    if (!RELEASE_ASSETS.includes(asset)) continue;
    fs.copyFileSync(path, join(dist, asset));
    const toolchain = { from: "this system", rustc: [], cargo: "", std: null, comment: [], packages: {}, clang: null };
    const sha256 = await digestOf(path);
    const build = { asset, target, size: 1, sha256, profile: "release", rustflags: [], environment: {}, toolchain };
    const info = change({ source: null, cargoLock: "0".repeat(64), builds: [build as Buildinfo["builds"][0]] }, asset);
    if (info !== undefined) fs.writeFileSync(join(dist, "log", `${asset}.buildinfo.json`), JSON.stringify(info));
  }
  return dist;
}
const join_ = (dist: string): Promise<Outcome> => script("buildinfo.ts", [], { env: { DIST: dist } });

test("should write what the builds of all release assets left as one asset, which the gate knows", async () => {
  const dist = await distOf();
  const { code, stdout, stderr } = await join_(dist);
  assert.is(code, 0, stderr);
  const file = join(dist, "fastboop-stage0.buildinfo.json");
  assert.is(stdout, `${file}\n`);
  assert.equal(
    parseBuildinfo(fs.readFileSync(file, "utf8"), "").builds.map(({ asset }) => asset),
    RELEASE_ASSETS,
  );
  const gate = await script("preflight.ts", [], { env: { DIST: dist } });
  assert.is(gate.code, 0, gate.stderr);
});

test("should write none of files that were not built here, and refuse what does not belong together", async () => {
  const [first = "", second = ""] = RELEASE_ASSETS;
  const none = await join_(await distOf(() => undefined));
  assert.equal([none.code, none.stdout], [0, ""]);
  assert.is(none.stderr, "no fastboop-stage0.buildinfo.json: the release assets were not built here\n");
  const cases: [(info: Buildinfo, name: string) => Buildinfo | undefined, string, string][] = [
    [(info, name) => (name === second ? undefined : info), second, "nothing says how it was built"],
    [
      (info, name) =>
        name === first ? { ...info, builds: info.builds.map((one) => ({ ...one, sha256: "1".repeat(64) })) } : info,
      first,
      "it is not what was built",
    ],
    [
      (info, name) => (name === second ? { ...info, cargoLock: "1".repeat(64) } : info),
      second,
      "it was built from other sources",
    ],
  ];
  for (const [change, name, what] of cases) {
    const dist = await distOf(change);
    const { code, stderr } = await join_(dist);
    assert.is(code, 1, stderr);
    assert.is(stderr.split("\n")[0], `error: ${join(dist, name)}: ${what}`);
    assert.not.ok(fs.existsSync(join(dist, "fastboop-stage0.buildinfo.json")));
  }
});

test("should take no other file for one", async () => {
  const good = await distOf();
  const text = fs.readFileSync(join(good, "log", `${RELEASE_ASSETS[0]}.buildinfo.json`), "utf8");
  const source = { commit: "a".repeat(40), modified: false, folder: "below/it" };
  parseBuildinfo(JSON.stringify({ ...JSON.parse(text), source }), "");
  const cases: [unknown, string][] = [
    ["no JSON", "source, cargoLock, builds"],
    [{ ...JSON.parse(text), cargoLock: "x" }, "cargoLock"],
    [{ ...JSON.parse(text), source: { ...source, commit: "--upload-pack=x" } }, "source.commit"],
    [{ ...JSON.parse(text), source: { ...source, folder: "a/../.." } }, "source.folder"],
    [{ ...JSON.parse(text), source: { ...source, folder: "/etc" } }, "source.folder"],
    [JSON.parse(text.replace('"release"', '"--config=x"')), "builds[0].profile"],
    [JSON.parse(text.replace('"rustc":[]', '"rustc":[1]')), "builds[0].toolchain.rustc"],
  ];
  for (const [json, place] of cases) {
    const { exitCode, problems } = await failureOf(() => parseBuildinfo(JSON.stringify(json), "it"));
    assert.is(exitCode, 1);
    assert.is(problems[0]?.got, `missing or of another kind: ${place}`);
  }
});

test.run();
