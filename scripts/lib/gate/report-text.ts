/** The gate's result for a terminal and for GitHub's annotations. */
import { type Problem, printable } from "../errors.ts";
import { report, size } from "../log.ts";
import type { Preflight } from "./preflight.ts";
import type { FileReport, Finding } from "./report.ts";
import type { Severity } from "./rules.ts";

/** A file in one line: verdict, path, and what is known of target, linkage, size and sha256. Printable. */
export function fileLine(file: FileReport): string {
  const known = [
    file.target ?? undefined,
    file.linkage ?? undefined,
    file.size === null ? undefined : size(file.size),
    file.sha256 === null ? undefined : `sha256 ${file.sha256}`,
  ];
  return `${file.ok ? "ok  " : "FAIL"} ${[printable(file.path), ...known].filter((part) => part !== undefined).join("  ")}`;
}

/** A finding as the problem that it is, with its rule's id. */
export const problemOf = ({ rule, expected, got, fix }: Finding, path?: string): Problem => ({
  what: `breaks the rule ${rule}`,
  expected,
  got,
  fix,
  ...(path === undefined ? {} : { file: printable(path) }),
});

/** The findings of a result as problems, those of a file with its path. */
const located = ({ files, findings }: Preflight): [severity: Severity, problem: Problem][] => [
  ...files.flatMap((file) =>
    file.findings.map((one): [Severity, Problem] => [one.severity, problemOf(one, file.path)]),
  ),
  ...findings.map((one): [Severity, Problem] => [one.severity, problemOf(one)]),
];

/** What a result fails for. */
export const failuresOf = (result: Preflight): Problem[] =>
  located(result).flatMap(([severity, problem]) => (severity === "fail" ? [problem] : []));

/** Every finding on stderr; annotations in GitHub Actions. */
export function reportFindings(result: Preflight): void {
  for (const [severity, problem] of located(result)) report(problem, severity === "fail" ? "error" : "warning");
}
