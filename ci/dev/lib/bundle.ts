/** Entry scripts as single files that need node alone, with the licences of all that went into them. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { PROJECT } from "../../../scripts/lib/paths.ts";
import { ownVersion } from "../../../scripts/lib/version.ts";

/** What a machine without npm needs. */
export const TOOLS = ["fetch-stage0", "preflight", "sums"] as const;

/** A module has no `require` of its own. */
const REQUIRE =
  'import { createRequire as requireOf } from "node:module";\nconst require = requireOf(import.meta.url);\n';

interface Compiler {
  withRequire(text: string): string;
}
const { withRequire } = createRequire(import.meta.url)("../../../scripts/lib/compile.cjs") as Compiler;

/**
 * The text of a bundled entry script.
 * @throws Error listing esbuild's findings, or a package without a licence file
 */
export async function bundle(tool: (typeof TOOLS)[number]): Promise<string> {
  const { build, transform } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    entryPoints: [join(PROJECT, "scripts", `${tool}.ts`)],
    absWorkingDir: PROJECT,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    define: { STAGE0_DISTRIBUTION_VERSION: JSON.stringify(ownVersion()) },
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const folders = new Set(
    Object.keys(metafile.inputs).flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  // The script's own first line names the loader for TypeScript, which is not needed here.
  const text = outputFiles[0]?.text.replace(/^#!.*\n/, "") ?? "";
  const { code } = await transform(`${REQUIRE}${withRequire(text)}`, {
    minifySyntax: true,
    minifyWhitespace: true,
    format: "esm",
  });
  return `#!/usr/bin/env node\n${code}${licences([...folders].sort())}`;
}

/** A licence or a notice, or, anywhere in a package, its list of what it has bundled itself. */
const isLicence = (path: string): boolean =>
  /^(licen[cs]e|notice|copying)[^/]*$/i.test(path) || /(^|\/)(3rd|third)-?party[^/]*$/i.test(path);

interface Manifest {
  name: string;
  version: string;
  license?: string;
  repository?: { url?: string };
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;

const licenceFiles = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => !path.includes("node_modules/") && isLicence(path))
    .sort()
    .map((path) => join(folder, path));

/** Whether a package has the licence's text that another of the same repository and licence was published without. */
function isSibling(folder: string, { license, repository }: Manifest): boolean {
  const other = manifestOf(folder);
  const isSame = other.license === license && other.repository?.url === repository?.url;
  return isSame && repository?.url !== undefined && licenceFiles(folder).length > 0;
}

/**
 * The licences as one comment, because a licence has to travel with the code.
 * @param folders the packages' folders below the project's
 */
function licences(folders: readonly string[]): string {
  const own = readFileSync(join(PROJECT, "LICENSE"), "utf8");
  const texts = folders.map((name) => {
    const folder = join(PROJECT, name);
    const manifest = manifestOf(folder);
    const found = licenceFiles(folder);
    const sibling = folders.map((other) => join(PROJECT, other)).find((other) => isSibling(other, manifest));
    if (!found.some((path) => /^licen[cs]e/i.test(basename(path)))) {
      if (sibling === undefined) throw new Error(`${name} has no licence file`);
      found.push(...licenceFiles(sibling));
    }
    return [`${manifest.name} ${manifest.version}`, ...found.map((path) => readFileSync(path, "utf8").trim())].join(
      "\n\n",
    );
  });
  const comment = [own, ...texts].map((text) => text.trim().replaceAll("*/", "* /")).join(`\n\n${"-".repeat(80)}\n\n`);
  return `\n/*\n${comment}\n*/\n`;
}
