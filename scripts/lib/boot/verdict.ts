/** What a boot proves: whether the kernel ran /init as PID 1, by the console's text and the machine's end. */
import { constants } from "node:os";
import type { Target } from "../contract.ts";
import { type Problem, printable } from "../errors.ts";
import { duration } from "../log.ts";
import { type Console, type Expected, expectedOf, FASTBOOP_LOG, STARTED } from "./console.ts";
import { WAITS_FOR_USB } from "./settings.ts";

/** Why we stopped a machine: it was watched long enough, or the time limit was reached. */
export type Stop = "watched" | "limit";

export interface Ending {
  /** undefined: it stopped by itself. */
  stopped: Stop | undefined;
  /** QEMU's exit code; null: a signal ended it. */
  code: number | null;
  /** What QEMU wrote to stderr. */
  stderr: string;
  limitMs: number;
  watchMs: number;
}

export interface Judgement {
  ok: boolean;
  /** 1: the file is wrong; 3: the machine never reached the file. */
  exitCode: 0 | 1 | 3;
  /** What happened, in words. */
  outcome: string;
  /** What went wrong. */
  problem?: Problem;
}

interface Subject {
  path: string;
  target: Target;
  expected: Expected;
}

/** Judges one boot. It passes only by what the kernel printed; silence never passes. */
export function judge(seen: Console, ending: Ending, subject: Subject): Judgement {
  const fail = (exitCode: 1 | 3, problem: Problem): Judgement => ({
    ok: false,
    exitCode,
    outcome: problem.what,
    problem: { ...problem, file: printable(subject.path) },
  });
  const { expected, target } = subject;
  const expect = expectedOf(seen, expected);
  if (seen.execError !== undefined) return fail(1, execProblem(seen.execError, target));
  if (!seen.started) return fail(3, notStarted(seen, ending));
  if (seen.panic !== undefined) {
    const problem = panicProblem(seen.panic);
    if (!seen.fastboop) return fail(1, problem);
    const said = lastWords(seen);
    if (/mount configfs/.test(said)) return fail(3, { ...NO_CONFIGFS, got: said });
    return fail(1, { ...problem, expected: WAITS, got: `${said} (${problem.got})` });
  }
  const end = seen.end ?? (ending.stopped === undefined ? undefined : "still running");
  if (end === undefined) {
    return fail(3, {
      what: "the machine stopped, and not because of PID 1",
      got: qemuOutput(ending),
      fix: "run it again",
    });
  }
  if (expect === WAITS_FOR_USB && seen.match === undefined) {
    return fail(1, { what: "it ran as PID 1 and does not wait for USB", expected: WAITS, got: lastWords(seen) });
  }
  if (expect !== undefined && seen.match === undefined) {
    return fail(1, {
      what: "it ran as PID 1 and did not print the expected line",
      expected: `a line that matches /${printable(expect.source)}/ within ${duration(ending.limitMs)}`,
      got: end === "still running" ? "time out" : `none until it ${ENDINGS[end]}`,
      fix: "set FASTBOOP_STAGE0_BOOT_EXPECT to what this stage0 prints; the example's line is expected of the example only",
    });
  }
  if (expect === WAITS_FOR_USB) return { ok: true, exitCode: 0, outcome: "ran as PID 1 and waits for USB" };
  const said = seen.match === undefined ? "" : `, printed "${seen.match}"`;
  const after = end === "still running" ? `kept running for ${duration(ending.watchMs)}` : ENDINGS[end];
  return { ok: true, exitCode: 0, outcome: `ran as PID 1${said}, ${after}` };
}

/** What fastboop's stage0 does where there is no USB. */
const WAITS = "a stage0 that waits for a USB device controller";
const NO_CONFIGFS = {
  what: "the kernel has no configfs, without which fastboop's stage0 can't set up USB",
  expected: "configfs, built in",
  fix: "choose another kernel, or unset KERNEL_… for Debian's",
};

/** What fastboop's stage0 said last, on one line: to its stderr, else to its log. */
function lastWords(seen: Console): string {
  const said = printed(seen)
    .slice(-8)
    .map((line) => line.trim())
    .join(" ");
  return said || seen.lines.findLast((line) => FASTBOOP_LOG.test(line))?.trim() || "nothing";
}

/** The lines since the start that are not the kernel's. */
function printed({ lines }: Console): string[] {
  const since = lines.slice(lines.findIndex((line) => line.includes(STARTED)) + 1);
  // A kernel that panics breaks off the line that it prints, which may be only the start of a time stamp.
  return since.filter((line) => !/^\[ *[0-9.]*(\]? *$|\] )/.test(line) && line.trim() !== "");
}

/**
 * Whether fastboop's stage0 ended without a word of why. Since Linux 6.5 the serial port that is idle sleeps, and a worker of the
 * kernel wakes it up; what PID 1 prints just before it ends is lost when the panic is faster.
 */
export const isSilent = (seen: Console): boolean =>
  seen.fastboop === true && seen.panic !== undefined && printed(seen).length === 0;

const ENDINGS = {
  "powered off": "powered the machine off",
  restarted: "restarted the machine",
  halted: "halted the machine",
};

const EXEC_ERRORS: Record<number, { got: string; fix(target: Target): string }> = {
  [constants.errno.ENOENT]: {
    got: "its interpreter is missing: the initramfs has none",
    fix: () => "link it statically",
  },
  [constants.errno.ENOEXEC]: {
    got: "wrong machine or format",
    fix: ({ triple }) => `build it for ${triple}`,
  },
  [constants.errno.EINVAL]: {
    got: "segments that can't be mapped, as when they are aligned to less than a page of this kernel",
    fix: () => "link it with -z max-page-size=65536",
  },
};

/** execve(2) failed for /init. */
function execProblem(number: number, target: Target): Problem {
  const known = EXEC_ERRORS[number];
  const name = Object.entries(constants.errno).find(([, value]) => value === number)?.[0];
  const got = known?.got ?? name ?? "an error of no known name";
  return {
    what: `the kernel can't execute it: error -${number}`,
    expected: `a static executable for ${target.triple}`,
    got,
    fix: known?.fix(target) ?? "scripts/preflight.ts says what is wrong with the file",
  };
}

/** A panic while PID 1 was running; PID 1's end is the common one (Linux, kernel/exit.c, do_exit). */
function panicProblem(panic: string): Problem {
  const status = /^Attempted to kill init! exitcode=0x([0-9a-f]{8})/.exec(panic)?.[1];
  if (status === undefined) return { what: "the kernel panicked while it ran", got: printable(panic) };
  const wait = Number.parseInt(status, 16);
  const signal = Object.entries(constants.signals).find(([, number]) => number === (wait & 0x7f))?.[0];
  return {
    what:
      (wait & 0x7f) === 0
        ? `PID 1 ended with exit code ${(wait >> 8) & 0xff}`
        : `PID 1 was killed by ${signal ?? "a signal"}`,
    expected: "a program that keeps running, or stops the machine",
    got: `kernel panic: ${printable(panic)}`,
  };
}

/** The machine did not reach the file. */
function notStarted(seen: Console, ending: Ending): Problem {
  if (seen.panic !== undefined) {
    return { what: "the kernel panicked before it ran /init", got: printable(seen.panic), fix: "try another kernel" };
  }
  if (ending.stopped === undefined) return { what: "QEMU ended before the kernel ran /init", got: qemuOutput(ending) };
  return {
    what: `the kernel did not reach /init within ${duration(ending.limitMs)}`,
    got: seen.lines.length === 0 ? "no output from the kernel" : "a kernel that had started to boot",
    fix: "raise FASTBOOP_STAGE0_BOOT_TIMEOUT, or try another kernel",
  };
}

const qemuOutput = ({ code, stderr }: Ending): string =>
  `exit code ${code ?? "none"}${stderr === "" ? "" : `: ${printable(stderr.slice(0, 500))}`}`;
