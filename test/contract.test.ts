import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import * as contract from "../scripts/lib/contract.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { elfFile } from "./lib/elf-file.ts";
import { copyProject, RUNTIME, runProgram, script, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("contract");
const ARMV7 = "armv7-unknown-linux-musleabihf";
const ARM_ASSET = contract.assetName(ARMV7);

test("should name the two release assets of the specification", () => {
  assert.equal(contract.RELEASE_ASSETS, [
    "fastboop-stage0-x86_64-unknown-linux-musl",
    "fastboop-stage0-aarch64-unknown-linux-musl",
  ]);
});

test("should turn a target into its asset name and back", () => {
  for (const target of contract.TARGETS) assert.is(contract.targetOfAsset(contract.assetName(target.triple)), target);
  for (const name of [
    "",
    "fastboop-stage0",
    "fastboop-stage0-",
    "fastboop-stage0-riscv64-unknown-linux-musl",
    "x-aarch64-unknown-linux-musl",
  ]) {
    assert.is(contract.targetOfAsset(name), undefined, name);
  }
});

test("should build the specification's download addresses", () => {
  assert.is(
    contract.downloadUrl(
      contract.DEFAULT_SERVER,
      contract.DEFAULT_REPO,
      "v1.2.3-rc.4",
      "fastboop-stage0-aarch64-unknown-linux-musl",
    ),
    "https://github.com/samcday/fastboop/releases/download/v1.2.3-rc.4/fastboop-stage0-aarch64-unknown-linux-musl",
  );
});

test("should know a tag by its grammar alone", () => {
  for (const tag of ["v0.0.1", "v10.20.30", "v0.0.1-rc.0", "v1.2.3-rc.45"]) assert.ok(contract.isTag(tag), tag);
  for (const tag of [
    "",
    "v1",
    "v1.2",
    "1.2.3",
    "v01.2.3",
    "v1.2.3-rc.01",
    "v1.2.3-rc",
    "v1.2.3-beta.1",
    "v1.2.3+x",
    "V1.2.3",
    "v1.2.3\n",
    " v1.2.3",
    "v1.2.3/..",
    "v1.2.3%2f",
    "v1234567890.0.0",
  ]) {
    assert.not.ok(contract.isTag(tag), JSON.stringify(tag));
  }
});

test("should tell a package of stage0 from what pretends to be an asset", () => {
  for (const name of [
    "fastboop-stage0_0.0.1~rc7_all.deb",
    "fastboop-stage0-0.0.1~rc7-1.noarch.rpm",
    "fastboop-stage0-0.0.1_rc7-r0.apk",
  ]) {
    assert.ok(contract.isPackageName(name), name);
  }
  for (const name of [
    "fastboop-stage0-aarch64-unknown-linux-musl.deb",
    "fastboop-stage0.deb",
    "fastboop-stage0-1.0",
    "fastboop-stage0_1.0.deb\n",
  ]) {
    assert.not.ok(contract.isPackageName(name), name);
  }
});

test("should print itself as JSON with a matrix", async () => {
  const { code, stdout, stderr } = await script("contract.ts");
  assert.is(stderr, "");
  assert.is(code, 0);
  const printed = JSON.parse(stdout);
  assert.equal(printed, JSON.parse(JSON.stringify(contract.contract())));
  assert.equal(
    printed.matrix.include.map((row: { artifact: string }) => row.artifact),
    ["fastboop-stage0-x86_64", "fastboop-stage0-aarch64"],
  );
});

test("should make armv7 a release target by one field", async () => {
  const project = copyProject(join(temporaryFolder(), "project"));
  const file = join(project, "scripts", "lib", "contract.ts");
  const before = fs.readFileSync(file, "utf8");
  const after = before.replace(/("armv7-unknown-linux-musleabihf",[^}]*status: )"buildable"/, '$1"released"');
  assert.not.equal(after, before);
  fs.writeFileSync(file, after);
  const dist = temporaryFolder("dist");
  const changed = (name: string, ...args: string[]) =>
    runProgram([...RUNTIME, join(project, "scripts", name), ...args], { cwd: project, env: { DIST: dist } });
  const row = { target: ARMV7, arch: "arm", asset: ARM_ASSET, artifact: "fastboop-stage0-arm" };
  assert.equal(JSON.parse((await changed("contract.ts")).stdout).matrix.include, [
    ...contract.contract().matrix.include,
    row,
  ]);
  // The gate and the checksum list of a release demand it from then on, and pass when it is there.
  const put = (asset: string) =>
    fs.writeFileSync(join(dist, asset), elfFile(asset.replace("fastboop-stage0-", ""), 4096), { mode: 0o755 });
  for (const asset of contract.RELEASE_ASSETS) put(asset);
  const [gate, sums] = [await changed("preflight.ts"), await changed("sums.ts")];
  assert.match(gate.stderr, `breaks the rule release-asset\n  expected: ${ARM_ASSET}\n`);
  assert.match(sums.stderr, `the release asset ${ARM_ASSET} `);
  assert.equal([gate.code, sums.code], [1, 1]);
  put(ARM_ASSET);
  assert.is((await changed("preflight.ts")).code, 0);
  assert.is((await changed("sums.ts")).code, 0);
  assert.match(fs.readFileSync(join(dist, "SHA256SUMS"), "utf8"), `  ${ARM_ASSET}\n`);
});

/** How the script ends when sh has sent its outputs somewhere first. */
const redirected = (redirection: string) =>
  runProgram(["sh", "-c", `${redirection}; exec "$@"`, "sh", ...RUNTIME, join(PROJECT, "scripts", "contract.ts")], {
    cwd: temporaryFolder(),
  });
/** Descriptor 4 is a pipe that has lost its reader. */
const NO_READER = "mkfifo pipe; exec 3<>pipe 4>pipe 3<&-";

test("should tell of an output that takes no more, with an exit code of its own", async () => {
  const full = await redirected("exec >/dev/full");
  assert.match(
    full.stderr,
    /^error: the disk is full\n {2}got: {6}.*no space left on device.*\n {2}fix: {6}free some space and run it again\n$/i,
  );
  assert.is(full.code, 3);
  assert.equal(await redirected(`${NO_READER} >&4`), {
    code: 3,
    signal: null,
    stdout: "",
    stderr:
      "error: nobody reads the output any more\n  got:      write EPIPE\n  fix:      let the reader take all of it\n",
  });
  assert.is((await redirected(`${NO_READER} >&4 2>&4`)).code, 3);
  assert.is((await redirected("exec >/dev/full 2>&1")).code, 3);
});

test.run();
