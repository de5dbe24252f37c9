/** Commands in process groups of their own, so that whatever they started ends with them. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shellQuote } from "./handoff.ts";

/** zx's settings for any sh, since not every machine has bash. With exec the program's end and status are the child's. */
export const ANY_SH = { shell: "/bin/sh", prefix: "exec ", postfix: "", quote: shellQuote };

export interface RunOptions {
  cwd?: string;
  /** Added to the environment. */
  env?: Record<string, string>;
  /** The whole environment, instead of this process's. */
  onlyEnv?: Record<string, string>;
  /** The command and all it started are killed after so many milliseconds. */
  limitMs?: number;
  /** The same when this is aborted. */
  signal?: AbortSignal;
}
export interface RunResult {
  /** null: a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

const running = new Set<number>();

/** Kills every command that is running, with all that it started. */
function killRunning(): void {
  for (const pid of running) signalGroup(pid, "SIGKILL");
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended by itself in the meantime.
  }
}

/** Sends SIGINT to every command that is running, which those that must not break off half-way know how to take. */
export function interruptRunning(): void {
  for (const pid of running) signalGroup(pid, "SIGINT");
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Calls `handle` once when a signal is about to end this process. Comes out with what takes the handler away again. */
export function onSignal(handle: (signal: NodeJS.Signals) => void): () => void {
  const listener = (signal: NodeJS.Signals): void => {
    stop();
    handle(signal);
  };
  const stop = (): void => {
    for (const signal of SIGNALS) process.removeListener(signal, listener);
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return stop;
}

/** Ends every command and cleans up when a signal ends this process, and then lets it. Comes out as onSignal. */
export const cleaningUp = (cleanUp: () => void): (() => void) =>
  onSignal((signal) => {
    killRunning();
    cleanUp();
    // Others may have handlers too; the last of these signals meets none.
    process.kill(process.pid, signal);
  });

/** Hands on a new folder that is removed afterwards, also when a signal ends this process. */
export async function withTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), "stage0-"));
  // What a command that was just killed still had at hand may come after.
  const remove = (): void => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  const stopHandling = cleaningUp(remove);
  try {
    return await use(folder);
  } finally {
    remove();
    stopHandling();
  }
}

/** Runs a command to its end, whatever that is; stdin is empty. A program that does not exist ends with code 127. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { $ } = await import("zx/core");
  const child = $({
    ...ANY_SH,
    detached: true,
    nothrow: true,
    quiet: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: options.onlyEnv ?? { ...$.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })`${[...command]}`;
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  const abort = (): void => {
    if (pid !== undefined) signalGroup(pid, "SIGKILL");
  };
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted) abort();
  let timedOut = false;
  const timer = setTimeout(
    () => {
      timedOut = true;
      if (pid !== undefined) signalGroup(pid, "SIGKILL");
    },
    options.limitMs ?? 2 ** 31 - 1,
  );
  try {
    const { exitCode, stdout, stderr } = await child;
    return { code: exitCode, stdout, stderr, timedOut };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
    if (pid !== undefined) running.delete(pid);
  }
}
