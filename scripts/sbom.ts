#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { sha256OfLock } from "./lib/build/sources.ts";
import { runScript } from "./lib/cli.ts";
import { BUILDINFO, NOTICE, PACKAGE, SBOM } from "./lib/contract.ts";
import { contractFailure } from "./lib/errors.ts";
import { readSmall, writeText } from "./lib/files.ts";
import { CACHE_KNOBS } from "./lib/knobs.ts";
import { report, say, size } from "./lib/log.ts";
import { differing, licenseRecipes, RECIPES, type RecipeFile, readRecipes } from "./lib/package/recipes.ts";
import { distDir } from "./lib/paths.ts";
import { parseBuildinfo } from "./lib/release/buildinfo.ts";
import { findWorkspace } from "./lib/workspace.ts";

await runScript({
  name: "sbom.ts",
  summary:
    "Writes what stage0 is made of: its crates, std, libunwind and musl as CycloneDX 1.6, crates that only run in the build\n" +
    "apart (scope excluded), and a NOTICE with their licences' texts. A licence that is not on the contract's list is an error.",
  options: {
    built: { type: "boolean", means: "only if the release assets in DIST were built here" },
    recipes: { type: "boolean", means: "write the licence of all crates into the packaging recipes, too" },
  },
  knobs: [
    ...(["WORKSPACE", "DIST", "FASTBOOP_STAGE0_CARGO", "CARGO", "CARGO_HOME", "FASTBOOP_STAGE0_TOOLCHAIN"] as const),
    ...(["FASTBOOP_STAGE0_OFFLINE", "CARGO_CFG_TARGET_ARCH", "CARGO_TARGET_DIR", "PROFILE"] as const),
    ...CACHE_KNOBS,
  ],
  prints: "the paths of both files",
  async main({ built, recipes }) {
    const dist = distDir();
    const files = [SBOM, NOTICE].map((name) => join(dist, name));
    const buildinfo = join(dist, BUILDINFO);
    if (built && !existsSync(buildinfo)) {
      for (const file of files) rmSync(file, { force: true });
      say(`no ${SBOM}: the release assets were not built here`);
      return 0;
    }
    const { dir, origin } = findWorkspace();
    const lock = sha256OfLock(dir);
    const info = existsSync(buildinfo) ? parseBuildinfo(readSmall(buildinfo).toString(), buildinfo) : undefined;
    if (info !== undefined && info.cargoLock !== lock) {
      throw contractFailure({
        file: buildinfo,
        what: "the release assets were built with another Cargo.lock",
        expected: info.cargoLock,
        got: lock,
        fix: "set WORKSPACE to what they were built from, or build them again",
      });
    }
    const { cratesOf } = await import("./lib/sbom/crates.ts");
    const { licensed, together } = await import("./lib/sbom/licences.ts");
    const { withRuntime } = await import("./lib/sbom/runtime.ts");
    const [, rust] = /^rustc (\S+)/.exec(info?.builds[0]?.toolchain.rustc[0] ?? "") ?? [];
    const crates = licensed(withRuntime(await cratesOf(dir), PACKAGE, rust));
    const inside = crates.filter(({ isInside }) => isInside);
    const own = inside.find(({ name }) => name === PACKAGE);
    const whole = together(inside, own?.expression ?? "");
    const { bomOf } = await import("./lib/sbom/bom.ts");
    const { noticeOf } = await import("./lib/sbom/notice.ts");
    const texts = [bomOf(crates), noticeOf(crates, whole)];
    for (const [index, text] of texts.entries()) writeText(files[index] ?? "", text);
    say(`parts of stage0: ${inside.length}; crates in its build alone: ${crates.length - inside.length}`);
    say(`${SBOM}: ${size(Buffer.byteLength(texts[0] ?? ""))}; ${NOTICE}: ${size(Buffer.byteLength(texts[1] ?? ""))}`);
    say(`licence: ${whole}`);
    if (recipes) files.push(...writeRecipes(whole));
    else if (origin !== "example") checkRecipes(whole);
    process.stdout.write(files.map((file) => `${file}\n`).join(""));
    return 0;
  },
});

function staleRecipes(expression: string): RecipeFile[] {
  const recipes = readRecipes();
  return differing(recipes, licenseRecipes(recipes, expression));
}

function writeRecipes(expression: string): string[] {
  return staleRecipes(expression).map(({ path, text, mode }) => {
    writeText(join(RECIPES, path), text, mode);
    return join(RECIPES, path);
  });
}

/** The recipes are fastboop's, and another workspace may be another's. */
function checkRecipes(expression: string): void {
  for (const { path } of staleRecipes(expression)) {
    const fix = "if it is fastboop's: scripts/sbom.ts --recipes writes it";
    report(
      { file: `ci/packaging/${path}`, what: "has another licence than stage0", expected: expression, fix },
      "warning",
    );
  }
}
