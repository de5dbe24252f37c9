import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import * as assert from "uvu/assert";
import { PROJECT } from "../scripts/lib/paths.ts";
import { installFix, missingTools } from "../scripts/lib/tools.ts";
import {
  copyProject,
  isRoot,
  lacking,
  RUNTIME,
  runProgram,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";

const test = suite("entry scripts");

/** The first line of the scripts in a folder: node, with what lets it read TypeScript, found from the script's own place. */
const shebang = (folder: string): string =>
  `#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/${relative(folder, "")}/scripts/lib/typescript.cjs" "$0" "$@"'`;
const DENO = join(PROJECT, "ci/tools/node_modules/.bin/deno");
const scriptsIn = (folder: string): string[] =>
  fs.existsSync(join(PROJECT, folder))
    ? fs
        .readdirSync(join(PROJECT, folder))
        .filter((name) => name.endsWith(".ts"))
        .map((name) => join(folder, name))
    : [];
const SCRIPTS = ["scripts", "ci/dev"].flatMap(scriptsIn);

test("should all be executable and name what runs them", () => {
  assert.ok(SCRIPTS.length > 20);
  for (const name of SCRIPTS) {
    const path = join(PROJECT, name);
    assert.is(fs.readFileSync(path, "utf8").split("\n", 1)[0], shebang(dirname(name)), name);
    assert.is(fs.statSync(path).mode & 0o111, 0o111, name);
  }
});

/** A folder that is not the project's, with what would confuse a loader that looked there. */
function elsewhere(): string {
  const folder = join(temporaryFolder(), "100%41 #1 $HOME 'x'");
  fs.mkdirSync(folder);
  fs.writeFileSync(join(folder, "tsconfig.json"), '{ "extends": "./missing.json" }');
  fs.writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }');
  return folder;
}

const MISSING = `error: a file: can't be read
  expected: a regular file
  got:      no such file or folder
  fix:      make stage0 TARGET=x86_64-unknown-linux-musl
`;
/** Whoever may install QEMU is told of the file alone. */
const [QEMU] = isRoot ? [] : missingTools(["qemu-system-x86_64"]);
const REFUSAL =
  MISSING + (QEMU === undefined ? "" : `error: ${QEMU} is not on PATH\n  fix:      ${installFix([QEMU])}\n`);
const ARGS = ["--target", "x86_64-unknown-linux-musl", "a file"];

testUnless(test, lacking({ programs: ["node"] }), "should run by their path from any folder", async () => {
  const cwd = elsewhere();
  const found = await runProgram([join(PROJECT, "scripts", "boot-stage0.ts"), ...ARGS], { cwd });
  assert.equal({ ...found }, { code: 3, signal: null, stdout: "", stderr: REFUSAL });
});

testUnless(test, lacking({ programs: ["node"] }), "should run by a link, from a project of any name", async () => {
  const cwd = elsewhere();
  const project = copyProject(join(cwd, "copy"));
  fs.symlinkSync(join(project, "scripts", "boot-stage0.ts"), join(cwd, "link"));
  const found = await runProgram(["./link", ...ARGS], { cwd });
  assert.equal({ ...found }, { code: 3, signal: null, stdout: "", stderr: REFUSAL });
});

testUnless(test, fs.existsSync(DENO) ? undefined : "needs deno", "should run on Deno from any folder", async () => {
  const command = [DENO, "run", "-A", join(PROJECT, "scripts", "boot-stage0.ts"), ...ARGS];
  const found = await runProgram(command, { cwd: elsewhere() });
  assert.equal({ ...found }, { code: 3, signal: null, stdout: "", stderr: REFUSAL });
});

test("should say in --help how they run", async () => {
  const { stdout } = await runProgram([...RUNTIME, join(PROJECT, "scripts", "contract.ts"), "--help"]);
  assert.match(stdout, "\nIt runs by its path from any folder, on node; on Deno: deno run -A PATH.\n");
});

test.run();
