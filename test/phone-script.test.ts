/** make phone's script around its machine: its console, and what it leaves when it is killed. A stand-in for QEMU, which boots nothing. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { assetName, findTarget } from "../scripts/lib/contract.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { phoneProgram } from "../scripts/lib/phone/program.ts";
import { lacking, namesIn, RUNTIME, runProgram, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { until } from "./lib/processes.ts";

const test = suite("phone, its script");
const X = "x86_64-unknown-linux-musl";
const RELEASE = "6.12.0-test";

/** Everything that a boot needs, and nothing that boots: the files of a kernel, of fastboop and of stage0. */
async function machineRoom(
  qemu: (folder: string) => string,
): Promise<{ file: string; env: Record<string, string>; folder: string }> {
  const folder = temporaryFolder("phone");
  const put = (path: string, text: string, mode = 0o644): string => {
    const file = join(folder, path);
    fs.mkdirSync(dirname(file), { recursive: true });
    fs.writeFileSync(file, text, { mode });
    return file;
  };
  const kernel = join("cache", "phone-kernels", "x86_64", "linux-image_1");
  for (const name of ["vmlinuz", "Image", join("lib", "modules", RELEASE, "modules.dep")]) put(join(kernel, name), "");
  put(join("bin", "qemu-system-x86_64"), `#!/bin/sh\n${qemu(folder)}\n`, 0o755);
  const target = findTarget(X);
  if (target === undefined) throw new Error(X);
  fs.symlinkSync(dirname(dirname(await phoneProgram(target, () => {}))), join(folder, "cache", "phone-programs"));
  for (const name of ["tmp", "dist"]) fs.mkdirSync(join(folder, name));
  const file = put(assetName(X), "stage0.rootfs");
  return {
    folder,
    file,
    env: {
      PATH: `${join(folder, "bin")}:${process.env.PATH}`,
      TMPDIR: join(folder, "tmp"),
      DIST: join(folder, "dist"),
      FASTBOOP_STAGE0_CACHE: join(folder, "cache"),
      FASTBOOP_CLI: put("fastboop", ""),
    },
  };
}

/** The processes with a text in their environment, and one in their command line. */
function processesWith(variable: string, argument = ""): string[] {
  const has = (pid: string, name: string, text: string): boolean =>
    fs.readFileSync(join("/proc", pid, name), "utf8").includes(text);
  return fs.readdirSync("/proc").filter((pid) => {
    try {
      return /^[0-9]+$/.test(pid) && has(pid, "environ", variable) && has(pid, "cmdline", argument);
    } catch {
      return false;
    }
  });
}

const TOOLS = ["cargo", "mkfs.erofs", "depmod", "xz", "zstd"];

testUnless(test, lacking({ programs: TOOLS }), "should give the console to a person", async () => {
  const { folder, file, env } = await machineRoom(() => 'read -r line; echo "$line: $@"');
  const busybox = join(folder, "cache", "phone-shells", "amd64", "usr", "bin", "busybox");
  fs.mkdirSync(dirname(busybox), { recursive: true });
  fs.writeFileSync(busybox, "busybox");
  for (const CONSOLE of ["1", "break"]) {
    // By a pipe, as the shell makes it: what a runtime calls one is a socket.
    const command = ["sh", "-c", 'echo hello | "$@"', "sh", ...RUNTIME, join(PROJECT, "scripts", "phone.ts"), file];
    const { code, stdout, stderr } = await runProgram(command, { env: { ...env, CONSOLE } });
    assert.is(code, 0, stderr);
    assert.match(
      stdout,
      /^hello: .* -serial mon:stdio .*rdinit=\/box\/init printk\.devkmsg=on tp_printk trace_event=sched:sched_process_exec thp_anon=16K-512K:always\n$/,
    );
    assert.match(stderr, /^phone: the console is yours; Ctrl-A X ends the machine$/m);
  }
  const two = await script("phone.ts", [file, file], { env: { ...env, CONSOLE: "1" } });
  assert.is(
    two.stderr,
    "error: a console is that of one phone\n  got:      2 files\n  fix:      set TARGET, or name one file\n",
  );
  assert.is(two.code, 2);
  assert.equal([namesIn(join(folder, "tmp")), namesIn(join(folder, "dist"))], [[], []]);
});

testUnless(
  test,
  lacking({ programs: [...TOOLS, "mkfifo"] }),
  "should leave no process when it is killed, and no file after the next run",
  async () => {
    // Opening a pipe that nobody writes to takes for ever, without a process more.
    const { folder, file, env } = await machineRoom(
      (room) => `[ -e "${room}/wait" ] && read -r _ <"${room}/wait"; exit 0`,
    );
    const wait = join(folder, "wait");
    assert.is((await runProgram(["mkfifo", wait])).code, 0);
    let pid = 0;
    const ended = script("phone.ts", [file], {
      env: { ...env, LOAD: "1" },
      started: (started) => {
        pid = started;
      },
    });
    const machines = (): number => processesWith(`TMPDIR=${env.TMPDIR}`, "qemu-system-x86_64").length;
    // The shell, its watcher and QEMU.
    await until(() => machines() === 3, ended);
    process.kill(pid, "SIGKILL");
    assert.is((await ended).signal, "SIGKILL");
    // Nothing keeps the processors busy either.
    await until(() => processesWith(`TMPDIR=${env.TMPDIR}`).length === 0);
    assert.is(namesIn(join(folder, "tmp")).length, 1);
    fs.rmSync(wait);
    const next = await script("phone.ts", [file], { env });
    assert.match(
      next.stdout,
      /^FAIL \S+ \(Linux 6\.12\.0-test, \S+\): fastboop did not find the bootloader, [^\n]*\n$/,
    );
    assert.is(next.code, 3, next.stderr);
    assert.equal([namesIn(join(folder, "tmp")), namesIn(join(folder, "dist"))], [[], ["log"]]);
  },
);

test.run();
