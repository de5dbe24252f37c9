/** A folder of the cache that several runs may want at once: made once, by one of them, and seen whole or not at all. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { errorCode, missingFailure, printable } from "./errors.ts";
import { makeFolder, syncFolder, temporaryName } from "./files.ts";
import type { Progress } from "./progress.ts";
import { cleaningUp } from "./run.ts";

/** How long a lock may take before it is said that another run has it. */
const PATIENCE_MS = 300;

/**
 * Runs `work` while no other process holds the lock on the file. The lock is the kernel's (flock(2)), held by a child
 * that ends when this process does, however it ends, so that no crash leaves it locked.
 * @param waiting called once when another process holds the lock
 * @throws Failure (3) when the program flock is missing or can't lock
 */
async function withLock<T>(file: string, waiting: () => void, work: () => Promise<T>): Promise<T> {
  // Detached: an interrupt from the terminal must not free the lock before the clean-up is done.
  const holder = spawn("flock", [file, "sh", "-c", "echo locked; exec cat"], {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => holder.once("close", () => resolve()));
  const timer = setTimeout(waiting, PATIENCE_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      let complaint = "";
      holder.stderr.on("data", (text: Buffer) => {
        complaint += text;
      });
      holder.stdout.once("data", () => resolve());
      const fail = (got: string): void =>
        reject(missingFailure({ what: "the cache can't be locked", expected: "a lock from flock", got, file }));
      holder.once("error", (error) => fail(error.message));
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

/**
 * Makes a folder unless it is there. `fill` gets an empty folder beside it, which takes the final name only when it is
 * whole and on the disk; whatever fails or is interrupted leaves nothing under that name. Runs that want the same folder
 * wait for the first. What belongs into the folder has to be in its name (versions), as it is never filled again.
 * @param folder absolute; all folders with the same parent share one lock
 * @param fill puts everything into the folder that it is given
 */
export async function ensureFolder(
  folder: string,
  progress: Progress,
  fill: (staging: string) => Promise<void>,
): Promise<void> {
  await ensureFolders([folder], progress, ([made]) => fill(made?.staging ?? ""));
}

/** As ensureFolder, for several folders with the same parent: `fill` gets those that are missing, with where to make them. */
export async function ensureFolders(
  folders: readonly string[],
  progress: Progress,
  fill: (missing: { folder: string; staging: string }[]) => Promise<void>,
): Promise<void> {
  const absent = (): string[] => folders.filter((folder) => !fs.existsSync(folder));
  const [first] = absent();
  if (first === undefined) return;
  const parent = dirname(first);
  makeParent(parent);
  const waiting = (): void => progress(`waiting for another run that works in ${parent}`);
  await withLock(join(parent, ".lock"), waiting, async () => {
    const missing = absent().map((folder) => ({ folder, staging: temporaryName(folder) }));
    if (missing.length === 0) return;
    removeLeftovers(parent);
    const remove = (): void => {
      for (const { staging } of missing) fs.rmSync(staging, { recursive: true, force: true, maxRetries: 3 });
    };
    const stopHandling = cleaningUp(remove);
    try {
      for (const { staging } of missing) fs.mkdirSync(staging);
      await fill(missing);
      for (const { folder, staging } of missing) {
        syncTree(staging);
        fs.renameSync(staging, folder);
      }
      syncFolder(parent);
    } finally {
      remove();
      stopHandling();
    }
  });
}

function makeParent(parent: string): void {
  try {
    makeFolder(parent);
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    // As with a home folder that is not there, which is how distributions build.
    throw missingFailure({
      what: "the cache folder can't be made",
      got: code,
      file: printable(parent),
      fix: "set FASTBOOP_STAGE0_CACHE to a folder that you may write to",
    });
  }
}

/** What killed runs left: whoever holds the lock is the only one at work, so every staging folder is such a one. */
function removeLeftovers(parent: string): void {
  for (const name of fs.readdirSync(parent)) {
    if (!/^\..*\.tmp$/s.test(name)) continue;
    fs.rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

function syncTree(folder: string): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) syncFile(path);
  }
  syncFolder(folder);
}

function syncFile(path: string): void {
  const fd = fs.openSync(path, "r");
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
