/** make lock: what it writes, what it refuses, and that a fetch then relies on it; archives that other programs read. */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readTar, writeTar } from "../scripts/lib/fetch/tar.ts";
import type { GitHub } from "./github/types.ts";
import { elfFile } from "./lib/elf-file.ts";
import {
  AARCH64,
  ASSET,
  assets,
  BYTES,
  digest,
  type Env,
  fetchRun,
  leaks,
  newFolder,
  OTHER,
  OTHER_BYTES,
  type Run,
  Servers,
  SHA256,
  SUMS,
  says,
  sumsOf,
  TAG,
} from "./lib/fetching.ts";
import { lacking, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("fetch: lock");
const servers = new Servers(1, { tls: true });
const lent = <T>(body: (github: GitHub, folder: string) => Promise<T>): Promise<T> =>
  servers.lend(async (github) => {
    await github.addRelease({ tag: TAG, assets: assets() });
    return body(github, newFolder());
  });
const lock = (github: GitHub, folder: string, env: Env = {}): Promise<Run> =>
  fetchRun(github, env, { folder, name: "lock.ts" });
const fileIn = (folder: string): string => join(folder, "caller", "stage0.lock");
const entry = (tag: string, name: string, bytes: Buffer): string =>
  `[[pin]]\ntag = "${tag}"\nasset = "${name}"\nsize = ${bytes.length}\nsha256 = "${digest(bytes)}"\nsha512 = "${digest(bytes, "sha512")}"\n`;
const HEADING = "# Digests of stage0 release assets; make lock writes them.\n";
const BOTH = [entry(TAG, OTHER, OTHER_BYTES), entry(TAG, ASSET, BYTES)];

test("should pin both assets, and add a later release below", async () => {
  await lent(async (github, folder) => {
    const first = await lock(github, folder);
    assert.is(first.code, 0, first.log);
    assert.is(first.stdout, `${fileIn(folder)}\n`);
    assert.is(fs.readFileSync(fileIn(folder), "utf8"), [HEADING, ...BOTH].join("\n"));

    const before = fs.statSync(fileIn(folder), { bigint: true });
    const again = await lock(github, folder);
    assert.is(again.code, 0, again.log);
    assert.is(fs.statSync(fileIn(folder), { bigint: true }).mtimeNs, before.mtimeNs);
    assert.match(again.log, /^ {2}stage0\.lock +agrees$/m);

    const later = elfFile(AARCH64, 300_001, 3);
    const list = sumsOf({ [ASSET]: BYTES, [OTHER]: later });
    await github.addRelease({
      tag: "v1.2.4-rc.1",
      assets: assets({ [OTHER]: { bytes: later }, SHA256SUMS: { bytes: list } }),
    });
    await lock(github, folder, { TAG: "1.2.4~rc1" });
    assert.is(
      fs.readFileSync(fileIn(folder), "utf8"),
      [HEADING, ...BOTH, entry("v1.2.4-rc.1", OTHER, later), entry("v1.2.4-rc.1", ASSET, BYTES)].join("\n"),
    );
  });
});

test("should let a fetch rely on the lock alone, and ask the API for nothing", async () => {
  await lent(async (github, folder) => {
    await lock(github, folder);
    fs.rmSync(join(folder, "dist"), { recursive: true });
    fs.rmSync(join(folder, "cache"), { recursive: true });
    const run = await fetchRun(github, { FASTBOOP_STAGE0_TRUST: undefined }, { folder });
    assert.is(run.code, 0, run.log);
    assert.equal(
      run.requests.filter((request) => request.startsWith("api")),
      [],
    );
  });
});

test("should write into the workspace when there is one", async () => {
  await lent(async (github, folder) => {
    const workspace = join(folder, "workspace");
    fs.mkdirSync(join(workspace, "stage0"), { recursive: true });
    fs.writeFileSync(join(workspace, "Cargo.toml"), `[workspace.package]\nversion = "${TAG.slice(1)}"\n`);
    fs.writeFileSync(join(workspace, "stage0", "Cargo.toml"), '[package]\nname = "fastboop-stage0"\n');
    const run = await lock(github, folder, { WORKSPACE: workspace, TAG: undefined });
    assert.is(run.stdout, `${join(workspace, "stage0.lock")}\n`);
    assert.is(fs.readFileSync(join(workspace, "stage0.lock"), "utf8"), [HEADING, ...BOTH].join("\n"));
    assert.not.ok(fs.existsSync(fileIn(folder)));
  });
});

test("should not pin a release again that was changed since", async () => {
  await lent(async (github, folder) => {
    await lock(github, folder);
    const before = fs.readFileSync(fileIn(folder), "utf8");
    github.reset({ releases: true });
    const other = elfFile(AARCH64, 345_678, 9);
    const list = sumsOf({ [ASSET]: BYTES, [OTHER]: other });
    await github.addRelease({ tag: TAG, assets: assets({ [OTHER]: { bytes: other }, SHA256SUMS: { bytes: list } }) });
    const run = await lock(github, folder);
    assert.is(run.code, 1);
    assert.match(run.log, new RegExp(`^error: SHA256SUMS and stage0\\.lock differ on ${OTHER} of ${TAG}$`, "m"));
    assert.is(run.stdout, "");
    assert.is(fs.readFileSync(fileIn(folder), "utf8"), before);
  });
});

test("should pin nothing of a release that lacks something, and nothing by its own claim alone elsewhere", async () => {
  await lent(async (github, folder) => {
    const foreign = await lock(github, folder, { FASTBOOP_STAGE0_TRUST: undefined });
    assert.is(foreign.code, 2);
    assert.match(foreign.log, /is not the default origin$/m);
    github.reset({ releases: true });
    await github.addRelease({ tag: TAG, assets: assets({ [OTHER]: undefined, SHA256SUMS: { bytes: SUMS } }) });
    const half = await lock(github, folder);
    assert.is(half.code, 3);
    assert.match(half.log, new RegExp(`^error: the release ${TAG} of SERVER/samcday/fastboop has no ${OTHER}$`, "m"));
    assert.not.ok(fs.existsSync(fileIn(folder)));
    const one = await lock(github, folder, { FASTBOOP_STAGE0_SHA256: SHA256 });
    says(
      one.log,
      `error: FASTBOOP_STAGE0_SHA256 pins one asset, and this is about every asset of the release
       fix: unset it; stage0.lock pins them all`,
    );
    assert.is(one.code, 2);
  });
});

test("should read a lock in JSON, and say what is wrong with one that is malformed", async () => {
  await lent(async (github, folder) => {
    fs.mkdirSync(join(folder, "caller"));
    const pin = { tag: TAG, asset: ASSET, sha256: SHA256 };
    fs.writeFileSync(fileIn(folder), JSON.stringify({ pin: [pin] }));
    const good = await fetchRun(github, { FASTBOOP_STAGE0_TRUST: undefined }, { folder });
    assert.match(good.log, /^ {2}stage0\.lock +agrees$/m);
    assert.is(good.code, 0);
    fs.writeFileSync(fileIn(folder), JSON.stringify({ pin: [{ ...pin, sha256: "short" }] }));
    const bad = await fetchRun(github, {}, { folder });
    assert.match(bad.log, /^error: FOLDER\/caller\/stage0\.lock: entry 1 has a malformed sha256\n/);
    assert.is(bad.code, 2);
    assert.equal(bad.requests, []);
  });
});

const members = [
  { name: "a/first", bytes: Buffer.from("one"), mode: 0o755 },
  { name: "b/empty", bytes: Buffer.alloc(0), mode: 0o644 },
  { name: "c/block", bytes: Buffer.alloc(512, 7), mode: 0o600 },
];

for (const [program, extract] of [
  ["tar", ["tar", "-xpf"]],
  ["busybox", ["busybox", "tar", "-xpf"]],
] as const) {
  testUnless(test, lacking({ programs: [program] }), `should write archives that ${program} reads`, async () => {
    const folder = temporaryFolder("tar");
    fs.writeFileSync(join(folder, "x.tar"), await writeTar(members, 1_700_000_000));
    const { code, stderr } = await runProgram([...extract, "x.tar"], { cwd: folder });
    assert.is(code, 0, stderr);
    for (const { name, bytes, mode } of members) {
      assert.ok(fs.readFileSync(join(folder, name)).equals(bytes), name);
      assert.is(fs.statSync(join(folder, name)).mode & 0o7777, mode);
      assert.is(fs.statSync(join(folder, name)).mtimeMs, 1_700_000_000_000);
    }
  });
}

/** Names and contents of the regular files in an archive. */
async function filesIn(archive: Buffer): Promise<[name: string, content: string][]> {
  const path = join(temporaryFolder("tar"), "x.tar");
  fs.writeFileSync(path, archive);
  const found: [string, Buffer[]][] = [];
  await readTar(fs.openSync(path, "r"), (name, size) => {
    const pieces: Buffer[] = [];
    found.push([name, pieces]);
    return size > 1_000_000 ? undefined : (bytes) => pieces.push(Buffer.from(bytes));
  });
  return found.map(([name, pieces]) => [name, Buffer.concat(pieces).toString()]);
}

for (const format of ["ustar", "gnu", "pax"]) {
  test(`should read archives that tar writes in the format ${format}`, async () => {
    const folder = temporaryFolder("tar");
    const long = `${"folder/".repeat(12)}${"name".repeat(20)}`;
    fs.mkdirSync(join(folder, "in", long, ".."), { recursive: true });
    fs.writeFileSync(join(folder, "in", long), "long");
    fs.writeFileSync(join(folder, "in", "file"), "content");
    fs.symlinkSync("file", join(folder, "in", "link"));
    assert.is((await runProgram(["mkfifo", join(folder, "in", "fifo")])).code, 0);
    await runProgram(["tar", `--format=${format}`, "--sort=name", "-cf", "x.tar", "-C", "in", "."], { cwd: folder });
    assert.equal(await filesIn(fs.readFileSync(join(folder, "x.tar"))), [
      ["file", "content"],
      [long, "long"],
    ]);
  });
}

test("should see when an archive is cut off, damaged or something else", async () => {
  const whole = Buffer.from(await writeTar(members, 0));
  const found = members.map(({ name, bytes }): [string, string] => [name, bytes.toString()]);
  assert.equal(await filesIn(whole), found);
  assert.equal(await filesIn(Buffer.concat([whole, Buffer.alloc(10_240)])), found);
  const changed = (at: number, text: string): Buffer => {
    const copy = Buffer.from(whole);
    copy.write(text, at, "latin1");
    return copy;
  };
  /** With the header's checksum right again. */
  const forged = (at: number, text: string): Buffer => {
    const copy = changed(at, text);
    copy.fill(" ", 148, 156);
    const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    return copy;
  };
  for (const [archive, why] of [
    [whole.subarray(0, 515), /truncated/],
    [whole.subarray(0, 1024), /truncated/],
    [whole.subarray(0, -512), /truncated/],
    [whole.subarray(0, -1024), /truncated/],
    [Buffer.alloc(0), /truncated/],
    [Buffer.from("hello".repeat(200)), /Invalid tar/],
    [changed(3, "A"), /checksum/],
    [forged(124, "9"), /Invalid tar number/],
    [Buffer.concat([whole, Buffer.from("more")]), /Invalid EOF/],
    // Sizes that lie: to the end of the archive and beyond, 8 GiB, 2^95.
    [forged(124, "00000007777\0"), /truncated/],
    [forged(124, "77777777777\0"), /truncated/],
    [forged(124, "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"), /too large/],
  ] as const) {
    const error = await filesIn(archive).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    assert.match(error?.message ?? "read", why);
  }
});

test("should have let no secret into any log", () => assert.equal(leaks(), []));

test.after(() => servers.close());
test.run();
