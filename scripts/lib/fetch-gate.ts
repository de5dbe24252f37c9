/** The release gate, for files that are being fetched. */
import type { Target } from "./contract.ts";
import { Failure } from "./errors.ts";
import { exitCodeFor, type FileReport, inspect } from "./gate.ts";
import { knob } from "./knobs.ts";
import { problemOf } from "./report-text.ts";

/** The size budget in bytes. */
export const maxSize = (): number => knob("FASTBOOP_STAGE0_MAX_SIZE") ?? Number.POSITIVE_INFINITY;

/** What the gate says of a file. */
export const look = (path: string, target: Target): FileReport => inspect(path, { target, maxSize: maxSize() });

/** Lets a file pass or not. @param what what messages call it @throws Failure (1 or 3) with every rule that it breaks */
export function pass(report: FileReport, what: string): void {
  if (report.ok) return;
  const broken = report.findings.filter(({ severity }) => severity === "fail");
  throw new Failure(exitCodeFor(broken) || 1, ...broken.map((finding) => problemOf(finding, what)));
}
