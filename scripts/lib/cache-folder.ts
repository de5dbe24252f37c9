/** A folder of the cache that several runs may want at once: made once, by one of them, and seen whole or not at all. */
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { onExit } from "./cleanup.ts";
import { missingFailure, printable, systemWords } from "./errors.ts";
import { withFileLock } from "./file-lock.ts";
import { fsyncPath, makeFolder, temporaryName } from "./files.ts";
import type { Progress } from "./progress.ts";

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
  makeCacheFolder(parent);
  const waiting = (): void => progress(`waiting for another run that works in ${parent}`);
  await withFileLock(join(parent, ".lock"), waiting, async () => {
    const missing = absent().map((folder) => ({ folder, staging: temporaryName(folder) }));
    if (missing.length === 0) return;
    removeLeftovers(parent);
    const remove = (): void => {
      for (const { staging } of missing) fs.rmSync(staging, { recursive: true, force: true, maxRetries: 3 });
    };
    const forget = onExit(remove);
    try {
      for (const { staging } of missing) fs.mkdirSync(staging);
      await fill(missing);
      for (const { folder, staging } of missing) {
        syncTree(staging);
        fs.renameSync(staging, folder);
      }
      fsyncPath(parent);
    } finally {
      remove();
      forget();
    }
  });
}

/** Of paths whose names end on a version, the newest; undefined when there is none. */
export function newest(paths: readonly string[]): string | undefined {
  // Made here, since it loads ICU's data, which takes half of what node does.
  const byVersion = new Intl.Collator("en", { numeric: true }).compare;
  return [...paths].sort((a, b) => byVersion(basename(a), basename(b))).at(-1);
}

/** Makes a folder of the cache. @throws Failure (3) naming the knob when that can't be done */
export function makeCacheFolder(parent: string): void {
  try {
    makeFolder(parent);
  } catch (error) {
    const got = systemWords(error);
    if (got === undefined) throw error;
    // As with a home folder that is not there, which is how distributions build.
    throw missingFailure({
      what: "the cache folder can't be made",
      got,
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
    else if (entry.isFile()) fsyncPath(path);
  }
  fsyncPath(folder);
}
