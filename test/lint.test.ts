import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PROJECT } from "../scripts/lib/paths.ts";
import { lacking, make, RUNTIME, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("lint");

testUnless(test, lacking({ programs: ["shellcheck"] }), "should find nothing wrong with the project", async () => {
  const { code, stdout, stderr } = await make(["lint"]);
  assert.is(stderr, ["types", "format", "shell", "workflows", "docs"].map((name) => `ok   ${name}\n`).join(""));
  assert.is(stdout, "");
  assert.is(code, 0);
});

testUnless(test, lacking({ programs: ["shellcheck", "git"] }), "should show all that is wrong in one run", async () => {
  const folder = temporaryFolder("lint");
  for (const name of [
    "scripts",
    "dev",
    "docs",
    "ci/workflows",
    "ci/packaging",
    "ci/bundle",
    ".ci",
    "Makefile",
    "tsconfig.json",
    "biome.json",
    "package.json",
    ".gitignore",
    "LICENSE",
  ]) {
    fs.cpSync(join(PROJECT, name), join(folder, name), { recursive: true });
  }
  fs.symlinkSync(join(PROJECT, "node_modules"), join(folder, "node_modules"));
  fs.mkdirSync(join(folder, "ci", "tools"), { recursive: true });
  fs.symlinkSync(join(PROJECT, "ci", "tools", "node_modules"), join(folder, "ci", "tools", "node_modules"));
  const change = (name: string, from: string, to: string): void => {
    const path = join(folder, name);
    const text = fs.readFileSync(path, "utf8");
    assert.ok(text.includes(from), name);
    fs.writeFileSync(path, text.replace(from, to));
  };
  change(
    "scripts/lib/contract.ts",
    "export const isTag = (text: string): boolean",
    "export const isTag = (text: string): number",
  );
  change("scripts/contract.ts", "  options: {},", "      options: {},");
  change(".ci/run", 'cd "$(dirname "$0")/.."', "cd $(dirname $0)/..");
  change("ci/workflows/ci.yml", "run: make stage0", "run: npm ci");
  change("Makefile", "#? TARGET", "#? TARGETS");
  const { code, stderr } = await runProgram([...RUNTIME, join(folder, "dev", "lint.ts")], { cwd: folder });
  assert.equal(
    [...stderr.matchAll(/^(ok {3}|FAIL) (\S+)$/gm)].map(([, mark, name]) => `${mark?.trim()} ${name}`),
    ["FAIL types", "FAIL format", "FAIL shell", "FAIL workflows", "FAIL docs"],
  );
  assert.match(stderr, "is not assignable to type 'number'");
  assert.match(stderr, "SC2046");
  assert.match(stderr, "job stage0-static has logic inside run:");
  assert.match(stderr, "error: Makefile: differs from the code it is made from\n  fix:      make docs\n");
  assert.is(code, 1);
});

test.run();
