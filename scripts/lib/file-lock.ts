/** One process at a time: the kernel's file lock (flock(2)). */
import { missingFailure } from "./errors.ts";
import { groupSpawner } from "./process.ts";
import { installFix } from "./tools.ts";

/** How long to wait for the lock, in milliseconds, before the log says that another run has it. */
const NOTICE_MS = 300;

/**
 * Runs `work` while no other process holds the lock on the file. The lock is the kernel's (flock(2)), held by a child
 * that ends when this process does, however it ends, so that no crash leaves it locked.
 * @param waiting called once when another process holds the lock
 * @throws Failure (3) when the program flock is missing or can't lock
 */
export async function withFileLock<T>(file: string, waiting: () => void, work: () => Promise<T>): Promise<T> {
  // In a process group of its own: an interrupt from the terminal must not free the lock before the clean-up is done.
  const holder = groupSpawner()("flock", [file, "sh", "-c", "echo locked; exec cat"], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => holder.once("close", () => resolve()));
  const timer = setTimeout(waiting, NOTICE_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      let complaint = "";
      holder.stderr.on("data", (text: Buffer) => {
        complaint += text;
      });
      holder.stdout.once("data", () => resolve());
      const fail = (got: string, fix?: string): void => {
        const problem = { what: "the cache can't be locked", expected: "a lock from flock", got, file };
        reject(missingFailure(fix === undefined ? problem : { ...problem, fix }));
      };
      holder.once("error", (error) => fail(error.message, installFix(["flock"])));
      holder.once("close", () => fail(complaint.trim()));
    });
    clearTimeout(timer);
    return await work();
  } finally {
    clearTimeout(timer);
    holder.stdin.end();
    if (holder.pid !== undefined) await ended;
  }
}
