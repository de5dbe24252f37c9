import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { digestFile } from "../scripts/lib/hash.ts";
import { lacking, make, namesIn, runProgram, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("bundle");
const files = await releaseFiles();
const TAG = "v0.0.1-rc.7";
const TOOLS = ["fetch-stage0.mjs", "preflight.mjs", "sums.mjs"];
const DIST = temporaryFolder("bundle");
const made = await make(["bundle"], { env: { DIST } });

test("should make single files and a tar of them", async () => {
  assert.is(made.code, 0, made.stderr);
  assert.is(made.stdout, `${join(DIST, "stage0-tools.tar.gz")}\n`);
  assert.equal(namesIn(join(DIST, "tools")), TOOLS);
  const listed = await runProgram(["tar", "-tzf", join(DIST, "stage0-tools.tar.gz")]);
  const names = ["LICENSE", "Makefile", ...TOOLS.map((name) => `tools/bundle/${name}`)];
  assert.is(listed.stdout, names.map((name) => `stage0-tools/${name}\n`).join(""));
});

test("should make the same bytes twice", async () => {
  const again = temporaryFolder("again");
  assert.is((await make(["bundle"], { env: { DIST: again } })).code, 0);
  assert.equal(digestFile(join(again, "stage0-tools.tar.gz")), digestFile(join(DIST, "stage0-tools.tar.gz")));
});

test("should carry the licence of every package that went in", async () => {
  const inside: Record<string, string[]> = {
    "fetch-stage0": ["@octokit/rest", "modern-tar", "smol-toml"],
    preflight: ["zx"],
  };
  for (const [tool, packages] of Object.entries(inside)) {
    const text = fs.readFileSync(join(DIST, "tools", `${tool}.mjs`), "utf8");
    for (const name of packages) assert.match(text, new RegExp(`\n${name} [0-9.]+\n`));
    assert.match(text, "Copyright (c) 2026 The stage0-distribution authors");
    // zx has bundled packages itself, and lists them in a file of their own.
    if (packages.includes("zx"))
      assert.match(text, /\nTHIRD PARTY LICENSES\n[\s\S]*\nyaml@[0-9.]+\n[\s\S]*\n {2}ISC\n/);
  }
});

test("should answer as the scripts do", async () => {
  for (const [tool, args, env] of [
    ["sums", ["--help"], {}],
    ["preflight", ["--version"], {}],
    ["preflight", ["/nonexistent/fastboop-stage0-aarch64-unknown-linux-musl"], {}],
    ["fetch-stage0", [], { TAG: "no tag" }],
  ] as const) {
    const bundled = await runProgram(["node", join(DIST, "tools", `${tool}.mjs`), ...args], { env });
    const { code, stdout, stderr } = await script(`${tool}.ts`, args, { env });
    assert.equal(bundled, { code, signal: null, stdout, stderr }, tool);
  }
});

test("should refuse in make what the project's own Makefile refuses", async () => {
  const folder = temporaryFolder("unpacked");
  assert.is((await runProgram(["tar", "-xzf", join(DIST, "stage0-tools.tar.gz"), "-C", folder])).code, 0);
  const mark = join(folder, "executed");
  const tool = (...args: string[]) => runProgram(["make", "-s", "-C", join(folder, "stage0-tools"), ...args]);
  for (const [args, told] of [
    [["preflight", "LICENSE"], "there is no verb LICENSE, only fetch-stage0 preflight sums verify-sums"],
    [["fetch-stage0", "TRAGET=x"], "error: nothing reads the variable TRAGET\n  expected: TARGET\n"],
    [["fetch-stage0", `TAG=$(shell touch ${mark})`], `got:      "$(shell touch ${mark})"`],
  ] as const) {
    const { code, stdout, stderr } = await tool(...args);
    assert.match(stderr, told);
    assert.is(stdout, "");
    assert.is(code, 2);
  }
  assert.not(fs.existsSync(mark));
});

/** A root folder with node, make and busybox, and nothing else. */
async function bareRoot(): Promise<string> {
  const root = temporaryFolder("root");
  const programs = await runProgram([
    "sh",
    "-c",
    "realpath $(command -v node) $(command -v make) $(command -v busybox)",
  ]);
  const [node = "", maker = "", busybox = ""] = programs.stdout.trim().split("\n");
  const libraries = await runProgram(["ldd", node, maker]);
  const needed = [...libraries.stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path = ""]) => path);
  const copies: [string, string][] = [
    [node, "/usr/bin/node"],
    [maker, "/usr/bin/make"],
    [busybox, "/bin/sh"],
    [busybox, "/usr/bin/sed"],
    ...new Set(needed),
  ].map((entry): [string, string] => (typeof entry === "string" ? [entry, entry] : [entry[0] ?? "", entry[1] ?? ""]));
  for (const [from, to] of copies) {
    fs.mkdirSync(dirname(join(root, to)), { recursive: true });
    fs.copyFileSync(from, join(root, to));
  }
  fs.mkdirSync(join(root, "tmp"));
  const unpacked = await runProgram(["tar", "-xzf", join(DIST, "stage0-tools.tar.gz"), "-C", root]);
  assert.is(unpacked.code, 0, unpacked.stderr);
  return root;
}

testUnless(
  test,
  lacking({ root: true, programs: ["node", "make", "busybox", "unshare"] }),
  "should fetch, gate and list without npm, bash and network",
  async () => {
    const root = await bareRoot();
    const mirror = join(root, "mirror", TAG);
    fs.mkdirSync(mirror, { recursive: true });
    for (const [target, path] of Object.entries(files))
      fs.copyFileSync(path, join(mirror, `fastboop-stage0-${target}`));
    const inside = (args: string[], env: Record<string, string> = {}) =>
      runProgram(["unshare", "-n", "chroot", root, "/usr/bin/make", "-s", "-C", "/stage0-tools", ...args], {
        cwd: "/",
        env: { PATH: "/usr/sbin:/usr/bin:/bin", HOME: "/tmp", TMPDIR: "/tmp", XDG_CACHE_HOME: "/tmp/cache", ...env },
      });

    const help = await inside(["help"]);
    assert.is(help.stderr, "");
    assert.match(help.stdout, /^ {2}fetch-stage0 {2}Download a release's stage0, verified, and print its path$/m);

    const listed = await inside(["sums"], { DIST: `/mirror/${TAG}` });
    assert.is(listed.code, 0, listed.stderr);
    assert.is(listed.stdout, `/mirror/${TAG}/SHA256SUMS\n`);
    assert.is((await inside(["verify-sums"], { DIST: `/mirror/${TAG}` })).code, 0);

    const gated = await inside(["preflight"], { DIST: `/mirror/${TAG}` });
    assert.is(gated.code, 0, gated.stderr);

    const fetched = await inside(["fetch-stage0"], {
      TAG,
      FASTBOOP_STAGE0_MIRROR: "file:///mirror",
      FASTBOOP_STAGE0_TRUST: "sums",
    });
    assert.is(fetched.code, 0, fetched.stderr);
    assert.is(fetched.stdout, `/stage0-tools/dist/fetched/${TAG}/fastboop-stage0-aarch64-unknown-linux-musl\n`);
    assert.is(
      digestFile(join(root, fetched.stdout.trim())).sha256,
      digestFile(files["aarch64-unknown-linux-musl"]).sha256,
    );

    const offline = await inside(["fetch-stage0"], { TAG: "v9.9.9" });
    assert.is.not(offline.code, 0);
    assert.not.match(offline.stderr, "defect");
  },
);

test.run();
