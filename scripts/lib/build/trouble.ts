/** What cargo's log says of a build that failed. */
import { printable } from "../errors.ts";

/** Lines of the log that an error shows. */
const LINES = 12;

/** What failed, and the lines of the log that tell why. */
export function troubleIn(log: string, trouble: string | undefined): { what: string; got: string } {
  const script = failedScript(log);
  const lines = script?.said ?? lastErrors(log);
  return {
    what: script === undefined ? `cargo failed: ${trouble}` : `the build script of ${printable(script.crate)} failed`,
    got: lines.map(printable).join("\n            ") || "nothing on stderr",
  };
}

/** The first build script that failed, and what it said itself: neither cargo's own lines nor a back trace. */
function failedScript(log: string): { crate: string; said: string[] } | undefined {
  const failed = /^error: failed to run custom build command for `([^`(]+?)(?: \([^`]*\))?`$/m.exec(log);
  const crate = failed?.[1];
  const [report = ""] = log.slice((failed?.index ?? 0) + (failed?.[0].length ?? 0)).split(/^(?:warning|error)\b/m);
  if (crate === undefined) return undefined;
  const [upToStdout = "", stderr = ""] = report.split(/^ {2}--- stderr$/m);
  const [cause = "", stdout = ""] = upToStdout.split(/^ {2}--- stdout$/m);
  // A back trace is the last that a program says.
  const [own = ""] = stderr.split(/^\s*stack backtrace:$/im);
  const said = linesOf(own).filter((line) => !/^note: (run with|Some details are omitted)/.test(line));
  if (said.length > 0) return { crate, said: said.slice(-LINES) };
  const told = linesOf(stdout).filter((line) => !/^cargo::?[a-z]/.test(line));
  return { crate, said: (told.length > 0 ? told : linesOf(cause)).slice(-LINES) };
}

const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.replace(/^ {2}/, "").trimEnd())
    .filter((line) => line !== "");

/** The log's first error, and its end. */
function lastErrors(log: string): string[] {
  const lines = log.split("\n").filter((line) => line.trim() !== "");
  const at = lines.findIndex((line) => line.startsWith("error"));
  if (at < 0) return lines.slice(-LINES);
  const [first = "", ...others] = lines.slice(at);
  return others.length < LINES ? [first, ...others] : [first, "…", ...others.slice(2 - LINES)];
}

/** What to do about it. @param file path of the log */
export function advice(log: string, file: string): string {
  if (/--locked was passed|lock file .* needs to be updated/.test(log)) {
    return "run cargo generate-lockfile in the workspace and commit its Cargo.lock";
  }
  // As cargo says it, and as it did before 1.83.
  if (
    /^error: (rustc .+ is not supported by the following|package .+ cannot be built because it requires rustc) /m.test(
      log,
    )
  ) {
    return "update the Rust that cargo belongs to, or set FASTBOOP_STAGE0_TOOLCHAIN=debian for Debian's";
  }
  return `the whole log is in ${printable(file)}`;
}
