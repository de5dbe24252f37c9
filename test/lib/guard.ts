import { spawn } from "node:child_process";
import { RUNTIME } from "./harness.ts";

export interface Tally {
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  milliseconds: number;
  output: string;
  /** Why the file counts as failed; undefined when it passed. */
  trouble?: string;
  /** The tests that failed, each with what its assertion says; what is wrong with the file when none tells. */
  failures: { name: string; why: string }[];
  /** The programs whose absence made tests skip, or with CI set fail. */
  lacked: string[];
}

/** How many characters of what an assertion says are said again at the end of a run. */
const SHOWN = 2000;

/** What testUnless says. */
const LACKED = /^(?:SKIPPED .*| +may not be skipped when CI is set): needs (.+)$/gm;

/**
 * Runs one uvu test file as a process of its own and judges it by its exit code and its own count.
 * @param limit milliseconds
 * @param more.enough output that ends it at once, for callers who need no more than the first failure
 * @param more.env added to the environment
 */
export async function runFile(
  file: string,
  limit: number,
  more: { enough?: string; env?: Record<string, string> } = {},
): Promise<Tally> {
  const start = performance.now();
  const { code, timedOut, output } = await run([...RUNTIME, file], limit, more);
  const counts = (name: string): number =>
    [...output.matchAll(new RegExp(`^ {2}${name}: +([0-9]+)$`, "gm"))].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    );
  const [total, passed, skipped] = [counts("Total"), counts("Passed"), counts("Skipped")];
  const trouble = timedOut
    ? `did not end within ${limit / 1000} s`
    : code !== 0
      ? `exit code ${code}`
      : total === 0 && skipped === 0
        ? "reported no test (is .run() missing?)"
        : passed !== total
          ? `${passed} of ${total} tests passed, yet it exited with 0`
          : undefined;
  const failed = trouble === undefined ? 0 : Math.max(total - passed, 1);
  // As uvu shows them: the name, what differs, the stack. What a test quotes of another run is indented further.
  const named = [
    ...output.matchAll(/^ {3}FAIL {2}(?:.*? {2})?"(.*)"$([\s\S]*?)(?=^ {4}at |^ {3}FAIL |^ {2}Total: |(?![\s\S]))/gm),
  ];
  const unnamed = trouble === undefined ? [] : [{ name: trouble, why: "" }];
  return {
    file,
    failures:
      named.length > 0 && trouble !== undefined
        ? named.map(([, name = "", why = ""]) => ({ name, why: why.trim().slice(0, SHOWN) }))
        : unnamed,
    lacked: [...output.matchAll(LACKED)].flatMap(([, programs = ""]) => programs.split(", ")),
    passed,
    failed,
    skipped,
    milliseconds: performance.now() - start,
    output,
    ...(trouble === undefined ? {} : { trouble }),
  };
}

function run(
  command: readonly string[],
  limit: number,
  { enough, env = {} }: { enough?: string; env?: Record<string, string> },
): Promise<{ code: number | null; timedOut: boolean; output: string }> {
  const [program = "", ...args] = command;
  return new Promise((resolve, reject) => {
    // A process group of its own, so that a test that hangs takes what it started with it.
    const child = spawn(program, args, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...env },
    });
    const output: Buffer[] = [];
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended in the meantime.
      }
    };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, limit);
    child.stdout.on("data", (chunk: Buffer) => {
      output.push(chunk);
      if (enough !== undefined && chunk.includes(enough)) kill();
    });
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, timedOut, output: Buffer.concat(output).toString() });
    });
  });
}
