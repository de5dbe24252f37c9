/** What every entry script shares: arguments, --help, exit codes. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { errorCode, Failure, missingFailure, printable, SYSTEM_ERRORS, systemWords, usageFailure } from "./errors.ts";
import { checkKnobs } from "./knob-check.ts";
import { KNOBS, type KnobName } from "./knobs.ts";
import { report, say } from "./log.ts";
import { folderKnob } from "./paths.ts";

interface Option {
  type: "boolean" | "string";
  /** Placeholder of the value in the help text. */
  value?: string;
  /** It may be given several times. */
  multiple?: true;
  means: string;
}
type Options = Record<string, Option>;
type Values<O extends Options> = {
  [K in keyof O]?: O[K]["type"] extends "boolean" ? boolean : O[K]["multiple"] extends true ? string[] : string;
};

interface Script<O extends Options> {
  /** File name of the script, without folder. */
  name: string;
  /** What it does, in a sentence or two. */
  summary: string;
  /** What the operands are, for the help text; absent: the script takes none. */
  operands?: string;
  options: O;
  knobs: readonly KnobName[];
  /** What stdout carries. */
  prints: string;
  main(values: Values<O>, operands: string[]): Promise<number | undefined> | number | undefined;
}

/** What runScript itself and the log read. */
const EVERY_SCRIPTS: readonly KnobName[] = ["CALLER_DIR", "MAKE_VARIABLES", "NO_COLOR", "GITHUB_ACTIONS"];

/** The --help text of a script, from the same data that it runs by. */
function helpText(script: Script<Options>): string {
  const rows: [string, string][] = Object.entries(script.options).map(([name, option]) => [
    `--${name}${option.type === "string" ? ` ${option.value ?? "VALUE"}` : ""}`,
    option.means,
  ]);
  rows.push(["--help", "this text"], ["--version", "this project's version"]);
  const user = script.knobs.filter((name) => KNOBS[name].audience === "user");
  const host = [...script.knobs.filter((name) => !user.includes(name)), ...EVERY_SCRIPTS];
  const knobRows: [string, string][] = user.map((name) => {
    const { means, takes, default: fallback } = KNOBS[name] as { means: string; takes: string; default?: string };
    return [name, `${means} (${takes}${fallback === undefined ? "" : `; default ${fallback}`})`];
  });
  return [
    `usage: ${script.name} [options]${script.operands ? ` ${script.operands}` : ""}`,
    "",
    script.summary,
    "It runs by its path from any folder, on node; on Deno: deno run -A PATH.",
    "",
    `stdout: ${script.prints}`,
    "",
    "options:",
    ...table(rows),
    ...(knobRows.length > 0 ? ["", "environment:", ...table(knobRows)] : []),
    "",
    `and what the system sets (docs/distribution.md): ${host.join(", ")}`,
    "",
    "exit codes: 0 fine, 1 the artifact fails the contract, 2 wrong usage or configuration, 3 something needed is missing",
  ].join("\n");
}

const table = (rows: [string, string][]): string[] => {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
};

function parse<O extends Options>(script: Script<O>): { values: Values<O>; operands: string[] } {
  const options: ParseArgsConfig["options"] = { help: { type: "boolean" }, version: { type: "boolean" } };
  for (const [name, { type, multiple = false }] of Object.entries(script.options)) options[name] = { type, multiple };
  try {
    const { values, positionals } = parseArgs({
      args: process.argv.slice(2),
      options,
      allowPositionals: script.operands !== undefined,
    });
    return { values: values as Values<O>, operands: positionals };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw usageFailure({
      // Node's sentences on one line; any other line break is the user's.
      what: printable(message.replace(/\. To specify.*/s, "").replace(/\n(?=Did you forget |To specify )/g, " ")),
      fix: `${script.name} --help lists what it takes`,
    });
  }
}

/**
 * Runs an entry script: parses the arguments, answers --help and --version, shows every problem of a Failure and sets the exit code.
 * The process ends by itself when nothing is left to do, so that stdout is always flushed.
 */
export async function runScript<O extends Options>(script: Script<O>): Promise<void> {
  // An output that takes no more throws where nobody can catch it: the runtime would show a stack and end with 1.
  process.on("uncaughtException", (error) => process.exit(showError(error)));
  try {
    const { values, operands } = parse(script);
    const { help, version } = values as { help?: boolean; version?: boolean };
    if (help) return void process.stdout.write(`${helpText(script)}\n`);
    if (version) {
      const { ownVersion } = await import("./version.ts");
      return void process.stdout.write(`stage0-distribution ${ownVersion()}\n`);
    }
    checkKnobs(script.knobs);
    process.exitCode = (await script.main(values, operands)) ?? 0;
  } catch (error) {
    process.exitCode = showError(error);
  }
}

/** Shows an error on stderr. Returns the exit code that it calls for. */
function showError(error: unknown): number {
  const failure = error instanceof Failure ? error : systemFailure(error);
  try {
    if (failure === undefined)
      say(`error: this is a defect in the script: ${error instanceof Error ? error.stack : String(error)}`);
    else for (const problem of failure.problems) report(problem);
  } catch {
    // stderr takes no more.
  }
  return failure?.exitCode ?? 3;
}

/** A system's error that no code nearer to it explained; undefined for an error without words. */
function systemFailure(error: unknown): Failure | undefined {
  const words = systemWords(error);
  if (words === undefined || !(error instanceof Error)) return undefined;
  const known = SYSTEM_ERRORS[errorCode(error) ?? ""] ?? {
    what: `the system refuses it: ${words}`,
    fix: "look the code up in errno(3), and run it again",
  };
  // Of a rename it is the final name that says something.
  const { path, dest } = error as { path?: unknown; dest?: unknown };
  const file = [dest, path].find((value) => typeof value === "string");
  const owner = file === undefined ? undefined : folderKnob(file);
  return missingFailure({
    what: known.what,
    got: printable(error.message.replace(file ?? "\0", "the path")),
    fix: owner === undefined ? known.fix : `${known.fix}, or choose another place with ${owner}`,
    ...(file === undefined ? {} : { file }),
  });
}
