#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { usageFailure } from "./lib/errors.ts";
import { allFindings, assetPath, buildFolders, checkDist, checkFiles } from "./lib/gate/preflight.ts";
import { fileLine, reportFindings } from "./lib/gate/report-text.ts";
import { exitCodeFor } from "./lib/gate.ts";
import { BOOT_KNOBS, knob, PHONE_KNOBS } from "./lib/knobs.ts";
import { say, summarize } from "./lib/log.ts";
import { distDir } from "./lib/paths.ts";
import { supportedTarget } from "./lib/target.ts";

// What only some runs need is loaded by those runs: every module costs start-up time.
await runScript({
  name: "preflight.ts",
  summary:
    "Checks stage0 files by the rules of the gate: those that are named, else the release assets in dist/ and every other\n" +
    "file there with a stage0 name. The file name gives the target, else --target does. TARGET: only that asset of dist/.\n" +
    "FOLDER: the release assets in it or in the folders of it; --target: only that one.",
  operands: "[FILE… | FOLDER]",
  options: {
    target: { type: "string", value: "TRIPLE", means: "the target that the named files are for" },
    json: { type: "boolean", means: "print the result as JSON (docs/preflight.schema.json)" },
    html: { type: "string", value: "PAGE", means: "write a page with a picture of each file, too" },
  },
  knobs: ["BOOT", "PHONE", ...new Set([...BOOT_KNOBS, ...PHONE_KNOBS]), "GITHUB_STEP_SUMMARY"],
  prints: "a line for each file, or JSON; stderr tells every finding",
  async main({ target: given, json, html }, files) {
    // A workflow's input that is not set is empty.
    const target = given || undefined;
    const maxSize = knob("FASTBOOP_STAGE0_MAX_SIZE");
    const [boot, phone] = [knob("BOOT"), knob("PHONE")];
    if (files.length === 0 && target !== undefined) {
      throw usageFailure({ what: "--target needs the files that it is about", fix: "name them" });
    }
    const page = html === undefined ? undefined : (await import("./lib/html.ts")).pagePath(html);
    const pack = page === undefined ? undefined : (await import("./lib/gate/parts.ts")).packParts;

    // A matrix job has one target's file. Logged, because a TARGET that was left in the environment would halve the check.
    const alone = files.length === 0 ? knob("TARGET") : undefined;
    if (alone !== undefined) say("TARGET is set: checking its asset only, not the whole release");
    const [name, triple] = alone === undefined ? ["--target", target] : ["TARGET", alone];
    const known = triple === undefined ? undefined : supportedTarget(name, triple);
    const named = alone === undefined || known === undefined ? files : [assetPath(known)];
    const expected = { maxSize, pack, folders: buildFolders() };
    const gated =
      named.length === 0 ? checkDist(distDir(), expected) : checkFiles(named, { ...expected, target: known });
    const booted = boot ? await (await import("./lib/gate/preflight-boot.ts")).bootPassed(gated) : gated;
    const result = phone ? await (await import("./lib/gate/preflight-boot.ts")).phonePassed(booted) : booted;

    const lines = json ? [(await import("./lib/gate/report-json.ts")).jsonReport(result)] : result.files.map(fileLine);
    process.stdout.write(lines.map((line) => `${line}\n`).join(""));
    reportFindings(result);
    if (knob("GITHUB_STEP_SUMMARY") !== undefined) {
      summarize((await import("./lib/gate/report-markdown.ts")).markdownReport(result));
    }
    if (page !== undefined) {
      const { writePieces } = await import("./lib/files.ts");
      writePieces(page, (await import("./lib/gate/report-html.ts")).htmlReport(result));
    }
    return exitCodeFor(allFindings(result));
  },
});
