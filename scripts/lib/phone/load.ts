/** Keeps the processors busy while something else runs: races show. */
import { availableParallelism } from "node:os";
import { groupSpawner } from "../process.ts";

/** Until its stdin ends, as it does when this process is gone. */
const BUSY = "(while :; do :; done) & busy=$!; cat >/dev/null; kill -KILL $busy";

/** Runs `work` beside one busy process for each processor. */
export async function underLoad<T>(work: () => Promise<T>): Promise<T> {
  const spawn = groupSpawner();
  const children = Array.from({ length: availableParallelism() }, () =>
    spawn("/bin/sh", ["-c", BUSY], { stdio: ["pipe", "ignore", "ignore"] }),
  );
  try {
    return await work();
  } finally {
    for (const child of children) child.stdin?.end();
  }
}
