import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { KNOBS } from "../scripts/lib/knobs.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { copyProject, make, runProgram, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("Makefile");
const MAKEFILE = readFileSync(join(PROJECT, "Makefile"), "utf8");
const verbs = [...MAKEFILE.matchAll(/^\.PHONY: (.*)$/gm)].flatMap(([, names = ""]) => names.split(" "));

test("should print, without arguments, every verb and every knob with its default", async () => {
  const { code, stdout, stderr } = await make([]);
  assert.is(stderr, "");
  assert.is(code, 0);
  for (const verb of verbs) assert.match(stdout, new RegExp(`^.{9} ${verb} +[A-Z]`, "m"));
  const lines = stdout.trimEnd().split("\n");
  assert.ok(lines.length <= 48 && lines.every((line) => line.length <= 110), "it fits a screen");
  for (const [name, knob] of Object.entries(KNOBS)) {
    if (knob.audience !== "user") continue;
    const shown = "default" in knob && knob.default !== undefined ? `${name}=${knob.default}` : name;
    assert.ok(stdout.split(/\s+/).includes(shown), shown);
  }
});

test("should give every verb a help line of its own", () => {
  assert.ok(verbs.length > 15);
  for (const verb of verbs) assert.match(MAKEFILE, new RegExp(`^${verb}:.* ## [A-Z]`, "m"));
});

test("should call one script in each recipe, in one line", () => {
  const recipes = MAKEFILE.split("\n").filter((line) => line.startsWith("\t"));
  assert.ok(recipes.length >= verbs.length - 2);
  for (const recipe of recipes) assert.ok(recipe.startsWith("\t@") && !recipe.endsWith("\\"), recipe);
});

test("should print the details of a verb, and refuse one that it does not have", async () => {
  const good = await make(["help", "TARGET=contract"]);
  assert.match(good.stdout, /^make contract: Print the distribution contract as JSON\n\nusage: contract\.ts /);
  assert.is(good.code, 0);
  const bad = await make(["help", "TARGET=no-such-verb"]);
  assert.match(bad.stderr, /^error: make has no verb "no-such-verb"\n {2}expected: stage0, stage0-all, /);
  assert.is(bad.code, 2);
});

test("should say which runtimes there are when given another", async () => {
  const { code, stdout, stderr } = await runProgram(["make", "-s", "-C", PROJECT, "contract", "RUNTIME=bun"]);
  assert.match(stderr, /RUNTIME is "bun", it takes node or deno\. {2}Stop\.$/m);
  assert.is(stdout, "");
  assert.is(code, 2);
});

test("should be quiet and work from elsewhere and in a folder with spaces, quotes and a dollar sign", async () => {
  const folder = copyProject(join(temporaryFolder(), 'it\'s a "folder" of $HOME'));
  for (const [command, cwd] of [
    [["make", "contract"], folder],
    [["make", "-s", "-C", folder, "contract"], temporaryFolder()],
    [["make", "-s", "-j8", "-C", folder, "contract"], temporaryFolder()],
  ] as const) {
    const { code, stdout, stderr } = await runProgram(command, { cwd });
    assert.is(stderr, "");
    assert.is(JSON.parse(stdout).package, "fastboop-stage0");
    assert.is(code, 0);
  }
});

test("should resolve relative paths against the folder in which make was called", async () => {
  const cwd = temporaryFolder("make $HOME");
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out", "fastboop-stage0-x86_64-unknown-linux-musl"), "<html>");
  const { stderr } = await make(["preflight", "DIST=out"], { cwd });
  assert.match(stderr, /HTML/);
});

test("should install node_modules when it is missing or older than the lock file", async () => {
  const dry = async (folder: string) => (await runProgram(["make", "-n", "-C", folder, "contract"])).stdout;
  const folder = temporaryFolder();
  for (const name of ["Makefile", "package.json", "package-lock.json"]) cpSync(join(PROJECT, name), join(folder, name));
  assert.match(await dry(folder), /\bnpm ci /);
  mkdirSync(join(folder, "node_modules"));
  writeFileSync(join(folder, "node_modules", ".package-lock.json"), "{}");
  assert.not.match(await dry(folder), /npm ci/);
  writeFileSync(join(folder, "package-lock.json"), "{}");
  await runProgram(["touch", "-d", "1 hour ago", join(folder, "node_modules", ".package-lock.json")]);
  assert.match(await dry(folder), /\bnpm ci /);
});

test("should say why node_modules can't be installed, and not on stdout", async () => {
  const folder = temporaryFolder();
  for (const name of ["Makefile", "package.json", "package-lock.json", ".npmrc"])
    cpSync(join(PROJECT, name), join(folder, name));
  const env = {
    npm_config_registry: "http://127.0.0.1:1",
    npm_config_cache: temporaryFolder(),
    npm_config_fetch_retries: "0",
  };
  const { code, stdout, stderr } = await runProgram(["make", "-s", "-C", folder, "contract"], { env });
  assert.match(stderr, "npm error code ECONNREFUSED\n");
  assert.is(stdout, "");
  assert.is(code, 2);
});

test("should bring the tools that tests use under either runtime", async () => {
  const folder = temporaryFolder();
  for (const name of ["Makefile", "package.json", "package-lock.json", "ci/tools/package.json"])
    cpSync(join(PROJECT, name), join(folder, name));
  for (const runtime of ["node", "deno"]) {
    const { stdout } = await runProgram(["make", "-n", "-C", folder, "test", `RUNTIME=${runtime}`]);
    assert.match(stdout, /\bnpm install .*--prefix ci\/tools/, runtime);
  }
});

test.run();
