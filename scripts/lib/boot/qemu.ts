/** Emulated machines with a processor, memory and a serial console: no disk, no network, no firmware settings. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Target } from "../contract.ts";
import { withPath } from "../errors.ts";
import { temporaryName, writeAll } from "../files.ts";
import { groupSpawner } from "../process.ts";
import type { Program } from "../tools.ts";
import { HOST } from "./native.ts";

/** What a contract's architecture is emulated by. */
interface Emulator {
  program: Program;
  board: string;
  /** The board's name with the host's own processor; absent: the same. */
  hostBoard?: string;
  /** The oldest processor that a target may count on, so that an artifact built for a newer one is found out. */
  oldest: string;
  /** All that QEMU knows: what older processors ignore (BTI, PAC, execute-only memory, 57 bits of address), and 16 KiB pages. */
  newest: string;
  /** The kernel's name of the first serial port. */
  console: string;
}

const EMULATORS: Record<string, Emulator> = {
  x86_64: {
    program: "qemu-system-x86_64",
    board: "pc",
    oldest: "qemu64",
    newest: "max",
    console: "ttyS0",
  },
  aarch64: {
    program: "qemu-system-aarch64",
    board: "virt",
    // KVM has only the interrupt controller that the machine has.
    hostBoard: "virt,gic-version=host",
    oldest: "cortex-a57",
    // Emulating the architecture's own algorithm of pointer authentication would make the boot four times as long.
    newest: "max,pauth-impdef=on",
    console: "ttyAMA0",
  },
  arm: {
    program: "qemu-system-arm",
    board: "virt",
    oldest: "cortex-a15",
    newest: "max",
    console: "ttyAMA0",
  },
};

/** The emulator of a target. @throws Error for an architecture that no target of the contract has */
export function emulatorOf({ arch }: Target): Emulator {
  const emulator = EMULATORS[arch];
  if (emulator === undefined) throw new Error(`no emulator for ${arch}`);
  return emulator;
}

export interface Machine {
  target: Target;
  /** Path of the kernel image. */
  kernel: string;
  /** HOST: this machine's own. */
  processor: string;
  initramfs: Uint8Array;
  /** Bytes of memory; absent: what a kernel with such an initramfs needs. */
  memory?: number;
  /** How many processors it has; absent: one. */
  processors?: number;
  /** Parameters of the kernel besides those that every machine's gets. */
  parameters?: string;
}

/** What a kernel needs besides the initramfs, in bytes. */
const BASE_MEMORY = 256 * 1024 ** 2;

/**
 * Shown on the console is everything down to the information level, where `Run /init as init process` is; a panic ends
 * the machine at once (-1), as QEMU does not reboot.
 */
const KERNEL_PARAMETERS = "panic=-1 loglevel=7";

/** The initramfs is the machine process's file 3, so that it needs no name, and nothing has to remove it. File 4 is its stdin. */
const commandOf = (machine: Machine, serial: string): string[] => {
  const { target, kernel, processor, initramfs, processors = 1, parameters = "" } = machine;
  const emulator = emulatorOf(target);
  const [accelerator, board] =
    processor === HOST ? ["kvm", emulator.hostBoard ?? emulator.board] : ["tcg", emulator.board];
  // The kernel unpacks the initramfs beside the place where it lies in memory.
  const memory = machine.memory ?? BASE_MEMORY + 2 * initramfs.length;
  return [
    emulator.program,
    ...["-no-user-config", "-nodefaults", "-display", "none", "-no-reboot", "-accel", accelerator, "-serial", serial],
    ...["-machine", board, "-cpu", processor],
    ...["-m", `${Math.ceil(memory / 2 ** 20)}M`, "-smp", String(processors)],
    ...["-kernel", kernel, "-initrd", "/dev/fd/3"],
    ...["-append", `console=${emulator.console} ${KERNEL_PARAMETERS} ${parameters}`.trim()],
  ];
};

/**
 * Runs a command and kills it when this shell's stdin ends: the kernel closes that pipe when our process is gone, even
 * if nothing in it could run any more. No signal handler and no parent-death signal can do the same under both runtimes
 * (the latter is about the parent's thread, and Deno may start processes from one that ends).
 *
 * QEMU writes the console byte by byte. Node gives a child a socket, which is full after some 280 such writes, and what
 * the kernel prints until it is read is lost: a serial port waits 10 ms. The pipe to cat holds 64 KiB of them.
 */
const SUPERVISOR = `
exec 5<&0 6>&1
status=$({ {
"$@" <&4 5<&- 6>&- 7>&- &
machine=$!
{ read -r _ <&5; kill -KILL "$machine"; } >/dev/null 2>&1 3<&- 4<&- 6>&- 7>&- &
watcher=$!
wait "$machine"
echo "$?" >&7
kill "$watcher"
} | cat >&6 3<&- 4<&- 5<&- 7>&-; } 7>&1)
exit "$status"
`;

/** The console's reader has a limit of its own. */
const spawn = groupSpawner({ maxOutput: Number.POSITIVE_INFINITY });

/**
 * Runs a machine until it ends by itself or a signal ends it.
 * @param onConsole gets the console's bytes as they come; absent: the console is this process's stdin and stdout
 * @returns QEMU's exit code (null: it was killed) and what it wrote to stderr
 */
export function runMachine(
  machine: Machine,
  signal: AbortSignal,
  onConsole?: (bytes: Buffer) => void,
): Promise<{ code: number | null; stderr: string }> {
  const initramfs = unnamedFile(machine.initramfs);
  const ofPerson = onConsole === undefined;
  // With the monitor beside the console, Ctrl-A X ends the machine, and Ctrl-C goes to it.
  const command = commandOf(machine, ofPerson ? "mon:stdio" : "stdio");
  // Opened anew: Deno hands 0 itself to no child under another number.
  const input = fs.openSync(ofPerson ? "/dev/stdin" : "/dev/null", "r");
  const child = spawn("/bin/sh", ["-c", SUPERVISOR, "sh", ...command], {
    signal,
    stdio: ["pipe", ofPerson ? "inherit" : "pipe", "pipe", initramfs, input],
  });
  for (const file of [initramfs, input]) fs.closeSync(file);
  let stderr = "";
  if (!ofPerson) child.stdout?.on("data", onConsole);
  child.stderr?.on("data", (bytes: Buffer) => {
    stderr = (stderr + bytes.toString()).slice(0, 4096);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stderr: stderr.trim() }));
  });
}

/** An open file without a name: it is gone when the last process that has it is. */
function unnamedFile(bytes: Uint8Array): number {
  const path = temporaryName(join(tmpdir(), "stage0-initramfs"));
  let fd: number | undefined;
  try {
    fd = fs.openSync(path, "wx+", 0o600);
    fs.unlinkSync(path);
    writeAll(fd, bytes);
    return fd;
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd);
    throw withPath(error, tmpdir(), path);
  }
}
