/** The gate's result for programs; docs/preflight.schema.json describes it. */
import type { FileReport, Finding } from "../gate.ts";
import type { Preflight } from "./preflight.ts";

const finding = ({ rule, severity, expected, got, fix }: Finding): Finding => ({ rule, severity, expected, got, fix });

/** What the JSON holds: the fields that its schema names, in this order, whatever else a report carries for other readers. */
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

/**
 * The result as indented JSON without a line break at its end. Names come back from it exactly, and yet no character
 * that a terminal obeys is in it: JSON.stringify leaves C1, bidirectional and line separator characters as they are.
 */
export function jsonReport(result: Preflight): string {
  const json = JSON.stringify(
    { ok: result.ok, files: result.files.map(file), findings: result.findings.map(finding) },
    null,
    2,
  );
  return json.replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
}
