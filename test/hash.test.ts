import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as assert from "uvu/assert";
import { errorCode } from "../scripts/lib/errors.ts";
import { digestFile, digestSteady, sha512File } from "../scripts/lib/hash.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { failureOf, RUNTIME, runProgram, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("hash");

const MIB = 1024 ** 2;
/** A file that takes no room on the disk. */
function sparseFile(size: number): string {
  const path = join(temporaryFolder(), "file");
  fs.writeFileSync(path, "");
  fs.truncateSync(path, size);
  return path;
}

/** Runs a line of sh over and over in a folder while the body runs, from its first round on. */
async function during(line: string, cwd: string, body: () => Promise<void>): Promise<void> {
  const child: ChildProcess = spawn("sh", ["-c", `while :; do ${line}; done & echo; wait`], { cwd, detached: true });
  const ended = new Promise((resolve) => child.on("close", resolve));
  try {
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    await body();
  } finally {
    // The loop is a grandchild: its group has to go.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await ended;
  }
}

test("should give the digests of FIPS 180-4's examples, with sizes", () => {
  const file = join(temporaryFolder(), "file");
  for (const [content, sha256, sha512] of [
    [
      "",
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
    ],
    [
      "abc",
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ],
    [
      "a".repeat(1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
      "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b",
    ],
  ] as const) {
    fs.writeFileSync(file, content);
    assert.equal(digestFile(file), { size: content.length, sha256 });
    assert.equal(digestSteady(file), { size: content.length, sha256 });
    assert.equal(digestSteady(Buffer.from(file)), { size: content.length, sha256 });
    assert.is(sha512File(file), sha512);
  }
});

test("should not follow a link, and not wait for a FIFO", async () => {
  const folder = temporaryFolder();
  fs.symlinkSync(join(PROJECT, "package.json"), join(folder, "link"));
  try {
    digestSteady(join(folder, "link"));
    assert.unreachable();
  } catch (error) {
    assert.is(errorCode(error), "ELOOP");
  }
  assert.is((await runProgram(["mkfifo", join(folder, "fifo")])).code, 0);
  for (const path of [join(folder, "fifo"), folder]) {
    const { exitCode, problems } = await failureOf(() => digestSteady(path));
    assert.is(exitCode, 1);
    assert.equal(problems, [{ what: "is not a regular file" }]);
  }
});

const CHANGED = [{ what: "changed while it was read", fix: "run it again when nothing writes there" }];

test("should refuse a file that is written to meanwhile", async () => {
  const file = sparseFile(256 * MIB);
  await during("printf x | dd of=file conv=notrunc bs=1 2>/dev/null", join(file, ".."), async () => {
    const { exitCode, problems } = await failureOf(() => digestSteady(file));
    assert.is(exitCode, 1);
    assert.equal(problems, CHANGED);
  });
});

test("should refuse a file that grows meanwhile", async () => {
  const file = sparseFile(256 * MIB);
  await during("printf x >>file", join(file, ".."), async () => {
    assert.equal((await failureOf(() => digestSteady(file))).problems, CHANGED);
  });
});

test("should refuse a file that another one replaces meanwhile", async () => {
  const file = sparseFile(256 * MIB);
  await during("truncate -s 256M new && mv new file", join(file, ".."), async () => {
    assert.equal((await failureOf(() => digestSteady(file))).problems, CHANGED);
  });
});

test("should need the same memory for a file of any size", async () => {
  const hash = pathToFileURL(join(PROJECT, "scripts", "lib", "hash.ts")).href;
  const program = join(temporaryFolder(), "peak.mts");
  fs.writeFileSync(
    program,
    `import { digestFile } from ${JSON.stringify(hash)};\n` +
      "digestFile(process.argv[2]);\nprocess.stdout.write(String(process.resourceUsage().maxRSS));\n",
  );
  const peak = async (size: number): Promise<number> => {
    const { code, stdout, stderr } = await runProgram([...RUNTIME, program, sparseFile(size)]);
    assert.equal([code, stderr], [0, ""]);
    return Number(stdout) * 1024;
  };
  const [small, large] = [await peak(MIB), await peak(512 * MIB)];
  assert.ok(Math.abs(large - small) < 16 * MIB, `${small} bytes for 1 MiB, ${large} bytes for 512 MiB`);
});

test.run();
