import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readConsole } from "../scripts/lib/boot/console.ts";
import { exampleLine } from "../scripts/lib/boot/expect.ts";
import { initramfs } from "../scripts/lib/boot/initramfs.ts";
import { debianKernels } from "../scripts/lib/boot/kernels.ts";
import { HOST, hasKvm } from "../scripts/lib/boot/native.ts";
import { runMachine } from "../scripts/lib/boot/qemu.ts";
import { WAITS_FOR_USB } from "../scripts/lib/boot/settings.ts";
import { judge } from "../scripts/lib/boot/verdict.ts";
import { assetName, findTarget, type Target } from "../scripts/lib/contract.ts";
import { EXAMPLE_WORKSPACE } from "../scripts/lib/paths.ts";
import {
  lacking,
  make,
  namesIn,
  type Outcome,
  runProgram,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { processesWith, until } from "./lib/processes.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("boot");
const X = "x86_64-unknown-linux-musl";
const A = "aarch64-unknown-linux-musl";
const ARMV7 = "armv7-unknown-linux-musleabihf";
function targetOf(triple: string): Target {
  const target = findTarget(triple);
  if (target === undefined) throw new Error(triple);
  return target;
}

const machines = lacking({ programs: ["qemu-system-x86_64", "qemu-system-aarch64"] });
const compilers = lacking({ programs: ["qemu-system-aarch64", "aarch64-linux-gnu-gcc"] });

interface Report {
  ok: boolean;
  boots: {
    path: string;
    target: string;
    kernel: string | null;
    pageSize: number | null;
    processor: string;
    ok: boolean;
    exitCode: number;
    outcome: string;
    problem?: Record<string, string>;
    console: string[];
    log: string;
    milliseconds: number;
  }[];
}
const reportOf = ({ stdout }: Outcome): Report => JSON.parse(stdout);

/** The first of Debian's kernels for a target, whose boots this alone makes one each. */
async function ownKernel(triple: string): Promise<string> {
  const [kernel] = await debianKernels(targetOf(triple), () => {});
  return kernel?.path ?? "";
}

/** The same under a name of its own, by which its machine's processes are found. */
async function kernelAlias(triple: string): Promise<string> {
  const alias = join(temporaryFolder("kernel,odd="), "vmlinuz");
  fs.symlinkSync(await ownKernel(triple), alias);
  return alias;
}

const SOURCES = {
  exits: "int main(void) { return 7; }",
  crashes: "int main(void) { *(volatile int *)0 = 1; }",
  waits: "#include <unistd.h>\nint main(void) { for (;;) pause(); }",
  // The compiler of Debian 13 has every function begin where a branch may end.
  branches: String.raw`#include <unistd.h>
int main(void) { __asm__ volatile("adr x9, 1f\n blr x9\n1: nop" ::: "x9", "x30"); for (;;) pause(); }`,
  restarts: "#include <sys/reboot.h>\nint main(void) { return reboot(RB_AUTOBOOT); }",
  halts: "#include <sys/reboot.h>\nint main(void) { return reboot(RB_HALT_SYSTEM); }",
  // Half a line with a colour and a title in it, and then nothing more. A console that sleeps would lose it by the panic (docs/boot.md).
  shouts: String.raw`#include <termios.h>
#include <unistd.h>
int main(void) { write(1, "\033]0;title\a\033[31mready\033[0m\nhalf", 29); tcdrain(1); return 0; }`,
};

/** What a busy machine does: this process does not come to read for so many milliseconds. */
const block = (milliseconds: number): unknown =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

const START = "[    0.000000] Linux version 6.1.0-1-test (x)\r\n[    1.0] Run /init as init process\r\n";

/** What fastboop's stage0 does until it waits for USB, and says meanwhile: as its own does it, by /dev/kmsg. */
const FASTBOOP = String.raw`#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

static int fail(const char *step, const char *why) {
  printf("Error: pid1 initramfs flow\n\nCaused by:\n    0: %s\n    1: %s\n", step, why);
  fflush(stdout);
  tcdrain(1);
  return 1;
}
static void say(const char *text) {
  char message[99];
  int length = snprintf(message, sizeof message, " INFO fastboop_stage0: pid1: %s\n", text);
  int kmsg = open("/dev/kmsg", O_WRONLY);
  if (write(kmsg, message, length) != length) fail("say", text);
  close(kmsg);
}
static char *line(const char *path) {
  static char text[99];
  FILE *file = fopen(path, "r");
  if (file == NULL || fgets(text, sizeof text, file) == NULL) return NULL;
  text[strcspn(text, "\n:")] = 0;
  fclose(file);
  return text;
}
int main(void) {
  say("starting");
  const char *folders[] = {"/proc", "/sys", "/dev"}, *types[] = {"proc", "sysfs", "devtmpfs"};
  for (int each = 0; each < 3; each++) {
    mkdir(folders[each], 0755);
    if (mount(types[each], folders[each], types[each], 0, NULL) != 0) return fail("mount", folders[each]);
  }
  char *rootfs = line("/etc/stage0/stage0.rootfs");
  if (rootfs == NULL || strcmp(rootfs, "erofs") != 0) return fail("resolve switchroot rootfs", "missing required stage0.rootfs setting");
  if (access("/etc/modules-load.d", R_OK) != 0) return fail("read module load list", strerror(errno));
  char *name = line("/etc/modules-load.d/usb.conf");
  if (name != NULL && strcmp(name, "configfs") == 0) {
    char folder[99], path[399];
    snprintf(folder, sizeof folder, "/lib/modules/%s", line("/proc/sys/kernel/osrelease"));
    snprintf(path, sizeof path, "%s/modules.dep", folder);
    char *module = line(path);
    snprintf(path, sizeof path, "%s/%s", folder, module == NULL ? "none" : module);
    if (syscall(SYS_finit_module, open(path, O_RDONLY), "", strstr(path, ".xz") ? 4 : 0) != 0) return fail(path, strerror(errno));
  }
  mkdir("/sys/kernel/config", 0755);
  if (mount("configfs", "/sys/kernel/config", "configfs", 0, NULL) != 0) return fail("mount configfs", strerror(errno));
  AFTERWARDS
  say("waiting for UDC (timeout 15s)");
  sleep(15);
  return fail("wait", "UDC not ready after 15s");
}`;

/** Compiles C, for aarch64 unless told otherwise, whose machine starts in half the time of the other. */
async function compile(source: string, output: string, ...flags: string[]): Promise<string> {
  return compileFor("aarch64-linux-gnu", source, output, ...flags);
}

async function compileFor(machine: string, source: string, output: string, ...flags: string[]): Promise<string> {
  const command = [`${machine}-gcc`, "-x", "c", "-O1", ...flags, "-o", output, "-"];
  const { code, stderr } = await runProgram(command, { input: source });
  assert.is(code, 0, stderr);
  return output;
}

/** A folder of artifacts with files under the release assets' names. */
function distWith(files: Record<string, string>): string {
  const dist = temporaryFolder("dist");
  for (const [triple, file] of Object.entries(files)) fs.copyFileSync(file, join(dist, assetName(triple)));
  return dist;
}

/** Begun before the other tests, as it waits for most of its time. */
const expectations = compilers === undefined ? bootWithExpectations() : Promise.reject(new Error(compilers));
expectations.catch(() => {});

async function bootWithExpectations() {
  const folder = temporaryFolder();
  const file = await compile(SOURCES.waits, join(folder, "waits"), "-static");
  const asset = await compile(SOURCES.restarts, join(folder, assetName(A)), "-static");
  const kernel = await ownKernel(A);
  const boot = async (path: string, expect: string, timeout: string) =>
    reportOf(
      await script("boot-stage0.ts", ["--json", "--target", A, path], {
        env: {
          DIST: temporaryFolder("dist"),
          KERNEL_aarch64: kernel,
          FASTBOOP_STAGE0_BOOT_EXPECT: expect,
          FASTBOOP_STAGE0_BOOT_TIMEOUT: timeout,
        },
      }),
    ).boots[0];
  // What the kernel said before it started /init is not looked at.
  const [waited, restarted] = await Promise.all([boot(file, "Linux version", "30"), boot(asset, "^ready$", "60")]);
  return { file, asset, waited, restarted };
}

testUnless(
  test,
  machines,
  "should boot both release files on every kernel, with an old and a new processor, expecting the example's line",
  async () => {
    const dist = distWith({ ...(await releaseFiles()) });
    const { code, stdout, stderr } = await script("boot-stage0.ts", [], {
      env: { DIST: dist, WORKSPACE: EXAMPLE_WORKSPACE },
    });
    assert.is(code, 0, stderr);
    // A machine of KVM that does not start is left out with a line.
    const hosts = [X, A].filter((triple) => hasKvm(targetOf(triple)) && !stderr.includes("'s own processor: "));
    const isHost = (text: string): boolean => text.includes(`, ${HOST}): ran as PID 1, printed "fastboop-stage0 `);
    assert.is(stdout.split("\n").filter(isHost).length, hosts.length, stdout + stderr);
    const [x, xMax, a, a16, ...rest] = stdout.split("\n").filter((text) => !isHost(text));
    const path = (triple: string): string => join(dist, assetName(triple)).replaceAll(/[.+]/g, "\\$&");
    const line = (triple: string, kernel: string, machine: string, arch: string): RegExp =>
      new RegExp(
        `^ok   ${path(triple)} \\(Linux ${kernel}, ${machine}\\): ` +
          `ran as PID 1, printed "fastboop-stage0 0\\.1\\.0 ${arch} pid 1", powered the machine off, [0-9.]+ s$`,
      );
    const [amd64, arm64] = ["amd64", "arm64"].map((arch) => `[0-9.]+(-[0-9]+|\\+deb[0-9]+)-cloud-${arch}`) as [
      string,
      string,
    ];
    assert.match(x ?? "", line(X, amd64, "4 KiB pages, qemu64", "x86_64"));
    assert.match(xMax ?? "", line(X, amd64, "4 KiB pages, max", "x86_64"));
    assert.match(a ?? "", line(A, arm64, "4 KiB pages, cortex-a57", "aarch64"));
    assert.match(a16 ?? "", line(A, "6\\.12\\.[0-9]+\\+deb[0-9]+-arm64-16k", "16 KiB pages, max", "aarch64"));
    assert.equal(rest, [""]);
    const logs = namesIn(join(dist, "log")).filter((name) => !name.endsWith("-host.log"));
    assert.equal(logs, [`boot-${A}-16k.log`, `boot-${A}.log`, `boot-${X}-max.log`, `boot-${X}.log`]);
    for (const name of logs) {
      const log = fs.readFileSync(join(dist, "log", name), "utf8");
      assert.match(log, /^\[ +0\.000000\] /);
      // The kernel, too, goes on talking.
      const [, after = ""] = log.split("] Run /init as init process\n");
      assert.match(
        after.replace(/\[ *[0-9]+\.[0-9]+\] .*\n/g, ""),
        /^fastboop-stage0 0\.1\.0 (x86_64|aarch64) pid 1\n/,
      );
      assert.match(log, /reboot: Power down\n$/);
    }
  },
);

testUnless(test, machines, "should say that a file is for another machine", async () => {
  const files = await releaseFiles();
  const dist = distWith({ [X]: files[A], [A]: files[X] });
  const outcome = await script("boot-stage0.ts", ["--json"], { env: { DIST: dist } });
  assert.is(outcome.code, 1, outcome.stderr);
  const { ok, boots } = reportOf(outcome);
  assert.is(ok, false);
  assert.equal(
    boots
      .filter(({ processor }) => processor !== HOST)
      .map(({ target, pageSize, processor, exitCode, outcome }) => [target, pageSize, processor, exitCode, outcome]),
    [
      [X, 4096, "qemu64", 1, "the kernel can't execute it: error -8"],
      [X, 4096, "max", 1, "the kernel can't execute it: error -8"],
      [A, 4096, "cortex-a57", 1, "the kernel can't execute it: error -8"],
      [A, 16384, "max", 1, "the kernel can't execute it: error -8"],
    ],
  );
  assert.equal(boots[0]?.problem, {
    what: "the kernel can't execute it: error -8",
    expected: `a static executable for ${X}`,
    got: "wrong machine or format",
    fix: `build it for ${X}`,
    file: join(dist, assetName(X)),
  });
  for (const { console, log, path } of boots) {
    assert.ok(
      console.some((line) => line.endsWith("Failed to execute /init (error -8)")),
      console.join("\n"),
    );
    assert.ok(outcome.stderr.includes(`error: ${path}: the kernel can't execute it: error -8\n  expected: `));
    assert.ok(outcome.stderr.includes(`  whole console: ${log}\n`));
    assert.ok(fs.readFileSync(log, "utf8").endsWith(`${console.join("\n")}\n`));
  }
});

testUnless(test, compilers, "should tell every way in which PID 1 fails or lives on", async () => {
  const folder = temporaryFolder();
  const files: [name: string, exitCode: number, outcome: string, got?: string][] = [
    ["dynamic", 1, "the kernel can't execute it: error -2", "its interpreter is missing: the initramfs has none"],
    ["script", 1, "the kernel can't execute it: error -2", "its interpreter is missing: the initramfs has none"],
    ["empty", 1, "the kernel can't execute it: error -8", "wrong machine or format"],
    ["exits", 1, "PID 1 ended with exit code 7", "kernel panic: Attempted to kill init! exitcode=0x00000700"],
    ["crashes", 1, "PID 1 was killed by SIGSEGV", "kernel panic: Attempted to kill init! exitcode=0x0000000b"],
    ["shouts", 1, "PID 1 ended with exit code 0", "kernel panic: Attempted to kill init! exitcode=0x00000000"],
    ["waits", 0, "ran as PID 1, kept running for 2.0 s"],
    ["restarts", 0, "ran as PID 1, restarted the machine"],
    ["halts", 0, "ran as PID 1, halted the machine"],
  ];
  for (const [name, source] of Object.entries(SOURCES)) await compile(source, join(folder, name), "-static");
  await compile(SOURCES.waits, join(folder, "dynamic"));
  fs.writeFileSync(join(folder, "script"), "#!/bin/sh\n");
  fs.writeFileSync(join(folder, "empty"), "");
  const dist = temporaryFolder("dist");
  const outcome = await script("boot-stage0.ts", ["--json", "--target", A, ...files.map(([name]) => name)], {
    cwd: folder,
    env: { DIST: dist, KERNEL_aarch64: await ownKernel(A) },
  });
  assert.is(outcome.code, 1, outcome.stderr);
  const { boots } = reportOf(outcome);
  assert.equal(
    boots.map(({ path, exitCode, outcome, problem }) => [path, exitCode, outcome, ...(problem ? [problem.got] : [])]),
    files,
  );
  assert.equal(
    boots.map(({ log }) => log),
    files.map((_, index) => join(dist, "log", `boot-${A}${index === 0 ? "" : `.${index + 1}`}.log`)),
  );
  const shouted = boots.find(({ path }) => path === "shouts");
  // The kernel goes on in the line that the program left; nothing of it reaches a terminal as it is.
  assert.match(fs.readFileSync(shouted?.log ?? "", "utf8"), /\n\\x1b\]0;title\\x07\\x1b\[31mready\\x1b\[0m\nhalf\[ /);
  assert.not.match(outcome.stderr, /\x1b/);
});

testUnless(
  test,
  compilers ?? lacking({ programs: ["ld.lld"] }),
  "should find what 4 KiB pages hide, and what an old processor does",
  async () => {
    const folder = temporaryFolder();
    const paged = await compile(SOURCES.waits, join(folder, "paged"), "-static", "-Wl,-z,max-page-size=4096");
    // Says that every branch ends where one may, which is not so: a processor with BTI ends the program.
    const flags = ["-static", "-fuse-ld=lld", "-B/usr/bin", "-Wl,-z,force-bti"];
    const branches = await compile(SOURCES.branches, join(folder, "branches"), ...flags);
    const outcome = await script("boot-stage0.ts", ["--json", "--target", A, paged, branches], {
      env: { DIST: temporaryFolder("dist") },
    });
    assert.is(outcome.code, 1, outcome.stderr);
    const { boots } = reportOf(outcome);
    assert.equal(
      boots.map(({ pageSize, processor, outcome, problem }) => [pageSize, processor, outcome, problem?.got]),
      [
        [4096, "cortex-a57", "ran as PID 1, kept running for 2.0 s", undefined],
        [
          16384,
          "max",
          "the kernel can't execute it: error -22",
          "segments that can't be mapped, as when they are aligned to less than a page of this kernel",
        ],
        [4096, "cortex-a57", "ran as PID 1, kept running for 2.0 s", undefined],
        [16384, "max", "PID 1 was killed by SIGILL", "kernel panic: Attempted to kill init! exitcode=0x00000004"],
      ],
    );
  },
);

testUnless(test, compilers, "should recognise fastboop's stage0, and boot it as far as USB", async () => {
  const folder = temporaryFolder();
  const compiled = (name: string, afterwards: string): Promise<string> =>
    compile(FASTBOOP.replace("AFTERWARDS", afterwards), join(folder, name), "-static");
  const good = await compiled("good", "");
  const stops = await compiled("stops", 'return fail("setup", "broken");');
  const boot = async (files: string[], env: Record<string, string> = {}) => {
    const outcome = await script("boot-stage0.ts", ["--json", "--target", A, ...files], {
      env: { DIST: temporaryFolder("dist"), ...env },
    });
    return reportOf(outcome).boots;
  };
  const boots = await boot([good, stops]);
  assert.equal(
    boots.map(({ path, pageSize, exitCode, outcome }) => [path, pageSize, exitCode, outcome]),
    [
      [good, 4096, 0, "ran as PID 1 and waits for USB"],
      [good, 16384, 0, "ran as PID 1 and waits for USB"],
      [stops, 4096, 1, "PID 1 ended with exit code 1"],
      [stops, 16384, 1, "PID 1 ended with exit code 1"],
    ],
  );
  assert.equal(boots[2]?.problem, {
    what: "PID 1 ended with exit code 1",
    expected: "a stage0 that waits for a USB device controller",
    got:
      "Error: pid1 initramfs flow Caused by: 0: setup 1: broken " +
      "(kernel panic: Attempted to kill init! exitcode=0x00000100)",
    file: stops,
  });
  const log = fs.readFileSync(boots[0]?.log ?? "", "utf8");
  assert.match(log, / INFO fastboop_stage0: pid1: starting\n[\s\S]* INFO fastboop_stage0: pid1: waiting for UDC/);
  const [expecting] = await boot([good], { FASTBOOP_STAGE0_BOOT_EXPECT: "fastboop_stage0: pid1: wait" });
  assert.match(
    expecting?.outcome ?? "",
    /^ran as PID 1, printed "\[ .* INFO fastboop_stage0: pid1: waiting for UDC \(timeout 15s\)", kept running for 2\.0 s$/,
  );
});

test("should tell what fastboop's stage0 said in place of waiting for USB", () => {
  const says = "[    2.0]  INFO fastboop_stage0: pid1: ";
  const judged = (text: string, stopped?: "watched" | "limit") => {
    const { seen, feed, flush } = readConsole({ fastboop: WAITS_FOR_USB, other: undefined });
    feed(Buffer.from(`${START}${says}starting\r\n${text}`));
    flush();
    const ending = { stopped, code: 0, stderr: "", limitMs: 60_000, watchMs: 2000 };
    const { ok, exitCode, outcome, problem } = judge(seen, ending, {
      path: "init",
      target: targetOf(A),
      expected: { fastboop: WAITS_FOR_USB, other: undefined },
    });
    assert.is(ok, exitCode === 0);
    return [exitCode, outcome, problem?.got];
  };
  const panic =
    "[    3.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n[    3.1] Call Trace:";
  assert.equal(judged(`${says}waiting for UDC (timeout 15s)\r\n`, "watched"), [
    0,
    "ran as PID 1 and waits for USB",
    undefined,
  ]);
  assert.equal(judged(`${says}UDC ready (dummy_udc.0)\r\n`, "watched"), [
    0,
    "ran as PID 1 and waits for USB",
    undefined,
  ]);
  assert.equal(judged("", "limit"), [1, "it ran as PID 1 and does not wait for USB", `${says}starting`]);
  assert.equal(judged(panic), [
    1,
    "PID 1 ended with exit code 1",
    `${says}starting (kernel panic: Attempted to kill init! exitcode=0x00000100)`,
  ]);
  assert.equal(judged(`Error: x\r\n\r\n    0: mount configfs\r\n    1: No such device\r\n${panic}`), [
    3,
    "the kernel has no configfs, without which fastboop's stage0 can't set up USB",
    "Error: x 0: mount configfs 1: No such device",
  ]);
  assert.equal(judged(`Error: y\r\n[\r\n[    3.\r\n${panic}`), [
    1,
    "PID 1 ended with exit code 1",
    "Error: y (kernel panic: Attempted to kill init! exitcode=0x00000100)",
  ]);
});

const armCompilers = compilers ?? lacking({ programs: ["qemu-system-arm", "arm-linux-gnueabihf-gcc"] });
testUnless(
  test,
  armCompilers,
  "should boot armv7 on a Cortex-A15 and a newer processor, and refuse what is for another machine",
  async () => {
    const folder = temporaryFolder();
    const right = await compileFor("arm-linux-gnueabihf", SOURCES.restarts, join(folder, assetName(ARMV7)), "-static");
    const wrong = await compile(SOURCES.restarts, join(folder, "aarch64"), "-static");
    const dist = temporaryFolder("dist");
    const outcome = await script("boot-stage0.ts", ["--json", "--target", ARMV7, right, wrong], {
      env: { DIST: dist },
    });
    assert.is(outcome.code, 1, outcome.stderr);
    const { boots } = reportOf(outcome);
    for (const { kernel } of boots) assert.match(kernel ?? "", /^6\.[0-9]+\.[0-9]+.*-armmp$/);
    assert.equal(
      boots.map(({ target, processor, exitCode, outcome }) => [target, processor, exitCode, outcome]),
      [
        [ARMV7, "cortex-a15", 0, "ran as PID 1, restarted the machine"],
        [ARMV7, "max", 0, "ran as PID 1, restarted the machine"],
        [ARMV7, "cortex-a15", 1, "the kernel can't execute it: error -8"],
        [ARMV7, "max", 1, "the kernel can't execute it: error -8"],
      ],
    );
    assert.match(fs.readFileSync(boots[0]?.log ?? "", "utf8"), / CPU: ARMv7 Processor /);
  },
);

testUnless(test, compilers, "should demand the expected line, and say so when time is up", async () => {
  const { file, asset, waited, restarted } = await expectations;
  const fix =
    "set FASTBOOP_STAGE0_BOOT_EXPECT to what this stage0 prints; the example's line is expected of the example only";
  assert.equal(waited?.problem, {
    what: "it ran as PID 1 and did not print the expected line",
    expected: "a line that matches /Linux version/ within 30.0 s",
    got: "time out",
    fix,
    file,
  });
  assert.is(waited?.exitCode, 1);
  assert.ok((waited?.milliseconds ?? 0) >= 30_000);
  assert.equal(restarted?.problem, {
    what: "it ran as PID 1 and did not print the expected line",
    expected: "a line that matches /^ready$/ within 60.0 s",
    got: "none until it restarted the machine",
    fix,
    file: asset,
  });
});

testUnless(test, machines, "should not blame the file when the machine does not come as far", async () => {
  const files = await releaseFiles();
  const boot = (env: Record<string, string>) =>
    script("boot-stage0.ts", ["--json", files[X]], { env: { DIST: temporaryFolder("dist"), ...env } });
  const [late, silent, broken] = await Promise.all([
    boot({ FASTBOOP_STAGE0_BOOT_TIMEOUT: "0.5" }),
    // QEMU takes as long to start.
    boot({ FASTBOOP_STAGE0_BOOT_TIMEOUT: "0.1" }),
    boot({ KERNEL_x86_64: files[X] }),
  ]);
  for (const outcome of [late, silent, broken]) assert.is(outcome.code, 3, outcome.stderr);
  assert.is(reportOf(late).boots[0]?.outcome, "the kernel did not reach /init within 0.5 s");
  assert.equal(reportOf(silent).boots[0]?.problem, {
    what: "the kernel did not reach /init within 0.1 s",
    got: "no output from the kernel",
    fix: "raise FASTBOOP_STAGE0_BOOT_TIMEOUT, or try another kernel",
    file: files[X],
  });
  const { problem, kernel: release, console } = reportOf(broken).boots[0] ?? {};
  assert.is(problem?.what, "QEMU ended before the kernel ran /init");
  assert.is(problem?.got, "exit code 1: qemu-system-x86_64: Error loading uncompressed kernel without PVH ELF Note");
  assert.is(release, null);
  assert.equal(console, []);
});

testUnless(
  test,
  machines,
  "should refuse what is no kernel, naming all of them, before anything is booted",
  async () => {
    const files = await releaseFiles();
    const kernel = await ownKernel(A);
    const folder = temporaryFolder();
    fs.writeFileSync(join(folder, "text"), "kernel\n");
    const boot = (env: Record<string, string>) =>
      script("boot-stage0.ts", Object.values(files), { env: { DIST: folder, ...env } });
    const swapped = await boot({ KERNEL_x86_64: kernel, KERNEL_aarch64: join(folder, "text") });
    assert.is(swapped.code, 2);
    assert.is(swapped.stdout, "");
    assert.is(
      swapped.stderr,
      `error: ${kernel}: this is no kernel image for x86_64
  expected: a bzImage, or a vmlinux with a PVH entry
  got:      a kernel for aarch64
  fix:      set KERNEL_x86_64 to a kernel image, or unset it for Debian's
error: ${folder}/text: this is no kernel image for aarch64
  expected: an Image, plain or gzip-compressed
  got:      another kind of file
  fix:      set KERNEL_aarch64 to a kernel image, or unset it for Debian's
`,
    );
    const arm = await script("boot-stage0.ts", ["--target", ARMV7, files[A]], { env: { KERNEL_arm: kernel } });
    assert.is(
      arm.stderr,
      `error: ${kernel}: this is no kernel image for arm
  expected: a zImage
  got:      a kernel for aarch64
  fix:      set KERNEL_arm to a kernel image, or unset it for Debian's
`,
    );
    const unread = await boot({ KERNEL_x86_64: folder, KERNEL_aarch64: "missing" });
    assert.is(unread.code, 3);
    assert.match(unread.stderr, /the kernel can't be read\n {2}expected: .*\n {2}got: {6}a folder\n/);
    assert.match(
      unread.stderr,
      /missing: the kernel can't be read\n {2}expected: .*\n {2}got: {6}no such file or folder\n/,
    );
    assert.equal(namesIn(folder), ["text"]);
  },
);

testUnless(test, machines, "should boot by make a kernel of the user's, compressed and of an odd name", async () => {
  const files = await releaseFiles();
  const kernel = await kernelAlias(A);
  const compressed = await runProgram(["sh", "-c", 'gzip -1 < "$0" > "$0.gz"', kernel]);
  assert.is(compressed.code, 0, compressed.stderr);
  const dist = distWith({ [A]: files[A] });
  const { code, stdout, stderr } = await make(["boot", `TARGET=${A}`], {
    env: { DIST: dist, KERNEL_aarch64: `${kernel}.gz`, FASTBOOP_STAGE0_BOOT_EXPECT: "^fastboop-stage0 .* pid 1$" },
  });
  assert.is(code, 0, stderr);
  assert.match(
    stdout,
    /^ok {3}\S+ \(Linux \S+, 4 KiB pages, cortex-a57\): ran as PID 1, printed "fastboop-stage0 .* pid 1", [^\n]*\n$/,
  );
  assert.equal(namesIn(join(dist, "log")), [`boot-${A}.log`]);
});

testUnless(test, machines, "should leave no process behind, however it ends", async () => {
  const files = await releaseFiles();
  const kernels = { KERNEL_x86_64: await kernelAlias(X), KERNEL_aarch64: await kernelAlias(A) };
  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    let pid = 0;
    const ended = script("boot-stage0.ts", Object.values(files), {
      env: { DIST: temporaryFolder("dist"), ...kernels },
      started: (started) => {
        pid = started;
      },
    });
    for (const kernel of Object.values(kernels)) {
      // The shell, three that it forked, the watcher among them, and QEMU.
      await until(() => processesWith(kernel).length === 5, ended);
    }
    process.kill(pid, signal);
    assert.is((await ended).signal, signal);
    for (const kernel of Object.values(kernels)) await until(() => processesWith(kernel).length === 0);
  }
});

test("should name the package of a missing QEMU", async () => {
  const files = await releaseFiles();
  const outcome = await script("boot-stage0.ts", Object.values(files), { env: { PATH: "/nowhere" } });
  assert.is(outcome.code, 3);
  assert.is(outcome.stdout, "");
  assert.is(
    outcome.stderr,
    `error: qemu-system-x86_64 and qemu-system-aarch64 are not on PATH
  fix:      run as root: apt-get update && apt-get install --no-install-recommends qemu-system-x86 qemu-system-arm
`,
  );
});

// Who may not install is told of QEMU too.
testUnless(test, lacking({ root: true }), "should look for the files before it installs QEMU", async () => {
  const folder = temporaryFolder();
  const called = join(folder, "called");
  fs.writeFileSync(join(folder, "apt-get"), `#!/bin/sh\necho "$@" >>"${called}"\n`, { mode: 0o755 });
  const { code, stderr } = await script("boot-stage0.ts", ["--target", A], { env: { PATH: folder, DIST: folder } });
  assert.is(
    stderr,
    `error: ${join(folder, assetName(A))}: can't be read\n  expected: a regular file\n  got:      no such file or folder\n` +
      `  fix:      make stage0 TARGET=${A}\n`,
  );
  assert.is(code, 3);
  assert.not(fs.existsSync(called));
});

testUnless(
  test,
  lacking({ programs: ["apt-get", "qemu-system-x86_64"] }),
  "should say how to go on without Debian's archive",
  async () => {
    const files = await releaseFiles();
    const { code, stderr } = await script("boot-stage0.ts", [files[X]], {
      env: {
        XDG_CACHE_HOME: temporaryFolder("cache"),
        http_proxy: "http://127.0.0.1:9",
        https_proxy: "http://127.0.0.1:9",
      },
    });
    assert.is(code, 3, stderr);
    assert.match(stderr, /error: apt has no package linux-image-cloud-amd64 for amd64\n/);
    assert.match(stderr, /\n {2}fix: {6}.*; or set KERNEL_x86_64 to a kernel image\n/);
  },
);

testUnless(test, machines, "should say which files can't be booted, all in one run", async () => {
  const folder = temporaryFolder();
  const names = [`sub/${assetName(X)}`, assetName(A), `li\nnk-${assetName(X)}`].map((name) => join(folder, name));
  fs.mkdirSync(names[0] ?? "", { recursive: true });
  fs.writeFileSync(names[1] ?? "", "large");
  const { code, stdout, stderr } = await script("boot-stage0.ts", ["--target", X, ...names], {
    env: { FASTBOOP_STAGE0_MAX_SIZE: "4", DIST: folder },
  });
  assert.is(code, 1);
  assert.is(stdout, "");
  const fix = `  fix:      make stage0 TARGET=${X}\n`;
  assert.is(
    stderr,
    `error: ${names[0]}: can't be read\n  expected: a regular file\n  got:      a folder\n${fix}` +
      `error: ${names[1]}: is larger than the budget\n  expected: at most 4 bytes (FASTBOOP_STAGE0_MAX_SIZE)\n  got:      5 bytes\n` +
      `error: ${folder}/li\\nnk-${assetName(X)}: can't be read\n  expected: a regular file\n  got:      no such file or folder\n${fix}`,
  );
});

test("should want a target that is known", async () => {
  const unnamed = await script("boot-stage0.ts", ["init"]);
  assert.is(unnamed.code, 2);
  assert.is(
    unnamed.stderr,
    `error: the file's name tells no target
  expected: fastboop-stage0-<target>, or a target with --target
  got:      "init"
  fix:      add --target TRIPLE
`,
  );
  const unknown = await script("boot-stage0.ts", [], { env: { TARGET: "armv7-unknown-linux-musleabi" } });
  assert.is(unknown.code, 2);
  assert.match(unknown.stderr, /^error: TARGET names an unknown target\n/);
});

test("should want an expression that parses, before anything is booted", async () => {
  const files = await releaseFiles();
  const { code, stdout, stderr } = await script("boot-stage0.ts", [files[X]], {
    env: { FASTBOOP_STAGE0_BOOT_EXPECT: "(" },
  });
  assert.is(code, 2);
  assert.is(stdout, "");
  assert.match(stderr, /^error: the environment variable FASTBOOP_STAGE0_BOOT_EXPECT does not parse\n/);
});

test("should expect the example's line of nothing but the example", () => {
  const line = exampleLine(targetOf(X), "0.1.0");
  assert.ok(line.test("fastboop-stage0 0.1.0 x86_64 pid 1"));
  for (const other of ["0.1.0 aarch64 pid 1", "0.1.0 x86_64 pid 12", "0x1.0 x86_64 pid 1"]) {
    assert.not.ok(line.test(`fastboop-stage0 ${other}`), other);
  }
});

test("should read a console however it is cut, and not what came before the start", () => {
  const text = `ready\r\n${START}\x1b[32mre\x1b[0mady \u{e9}\r\nhalf`;
  const bytes = Buffer.from(text);
  for (let step = 1; step < 9; step++) {
    const { seen, feed, flush } = readConsole({ fastboop: undefined, other: /^ready \u{e9}$/u });
    for (let at = 0; at < bytes.length; at += step) {
      feed(bytes.subarray(at, at + step));
      if (at < START.length) assert.is(seen.match, undefined);
    }
    flush();
    assert.equal(seen, {
      lines: [
        "ready",
        "[    0.000000] Linux version 6.1.0-1-test (x)",
        "[    1.0] Run /init as init process",
        "\\x1b[32mre\\x1b[0mady \u{e9}",
        "half",
      ],
      started: true,
      kernel: "6.1.0-1-test",
      match: "ready \u{e9}",
    });
  }
});

test("should put a line together again that the kernel broke into", () => {
  const matchOf = (text: string, expect = /^ready to go$/): string | undefined => {
    const { seen, feed, flush } = readConsole({ fastboop: undefined, other: expect });
    feed(Buffer.from(`${START}${text}`));
    flush();
    return seen.match;
  };
  const tsc = "[    1.9] tsc: Refined TSC clocksource calibration\r\n";
  assert.is(matchOf(`rea${tsc}dy to go\r\n`), "ready to go");
  assert.is(matchOf(`rea${tsc}${tsc}dy${tsc} to go`), "ready to go");
  assert.is(matchOf(`${tsc}ready to go\r\n`), "ready to go");
  assert.is(matchOf(`rea${tsc}dy\r\n to go\r\n`), undefined);
  assert.is(matchOf(`rea${tsc}dy\r\nready to go\r\n`), "ready to go");
  // What a program has the kernel say, through /dev/kmsg, is a line as it is; so is what it says after half a line.
  assert.is(matchOf("[    2.0] ready to go\r\n", /ready to go$/), "[    2.0] ready to go");
  assert.is(matchOf(`login: ${tsc}ready to go\r\n`), "ready to go");
});

test("should recognise fastboop's stage0 by its log, and expect its line from then on", () => {
  for (const [text, fastboop, match] of [
    ["[    2.0]  INFO fastboop_stage0: ready a\r\nready b\r\n", true, undefined],
    ["[    2.0]  INFO fastboop_stage0: set b\r\n", true, "[    2.0]  INFO fastboop_stage0: set b"],
    ["ready a\r\n[    2.0]  INFO fastboop_stage0: set\r\n", true, "ready a"],
    ["INFO fastboop_sta[    1.9] usb: x\r\nge0: x\r\nset b\r\n", true, "set b"],
    ["[    2.0] my_fastboop_stage0: x\r\nset b\r\nready a\r\n", undefined, "ready a"],
    ["fastboop_stage0 0.1.0\r\nready a\r\n", undefined, "ready a"],
  ] as const) {
    const { seen, feed } = readConsole({ fastboop: /set b/, other: /ready/ });
    feed(Buffer.from(`fastboop_stage0: before\r\n${START}${text}`));
    assert.equal([seen.fastboop, seen.match], [fastboop, match], text);
  }
});

testUnless(
  test,
  lacking({ programs: ["qemu-system-x86_64", "x86_64-linux-gnu-gcc"] }),
  "should lose no character of a console that is read late",
  async () => {
    const count = 300;
    const source = `#include <stdio.h>
int main(void) { for (int each = 1; each <= ${count}; each++) printf("line %d of ${count}\\n", each); return 0; }`;
    const init = await compileFor("x86_64-linux-gnu", source, join(temporaryFolder(), "init"), "-static");
    const target = targetOf(X);
    const kernel = await ownKernel(X);
    // The kernel's own lines would come between.
    const parameters = "loglevel=3";
    const machine = { target, kernel, processor: "qemu64", initramfs: initramfs(fs.readFileSync(init)), parameters };
    let text = "";
    const { code, stderr } = await runMachine(machine, AbortSignal.timeout(240_000), (bytes) => {
      text += bytes.toString();
      block(300);
    });
    assert.equal([code, stderr], [0, ""]);
    assert.equal(
      text.match(/line [0-9]+ of 300(?=\r\n)/g),
      Array.from({ length: count }, (_, index) => `line ${index + 1} of ${count}`),
    );
  },
);

test("should keep so much of a console that floods, and still hear the kernel", () => {
  const { seen, feed, flush } = readConsole();
  feed(Buffer.from(START));
  const flood = Buffer.alloc(1 << 20, "x");
  for (let count = 0; count < 16; count++) feed(flood);
  feed(Buffer.from("[    9.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n"));
  flush();
  assert.is(seen.panic, "Attempted to kill init! exitcode=0x00000100");
  assert.is(seen.lines.at(-1), "(cut after 4194304 characters)");
  assert.ok(seen.lines.reduce((sum, line) => sum + line.length, 0) < 5 << 20);
});

test.run();
