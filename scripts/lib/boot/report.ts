/** How scripts that boot tell what went wrong. */
import { type Problem, printable } from "../errors.ts";
import { dim, report, say } from "../log.ts";

interface Ended {
  exitCode: 0 | 1 | 3;
  problem?: Problem;
  /** The console's last lines, printable. */
  console: readonly string[];
  /** Path of the file that holds the whole console. */
  log: string;
}

/** Reports each boot that went wrong, with the end of its console. Returns the exit code of them all. */
export function reportBoots(boots: readonly Ended[]): number {
  for (const { problem, console, log } of boots) {
    if (problem === undefined) continue;
    report(problem);
    for (const text of console) say(dim(`  | ${text}`));
    say(`  whole console: ${printable(log)}`);
  }
  // What is wrong with a file outweighs what kept another from being booted.
  const codes = boots.map(({ exitCode }) => exitCode);
  return codes.includes(1) ? 1 : Math.max(0, ...codes);
}
