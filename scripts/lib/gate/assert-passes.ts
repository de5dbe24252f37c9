/** The gate's decision as an exception, for those who go on with a file only when it passes. Rules that only warn are for make preflight. */
import type { Target } from "../contract.ts";
import { Failure } from "../errors.ts";
import { exitCodeFor, inspect } from "../gate.ts";
import type { Digest } from "../hash.ts";
import { knob } from "../knobs.ts";
import type { FileReport } from "./report.ts";
import { problemOf } from "./report-text.ts";

/**
 * Returns the report of a file that passes the gate.
 * @param name what messages call the file
 * @param read the open file and the digest of its bytes, when the caller has just hashed them
 * @throws Failure with every rule that it breaks: (1) when it fails the contract, (3) when it can't be read
 */
export function assertPasses(
  path: string,
  target: Target | undefined,
  name: string,
  read?: Digest & { fd: number },
): FileReport {
  const content = read && { ...read, paths: { count: 0, examples: [] } };
  const report = inspect(path, { target, maxSize: knob("FASTBOOP_STAGE0_MAX_SIZE"), content, fd: read?.fd });
  if (report.ok) return report;
  const broken = report.findings.filter(({ severity }) => severity === "fail");
  throw new Failure(exitCodeFor(broken) || 1, ...broken.map((finding) => problemOf(finding, name)));
}
