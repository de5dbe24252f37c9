#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { bootAll, type Verdict } from "./lib/boot.ts";
import { runScript } from "./lib/cli.ts";
import { printable, printableJson } from "./lib/errors.ts";
import { BOOT_KNOBS } from "./lib/knobs.ts";
import { dim, duration, report, say } from "./lib/log.ts";
import { showProgress } from "./lib/progress.ts";
import { requestsFor } from "./lib/requests.ts";

await runScript({
  name: "boot-stage0.ts",
  summary:
    "Boots stage0 files as PID 1 of a Linux kernel under QEMU: those that are named, else TARGET's in dist/, else every\n" +
    "release asset there. A file's asset name tells its target, else --target or TARGET has to. dist/log holds the consoles.",
  operands: "[FILE…]",
  options: {
    target: { type: "string", value: "TRIPLE", means: "the target; wins over TARGET" },
    json: { type: "boolean", means: "print the verdicts as JSON" },
  },
  knobs: BOOT_KNOBS,
  prints: "a line for each boot, or JSON; stderr tells what went wrong",
  async main({ target, json }, files) {
    const requests = requestsFor(files, target);
    const verdicts = await showProgress("boot", (progress) => bootAll(requests, progress));

    const ok = verdicts.every((verdict) => verdict.ok);
    process.stdout.write(json ? `${printableJson({ ok, boots: verdicts })}\n` : verdicts.map(line).join(""));
    for (const { problem, console, log } of verdicts) {
      if (problem === undefined) continue;
      report(problem);
      for (const text of console) say(dim(`  | ${text}`));
      say(`  whole console: ${printable(log)}`);
    }
    // What is wrong with a file outweighs what kept another from being booted.
    const codes = verdicts.map(({ exitCode }) => exitCode);
    return codes.includes(1) ? 1 : Math.max(0, ...codes);
  },
});

function line({ path, ok, outcome, kernel, pageSize, processor, milliseconds }: Verdict): string {
  const pages = pageSize === null ? "" : `, ${pageSize / 1024} KiB pages`;
  const machine = `${kernel === null ? "no kernel" : `Linux ${kernel}${pages}`}, ${processor}`;
  return `${ok ? "ok  " : "FAIL"} ${printable(path)} (${machine}): ${outcome}, ${duration(milliseconds)}\n`;
}
