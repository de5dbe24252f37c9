/** What the boots of phones are made of, and what comes of each. */
import { join } from "node:path";
import type { Target } from "../contract.ts";
import { distDir } from "../paths.ts";
import type { Fastboop } from "./fastboop.ts";
import type { PhoneKernel } from "./kernels.ts";
import type { Phone } from "./machine.ts";
import type { Judgement } from "./verdict.ts";

/** How one boot of one file went. */
export interface PhoneVerdict extends Judgement {
  path: string;
  target: string;
  /** Which of the file's boots it is, from 1. */
  number: number;
  /** What went wrong in it on purpose, by its id. */
  fault?: string;
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

/** The path of a boot's console. @param which what tells it from the file's other boots */
export function phoneLog({ target, nth }: Parts, which: string | number): string {
  const file = nth === 1 ? "" : `-${nth}`;
  const boot = which === 1 ? "" : `.${which}`;
  return join(distDir(), "log", `phone-${target.triple}${file}${boot}.log`);
}
