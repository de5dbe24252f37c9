/** The gate's result for a terminal and for GitHub's annotations. */
import { type Problem, printable } from "../errors.ts";
import { report, size } from "../log.ts";
import type { Preflight } from "./preflight.ts";
import type { FileReport, Finding } from "./report.ts";

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

/** Every finding on stderr, those of a file with its path; annotations in GitHub Actions. */
export function reportFindings({ files, findings }: Preflight): void {
  const show = (finding: Finding, path?: string): void =>
    report(problemOf(finding, path), finding.severity === "fail" ? "error" : "warning");
  for (const file of files) for (const finding of file.findings) show(finding, file.path);
  for (const finding of findings) show(finding);
}
