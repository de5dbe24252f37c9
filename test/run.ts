/**
 * The guard around uvu, which exits 0 when no file matches, when .run() is forgotten and when a hook throws, and hangs
 * on an open handle. Each test file is a process of its own that has to exit 0 in time and report Total > 0 with
 * Passed = Total. The last line is the sum of all files.
 *
 * usage: run.ts [FILE…]   (default: test/*.test.ts)
 */

import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { PROJECT } from "../scripts/lib/paths.ts";
import { runFile, type Tally } from "./lib/guard.ts";
import { installPackages } from "./lib/packages.ts";

/** Far above what any file takes: it only ends a hang. */
const LIMIT_MS = 30 * 60_000;

const given = process.argv.slice(2).map((file) => resolve(file));
const folder = join(PROJECT, "test");
const files =
  given.length > 0
    ? given
    : readdirSync(folder)
        .filter((name) => name.endsWith(".test.ts"))
        .sort()
        .map((name) => join(folder, name));

if (given.length === 0) await installPackages();

const tallies: Tally[] = [];
const queue = [...files];
async function worker(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const tally = await runFile(file, LIMIT_MS);
    tallies.push(tally);
    const mark = tally.trouble === undefined ? "ok  " : "FAIL";
    process.stdout.write(
      `${mark} ${basename(file)}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped, ${(tally.milliseconds / 1000).toFixed(1)} s\n`,
    );
    if (tally.skipped > 0 || tally.trouble !== undefined) process.stdout.write(tally.output);
    if (tally.trouble !== undefined) process.stdout.write(`${basename(file)}: ${tally.trouble}\n`);
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, worker));

const sum = (pick: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + pick(tally), 0);
const [passed, failed, skipped] = [sum((t) => t.passed), sum((t) => t.failed), sum((t) => t.skipped)];
if (passed === 0 && failed === 0) process.stdout.write("no test ran\n");
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
