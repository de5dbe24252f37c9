/** Measurements: the commands of a comparison in one run of hyperfine, and the memory that each takes by GNU time. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingFailure, printable } from "../../../scripts/lib/errors.ts";
import { environment, KNOBS } from "../../../scripts/lib/knobs.ts";
import { say } from "../../../scripts/lib/log.ts";
import { PROJECT } from "../../../scripts/lib/paths.ts";
import { ending } from "../../../scripts/lib/process.ts";
import { shell } from "../../../scripts/lib/shell.ts";
import { shellQuote } from "../../../scripts/lib/shell-quote.ts";

/** One command of a comparison. */
export interface Entrant {
  name: string;
  command: readonly string[];
  /** Untimed command before each run. */
  prepare?: readonly string[];
  /** Part of this project: it may not fail. The first of them is what the ratios are of. */
  ours?: true;
  /** Does nothing: what no tool on its runtime can beat. */
  floor?: true;
  /** Programs that it takes, beyond those of the project itself. */
  needs?: readonly string[];
}

/** A limit of an entrant's median: at most so many times another's, so many seconds above it, or so many seconds. */
export interface Aim {
  entrant: string;
  against?: string;
  times?: number;
  above?: number;
  seconds?: number;
}

export interface Comparison {
  title: string;
  entrants: readonly Entrant[];
  /** The environment of all of them, added to that of the bench without its knobs. */
  env?: Readonly<Record<string, string>>;
  /** Timed runs of each, after the one that is measured for memory and warms the caches. */
  runs: number;
  aims?: readonly Aim[];
  /** Printed below the table: why others are faster, what the figures do not show. */
  notes?: readonly string[];
}

/** A line of a table. Seconds and bytes. */
export interface Row {
  name: string;
  ours: boolean;
  floor: boolean;
  median?: number;
  least?: number;
  most?: number;
  /** Mean of the processor's time, of all processes. */
  cpu?: number;
  /** Peak of the largest process. */
  memory?: number;
  /** Why there is no figure. */
  missing?: string;
}

export interface Result {
  title: string;
  runs: number;
  rows: Row[];
  aims: Aim[];
  notes: string[];
}

/** Names of the knobs that the measured commands may see from outside: where homes, caches and cargo are. */
const KEPT = new Set(["HOME", "XDG_CACHE_HOME", "CARGO_HOME", "CARGO"]);

/** Certificates, which Node 20 reads at each start: that takes it longer than the start itself. */
const SLOW = "NODE_EXTRA_CA_CERTS";

/** The environment of what is measured: the bench's own without knobs, so that nobody's settings change a figure. */
export function benchEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const outer = Object.entries(environment()).filter(
    ([name]) => KEPT.has(name) || !(name === SLOW || Object.hasOwn(KNOBS, name) || /^(MAKE|MFLAGS)/.test(name)),
  );
  return { ...Object.fromEntries(outer), ...extra };
}

const commandLine = (command: readonly string[]): string => command.map(shellQuote).join(" ");

/**
 * Runs a command once under GNU time.
 * @returns seconds and the peak of memory in bytes, of the largest process that it waited for
 * @throws Failure (3) with the end of its output when it does not end with 0
 */
export async function once(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  folder: string,
): Promise<{ seconds: number; memory: number }> {
  const file = join(folder, "time");
  const $ = await shell({ env, cwd: PROJECT });
  const timed = await $`/usr/bin/time -f ${"%e %M"} -o ${file} -- ${command}`;
  if (!timed.ok) {
    throw missingFailure({
      what: `a measured command ended with ${ending(timed)}`,
      got: printable(`${timed.stdout}${timed.stderr}`.trim().slice(-600)),
      fix: `try it: ${printable(commandLine(command))}`,
    });
  }
  const [seconds = Number.NaN, kib = Number.NaN] = (readFileSync(file, "utf8").trim().split("\n").at(-1) ?? "")
    .split(" ")
    .map(Number);
  return { seconds, memory: kib * 1024 };
}

/**
 * Measures a comparison.
 * @param lacking why an entrant can't run here, by the programs that it needs
 * @param folder for files of the measurement itself
 * @throws Failure (3) when an own entrant fails or hyperfine does
 */
export async function measure(
  comparison: Comparison,
  lacking: (needs: readonly string[]) => string | undefined,
  folder: string,
): Promise<Result> {
  const { title, runs } = comparison;
  const entrants = comparison.entrants.map((entrant, index) => shortened(entrant, join(folder, `entrant-${index}.sh`)));
  const env = benchEnvironment(comparison.env);
  say(title);
  const rows = new Map<string, Row>();
  for (const { name, command, prepare, ours = false, floor = false, needs = [] } of entrants) {
    const row: Row = { name, ours, floor };
    rows.set(name, row);
    const missing = lacking(needs);
    if (missing !== undefined) {
      row.missing = `needs ${missing}`;
      continue;
    }
    if (prepare !== undefined) {
      // Deno loses the parentheses of `(await shell())` before a template.
      const $ = await shell({ env });
      await $`${prepare}`;
    }
    try {
      row.memory = (await once(command, env, folder)).memory;
    } catch (error) {
      // A peer that this machine can't run is reported in its row; the others are still measured.
      if (ours || !(error instanceof Error) || !("problems" in error)) throw error;
      row.missing = `failed: ${(error as { problems: { got?: string }[] }).problems[0]?.got?.slice(-160)}`;
    }
  }
  const running = entrants.filter(({ name }) => rows.get(name)?.missing === undefined);
  for (const [name, times] of await hyperfine(running, runs, env, folder)) {
    const row = rows.get(name);
    if (row !== undefined) Object.assign(row, times);
  }
  return {
    title,
    runs,
    rows: [...rows.values()],
    aims: [...(comparison.aims ?? [])],
    notes: [...(comparison.notes ?? [])],
  };
}

/** Longer command lines, in bytes, are put into a file: one argument has 128 KiB on Linux (MAX_ARG_STRLEN). */
const LONG = 10_000;

/** An entrant whose command fits into one command line with the others. A long one costs the start of sh more. */
function shortened(entrant: Entrant, file: string): Entrant {
  const line = commandLine(entrant.command);
  if (line.length < LONG) return entrant;
  writeFileSync(file, `exec ${line}\n`);
  return { ...entrant, command: ["sh", file] };
}

type Times = Required<Pick<Row, "median" | "least" | "most" | "cpu">>;

/** Medians and extremes in seconds, by the entrants' names, from one run of hyperfine. */
async function hyperfine(
  entrants: readonly Entrant[],
  runs: number,
  env: Record<string, string>,
  folder: string,
): Promise<Map<string, Times>> {
  const file = join(folder, "hyperfine.json");
  // Each command has its own: hyperfine pairs them in order.
  const prepares = entrants.flatMap(({ prepare = ["true"] }) => ["--prepare", commandLine(prepare)]);
  const names = entrants.flatMap(({ name }) => ["--command-name", name]);
  const commands = entrants.map(({ command }) => commandLine(command));
  const $ = await shell({ env, cwd: PROJECT });
  const measured =
    await $`hyperfine --shell=none --style=basic --runs=${runs} --export-json=${file} ${prepares} ${names} ${commands}`;
  if (!measured.ok)
    throw missingFailure({
      what: `hyperfine ended with ${ending(measured)}`,
      got: printable(measured.stderr.trim().slice(-600)),
    });
  return timesIn(readFileSync(file, "utf8"));
}

/** Medians and extremes in what hyperfine exports as JSON. */
export function timesIn(json: string): Map<string, Times> {
  const { results } = JSON.parse(json) as { results: Exported[] };
  return new Map(
    results.map(({ command, median, min, max, user, system }) => [
      command,
      { median, least: min, most: max, cpu: user + system },
    ]),
  );
}

/** What is used of hyperfine's format. Seconds; user and system are means. */
interface Exported {
  command: string;
  median: number;
  min: number;
  max: number;
  user: number;
  system: number;
}
