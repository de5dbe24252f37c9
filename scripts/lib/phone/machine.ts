/** The machine that is a phone and the computer beside it at once: its initramfs, and its run. */
import * as fs from "node:fs";
import { join } from "node:path";
import { readConsole } from "../boot/console.ts";
import { archive, type Entry } from "../boot/initramfs.ts";
import { emulatorOf, type Machine } from "../boot/qemu.ts";
import { type Run, watchMachine } from "../boot/watch.ts";
import type { Target } from "../contract.ts";
import { DEVICE, deviceTree, profile } from "./device.ts";
import { machineModules, type PhoneKernel } from "./kernels.ts";

export interface Phone {
  target: Target;
  kernel: PhoneKernel;
  /** Paths of our program, the CLI, and the root file system's image. */
  program: string;
  fastboop: string;
  rootfs: string;
  /** The artifact. */
  stage0: Uint8Array;
  /** Whether the root file system is ours, so that its kernel is known. */
  ownRootfs: boolean;
  /** What goes wrong on purpose, by the name that ci/phone has for it. */
  fault?: string;
  /** The product that the bootloader says it is. */
  product?: string;
  /** Arguments for fastboop after those of every boot. */
  arguments?: readonly string[];
  /** Bytes that the root file system's image is given in the machine, all behind its own a hole. */
  exportSize?: number;
  /** Modules that the machine lacks. */
  without?: readonly string[];
  /** A shell, static for the target, that stage0 is to start before it switches the root. */
  breakShell?: Uint8Array;
}

/** Bytes: the images are in memory up to four times, packed, unpacked, built and received. */
const BASE_MEMORY = 512 * 1024 ** 2;
const TIMES = 5;
/**
 * fastboop copies 512 KiB for each 4 KiB that it reads, and musl's malloc asks the kernel for such a piece anew each time:
 * 1.5 million page faults for an aarch64 kernel, some 0.1 ms each when emulated. Larger pages make them few.
 */
const LARGE_PAGES = "thp_anon=16K-512K:always";
/** Has the kernel say what it executes. */
const TRACE = "tp_printk trace_event=sched:sched_process_exec";
/** How long a machine is watched after what comes last was seen, in milliseconds. */
const WATCH_MS = 3000;

/** Bytes of memory that a phone needs. */
export const memoryOf = ({ kernel, fastboop, rootfs, stage0 }: Phone): number =>
  BASE_MEMORY +
  TIMES *
    [kernel.plain, rootfs].reduce((sum, path) => sum + Math.min(fs.statSync(path).blocks * 512, 256e6), stage0.length) +
  2 * fs.statSync(fastboop).size;

interface PhoneRun extends Run {
  /** The console, line by line. */
  lines: string[];
  /** The kernel's release by its own words. */
  release: string | undefined;
}

/**
 * Runs a phone until the machine stops, or time is up, or what comes last was seen.
 * @param last the line after which the machine is only watched for a moment
 */
export async function runPhone(phone: Phone, limitMs: number, last?: RegExp): Promise<PhoneRun> {
  const console = readConsole({ fastboop: last, other: last });
  const { seen } = console;
  seen.started = true;
  const run = await watchMachine(machineOf(phone), limitMs, console, () =>
    seen.match === undefined ? undefined : WATCH_MS,
  );
  const release = seen.lines.map((line) => /Linux version (\S+)/.exec(line)?.[1]).find((found) => found !== undefined);
  return { ...run, lines: seen.lines, release };
}

export const machineOf = (phone: Phone): Machine => ({
  target: phone.target,
  kernel: phone.kernel.image,
  processor: emulatorOf(phone.target).oldest,
  initramfs: initramfsOf(phone),
  memory: memoryOf(phone),
  processors: 2,
  parameters: `rdinit=/box/init printk.devkmsg=on ${TRACE} ${LARGE_PAGES}`,
});

function initramfsOf(phone: Phone): Buffer {
  const fastboop = fs.readFileSync(phone.fastboop);
  const program = fs.readFileSync(phone.program);
  const kernelPath = (path: string): Uint8Array => fs.readFileSync(join(phone.kernel.root, path));
  const modules = machineModules(phone.kernel, phone.without);
  // The CLI that has this name in it takes stage0 from a file; those before embed it.
  const old = !fastboop.includes("FASTBOOP_STAGE0_PATH");
  const config = {
    ...DEVICE,
    ...(phone.product ? { product: phone.product } : {}),
    fault: phone.fault ?? "",
    size: phone.exportSize ?? "",
    break: phone.breakShell === undefined ? "" : "1",
  };
  const commandLine = ["boot", "/rootfs.img", "--device-profile", "emulated", "--dtb", "/expected/device-tree"];
  const files: Record<string, Uint8Array> = {
    init: program,
    config: text(Object.entries(config).map(([name, value]) => `${name}=${value}`)),
    modules: text(modules.map((path) => `/box/${path}`)),
    arguments: text([...commandLine, "--wait", "60", ...(phone.arguments ?? [])]),
    fastboop,
    "rootfs.img": fs.readFileSync(phone.rootfs),
    stage0: phone.stage0,
    "profiles/emulated.yaml": Buffer.from(profile(old)),
    "expected/device-tree": deviceTree(),
    "expected/init": phone.stage0,
    ...(phone.ownRootfs ? { "expected/kernel": fs.readFileSync(phone.kernel.plain) } : {}),
    ...Object.fromEntries(modules.map((path) => [path, kernelPath(path)])),
  };
  const folders = new Set<string>();
  for (const name of Object.keys(files)) {
    const parts = name.split("/").slice(0, -1);
    for (const [index] of parts.entries()) folders.add(parts.slice(0, index + 1).join("/"));
  }
  const entries: Entry[] = [
    { name: "dev", mode: 0o040755 },
    { name: "dev/console", mode: 0o020600, device: [5, 1] },
    { name: "box", mode: 0o040755 },
    ...(phone.breakShell === undefined
      ? []
      : [
          { name: "bin", mode: 0o040755 },
          { name: "bin/sh", mode: 0o100755, content: phone.breakShell },
        ]),
    ...[...folders].map((name) => ({ name: `box/${name}`, mode: 0o040755 })),
    ...Object.entries(files).map(([name, content]) => ({ name: `box/${name}`, mode: 0o100755, content })),
  ];
  return archive(entries);
}

const text = (lines: readonly string[]): Buffer => Buffer.from(lines.map((line) => `${line}\n`).join(""));
