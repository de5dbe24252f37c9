/** The gate's result as Markdown for a job summary, and the gate's rules as Markdown for the documentation. */
import { printable } from "../errors.ts";
import { shortSize } from "../log.ts";
import type { Preflight } from "./preflight.ts";
import type { Finding } from "./report.ts";
import { RULES } from "./rules.ts";

/** Untrusted text as Markdown text of one table cell: nothing in it is markup, a link or a mention (GFM 0.29). */
export const escapeMarkdown = (text: string): string =>
  printable(text).replace(
    /[&<>\\`*{}[\]#!|~@$]|_(?![A-Za-z0-9])|(?<![A-Za-z0-9])_|:(?=\/)|(?<=www)\./gi,
    (character) => `&#${character.codePointAt(0)};`,
  );

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

/** The result as two tables: the files, and the findings if there are any. */
export function markdownReport({ ok, files, findings }: Preflight): string {
  const text = (value: string | null): string => (value === null ? "" : escapeMarkdown(value));
  const fileRows = files.map((file) => [
    file.ok ? "pass" : "**fail**",
    text(file.path),
    text(file.target),
    text(file.linkage),
    file.size === null ? "" : shortSize(file.size),
    text(file.sha256),
  ]);
  const all = [
    ...files.flatMap((file) => file.findings.map((finding): [string, Finding] => [file.path, finding])),
    ...findings.map((finding): [string, Finding] => ["all files", finding]),
  ];
  const findingRows = all.map(([path, { rule, severity, expected, got, fix }]) =>
    [path, rule, severity, expected, got, fix].map(escapeMarkdown),
  );
  return [
    `### stage0 preflight: ${ok ? "pass" : "fail"}`,
    "",
    table(["verdict", "file", "target", "linkage", "size", "sha256"], fileRows),
    ...(findingRows.length > 0 ? ["", table(["file", "rule", "severity", "expected", "got", "fix"], findingRows)] : []),
    "",
  ].join("\n");
}

/** The rules of the gate as a Markdown table, in the order in which findings are listed. */
export const rulesTable = (): string =>
  table(
    ["rule", "severity", "demands", "why", "fix", "seen with"],
    RULES.map(({ id, severity, demands, why, fix, seen }) => [
      `\`${id}\``,
      severity,
      ...[demands, why, fix, seen === undefined ? "" : `\`${seen}\``].map((text) => text.replaceAll("|", "\\|")),
    ]),
  );
