/** Every program that runs here leads a process group of its own, so that whatever it started ends with it. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { onExit } from "./cleanup.ts";
import { errorCode, missingFailure, printable, withPath } from "./errors.ts";
import { say } from "./log.ts";

/** Bytes that a program may write: far more than any of ours does, and what this process has memory for. */
const MAX_OUTPUT = 64 * 1024 ** 2;

interface GroupOptions {
  /**
   * Milliseconds that the program has to end after a signal that ends this process, which is passed on to it. Absent: it
   * is killed at once. Infinity: it is never killed.
   */
  graceMs?: number;
  /** The signal that is passed on, whichever came. */
  passAs?: NodeJS.Signals;
  /** Bytes of stdout and stderr after which it is killed. */
  maxOutput?: number;
}

/**
 * As node's spawn, and zx's option of that name: starts programs as leaders of process groups, and ends these when an
 * AbortSignal says so, when they write too much, and when this process ends.
 */
export function groupSpawner(group: GroupOptions = {}): typeof spawn {
  const { graceMs = 0, passAs, maxOutput = MAX_OUTPUT } = group;
  const killable = graceMs < Number.POSITIVE_INFINITY;
  const start = (program: string, args: readonly string[], { signal, ...options }: SpawnOptions): ChildProcess => {
    let child: ChildProcess | undefined;
    let passed = false;
    let timer: NodeJS.Timeout | undefined;
    const send = (name: NodeJS.Signals): void => {
      try {
        if (child?.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // It ended in the meantime.
      }
    };
    const kill = (): void => send("SIGKILL");
    // Before the start: a signal between the two would end this process alone.
    const forget = onExit((received) => {
      if (received !== undefined && graceMs > 0 && !passed) {
        passed = true;
        send(passAs ?? received);
        if (killable) timer = setTimeout(kill, graceMs);
        return ended;
      }
      // Also when a second signal comes: whoever asks twice does not want to wait.
      if (killable) kill();
    });
    child = spawn(program, args, { ...options, detached: true });
    const ended = new Promise<void>((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", kill);
        forget();
        resolve();
      };
      // What the leader started may have ignored the signal, and would hold its output open.
      child?.once("exit", () => passed && killable && kill());
      child?.once("close", over);
      child?.once("error", () => child?.pid === undefined && over());
    });
    signal?.addEventListener("abort", kill);
    if (signal?.aborted) kill();
    let written = 0;
    const count = ({ length }: Buffer): void => {
      if (written <= maxOutput && written + length > maxOutput) {
        say(`${program} is killed: it wrote more than ${maxOutput / 1024 ** 2} MiB`);
        kill();
      }
      written += length;
    };
    // A program that ends before it has read its stdin says why by its exit status.
    child.stdin?.on("error", () => {});
    child.stdout?.on("data", count);
    child.stderr?.on("data", count);
    return child;
  };
  return start as typeof spawn;
}

/** A part of zx's ProcessOutput. */
export interface Output {
  /** null: a signal ended it. 127: it could not be started. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

interface RunOptions extends GroupOptions {
  cwd?: string;
  /** The whole environment; absent: this process's. */
  env?: NodeJS.ProcessEnv;
  /** Called with each piece of stderr as it comes. */
  onStderr?: (bytes: Buffer) => void;
}

/**
 * Runs a program to its end, whatever that is; stdin is empty. This is for the path of a build that has nothing to do, on
 * which zx's import would take longer than the programs; shell.ts is for everything else.
 */
export function run(command: readonly string[], { onStderr, cwd, env, ...group }: RunOptions = {}): Promise<Output> {
  const [program = "", ...args] = command;
  return new Promise((resolve) => {
    const child = groupSpawner(group)(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on("data", (bytes: Buffer) => stdout.push(bytes));
    child.stderr?.on("data", (bytes: Buffer) => {
      stderr.push(bytes);
      onStderr?.(bytes);
    });
    const text = (pieces: readonly Buffer[]): string => Buffer.concat(pieces).toString();
    child.once("error", (error) => {
      resolve({ exitCode: 127, signal: null, stdout: "", stderr: `${program}: ${errorCode(error) ?? error.message}` });
    });
    child.once("close", (exitCode, signal) =>
      resolve({ exitCode, signal, stdout: text(stdout), stderr: text(stderr) }),
    );
  });
}

/**
 * Checks that programs can be run in a folder, by running one.
 * @param variable what chooses the folder
 * @throws Failure (3) when its file system runs none, the system's error when nothing can be written there
 */
export async function checkRunsPrograms(folder: string, variable: string): Promise<void> {
  // Not a temporary name: in the cache another run may remove those.
  const probe = join(folder, `.probe-${process.pid}`);
  try {
    fs.writeFileSync(probe, "#!/bin/sh\n", { mode: 0o755 });
    if ((await run([probe])).exitCode === 0) return;
  } catch (error) {
    throw withPath(error, folder, probe);
  } finally {
    fs.rmSync(probe, { force: true });
  }
  throw missingFailure({
    what: "no program can be run in this folder",
    expected: "a file system that is not mounted with noexec",
    file: printable(folder),
    fix: `set ${variable} to another folder`,
  });
}

/** How a program ended, in words: "exit code 101", "SIGKILL". */
export const ending = ({ exitCode, signal }: Pick<Output, "exitCode" | "signal">): string =>
  signal ?? `exit code ${exitCode}`;
