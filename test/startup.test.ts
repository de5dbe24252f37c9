/** How a script starts on the node that is on PATH: as JavaScript that was made once. */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { copyProject, lacking, type Outcome, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("startup");
const missing = lacking({ programs: ["node"] });
/** Whether the node keeps what it compiled. */
const keeps =
  missing === undefined &&
  (await runProgram(["node", "-p", 'typeof require("node:module").constants?.compileCacheStatus'])).stdout.trim() ===
    "object";

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
const compiled = (project: string): string => join(project, ".cache", "scripts", "tag.mjs");
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
  assert.equal(fs.readdirSync(join(project, ".cache", "scripts")), ["tag.mjs"]);
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

if (keeps)
  testUnless(test, missing, "should keep what node compiled in the cache, apart for each node", async () => {
    const project = copy();
    const cache = temporaryFolder("cache");
    assert.equal(await tag(project, { FASTBOOP_STAGE0_CACHE: cache }), GOOD);
    const [own, ...others] = fs.readdirSync(join(cache, "node"));
    assert.match(own ?? "", /^v[0-9.]+-/);
    assert.equal(others, []);
    assert.ok(fs.readdirSync(join(cache, "node", own ?? "")).length > 0);
  });

test.run();
