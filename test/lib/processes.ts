import * as fs from "node:fs";
import { setTimeout } from "node:timers/promises";

/** Whether a process runs: it is there, and no zombie. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Watches a process. Returns what ends that, and gives the peak of its resident memory in bytes. */
export function watchMemory(pid: number): () => number {
  let peak = 0;
  const timer = setInterval(() => {
    try {
      const [, kib = 0] = /VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      peak = Math.max(peak, Number(kib) * 1024);
    } catch {
      // It has ended.
    }
  }, 20).unref();
  return () => {
    clearInterval(timer);
    return peak;
  };
}

/** Whether a process ends soon: one that was killed may take a moment on a busy machine. */
export async function endsSoon(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100 && isRunning(pid); tries++) await setTimeout(100);
  return !isRunning(pid);
}

/**
 * Waits until a condition holds.
 * @param ended of a program that makes it hold: when it ends before, there is nothing to wait for
 * @throws Error with how the program ended, or after ten minutes
 */
export async function until(condition: () => boolean, ended?: Promise<unknown>): Promise<void> {
  let outcome: unknown;
  ended?.then((value) => {
    outcome = value ?? "unknown";
  });
  for (const limit = Date.now() + 600_000; !condition(); await setTimeout(20)) {
    if (outcome !== undefined) throw new Error(`it ended too early: ${JSON.stringify(outcome)}`);
    if (Date.now() > limit) throw new Error(`waited in vain for ${condition}`);
  }
}

/** The processes with a text in their command line, and one in their environment. */
export function processesWith(argument: string, variable = ""): string[] {
  const has = (pid: string, name: string, text: string): boolean =>
    fs.readFileSync(`/proc/${pid}/${name}`, "latin1").includes(text);
  return fs.readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^[0-9]+$/.test(pid) && has(pid, "cmdline", argument) && (variable === "" || has(pid, "environ", variable))
      );
    } catch {
      return false;
    }
  });
}
