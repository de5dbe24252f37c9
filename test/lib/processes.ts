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

/** Whether a process ends soon: one that was killed may take a moment on a busy machine. */
export async function endsSoon(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100 && isRunning(pid); tries++) await setTimeout(100);
  return !isRunning(pid);
}
