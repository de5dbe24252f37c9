/** Entry scripts as single files that need node alone, with the licences of all that went into them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { PROJECT } from "../paths.ts";

/** What a machine without npm needs. */
export const TOOLS = ["fetch-stage0", "preflight", "sums"] as const;

// Some of what is bundled is CommonJS and calls require, which a module does not have.
const REQUIRE =
  'import { createRequire as stage0CreateRequire } from "node:module"; const require = stage0CreateRequire(import.meta.url);';

/**
 * The text of a bundled entry script.
 * @throws Error listing esbuild's findings, or a package without a licence file
 */
export async function bundle(tool: (typeof TOOLS)[number]): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    entryPoints: [join(PROJECT, "scripts", `${tool}.ts`)],
    absWorkingDir: PROJECT,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    banner: { js: REQUIRE },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const packages = new Set(
    Object.keys(metafile.inputs).flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
  );
  return `#!/usr/bin/env node\n${outputFiles[0]?.text}${licences([...packages].sort())}`;
}

/** The licences as one comment: a licence wants to travel with the code. */
function licences(packages: readonly string[]): string {
  const own = readFileSync(join(PROJECT, "LICENSE"), "utf8");
  const texts = packages.map((name) => {
    const folder = join(PROJECT, "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined || !existsSync(join(folder, file)))
      throw new Error(`${relative(PROJECT, folder)} has no licence file`);
    return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8")}`;
  });
  const comment = [own, ...texts].map((text) => text.trim().replaceAll("*/", "* /")).join(`\n\n${"-".repeat(80)}\n\n`);
  return `\n/*\n${comment}\n*/\n`;
}
