/** How a script starts on the node that is on PATH: as JavaScript that was made once. */
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import * as assert from "uvu/assert";
import {
  copyProject,
  lacking,
  namesIn,
  type Outcome,
  runProgram,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";

const test = suite("startup");
const missing = lacking({ programs: ["node"] });
const NODE =
  missing === undefined
    ? (await runProgram(["node", "-p", "`${process.version}-${process.arch}`"])).stdout.trim()
    : undefined;

/** A copy of the project in which nothing was made yet. */
function copy(): string {
  const project = copyProject(join(temporaryFolder(), "copy"));
  fs.rmSync(join(project, ".cache"), { recursive: true, force: true });
  return project;
}
const tag = (project: string, env: Record<string, string> = {}): Promise<Outcome> =>
  runProgram(["node", "--require", "./scripts/lib/typescript.cjs", "scripts/tag.ts"], {
    cwd: project,
    env: { VERSION: "1.2.3", ...env },
  });
const folder = (project: string): string => join(project, ".cache", "scripts");
const compiled = (project: string): string => join(folder(project), "tag.js");
/** What V8 compiled of it. */
const kept = (project: string): string => join(folder(project), `tag.js.run-${NODE}`);
const GOOD = { code: 0, signal: null, stdout: "v1.2.3\n", stderr: "" };

testUnless(test, missing, "should make JavaScript of a script again when a source changed, and only then", async () => {
  const project = copy();
  await tag(project);
  const before = fs.statSync(compiled(project)).ino;
  assert.equal(await tag(project), GOOD);
  assert.is(fs.statSync(compiled(project)).ino, before);
  const source = join(project, "scripts", "lib", "tags.ts");
  fs.appendFileSync(source, '\nprocess.stdout.write("edited\\n");\n');
  assert.equal(await tag(project), { ...GOOD, stdout: "edited\nv1.2.3\n" });
  // Cut short, as by a power cut.
  fs.truncateSync(compiled(project), 10);
  assert.equal(await tag(project), { ...GOOD, stdout: "edited\nv1.2.3\n" });
  assert.equal(namesIn(folder(project)), ["tag.js", `tag.js.run-${NODE}`]);
});

testUnless(test, missing, "should start where nothing can be written", async () => {
  const project = copy();
  fs.writeFileSync(join(project, ".cache"), "");
  for (const env of [{ FASTBOOP_STAGE0_CACHE: "/dev/null" }, { HOME: "", XDG_CACHE_HOME: "" }, { HOME: "/nowhere" }])
    assert.equal(await tag(project, env), GOOD, JSON.stringify(env));
});

testUnless(test, missing, "should end with 13 when a script waits for what never comes", async () => {
  const project = copy();
  fs.writeFileSync(join(project, "scripts", "waits.ts"), "await new Promise<void>(() => {});\n");
  const { code } = await runProgram(["node", "--require", "./scripts/lib/typescript.cjs", "scripts/waits.ts"], {
    cwd: project,
  });
  assert.is(code, 13);
});

testUnless(test, missing, "should keep what was compiled, and take no other's", async () => {
  const project = copy();
  await tag(project);
  const before = fs.statSync(kept(project)).ino;
  assert.equal(await tag(project), GOOD);
  assert.is(fs.statSync(kept(project)).ino, before);
  const bytes = fs.readFileSync(kept(project));
  // That of another node, of other sources, and one that was cut short.
  const foreign = Buffer.from(bytes).fill(0, 0, 16);
  const outdated = Buffer.from(bytes).fill("x", bytes.length - 9);
  for (const wrong of [foreign, outdated, bytes.subarray(0, 9), Buffer.alloc(0)]) {
    fs.writeFileSync(kept(project), wrong);
    assert.equal(await tag(project), GOOD);
    const again = fs.readFileSync(kept(project));
    assert.ok(again.length > 9_999 && !again.equals(wrong));
  }
  // A text of the same length, which V8 would not tell from the one that it compiled.
  const source = join(project, "scripts", "lib", "tags.ts");
  fs.writeFileSync(source, fs.readFileSync(source, "utf8").replace('tag: { prefix: "v"', 'tag: { prefix: "w"'));
  assert.equal(await tag(project), { ...GOOD, stdout: "w1.2.3\n" });
});

test("should load at its first call only what is a function and no class", () => {
  const { withRequire } = createRequire(import.meta.url)("../scripts/lib/compile.cjs");
  assert.is(
    withRequire('import { constants, gunzipSync as unzip, Inflate } from "node:zlib";\nunzip();\n'),
    'const node$zlib = require("node:zlib");\nconst constants = node$zlib.constants;\n' +
      'const unzip = (...args) => require("node:zlib").gunzipSync(...args);\nconst Inflate = node$zlib.Inflate;\nunzip();\n',
  );
});

testUnless(test, missing, "should not let a run that only answers leave what others take", async () => {
  const project = copy();
  const run = (...args: string[]) =>
    runProgram(["node", "--require", "./scripts/lib/typescript.cjs", "scripts/tag.ts", ...args], { cwd: project });
  assert.is((await run("--help")).code, 0);
  assert.is((await run("--nonsense")).code, 2);
  assert.equal(namesIn(folder(project)), ["tag.js", `tag.js.help-${NODE}`]);
});

test.run();
