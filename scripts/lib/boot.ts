/** Boots stage0 files as PID 1 of a real Linux kernel, in emulated machines that have nothing but a serial console. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Console, type Expected, expectedOf, readConsole } from "./boot/console.ts";
import { expectedLines } from "./boot/expect.ts";
import { initramfs } from "./boot/initramfs.ts";
import { debianKernels, type Kernel, ownKernel } from "./boot/kernels.ts";
import { HOST, hasKvm } from "./boot/native.ts";
import { emulatorOf, type Machine } from "./boot/qemu.ts";
import { settings, WAITS_FOR_USB } from "./boot/settings.ts";
import { type Ending, isSilent, type Judgement, judge } from "./boot/verdict.ts";
import { watchMachine } from "./boot/watch.ts";
import type { Target } from "./contract.ts";
import { printable } from "./errors.ts";
import { checkWritable, writeText } from "./files.ts";
import { knob } from "./knobs.ts";
import { say } from "./log.ts";
import { distDir } from "./paths.ts";
import { allOf, inParallel } from "./pool.ts";
import type { Progress } from "./progress.ts";
import { type BootRequest, readArtifact } from "./requests.ts";
import { checkTools, requireTools } from "./tools.ts";

/** How one boot of one file on one kernel went. */
export interface Verdict extends Judgement {
  path: string;
  /** Target triple. */
  target: string;
  /** The kernel's release by its own words; null when it said nothing. */
  kernel: string | null;
  /** Bytes of a page; null when the kernel image does not tell. */
  pageSize: number | null;
  /** As QEMU calls it; host: this machine's own. */
  processor: string;
  /** The console's last lines, printable. */
  console: string[];
  /** Path of the file that holds the whole console. */
  log: string;
  milliseconds: number;
}

/** Lines of the console that a verdict carries: enough for a panic with its call trace and what led to it. */
const LAST = 24;
/**
 * How long a machine is watched after /init was started and the expected line has come, in milliseconds. What the kernel
 * can't execute, it says within one; a program that ends at once, within some ten.
 */
const WATCH_MS = 2000;

/** How often fastboop's stage0 is booted again whose last words the console has lost (isSilent). */
const BOOTS_AGAIN = 2;

/**
 * Boots each file on each kernel that there is for its target, with an old and a new processor, and where KVM is for the
 * target once more on this machine's own; as many at once as there are processors and at least two. Nothing keeps running
 * afterwards, however this process ends. The consoles are left in `log` in the folder of artifacts.
 * @param native whether KVM is for a target here
 * @returns the verdicts in the order of the files
 * @throws Failure (1) when a file is over the budget or no longer what was proven; (2) when a kernel that the user brings
 *   is none, or a variable does not parse; (3) when a file, QEMU or a kernel is missing
 */
export async function bootAll(
  requests: readonly BootRequest[],
  progress: Progress,
  native: (target: Target) => boolean = hasKvm,
): Promise<Verdict[]> {
  const targets = [...new Set(requests.map(({ target }) => target))];
  const emulators = targets.map((target) => emulatorOf(target).program);
  const limitMs = knob("FASTBOOP_STAGE0_BOOT_TIMEOUT") * 1000;
  const subjects: Subject[] = [];
  checkWritable(distDir());
  const kernels = new Map<Target, Kernel[]>();
  await allOf([
    ...requests.map((request, index) => async () => {
      subjects[index] = { ...request, init: readArtifact(request), expected: await expectedLines(request) };
    }),
    ...targets.map((target) => async () => {
      const own = ownKernel(target);
      if (own !== undefined) kernels.set(target, [own]);
    }),
    async () => checkTools(emulators),
  ]);
  // Only when nothing else is wrong: it may install packages, and take a while.
  await requireTools(emulators, progress);
  const others = targets.filter((target) => !kernels.has(target));
  await allOf(
    others.map((target) => async () => {
      kernels.set(target, await debianKernels(target, progress));
    }),
  );
  const logs = new Set<string>();
  const jobs = subjects.flatMap((subject): (() => Promise<Verdict | undefined>)[] => {
    const { target } = subject;
    const own = kernels.get(target) ?? [];
    const emulated = own.flatMap((kernel) =>
      kernel.processors.map((kind, index) => {
        const log = logPath(target, `${kernel.variant}${index > 0 ? "-max" : ""}`, logs);
        return () => boot(subject, kernel, emulatorOf(target)[kind], log, limitMs);
      }),
    );
    // The user's own kernel may be older than this machine.
    const [first] = others.includes(target) && native(target) ? own : [];
    if (first === undefined) return emulated;
    const log = logPath(target, "-host", logs);
    return [...emulated, () => bootNatively(subject, first, log, limitMs)];
  });
  progress(`booting ${jobs.length === 1 ? "a machine" : `${jobs.length} machines`}`);
  const verdicts = await inParallel(jobs, Math.max(2, availableParallelism()), (job) => job());
  return verdicts.filter((verdict) => verdict !== undefined);
}

/** A file with all that its boots need to know of it. */
interface Subject extends BootRequest {
  init: Buffer;
  expected: Expected;
}

/** Boots one file on one kernel, with what fastboop's stage0 needs. */
async function boot(
  subject: Subject,
  kernel: Kernel,
  processor: string,
  log: string,
  limitMs: number,
): Promise<Verdict> {
  const { path, target, init, expected } = subject;
  const start = performance.now();
  const machine = { target, kernel: kernel.path, processor, initramfs: initramfs(init, settings(kernel)) };
  let { seen, ending } = await runOnce(machine, expected, limitMs);
  let text = "";
  for (let again = 0; again < BOOTS_AGAIN && isSilent(seen); again++) {
    text += `${seen.lines.join("\n")}\n\nbooted again, as the console may have lost what PID 1 said last:\n\n`;
    ({ seen, ending } = await runOnce(machine, expected, limitMs));
  }
  writeText(log, text + seen.lines.map((line) => `${line}\n`).join(""));
  return {
    path,
    target: target.triple,
    kernel: seen.kernel ?? null,
    pageSize: kernel.pageSize,
    processor: processor.split(",", 1)[0] ?? "",
    ...judge(seen, ending, subject),
    console: seen.lines.slice(-LAST),
    log,
    milliseconds: Math.round(performance.now() - start),
  };
}

/** As boot, on this machine's own processor; undefined when the kernel does not come as far as the file there. */
async function bootNatively(
  subject: Subject,
  kernel: Kernel,
  log: string,
  limitMs: number,
): Promise<Verdict | undefined> {
  const verdict = await boot(subject, kernel, HOST, log, limitMs);
  if (verdict.exitCode !== 3) return verdict;
  const { path, outcome } = verdict;
  say(`${printable(path)} is not booted on this machine's own processor: ${outcome}; console in ${printable(log)}`);
  return undefined;
}

/** Starts a machine and watches it until there is something to judge. */
async function runOnce(
  machine: Machine,
  expected: Expected,
  limitMs: number,
): Promise<{ seen: Console; ending: Ending }> {
  const console = readConsole(expected);
  const { seen } = console;
  const { stopped, code, stderr } = await watchMachine(machine, limitMs, console, (milliseconds) => {
    if (seen.execError !== undefined || seen.panic !== undefined || seen.end !== undefined) return WATCH_MS;
    const expect = expectedOf(seen, expected);
    // Without a line to wait for, a busy machine gets half the time that its boot took.
    if (seen.started && expect === undefined) return Math.max(WATCH_MS, milliseconds / 2);
    if (seen.match === undefined) return undefined;
    // After the line about USB all is said.
    return expect === WAITS_FOR_USB ? 0 : WATCH_MS;
  });
  return { seen, ending: { stopped, code, stderr, limitMs, watchMs: WATCH_MS } };
}

/** boot-<target>.log, and a number for a further file of the same target. */
function logPath({ triple }: Target, variant: string, taken: Set<string>): string {
  for (let number = 1; ; number++) {
    const name = `boot-${triple}${variant}${number === 1 ? "" : `.${number}`}.log`;
    if (taken.has(name)) continue;
    taken.add(name);
    return join(distDir(), "log", name);
  }
}
