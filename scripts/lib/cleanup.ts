/** What is done when this process ends too early: programs are ended, and what they worked on is removed. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDiskError, withPath } from "./errors.ts";
import { isGone, isPrivate, processMark } from "./process-mark.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof SIGNALS)[number];

/** @param signal what ends this process; undefined: it ends by itself */
type Handler = (signal?: Signal) => Promise<void> | void;

const handlers: Handler[] = [];
/** The handler that is waited for before the next ones get their turn. */
let current: Handler | undefined;

/**
 * Has a handler called when this process ends, by a signal or by itself. The newest comes first, as it may need what was
 * there before it. After a signal the next one comes when what it returns is done, and the handler that is waited for is
 * called again when another signal comes. In the end the signal ends this process.
 * @returns what takes the handler away again
 */
export function onExit(handler: Handler): () => void {
  if (handlers.length === 0 && current === undefined) {
    process.once("exit", endNow);
    for (const signal of SIGNALS) process.on(signal, end);
  }
  handlers.push(handler);
  return () => {
    const index = handlers.lastIndexOf(handler);
    if (index < 0) return;
    handlers.splice(index, 1);
    if (handlers.length === 0 && current === undefined) stopListening();
  };
}

function stopListening(): void {
  process.removeListener("exit", endNow);
  for (const signal of SIGNALS) process.removeListener(signal, end);
}

async function end(signal: Signal): Promise<void> {
  if (current !== undefined) {
    void current(signal);
    return;
  }
  for (let handler = handlers.pop(); handler !== undefined; handler = handlers.pop()) {
    const work = handler(signal);
    if (!(work instanceof Promise)) continue;
    current = handler;
    await work;
    current = undefined;
  }
  stopListening();
  process.kill(process.pid, signal);
}

function endNow(): void {
  for (let handler = handlers.pop(); handler !== undefined; handler = handlers.pop()) void handler();
}

const TEMPORARY = "stage0-";

function removeLeftovers(parent: string): void {
  for (const name of fs.readdirSync(parent)) {
    const [, mark] = /^stage0-([0-9a-f]{8}\.[0-9]+\.[0-9]+)-/.exec(name) ?? [];
    const folder = join(parent, name);
    if (mark !== undefined && isGone(mark) && isPrivate(folder)) fs.rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Hands on a new folder that is removed afterwards, also when this process ends before that. What processes left that were
 * killed is removed before.
 */
export async function withTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const parent = fs.realpathSync(tmpdir());
  removeLeftovers(parent);
  const folder = fs.mkdtempSync(join(parent, `${TEMPORARY}${processMark()}-`));
  // A program that was just killed may still finish a write.
  const remove = (): void => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  const forget = onExit(remove);
  try {
    return await use(folder);
  } catch (error) {
    // Writing to an open file names none, and under Deno nothing does.
    throw isDiskError(error) ? withPath(error, folder) : error;
  } finally {
    remove();
    forget();
  }
}
