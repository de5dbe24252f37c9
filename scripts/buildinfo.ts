#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { joinBuildinfo } from "./lib/build/buildinfo.ts";
import { runScript } from "./lib/cli.ts";
import { BUILDINFO, RELEASE_ASSETS } from "./lib/contract.ts";
import { printableJson } from "./lib/errors.ts";
import { writeText } from "./lib/files.ts";
import { digestFile } from "./lib/hash.ts";
import { say, size } from "./lib/log.ts";
import { distDir } from "./lib/paths.ts";

await runScript({
  name: "buildinfo.ts",
  summary:
    "Writes how the release assets in DIST were built: commit, Cargo.lock, compiler, linker, standard library and flags, by\n" +
    "what make stage0 left of each in DIST/log. Files that were not built here leave none.",
  options: {},
  knobs: ["DIST"],
  prints: "the path of the file, if it was written",
  main() {
    const paths = RELEASE_ASSETS.map((name) => join(distDir(), name)).filter((path) => existsSync(path));
    const whole = joinBuildinfo(new Map(paths.map((path) => [path, digestFile(path)])));
    const file = join(distDir(), BUILDINFO);
    if (whole === undefined) {
      rmSync(file, { force: true });
      say(`no ${BUILDINFO}: the release assets were not built here`);
      return 0;
    }
    const text = `${printableJson(whole)}\n`;
    writeText(file, text);
    say(`${BUILDINFO}: ${size(Buffer.byteLength(text))}`);
    process.stdout.write(`${file}\n`);
    return 0;
  },
});
