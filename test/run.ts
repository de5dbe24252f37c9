/**
 * The guard around uvu, which exits 0 when no file matches, when .run() is forgotten and when a hook throws, and hangs
 * on an open handle. Each test file is a process of its own that has to exit 0 in time and report Total > 0 with
 * Passed = Total. With CI set nothing may be skipped, as a forgotten .only does. The last line is the sum of all files.
 */

import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { runScript } from "../scripts/lib/cli.ts";
import { printable, usageFailure } from "../scripts/lib/errors.ts";
import { knob } from "../scripts/lib/knobs.ts";
import { duration, say } from "../scripts/lib/log.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { inParallel } from "../scripts/lib/pool.ts";
import { runFile, type Tally } from "./lib/guard.ts";
import { installCommand, providePackages } from "./lib/packages.ts";

/** Far above what any file takes: it only ends a hang. */
const LIMIT_MS = 30 * 60_000;
/** How often it is said which files run, in milliseconds. */
const HEARTBEAT_MS = 20_000;

await runScript({
  name: "run.ts",
  summary: "Runs test files, each as a process of its own, and sums up. As root on Debian it installs what they need.",
  operands: "[FILE…]   (default: every *.test.ts in test/)",
  options: {
    in: { type: "string", value: "FOLDER", means: "run every *.test.ts there" },
    install: { type: "boolean", means: "install what the tests need also when files are named" },
  },
  knobs: ["CI"],
  prints: "a line for each file, what a failed one said, the failed tests by name, and the sum",
  async main({ in: given, install }, operands) {
    const files = operands.length > 0 ? operands.map((file) => resolve(file)) : filesIn(given ?? join(PROJECT, "test"));
    const wrong = operands.filter((file) => !file.endsWith(".ts") || !existsSync(resolve(file)));
    if (wrong.length > 0) {
      throw usageFailure(
        ...wrong.map((file) => ({ file: printable(file), what: "there is no such test file", fix: "check the path" })),
      );
    }
    if (install || (operands.length === 0 && given === undefined)) await providePackages();
    return sumUp(await runAll(files));
  },
});

function filesIn(folder: string): string[] {
  const names = readdirSync(resolve(folder)).filter((name) => name.endsWith(".test.ts"));
  return names.sort().map((name) => resolve(folder, name));
}

async function runAll(files: readonly string[]): Promise<Tally[]> {
  const running = new Map<string, number>();
  let done = 0;
  const heartbeat = setInterval(() => {
    const names = [...running].map(([name, start]) => `${name} (${duration(performance.now() - start)})`);
    say(`${done} of ${files.length} files done, running: ${names.join(", ")}`);
  }, HEARTBEAT_MS);
  const most = availableParallelism();
  say(`running ${files.length} test files, ${most} at once`);
  try {
    return await inParallel(files, most, async (file) => {
      running.set(basename(file), performance.now());
      const tally = await runFile(file, LIMIT_MS);
      running.delete(basename(file));
      done++;
      show(tally);
      return tally;
    });
  } finally {
    clearInterval(heartbeat);
  }
}

function show({ file, passed, failed, skipped, milliseconds, output, trouble }: Tally): void {
  const mark = trouble === undefined ? "ok  " : "FAIL";
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  process.stdout.write(`${mark} ${basename(file)}: ${counts}, ${duration(milliseconds)}\n`);
  if (skipped > 0 || trouble !== undefined) process.stdout.write(output);
  if (trouble !== undefined) process.stdout.write(`${basename(file)}: ${trouble}\n`);
}

/** Who sees only the end of a log sees why, too. */
function told(file: string, { name, why }: { name: string; why: string }): string {
  const lines = why.split("\n").filter((line) => line.trim() !== "");
  return [`failed: ${basename(file)}: ${name}`, ...lines].join("\n  ");
}

/** Says what failed and how to run what was skipped. Returns the exit code. */
async function sumUp(tallies: readonly Tally[]): Promise<0 | 1> {
  const sum = (pick: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + pick(tally), 0);
  const [passed, failed, skipped] = [sum((t) => t.passed), sum((t) => t.failed), sum((t) => t.skipped)];
  const mayNotSkip = skipped > 0 && knob("CI") === true;
  const lines = tallies.flatMap(({ file, failures }) => failures.map((failure) => told(file, failure)));
  if (passed === 0 && failed === 0) lines.push("no test ran");
  if (mayNotSkip) lines.push("nothing may be skipped when CI is set");
  const command = await installCommand(tallies.flatMap(({ lacked }) => lacked));
  if (command !== undefined) lines.push(`for what was skipped because a program is missing, ${command}`);
  lines.push(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.stdout.write(`${lines.join("\n")}\n`);
  return failed === 0 && passed > 0 && !mayNotSkip ? 0 : 1;
}
