/** The release gate, for files that are fetched. The rules that only warn are left to make preflight. */
import type { Target } from "../contract.ts";
import { Failure } from "../errors.ts";
import { problemOf } from "../gate/report-text.ts";
import { exitCodeFor, type FileReport, inspect } from "../gate.ts";
import type { Digest } from "../hash.ts";
import { maxSize } from "./request.ts";

/**
 * Lets a file pass or not.
 * @param what what messages call the file
 * @param digest of its bytes, when they were hashed on their way
 * @throws Failure (1 or 3) with every rule that it breaks
 */
export function pass(path: string, target: Target, what: string, digest?: Digest): FileReport {
  const content = digest && { ...digest, paths: { count: 0, examples: [] } };
  const report = inspect(path, { target, maxSize: maxSize(), content });
  if (report.ok) return report;
  const broken = report.findings.filter(({ severity }) => severity === "fail");
  throw new Failure(exitCodeFor(broken) || 1, ...broken.map((finding) => problemOf(finding, what)));
}
