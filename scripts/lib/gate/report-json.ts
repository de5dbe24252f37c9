/** The gate's result for programs; docs/preflight.schema.json describes it. */
import { printableJson } from "../errors.ts";
import type { Preflight } from "./preflight.ts";
import type { FileReport, Finding } from "./report.ts";

const finding = ({ rule, severity, expected, got, fix }: Finding): Finding => ({ rule, severity, expected, got, fix });

/** The fields that the schema names, in this order. A report has more, for other readers. */
const file = (report: FileReport) => ({
  path: report.path,
  asset: report.asset,
  target: report.target,
  ok: report.ok,
  type: report.type,
  machine: report.machine,
  linkage: report.linkage,
  interpreter: report.interpreter,
  needed: report.needed,
  entry: report.entry,
  alignment: report.alignment,
  buildId: report.buildId,
  stripped: report.stripped,
  size: report.size,
  sha256: report.sha256,
  findings: report.findings.map(finding),
});

/** The result as JSON, without a line break at its end. */
export const jsonReport = (result: Preflight): string =>
  printableJson({ ok: result.ok, files: result.files.map(file), findings: result.findings.map(finding) });
