/** The human's log on stderr, and what GitHub Actions wants to hear. Results go to stdout by the scripts themselves. */
import { appendFileSync } from "node:fs";
import { type Problem, printable } from "./errors.ts";
import { knob } from "./knobs.ts";
import { commandData, commandProperty, redact } from "./redact.ts";

/** Whether stderr takes colour and moving lines. */
export const interactive = (): boolean => process.stderr.isTTY === true;
const coloured = (): boolean => interactive() && !knob("NO_COLOR");

const paint = (code: number, text: string): string => (coloured() ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold = (text: string): string => paint(1, text);
export const dim = (text: string): string => paint(2, text);
const red = (text: string): string => paint(31, text);
export const green = (text: string): string => paint(32, text);
const yellow = (text: string): string => paint(33, text);

/** One line of the log. Everything that is logged comes through here, so this is where secrets are taken out. */
export function say(line: string): void {
  process.stderr.write(`${redact(line)}\n`);
}

/** A problem as lines: what is wrong, expected, got, fix. All values but the file must already be printable. */
function problemLines(problem: Problem, label: string): string[] {
  const lines = [`${label}: ${problem.file ? `${printable(problem.file)}: ` : ""}${problem.what}`];
  if (problem.expected !== undefined) lines.push(`  expected: ${problem.expected}`);
  if (problem.got !== undefined) lines.push(`  got:      ${problem.got}`);
  if (problem.fix !== undefined) lines.push(`  fix:      ${problem.fix}`);
  return lines;
}

/**
 * Shows a problem. In GitHub Actions an annotation does so: the runner takes it from stderr too, as stdout is the script's
 * result, and shows it in the log.
 */
export function report(problem: Problem, severity: "error" | "warning" = "error"): void {
  if (knob("GITHUB_ACTIONS")) say(annotation(severity, problem));
  else for (const line of problemLines(problem, severity === "error" ? red("error") : yellow("warning"))) say(line);
}

/** GitHub's workflow command for a problem (`::error file=…::…`). An address in it is cut before it is escaped. */
function annotation(severity: "error" | "warning", problem: Problem): string {
  const message = redact(problemLines(problem, "").join("\n").replace(/^: /, ""));
  const file = problem.file && ` file=${commandProperty(redact(printable(problem.file)))}`;
  return `::${severity}${file ?? ""}::${commandData(message)}`;
}

/** Adds Markdown to the job summary when in GitHub Actions. */
export function summarize(markdown: string): void {
  const file = knob("GITHUB_STEP_SUMMARY");
  if (file !== undefined) appendFileSync(file, `${redact(markdown)}\n`);
}

/** Sets outputs of the workflow step when in GitHub Actions. @param outputs values of one line each */
export function setOutputs(outputs: Record<string, string>): void {
  const file = knob("GITHUB_OUTPUT");
  if (file === undefined) return;
  for (const [name, value] of Object.entries(outputs)) appendFileSync(file, `${name}=${value}\n`);
}

/** Bytes as people read them: 742792 → "742,792 bytes (725.4 KiB)". */
export function size(bytes: number | bigint): string {
  // toLocaleString would load ICU's data: 12 ms, a tenth of what a short script takes.
  const exact = `${String(bytes).replace(/\B(?=(\d{3})+$)/g, ",")} bytes`;
  return bytes < 1024 ? exact : `${exact} (${shortSize(Number(bytes))})`;
}

/** Bytes in the largest binary unit that leaves a number of 1 or more: 742792 → "725.4 KiB". */
export function shortSize(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}

/** Milliseconds as seconds: 1834 → "1.8 s". */
export const duration = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
