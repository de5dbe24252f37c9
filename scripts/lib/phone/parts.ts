/** What the boots of phones are made of, and what comes of each. */
import { join } from "node:path";
import type { Target } from "../contract.ts";
import { printable } from "../errors.ts";
import { writeText } from "../files.ts";
import { knob } from "../knobs.ts";
import { distDir } from "../paths.ts";
import type { Fastboop } from "./fastboop.ts";
import type { PhoneKernel } from "./kernels.ts";
import { type Phone, runPhone } from "./machine.ts";
import type { Rootfs } from "./rootfs.ts";
import { HANDED_OVER, type Judgement, judge, lastLines } from "./verdict.ts";

/** How one boot of one file went. */
export interface PhoneVerdict extends Judgement {
  path: string;
  target: string;
  /** Which of the file's boots it is, from 1. */
  number: number;
  /** What went wrong in it on purpose, by its id. */
  fault?: string;
  /** What had to come of that, in words. */
  expected?: string;
  kernel: string;
  /** What booted it: name and version, or path. */
  fastboop: string;
  /** The console's last lines, printable. */
  console: string[];
  log: string;
  milliseconds: number;
}

/** What the boots of a target have in common. */
export interface Parts {
  target: Target;
  kernel: PhoneKernel;
  program: string;
  fastboop: Fastboop;
  stage0: Buffer;
  path: string;
  /** Which of the target's files it is, from 1. */
  nth: number;
}

export const phoneOf = (part: Parts, rootfs: string): Phone => ({
  target: part.target,
  kernel: part.kernel,
  program: part.program,
  fastboop: part.fastboop.path,
  stage0: part.stage0,
  rootfs,
  ownRootfs: true,
});

/**
 * Boots one phone, leaves its console in `log` in the folder of artifacts, and judges it.
 * @param which what tells the boot from the file's others: its number or its fault
 * @param rootfs undefined: it is the user's
 */
export async function bootPhone(
  part: Parts,
  which: string | number,
  phone: Phone,
  rootfs: Rootfs | undefined,
): Promise<{ verdict: PhoneVerdict; lines: readonly string[] }> {
  const limitMs = knob("FASTBOOP_STAGE0_PHONE_TIMEOUT") * 1000;
  const { lines, release, stopped, code, stderr, milliseconds } = await runPhone(
    phone,
    limitMs,
    rootfs === undefined ? HANDED_OVER : undefined,
  );
  const log = logPath(part, which);
  writeText(log, lines.map((line) => `${line}\n`).join(""));
  const qemu = `QEMU ended with exit code ${code ?? "none"}${stderr === "" ? "" : `: ${printable(stderr)}`}`;
  const expected = { path: part.path, limitMs, timedOut: stopped === "limit", qemu };
  const verdict = {
    path: part.path,
    target: part.target.triple,
    number: typeof which === "number" ? which : 1,
    kernel: release ?? part.kernel.release,
    fastboop: part.fastboop.name,
    ...judge(lines, rootfs === undefined ? expected : { ...expected, rootfs }),
    console: lastLines(lines),
    log,
    milliseconds,
  };
  return { verdict, lines };
}

function logPath({ target, nth }: Parts, which: string | number): string {
  const file = nth === 1 ? "" : `-${nth}`;
  const boot = which === 1 ? "" : `.${which}`;
  return join(distDir(), "log", `phone-${target.triple}${file}${boot}.log`);
}
