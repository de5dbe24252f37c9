#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../../scripts/lib/typescript.cjs" "$0" "$@"'
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { runScript } from "../../scripts/lib/cli.ts";
import { type Member, writeTar } from "../../scripts/lib/fetch/tar.ts";
import { writeAll, writeAtomic, writeText } from "../../scripts/lib/files.ts";
import { knob } from "../../scripts/lib/knobs.ts";
import { say, size } from "../../scripts/lib/log.ts";
import { distDir, PROJECT } from "../../scripts/lib/paths.ts";
import { bundle, TOOLS } from "./lib/bundle.ts";

await runScript({
  name: "bundle.ts",
  summary:
    "Makes single files of fetch-stage0, preflight and sums that need node alone, and a tar of them for a release.",
  options: {},
  knobs: ["DIST", "SOURCE_DATE_EPOCH"],
  prints: "the path of the tar",
  async main() {
    const member = (name: string, bytes: Uint8Array, mode: number): Member => ({
      name: `stage0-tools/${name}`,
      bytes,
      mode,
    });
    const members = [
      member("LICENSE", readFileSync(join(PROJECT, "LICENSE")), 0o644),
      member("Makefile", readFileSync(join(PROJECT, "ci", "bundle", "Makefile")), 0o644),
    ];
    for (const tool of TOOLS) {
      const text = await bundle(tool);
      writeText(join(distDir(), "tools", `${tool}.mjs`), text, 0o755);
      // As deep as in scripts/lib, from where the project's folder is counted.
      members.push(member(`tools/bundle/${tool}.mjs`, Buffer.from(text), 0o755));
      say(`${tool}.mjs: ${size(Buffer.byteLength(text))}`);
    }
    const path = join(distDir(), "stage0-tools.tar.gz");
    const archive = gzipSync(await writeTar(members, knob("SOURCE_DATE_EPOCH") ?? 0));
    writeAtomic(path, 0o644, (fd) => writeAll(fd, archive));
    process.stdout.write(`${path}\n`);
    return 0;
  },
});
