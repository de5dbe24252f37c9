import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, TOOLS } from "./lib/bundle.ts";
import { runScript } from "./lib/cli.ts";
import { missingFailure } from "./lib/errors.ts";
import { writeAll, writeAside, writeText } from "./lib/files.ts";
import { knob } from "./lib/knobs.ts";
import { say, size } from "./lib/log.ts";
import { distDir, PROJECT } from "./lib/paths.ts";

await runScript({
  name: "bundle.ts",
  summary:
    "Makes single files of fetch-stage0, preflight and sums that need node alone, and a tar of them for a release.",
  options: {},
  knobs: ["DIST", "SOURCE_DATE_EPOCH"],
  prints: "the path of the tar",
  async main() {
    const { $, tmpdir } = await import("zx");
    const tools = join(distDir(), "tools");
    const staging = join(tmpdir(), "stage0-tools");
    mkdirSync(join(staging, "tools", "bundle"), { recursive: true });
    for (const tool of TOOLS) {
      const text = await bundle(tool);
      writeText(join(tools, `${tool}.mjs`), text, 0o755);
      writeText(join(staging, "tools", "bundle", `${tool}.mjs`), text, 0o755);
      say(`${tool}.mjs: ${size(Buffer.byteLength(text))}`);
    }
    for (const [from, to] of [
      ["ci/bundle/Makefile", "Makefile"],
      ["LICENSE", "LICENSE"],
    ] as const)
      cpSync(join(PROJECT, from), join(staging, to));
    // The same files make the same tar (reproducible-builds.org, "Archive metadata").
    const time = `@${knob("SOURCE_DATE_EPOCH") ?? 0}`;
    const tar = await $({
      cwd: join(staging, ".."),
      nothrow: true,
      quiet: true,
    })`tar --sort=name --mtime=${time} --owner=0 --group=0 --numeric-owner --use-compress-program=${"gzip -n"} -cf stage0-tools.tar.gz stage0-tools`;
    if (tar.exitCode !== 0)
      throw missingFailure({ what: "tar failed", got: tar.stderr.trim(), fix: "install GNU tar and gzip" });
    const path = join(distDir(), "stage0-tools.tar.gz");
    const bytes = readFileSync(join(staging, "..", "stage0-tools.tar.gz"));
    writeAside(path, 0o644, (fd) => writeAll(fd, bytes));
    process.stdout.write(`${path}\n`);
    return 0;
  },
});
