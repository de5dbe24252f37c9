/**
 * The guard around uvu, which exits 0 when no file matches, when .run() is forgotten and when a hook throws, and hangs
 * on an open handle. Each test file is a process of its own that has to exit 0 in time and report Total > 0 with
 * Passed = Total. With CI set nothing may be skipped, as a forgotten .only does. The last line is the sum of all files.
 *
 * usage: run.ts [--in FOLDER] [FILE…]   (default: every *.test.ts in test/)
 */

import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { knob } from "../scripts/lib/knobs.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { runFile, type Tally } from "./lib/guard.ts";
import { providePackages } from "./lib/packages.ts";

/** Far above what any file takes: it only ends a hang. */
const LIMIT_MS = 30 * 60_000;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { in: { type: "string" } } });
const folder = resolve(values.in ?? join(PROJECT, "test"));
const files =
  positionals.length > 0
    ? positionals.map((file) => resolve(file))
    : readdirSync(folder)
        .filter((name) => name.endsWith(".test.ts"))
        .sort()
        .map((name) => join(folder, name));

if (positionals.length === 0 && values.in === undefined) await providePackages();

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
const mayNotSkip = skipped > 0 && knob("CI") === true;
if (passed === 0 && failed === 0) process.stdout.write("no test ran\n");
if (mayNotSkip) process.stdout.write("nothing may be skipped when CI is set\n");
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
process.exitCode = failed === 0 && passed > 0 && !mayNotSkip ? 0 : 1;
