/** Commands in process groups of their own, so that whatever they started ends with them. */

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
export function killRunning(): void {
  for (const pid of running) killGroup(pid);
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}

/** Runs a command to its end, whatever that is; stdin is empty. A program that does not exist ends with code 127. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { $ } = await import("zx/core");
  const child = $({
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
    if (pid !== undefined) killGroup(pid);
  };
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted) abort();
  let timedOut = false;
  const timer = setTimeout(
    () => {
      timedOut = true;
      if (pid !== undefined) killGroup(pid);
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
