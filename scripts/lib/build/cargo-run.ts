/** Runs cargo: its log goes to the terminal as it comes, and cargo ends when this process does. */
import { constants } from "node:os";
import { stripVTControlCharacters } from "node:util";
import { onExit } from "../cleanup.ts";
import { environment, knob } from "../knobs.ts";
import { interactive, say } from "../log.ts";
import { ending, run } from "../process.ts";
import type { CargoCommand } from "./cargo.ts";

interface CargoResult {
  /** "exit code 101", "SIGKILL"; undefined when it went well. */
  trouble: string | undefined;
  /** The JSON messages, a line each. */
  messages: string;
  /** All that it wrote to stderr, without colours. */
  log: string;
}

/** How long cargo may take to end after a signal, before it is killed. */
const GRACE_MS = 5000;

/**
 * Runs cargo to its end. A signal that would end this process goes to cargo and all that it started; then this process
 * exits with 128 + the signal's number.
 */
export async function runCargo({ cargo, args, folder, env }: CargoCommand): Promise<CargoResult> {
  const colour = interactive() && !knob("NO_COLOR") && environment().CARGO_TERM_COLOR === undefined;
  const forget = onExit((signal) => {
    if (signal === undefined) return;
    say(`ended by ${signal}, and cargo with it; no artifact was touched`);
    process.exit(128 + constants.signals[signal]);
  });
  const result = await run([cargo, ...args], {
    cwd: folder,
    env: { ...env, ...(colour ? { CARGO_TERM_COLOR: "always" } : {}) },
    graceMs: GRACE_MS,
    onStderr: (bytes) => process.stderr.write(bytes),
  });
  forget();
  return {
    trouble: result.exitCode === 0 ? undefined : ending(result),
    messages: result.stdout,
    log: stripVTControlCharacters(result.stderr),
  };
}
