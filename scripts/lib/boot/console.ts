/** What a machine's serial console tells: what the kernel says about PID 1, and what PID 1 says itself. */
import { stripVTControlCharacters } from "node:util";
import { printable } from "../errors.ts";

/** Characters of the console that are kept: a program that writes without end must not fill memory or disk. */
const MOST = 4 * 1024 ** 2;
/** Characters after which a line without an end is taken for one. */
const LONGEST = 8192;

/** What has been seen so far. */
export interface Console {
  /** The whole console up to a limit, a line each, printable. */
  lines: string[];
  /** The kernel's release. */
  kernel?: string;
  /** The kernel has begun to execute /init as PID 1. */
  started: boolean;
  /** The number of the error for which it could not. */
  execError?: number;
  /** What the kernel panicked for. */
  panic?: string;
  /** How the machine ended by PID 1's wish. */
  end?: "powered off" | "restarted" | "halted";
  /** The first line after the start that matches what is expected, printable. */
  match?: string;
}

/** Where a message of the kernel's begins in a line. */
const STAMP = /\[ *[0-9]+\.[0-9]+\] /;

const ENDS = { "Power down": "powered off", "Restarting system": "restarted", "System halted": "halted" } as const;

/**
 * Reads a console.
 * @param expect the line to look for after /init was started; colours and other escape sequences are no part of a line
 * @returns what has been seen, kept up to date; `feed` takes the bytes as they come, `flush` takes the last line as whole
 */
export function readConsole(expect?: RegExp): { seen: Console; feed(bytes: Buffer): void; flush(): void } {
  const seen: Console = { lines: [], started: false };
  const decoder = new TextDecoder();
  let partial = "";
  let kept = 0;
  /** What a program had of a line when the kernel broke into it: the rest comes in the next line that is not the kernel's. */
  let broken = "";

  const keep = (line: string): void => {
    if (kept > MOST) return;
    kept += line.length + 1;
    seen.lines.push(kept > MOST ? `(cut after ${MOST} characters)` : printable(line));
  };
  const take = (raw: string): void => {
    keep(raw);
    const line = stripVTControlCharacters(raw);
    // Not bound to the line's start: the kernel may break into a line that a program has begun.
    const error = /Failed to execute \/init \(error -([0-9]+)\)/.exec(line)?.[1];
    const panic = /Kernel panic - not syncing: (.*)/.exec(line)?.[1];
    const end = /reboot: (Power down|Restarting system|System halted)/.exec(line)?.[1];
    if (error !== undefined) seen.execError ??= Number(error);
    if (panic !== undefined) seen.panic ??= panic;
    if (end !== undefined) seen.end ??= ENDS[end as keyof typeof ENDS];
    if (seen.started) {
      const stamp = line.search(STAMP);
      const whole = stamp < 0 ? broken + line : line;
      broken = stamp < 0 ? "" : (broken + line.slice(0, stamp)).slice(-LONGEST);
      const match = [whole, line].find((text) => expect?.test(text));
      if (match !== undefined) seen.match ??= printable(match);
      return;
    }
    const kernel = /Linux version (\S+)/.exec(line)?.[1];
    if (kernel !== undefined) seen.kernel ??= printable(kernel);
    seen.started = /Run \/init as init process/.test(line);
  };
  const takeWhole = (): void => {
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
      takeWhole();
    },
    flush() {
      if (partial !== "") take(partial);
      partial = "";
    },
  };
}
