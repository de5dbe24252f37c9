/**
 * Boots on the machine's own processor, and of what no real console does at will. QEMU and kernels are stand-ins here: boot.test.ts
 * has the real ones.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { hasKvm } from "../scripts/lib/boot/native.ts";
import { bootAll, type Verdict } from "../scripts/lib/boot.ts";
import { findTarget, type Target } from "../scripts/lib/contract.ts";
import { namesIn, stderrOf, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("boot-native");
const [X, A, ARMV7] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "armv7-unknown-linux-musleabihf"].map(
  (triple) => findTarget(triple) as Target,
) as [Target, Target, Target];

const folder = temporaryFolder();
const calls = join(folder, "calls");
const file = join(folder, "init");
fs.writeFileSync(file, "x");

/** A kernel image of Debian's in the cache, as far as it is looked at. */
function keepKernel(name: string, text: string, at: number): void {
  const kept = join(folder, "cache", "kernels", name, "x_1_configfs");
  fs.mkdirSync(kept, { recursive: true });
  const image = Buffer.alloc(4096);
  image.write(text, at, "latin1");
  fs.writeFileSync(join(kept, "vmlinuz"), image);
}
keepKernel("linux-image-cloud-amd64", "HdrS", 0x202);
keepKernel("linux-image-cloud-arm64", "ARM\x64", 0x38);
keepKernel("linux-image-6.12-arm64-16k", "ARM\x64", 0x38);

const STARTED = String.raw`printf '[    0.0] Linux version 6.1.0-1-test (x)\n[    1.0] Run /init as init process\n'`;
const GOOD = String.raw`${STARTED}; printf '[    2.0] reboot: Power down\n'`;

/** Boots where the machines of KVM do what `native` says. */
async function boot(
  target: Target,
  native: string,
  kvm: (target: Target) => boolean = () => true,
  emulated = GOOD,
): Promise<{ verdicts: Verdict[]; stderr: string; machines: string[] }> {
  fs.rmSync(calls, { force: true });
  for (const name of ["qemu-system-x86_64", "qemu-system-aarch64"]) {
    const program = `#!/bin/sh\necho "$*" >>'${calls}'\ncase "$*" in *"-accel kvm"*) ${native} ;; *) ${emulated} ;; esac\n`;
    fs.writeFileSync(join(folder, name), program, { mode: 0o755 });
  }
  let verdicts: Verdict[] = [];
  const stderr = await stderrOf(async () => {
    verdicts = await bootAll([{ path: file, target }], () => {}, kvm);
  });
  const machines = fs.readFileSync(calls, "utf8").match(/-accel \S+|-machine \S+ -cpu \S+/g) ?? [];
  return { verdicts, stderr, machines };
}

/** The same of the user's own kernel, which is booted on one machine. */
async function bootOwn(emulated: string): ReturnType<typeof boot> {
  process.env.KERNEL_x86_64 = join(folder, "cache/kernels/linux-image-cloud-amd64/x_1_configfs/vmlinuz");
  try {
    return await boot(X, GOOD, () => true, emulated);
  } finally {
    delete process.env.KERNEL_x86_64;
  }
}

test.before(() => {
  process.env.PATH = `${folder}:${process.env.PATH}`;
  process.env.DIST = join(folder, "dist");
  process.env.FASTBOOP_STAGE0_CACHE = join(folder, "cache");
  process.env.FASTBOOP_STAGE0_BOOT_TIMEOUT = "3";
  for (const name of ["KERNEL_x86_64", "KERNEL_aarch64"]) delete process.env[name];
});

test("should boot a file once more on the machine's own processor where KVM is for its target", async () => {
  for (const [target, oldest, board] of [
    [X, "qemu64", "pc"],
    [A, "cortex-a57", "virt,gic-version=host"],
  ] as const) {
    const { verdicts, stderr, machines } = await boot(target, GOOD);
    assert.equal(
      verdicts.map(({ processor, ok, outcome }) => [processor, ok, outcome]),
      [oldest, "max", "host"].map((processor) => [processor, true, "ran as PID 1, powered the machine off"]),
    );
    assert.is(stderr, "");
    assert.equal(machines.filter((text) => text.startsWith("-accel")).sort(), [
      "-accel kvm",
      "-accel tcg",
      "-accel tcg",
    ]);
    assert.ok(machines.includes(`-machine ${board} -cpu host`), machines.join("\n"));
    assert.ok(namesIn(join(folder, "dist", "log")).includes(`boot-${target.triple}-host.log`));
  }
});

test("should boot nothing by KVM elsewhere, nor the user's own kernel", async () => {
  const without = await boot(X, GOOD, () => false);
  assert.equal(
    without.verdicts.map(({ processor }) => processor),
    ["qemu64", "max"],
  );
  assert.not.ok(without.machines.includes("-accel kvm"));
  const own = await bootOwn(GOOD);
  assert.equal(
    own.verdicts.map(({ processor }) => processor),
    ["qemu64"],
  );
});

test("should leave out, with a line, a machine of KVM that does not come as far as the file", async () => {
  const log = join(folder, "dist", "log", "boot-x86_64-unknown-linux-musl-host.log");
  for (const [native, why] of [
    ["echo no >&2; exit 1", "QEMU ended before the kernel ran /init"],
    ["echo '[    0.1] Kernel panic - not syncing: no timer'; exit 0", "the kernel panicked before it ran /init"],
    ["exec sleep 60", "the kernel did not reach /init within 3.0 s"],
  ] as const) {
    const { verdicts, stderr } = await boot(X, native);
    assert.equal(
      verdicts.map(({ processor, exitCode }) => [processor, exitCode]),
      [
        ["qemu64", 0],
        ["max", 0],
      ],
    );
    assert.is(stderr, `${file} is not booted on this machine's own processor: ${why}; console in ${log}\n`);
  }
});

test("should fail a file that the machine's own processor ends", async () => {
  const killed = `${STARTED}; echo '[    2.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000004'`;
  const { verdicts, stderr } = await boot(X, killed);
  assert.equal(
    verdicts.map(({ processor, exitCode, outcome }) => [processor, exitCode, outcome]),
    [
      ["qemu64", 0, "ran as PID 1, powered the machine off"],
      ["max", 0, "ran as PID 1, powered the machine off"],
      ["host", 1, "PID 1 was killed by SIGILL"],
    ],
  );
  assert.is(stderr, "");
});

test("should boot fastboop's stage0 again when the console lost why it ended, and nothing else", async () => {
  const panic = "echo '[    3.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100'";
  const log = "echo '[    2.0]  INFO fastboop_stage0: pid1: starting'";
  const count = `"$(wc -l <'${calls}')"`;
  const got = " (kernel panic: Attempted to kill init! exitcode=0x00000100)";
  const logged = `[    2.0]  INFO fastboop_stage0: pid1: starting${got}`;
  for (const [machine, boots, problem] of [
    [`${log}; test ${count} = 1 || echo 'Error: none'`, 2, `Error: none${got}`],
    [`${log}; test ${count} -lt 3 || echo 'Error: none'`, 3, `Error: none${got}`],
    [log, 3, logged],
    [`${log}; echo 'Error: none'`, 1, `Error: none${got}`],
    ["echo '[    2.0] my own log'", 1, got.slice(2, -1)],
  ] as const) {
    const { verdicts, machines } = await bootOwn(`${STARTED}; ${machine}; ${panic}`);
    assert.equal(
      verdicts.map(({ exitCode, problem }) => [exitCode, problem?.got]),
      [[1, problem]],
    );
    assert.is(machines.length, 2 * boots, machine);
    const text = fs.readFileSync(verdicts[0]?.log ?? "", "utf8");
    assert.is(
      text.split("\n\nbooted again, as the console may have lost what PID 1 said last:\n\n").length,
      boots,
      text,
    );
  }
});

test("should wait for the line of fastboop's stage0 once it is recognised, longer than another program is watched", async () => {
  const log = (text: string): string => `echo '[    2.0]  INFO fastboop_stage0: pid1: ${text}'`;
  process.env.FASTBOOP_STAGE0_BOOT_TIMEOUT = "60";
  try {
    const slow = `${STARTED}; sleep 0.2; ${log("starting")}; sleep 3; ${log("waiting for UDC (timeout 15s)")}; exec sleep 60`;
    const { verdicts } = await bootOwn(slow);
    assert.equal(
      verdicts.map(({ exitCode, outcome }) => [exitCode, outcome]),
      [[0, "ran as PID 1 and waits for USB"]],
    );
  } finally {
    process.env.FASTBOOP_STAGE0_BOOT_TIMEOUT = "3";
  }
});

test("should take KVM for there when it opens, on its own architecture, by the processor's own means", () => {
  const device = join(folder, "kvm");
  const cpuinfo = join(folder, "cpuinfo");
  fs.writeFileSync(device, "");
  const withFlags = (flags: string): void => fs.writeFileSync(cpuinfo, `processor\t: 0\nflags\t\t: fpu${flags} sse\n`);
  const has = (target: Target, arch: string, path = device): boolean => hasKvm(target, { arch, device: path, cpuinfo });
  for (const [flags, x] of [
    [" vmx", true],
    [" svm", true],
    ["", false],
    [" vmxx", false],
  ] as const) {
    withFlags(flags);
    assert.is(has(X, "x64"), x, flags);
    assert.is(has(A, "arm64"), true);
  }
  withFlags(" vmx");
  for (const [target, arch] of [
    [A, "x64"],
    [X, "arm64"],
    [ARMV7, "arm64"],
    [ARMV7, "arm"],
    [X, "constructor"],
  ] as const) {
    assert.is(has(target, arch), false, `${target.triple} on ${arch}`);
  }
  assert.is(has(X, "x64", join(folder, "none")), false);
  fs.rmSync(cpuinfo);
  assert.is(has(X, "x64"), false);
});

test.run();
