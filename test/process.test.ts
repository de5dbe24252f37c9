import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as assert from "uvu/assert";
import { withFileLock } from "../scripts/lib/file-lock.ts";
import { ending, run } from "../scripts/lib/process.ts";
import { shell } from "../scripts/lib/shell.ts";
import { failureOf, type Outcome, RUNTIME, runProgram, stderrOf, suite, temporaryFolder } from "./lib/harness.ts";
import { endsSoon, isRunning, until } from "./lib/processes.ts";

const test = suite("process");

test("should tell how a program ended and what it wrote", async () => {
  const found = await run(["sh", "-c", "echo out; echo err >&2; exit 7"]);
  assert.equal(found, { exitCode: 7, signal: null, stdout: "out\n", stderr: "err\n" });
  assert.is(ending(found), "exit code 7");
  const killed = await run(["sh", "-c", "kill -TERM $$"]);
  assert.equal(killed, { exitCode: null, signal: "SIGTERM", stdout: "", stderr: "" });
  assert.is(ending(killed), "SIGTERM");
  const missing = { exitCode: 127, signal: null, stdout: "", stderr: "/nowhere/program: ENOENT" };
  assert.equal(await run(["/nowhere/program"]), missing);
});

test("should hand arguments, folder and environment on as they are, by both ways", async () => {
  const cwd = fs.realpathSync(temporaryFolder("a 'b' $c"));
  const args = ["", "a b", "'", '"', "$HOME", "`id`", "\n", "*", "é", "-n"];
  const print = 'for arg; do printf "<%s>" "$arg"; done; pwd; echo "$A"; cat';
  const env = { PATH: process.env.PATH ?? "", A: "x  y" };
  const expected = `${args.map((arg) => `<${arg}>`).join("")}${cwd}\nx  y\n`;
  assert.is((await run(["sh", "-c", print, "sh", ...args], { cwd, env })).stdout, expected);
  const $ = await shell({ cwd, env });
  assert.is((await $`sh -c ${print} sh ${args}`).stdout, expected);
});

test("should hand stderr on as it comes", async () => {
  const pieces: string[] = [];
  const fifo = join(temporaryFolder(), "go");
  const program = run(["sh", "-c", 'mkfifo "$0"; echo one >&2; read -r _ <"$0"; echo two >&2', fifo], {
    onStderr: (bytes) => {
      pieces.push(bytes.toString());
      if (pieces.length === 1) fs.writeFileSync(fifo, "\n");
    },
  });
  assert.is((await program).stderr, "one\ntwo\n");
  assert.equal(pieces, ["one\n", "two\n"]);
});

test("should kill a program that writes without end, and what it started", async () => {
  const child = join(temporaryFolder(), "child");
  for (const stream of [1, 2]) {
    const flood = `sleep 1007 & echo $! >"$0"; yes >&${stream}`;
    const log = await stderrOf(async () => {
      const found = await run(["sh", "-c", flood, child], { maxOutput: 1024 ** 2 });
      assert.is(ending(found), "SIGKILL");
      assert.ok(found.stdout.length + found.stderr.length < 2 * 1024 ** 2);
    });
    assert.is(log, "sh is killed: it wrote more than 1 MiB\n");
    assert.ok(await endsSoon(Number(fs.readFileSync(child, "utf8"))));
  }
});

test("should kill a program, and what it started, when its time is up or was before", async () => {
  const child = join(temporaryFolder(), "child");
  const signal = AbortSignal.timeout(500);
  const $ = await shell({ signal });
  const slow = await $`sh -c ${'sleep 1008 & echo $! >"$0"; wait'} ${child}`;
  assert.equal([slow.ok, slow.signal, signal.aborted], [false, "SIGKILL", true]);
  assert.ok(await endsSoon(Number(fs.readFileSync(child, "utf8"))));
  assert.is((await $`sleep 1009`).ok, false);
});

/** Starts ending.ts and comes back when its program runs. */
async function start(way: "exit" | "wait", group: object = {}) {
  const folder = temporaryFolder();
  const read = (name: string): string => fs.readFileSync(join(folder, name), "utf8").trim();
  let self = 0;
  const command = [...RUNTIME, join(import.meta.dirname, "lib", "ending.ts"), way, folder, JSON.stringify(group)];
  const ended: Promise<Outcome> = runProgram(command, { started: (pid) => (self = pid) });
  await until(() => fs.existsSync(join(folder, "pid")), ended);
  return { folder, read, self, ended };
}

/** Waits until a file of the program's holds some text. */
async function holds(folder: string, name: string, text: string): Promise<void> {
  const path = join(folder, name);
  await until(() => fs.existsSync(path) && fs.readFileSync(path, "utf8") === text);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`should kill what runs and remove its folder when ${signal} ends the run`, async () => {
    const { read, self, ended } = await start("wait");
    assert.ok(fs.existsSync(read("temporary")));
    process.kill(self, signal);
    assert.equal(await ended, { code: null, signal, stdout: "", stderr: "" });
    assert.not(fs.existsSync(read("temporary")));
    for (const pid of ["pid", "child"]) assert.ok(await endsSoon(Number(read(pid))));
  });
}

test("should kill what runs and remove its folder when the run ends itself", async () => {
  const { read, ended } = await start("exit");
  assert.equal(await ended, { code: 5, signal: null, stdout: "", stderr: "" });
  assert.not(fs.existsSync(read("temporary")));
  for (const pid of ["pid", "child"]) assert.ok(await endsSoon(Number(read(pid))));
});

test("should let a program end by itself at a signal, for as long as it may", async () => {
  const { folder, read, self, ended } = await start("wait", { graceMs: 60_000 });
  process.kill(self, "SIGTERM");
  await holds(folder, "got", "TERM\n");
  assert.ok(fs.existsSync(read("temporary")));
  fs.writeFileSync(join(folder, "end"), "");
  assert.equal(await ended, { code: null, signal: "SIGTERM", stdout: "", stderr: "" });
  assert.ok(fs.existsSync(join(folder, "ended")));
  assert.not(fs.existsSync(read("temporary")));
  assert.ok(await endsSoon(Number(read("child"))));
});

test("should kill it when that time is over, or when a second signal comes", async () => {
  const late = await start("wait", { graceMs: 300 });
  process.kill(late.self, "SIGTERM");
  assert.is((await late.ended).signal, "SIGTERM");
  const twice = await start("wait", { graceMs: 60_000 });
  process.kill(twice.self, "SIGTERM");
  await holds(twice.folder, "got", "TERM\n");
  process.kill(twice.self, "SIGINT");
  assert.is((await twice.ended).signal, "SIGTERM");
  for (const { folder, read } of [late, twice]) {
    assert.not(fs.existsSync(join(folder, "ended")));
    for (const pid of ["pid", "child"]) assert.ok(await endsSoon(Number(read(pid))));
  }
});

test("should never kill what must not be killed, and tell it by the signal that it knows", async () => {
  const { folder, read, self, ended } = await start("wait", { passAs: "SIGINT", graceMs: null });
  process.kill(self, "SIGTERM");
  await holds(folder, "got", "INT\n");
  process.kill(self, "SIGTERM");
  await setTimeout(500);
  assert.ok(isRunning(self));
  fs.writeFileSync(join(folder, "end"), "");
  assert.is((await ended).signal, "SIGTERM");
  assert.ok(fs.existsSync(join(folder, "ended")));
  process.kill(Number(read("child")), "SIGKILL");
});

test("should say what flock says when a file can't be locked", async () => {
  const file = join(temporaryFolder(), "missing", ".lock");
  const locking = withFileLock(file, assert.unreachable, async () => assert.unreachable());
  assert.equal((await failureOf(() => locking)).problems, [
    {
      what: "the cache can't be locked",
      expected: "a lock from flock",
      got: `flock: cannot open lock file ${file}: No such file or directory`,
      file,
    },
  ]);
});

test.run();
