#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { reportBoots } from "./lib/boot/report.ts";
import { bootAll, type Verdict } from "./lib/boot.ts";
import { runScript } from "./lib/cli.ts";
import { printable, printableJson } from "./lib/errors.ts";
import { BOOT_KNOBS } from "./lib/knobs.ts";
import { duration } from "./lib/log.ts";
import { showProgress } from "./lib/progress.ts";
import { requestsFor } from "./lib/requests.ts";

await runScript({
  name: "boot-stage0.ts",
  summary:
    "Boots stage0 files as PID 1 of a Linux kernel under QEMU: those that are named, else TARGET's in dist/, else every\n" +
    "release asset there. A file's asset name tells its target, else --target or TARGET has to. dist/log holds the consoles.\n" +
    "FOLDER: the release assets in it or in the folders of it.",
  operands: "[FILE… | FOLDER]",
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
    return reportBoots(verdicts);
  },
});

function line({ path, ok, outcome, kernel, pageSize, processor, milliseconds }: Verdict): string {
  const pages = pageSize === null ? "" : `, ${pageSize / 1024} KiB pages`;
  const machine = `${kernel === null ? "no kernel" : `Linux ${kernel}${pages}`}, ${processor}`;
  return `${ok ? "ok  " : "FAIL"} ${printable(path)} (${machine}): ${outcome}, ${duration(milliseconds)}\n`;
}
