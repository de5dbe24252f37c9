import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PROJECT } from "../scripts/lib/paths.ts";
import { runFile } from "./lib/guard.ts";
import { lacking, RUNTIME, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { viewing } from "./lib/mounts.ts";

const test = suite("guard");
const file = (name: string): string => join(PROJECT, "test", "guard", `${name}.ts`);
const LONG_MS = 120_000;

async function judge(name: string, limit = LONG_MS) {
  const { passed, failed, skipped, trouble } = await runFile(file(name), limit);
  return { passed, failed, skipped, trouble };
}

test("should count what passed and what was skipped", async () => {
  assert.equal(await judge("passes"), { passed: 1, failed: 0, skipped: 1, trouble: undefined });
});

for (const [what, name, failed, trouble] of [
  ["a forgotten run()", "forgets-run", 1, "reported no test (is .run() missing?)"],
  ["a throwing before hook", "before-throws", 2, "0 of 2 tests passed, yet it exited with 0"],
  ["a throwing after.each hook", "after-each-throws", 1, "0 of 1 tests passed, yet it exited with 0"],
  ["an early exit", "exits-early", 1, "exit code 1"],
] as const) {
  test(`should not take ${what} for success`, async () => {
    assert.equal(await judge(name), { passed: 0, failed, skipped: 0, trouble });
  });
}

test("should see a failing test", async () => {
  assert.equal(await judge("fails"), { passed: 1, failed: 1, skipped: 0, trouble: "exit code 1" });
});

test("should end a file that hangs", async () => {
  const { failed, trouble } = await judge("hangs", 4000);
  assert.equal({ failed, trouble }, { failed: 1, trouble: "did not end within 4 s" });
});

test("should fail a file that does not exist", async () => {
  const { failed, trouble } = await judge("no-such-file");
  assert.equal({ failed, trouble }, { failed: 1, trouble: "exit code 1" });
});

test("should end with one line that sums up all files, and exit 1 on any failure", async () => {
  const run = (...names: string[]) => runProgram([...RUNTIME, join(PROJECT, "test", "run.ts"), ...names.map(file)]);
  const good = await run("passes");
  assert.is(good.stdout.trimEnd().split("\n").at(-1), "1 passed, 0 failed, 1 skipped");
  assert.is(good.code, 0);
  const bad = await run("passes", "fails", "forgets-run");
  assert.match(
    bad.stdout,
    /\nfailed: fails\.ts: should fail\n {2}Expected values to be strictly equal: {2}\(is\)\n {10}\+\+2 {4}\(Expected\)\n {10}--1 {4}\(Actual\)\nfailed: forgets-run\.ts: reported no test \(is \.run\(\) missing\?\)\n2 passed, 2 failed, 1 skipped\n$/,
  );
  assert.is(bad.code, 1);
});

test("should refuse arguments that are no test files, all at once", async () => {
  const run = (...args: string[]) => runProgram([...RUNTIME, join(PROJECT, "test", "run.ts"), ...args]);
  const absent = await run(file("passes"), "/nowhere/a.test.ts", PROJECT, "README.md");
  assert.is(
    absent.stderr,
    "error: /nowhere/a.test.ts: there is no such test file\n  fix:      check the path\n" +
      `error: ${PROJECT}: there is no such test file\n  fix:      check the path\n` +
      "error: README.md: there is no such test file\n  fix:      check the path\n",
  );
  assert.equal([absent.code, absent.stdout], [2, ""]);
  const unknown = await run("--only");
  assert.match(unknown.stderr, /^error: Unknown option '--only'.*\n {2}fix: {6}run\.ts --help lists what it takes\n$/);
  assert.equal([unknown.code, unknown.stdout], [2, ""]);
});

testUnless(
  test,
  lacking({ root: true, programs: ["unshare", "dpkg-query"] }),
  "should name one command that brings what tests were skipped for",
  async () => {
    const none = join(temporaryFolder(), "status");
    writeFileSync(none, "");
    const command = [...RUNTIME, join(PROJECT, "test", "run.ts"), file("lacks")];
    const { code, stdout } = await runProgram(viewing({ binds: { "/var/lib/dpkg/status": none } }, command));
    assert.match(stdout, "SKIPPED should be skipped: needs no-such-program, nor-this\n");
    assert.match(
      stdout,
      /\nfor what was skipped because a program is missing, run as root: apt-get update && apt-get install --no-install-recommends binutils build-essential [ a-z0-9-]+ util-linux xz-utils zstd\n1 passed, 0 failed, 1 skipped\n$/,
    );
    assert.is(code, 0);
    const { lacked } = await runFile(file("lacks"), LONG_MS);
    assert.equal(lacked, ["no-such-program", "nor-this"]);
    const why = "may not be skipped when CI is set: needs no-such-program, nor-this";
    const inCI = await runFile(file("lacks"), LONG_MS, { env: { CI: "true" } });
    assert.equal([inCI.lacked, inCI.failures], [["no-such-program", "nor-this"], [{ name: "should be skipped", why }]]);
  },
);

test("should let nothing be skipped when CI is set", async () => {
  const command = [...RUNTIME, join(PROJECT, "test", "run.ts"), file("passes")];
  const { code, stdout } = await runProgram(command, { env: { CI: "true" } });
  assert.match(stdout, /\nnothing may be skipped when CI is set\n1 passed, 0 failed, 1 skipped\n$/);
  assert.is(code, 1);
});

test("should not call a run without a test file a success", async () => {
  const empty = temporaryFolder();
  const { code, stdout } = await runProgram([...RUNTIME, join(PROJECT, "test", "run.ts"), "--in", empty]);
  assert.is(stdout, "no test ran\n0 passed, 0 failed\n");
  assert.is(code, 1);
});

test.run();
