/** Reads a machine's serial console: what the kernel prints about PID 1, and what PID 1 prints itself. */
import { stripVTControlCharacters } from "node:util";
import { printable } from "../errors.ts";

/** Characters of the console that are kept: endless output must not fill memory or disk. */
const MOST = 4 * 1024 ** 2;
/** Characters after which a line is cut. */
const LONGEST = 8192;

/** What has been seen so far. */
export interface Console {
  /** The whole console up to a limit, a line each, printable. */
  lines: string[];
  /** The kernel's release. */
  kernel?: string;
  /** The kernel has begun to execute /init as PID 1. */
  started: boolean;
  /** The error number when it could not. */
  execError?: number;
  /** The reason of a kernel panic. */
  panic?: string;
  /** How PID 1 stopped the machine. */
  end?: "powered off" | "restarted" | "halted";
  /** The first line after the start that matches what is expected, printable. */
  match?: string;
  /** PID 1 is fastboop's stage0: it logs under that name. */
  fastboop?: true;
}

/** The line that one file has to show, by what it turns out to be; undefined: it only has to run. */
export interface Expected {
  fastboop: RegExp | undefined;
  /** Of any other program. */
  other: RegExp | undefined;
}

/** The line for what a console has shown so far. */
export const expectedOf = ({ fastboop }: Console, expected: Expected): RegExp | undefined =>
  fastboop ? expected.fastboop : expected.other;

/** Under which name fastboop's stage0 logs, by /dev/kmsg. */
export const FASTBOOP_LOG = /\bfastboop_stage0: /;

/** The start of a kernel message in a line. */
const STAMP = /\[ *[0-9]+\.[0-9]+\] /;

/** What the kernel says before it executes /init. */
export const STARTED = "Run /init as init process";

const ENDS = { "Power down": "powered off", "Restarting system": "restarted", "System halted": "halted" } as const;

/**
 * Reads a console.
 * @param expected what to look for after /init was started; colours and other escape sequences are no part of a line
 * @returns `seen`, kept up to date; `feed` takes the bytes as they come, `flush` ends the last line
 */
export function readConsole(expected?: Expected): { seen: Console; feed(bytes: Buffer): void; flush(): void } {
  const seen: Console = { lines: [], started: false };
  const decoder = new TextDecoder();
  let partial = "";
  let kept = 0;
  /** The start of a program's line that a kernel message interrupted. The rest comes in the next line that is not the kernel's. */
  let broken = "";

  const keep = (line: string): void => {
    if (kept > MOST) return;
    kept += line.length + 1;
    seen.lines.push(kept > MOST ? `(cut after ${MOST} characters)` : printable(line));
  };
  const take = (raw: string): void => {
    keep(raw);
    const line = stripVTControlCharacters(raw);
    // Anywhere in the line: a kernel message may interrupt a program's line.
    const error = /Failed to execute \/init \(error -([0-9]+)\)/.exec(line)?.[1];
    const panic = /Kernel panic - not syncing: (.*)/.exec(line)?.[1];
    const end = /reboot: (Power down|Restarting system|System halted)/.exec(line)?.[1];
    if (error !== undefined) seen.execError ??= Number(error);
    if (panic !== undefined) seen.panic ??= panic;
    if (end !== undefined) seen.end ??= ENDS[end as keyof typeof ENDS];
    if (seen.started) {
      const stamp = line.search(STAMP);
      const joined = stamp < 0 ? broken + line : line;
      broken = stamp < 0 ? "" : (broken + line.slice(0, stamp)).slice(-LONGEST);
      const said = [joined, line];
      if (said.some((text) => FASTBOOP_LOG.test(text))) seen.fastboop = true;
      const expect = expected && expectedOf(seen, expected);
      const match = said.find((text) => expect?.test(text));
      if (match !== undefined) seen.match ??= printable(match);
      return;
    }
    const kernel = /Linux version (\S+)/.exec(line)?.[1];
    if (kernel !== undefined) seen.kernel ??= printable(kernel);
    seen.started = line.includes(STARTED);
  };
  const takeLines = (): void => {
    const lines = partial.split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) take(line.replace(/\r+$/, ""));
    if (partial.length <= LONGEST) return;
    take(partial);
    partial = "";
  };
  return {
    seen,
    feed(bytes) {
      partial += decoder.decode(bytes, { stream: true });
      takeLines();
    },
    flush() {
      if (partial !== "") take(partial);
      partial = "";
    },
  };
}
