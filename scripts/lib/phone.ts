/** Emulated phones that the real fastboop boots with an artifact: from the bootloader to the root file system's init. */
import { availableParallelism, freemem } from "node:os";
import { emulatorOf } from "./boot/qemu.ts";
import { withTemporaryFolder } from "./cleanup.ts";
import { contractFailure, printable } from "./errors.ts";
import { checkWritable } from "./files.ts";
import { knob } from "./knobs.ts";
import { say } from "./log.ts";
import { distDir, fromCaller } from "./paths.ts";
import { compilersFor, fastboopFor } from "./phone/fastboop.ts";
import { bootWithFault, FAULTS } from "./phone/faults.ts";
import { checkGiven } from "./phone/given.ts";
import { phoneKernel } from "./phone/kernels.ts";
import { underLoad } from "./phone/load.ts";
import { memoryOf } from "./phone/machine.ts";
import { bootPhone, type Parts, type PhoneVerdict, phoneOf } from "./phone/parts.ts";
import { phoneProgram } from "./phone/program.ts";
import { makeRootfs, mkfsOf } from "./phone/rootfs.ts";
import { inParallel } from "./pool.ts";
import type { Progress } from "./progress.ts";
import { type BootRequest, readArtifact } from "./requests.ts";
import { requireTools } from "./tools.ts";

/** What a stage0 that fastboop boots has in it: the name of the one setting that it can't do without. */
const SETTING = "stage0.rootfs";

const isForPhones = (request: BootRequest): boolean => readArtifact(request).includes(SETTING);

/** @throws Failure (1) for files that fastboop can't boot a phone with, (3) for those that can't be read */
export function checkForPhones(requests: readonly BootRequest[]): void {
  const wrong = requests.filter((request) => !isForPhones(request));
  if (wrong.length === 0) return;
  throw contractFailure(
    ...wrong.map(({ path, target }) => ({
      file: printable(path),
      what: `reads no ${SETTING} and so is no stage0 of fastboop's`,
      fix: `make boot TARGET=${target.triple} boots it as PID 1`,
    })),
  );
}

/** Those of some files that fastboop can boot a phone with. The others get a line in the log. */
export function forPhones<T extends BootRequest>(requests: readonly T[]): T[] {
  return requests.filter((request) => {
    if (isForPhones(request)) return true;
    say(`phone: leaves out ${printable(request.path)}, which reads no ${SETTING} and so is no stage0 of fastboop's`);
    return false;
  });
}

/**
 * Boots a phone with each file, REPEAT times, as many at once as processors and memory allow. Nothing keeps running and
 * nothing is left but the consoles, in `log` in the folder of artifacts.
 * @returns the verdicts in the order of the files
 * @throws Failure (2) when a variable does not parse, (3) when something that a boot needs is not available
 */
export async function bootPhones(requests: readonly BootRequest[], progress: Progress): Promise<PhoneVerdict[]> {
  if (requests.length === 0) return [];
  const parts = await preparePhones(requests, progress);
  const repeat = knob("REPEAT");
  const boots = parts.flatMap((part) => Array.from({ length: repeat }, (_, index) => ({ part, number: index + 1 })));
  const jobs: (() => Promise<PhoneVerdict>)[] = knob("PHONE_FAULTS")
    ? parts.flatMap((part) => FAULTS.map((fault) => () => bootWithFault(part, fault)))
    : boots.map(
        ({ part, number }) =>
          () =>
            bootOne(part, number),
      );
  progress(`booting ${jobs.length === 1 ? "a phone" : `${jobs.length} phones`}`);
  let done = 0;
  const work = (): Promise<PhoneVerdict[]> =>
    inParallel(jobs, atOnce(parts), async (job) => {
      const verdict = await job();
      done++;
      if (jobs.length > 1) progress(`${done} of ${jobs.length} booted, the last: ${printable(verdict.outcome)}`);
      return verdict;
    });
  return knob("LOAD") ? underLoad(work) : work();
}

/** Gets or builds what the boots need. Everything that may be wrong with the request is found before. */
export async function preparePhones(requests: readonly BootRequest[], progress: Progress): Promise<Parts[]> {
  checkWritable(distDir());
  const targets = requests.map(({ target }) => target);
  await checkGiven(targets);
  const files = requests.map((request) => ({ request, stage0: readArtifact(request) }));
  await requireTools(
    [
      ...targets.flatMap((target) => [emulatorOf(target).program, ...compilersFor(target)]),
      ...(targets.some(({ arch }) => arch !== "aarch64") ? (["xz", "zstd"] as const) : []),
      ...(["depmod", mkfsOf(knob("ROOTFS_TYPE"))] as const),
    ],
    progress,
  );
  const parts: Parts[] = [];
  // One after the other: each build takes all processors, and the cache's lock anyway.
  for (const { request, stage0 } of files) {
    const { target, path } = request;
    const fastboop = await fastboopFor(target, fromCaller(path), progress);
    const program = await phoneProgram(target, progress);
    const kernel = await phoneKernel(target, progress);
    const nth = parts.filter((part) => part.target === target).length + 1;
    parts.push({ target, path, nth, stage0, fastboop, program, kernel });
  }
  return parts;
}

/** How many machines there is room for: processors, and half of the free memory. */
function atOnce(parts: readonly Parts[]): number {
  const largest = Math.max(...parts.map((part) => memoryOf({ ...phoneOf(part, part.kernel.plain), ownRootfs: true })));
  return Math.max(1, Math.min(availableParallelism(), Math.floor(freemem() / 2 / largest)));
}

/** Boots one phone. */
async function bootOne(part: Parts, number: number): Promise<PhoneVerdict> {
  const own = knob("ROOTFS");
  return withTemporaryFolder(async (folder) => {
    const made =
      own === undefined
        ? await makeRootfs(folder, part.kernel, part.program, { type: knob("ROOTFS_TYPE") })
        : undefined;
    const phone = { ...phoneOf(part, made?.image ?? fromCaller(own ?? "")), ownRootfs: made !== undefined };
    return (await bootPhone(part, number, phone, made)).verdict;
  });
}
