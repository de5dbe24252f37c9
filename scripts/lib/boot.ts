/** Boots stage0 files as PID 1 of a real Linux kernel, in emulated machines that have nothing but a serial console. */
import type { Target } from "./contract.ts";
import type { Problem } from "./errors.ts";
import type { Progress } from "./progress.ts";

/** A file to boot. */
export interface BootRequest {
  /** As the user wrote it; relative paths count from the caller's folder. */
  path: string;
  target: Target;
  /** A console line that has to come after /init was started. */
  expect?: RegExp;
}

/** How one boot of one file on one kernel went. */
export interface Verdict {
  path: string;
  /** Target triple. */
  target: string;
  /** The kernel by its own words, e.g. "6.1.0-56-cloud-arm64"; null when it said nothing. */
  kernel: string | null;
  /** Bytes; null when the kernel image does not tell. */
  pageSize: number | null;
  ok: boolean;
  /** 1: the file is wrong; 3: the machine never came as far as the file. */
  exitCode: 0 | 1 | 3;
  /** What was seen, in words. */
  outcome: string;
  /** What went wrong, ready for report(). */
  problem?: Problem;
  /** The console's last lines, printable. */
  console: string[];
  /** Path of the file that holds the whole console. */
  log: string;
  milliseconds: number;
}

/**
 * The requests for files in a folder of artifacts, by FASTBOOP_STAGE0_BOOT_EXPECT or, when these are the example workspace's,
 * with the line that the example prints.
 */
export async function bootRequests(targets: readonly Target[]): Promise<BootRequest[]> {
  throw new Error(`not there yet: ${targets.length}`);
}

/**
 * Boots files, as many at once as there are processors and at least two. Nothing keeps running afterwards, however this
 * process ends.
 * @throws Failure (2) when a kernel that the user brings is none; (3) when QEMU, a kernel or a file is missing
 */
export async function bootAll(requests: readonly BootRequest[], progress: Progress): Promise<Verdict[]> {
  progress(`booting ${requests.length}`);
  throw new Error("not there yet");
}
