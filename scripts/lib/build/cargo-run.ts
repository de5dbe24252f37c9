/** Runs cargo: its log goes to the terminal as it comes, and cargo ends when we are told to end. */
import { constants } from "node:os";
import { stripVTControlCharacters } from "node:util";
import { environment, knob } from "../knobs.ts";
import { interactive, say } from "../log.ts";
import { ANY_SH } from "../run.ts";
import type { CargoCommand } from "./cargo.ts";

interface CargoResult {
  /** "exit code 101", "SIGKILL"; undefined when it went well. */
  trouble: string | undefined;
  /** The JSON messages, a line each. */
  messages: string;
  /** All that it wrote to stderr, without colours. */
  log: string;
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** How long cargo may take to end after a signal, before it is killed. */
const GRACE_MS = 5000;

/**
 * Runs cargo to its end. A signal that would end us goes to cargo and all that it started; then this process exits with
 * 128 + the signal's number.
 */
export async function runCargo({ cargo, args, folder, env }: CargoCommand): Promise<CargoResult> {
  const { $ } = await import("zx/core");
  const colour = interactive() && !knob("NO_COLOR") && environment().CARGO_TERM_COLOR === undefined;
  const shell = $({
    ...ANY_SH,
    cwd: folder,
    env: { ...env, ...(colour ? { CARGO_TERM_COLOR: "always" } : {}) },
    // A process group of its own, to which signals can be sent as to one.
    detached: true,
    nothrow: true,
    quiet: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [{ exitCode, signal: killedBy, stdout, stderr }, signal] = await passingSignals(() => {
    const child = shell`${[cargo, ...args]}`;
    child.stderr.on("data", (text: Buffer) => process.stderr.write(text));
    return child;
  });
  if (signal !== undefined) {
    say(`ended by ${signal}, and cargo with it; no artifact was touched`);
    process.exit(128 + constants.signals[signal]);
  }
  return {
    trouble: exitCode === 0 ? undefined : (killedBy ?? `exit code ${exitCode}`),
    messages: stdout,
    log: stripVTControlCharacters(stderr),
  };
}

type Signal = (typeof SIGNALS)[number];

/**
 * Starts the leader of a process group and waits for it; the signals that we get go to the group.
 * @returns what the leader came to, and the first signal, if any
 */
async function passingSignals<T>(
  start: () => PromiseLike<T> & { pid: number | undefined },
): Promise<[T, Signal | undefined]> {
  let group: number | undefined;
  let first: Signal | undefined;
  let timer: NodeJS.Timeout | undefined;
  const send = (signal: NodeJS.Signals): void => {
    try {
      if (group !== undefined) process.kill(-group, signal);
    } catch {
      // It ended in the meantime.
    }
  };
  const handle = (signal: NodeJS.Signals): void => {
    // Whoever asks twice does not want to wait.
    send(first === undefined ? signal : "SIGKILL");
    first ??= SIGNALS.find((name) => name === signal);
    timer ??= setTimeout(send, GRACE_MS, "SIGKILL");
  };
  const kill = (): void => send("SIGKILL");
  process.once("exit", kill);
  // Before the start: a signal between the two would end us alone.
  for (const signal of SIGNALS) process.on(signal, handle);
  try {
    const leader = start();
    group = leader.pid;
    return [await leader, first];
  } finally {
    clearTimeout(timer);
    // What the leader started may have ignored the signal.
    if (first !== undefined) send("SIGKILL");
    process.removeListener("exit", kill);
    for (const signal of SIGNALS) process.removeListener(signal, handle);
  }
}
