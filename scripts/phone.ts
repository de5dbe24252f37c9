#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { reportBoots } from "./lib/boot/report.ts";
import { runScript } from "./lib/cli.ts";
import { printable, printableJson } from "./lib/errors.ts";
import { knob, PHONE_KNOBS } from "./lib/knobs.ts";
import { duration, summarize } from "./lib/log.ts";
import type { PhoneVerdict } from "./lib/phone/parts.ts";
import { shares } from "./lib/phone/shares.ts";
import { bootPhones, checkForPhones } from "./lib/phone.ts";
import { showProgress } from "./lib/progress.ts";
import { requestsFor } from "./lib/requests.ts";

await runScript({
  name: "phone.ts",
  summary:
    "Boots an emulated phone with stage0 files by the real, unmodified `fastboop boot`, from the bootloader to the root\n" +
    "file system's init: those that are named, else TARGET's in dist/, else every release asset there.\n" +
    "FOLDER: the release assets in it or in the folders of it; --target: only that one.",
  operands: "[FILE… | FOLDER]",
  options: {
    target: { type: "string", value: "TRIPLE", means: "the target; wins over TARGET" },
    json: { type: "boolean", means: "print the verdicts as JSON" },
    html: { type: "string", value: "FILE", means: "write a page with the stages as a time line" },
  },
  knobs: ["TARGET", "CONSOLE", ...PHONE_KNOBS, "GITHUB_STEP_SUMMARY"],
  prints: "a line for each boot, or JSON; stderr tells what went wrong",
  async main({ target, json, html }, files) {
    const page = html === undefined ? undefined : (await import("./lib/html.ts")).pagePath(html);
    // A workflow's input that is not set is empty.
    const requests = requestsFor(files, target || undefined);
    checkForPhones(requests);
    const console = knob("CONSOLE");
    if (console !== "0") return (await import("./lib/phone/console.ts")).phoneConsole(requests, console);
    const verdicts = await showProgress("phone", (progress) => bootPhones(requests, progress));
    const ok = verdicts.every((verdict) => verdict.ok);
    const ends = shares(verdicts);
    const lines = [...verdicts.map(line), ...ends.map(({ ok, text }) => `${mark(ok)} ${text}\n`)];
    process.stdout.write(json ? `${printableJson({ ok, shares: ends, boots: verdicts })}\n` : lines.join(""));
    if (page !== undefined) {
      const [{ htmlReport }, { writeText }, { readFileSync }] = await Promise.all([
        import("./lib/phone/report-html.ts"),
        import("./lib/files.ts"),
        import("node:fs"),
      ]);
      writeText(
        page,
        htmlReport(verdicts, ({ log }) => readFileSync(log, "utf8").split("\n")),
      );
    }
    summarize(lines.map((text) => `- ${text}`).join(""));
    return reportBoots(verdicts);
  },
});

function mark(ok: boolean): string {
  return ok ? "ok  " : "FAIL";
}

function line({ path, ok, outcome, kernel, fastboop, milliseconds }: PhoneVerdict): string {
  return `${mark(ok)} ${printable(path)} (Linux ${kernel}, ${fastboop}): ${printable(outcome)}, ${duration(milliseconds)}\n`;
}
