import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { copyProject, lacking, make, RUNTIME, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("lint");

testUnless(test, lacking({ programs: ["shellcheck"] }), "should find nothing wrong with the project", async () => {
  const { code, stdout, stderr } = await make(["lint"]);
  assert.is(stderr, ["types", "format", "shell", "workflows", "docs"].map((name) => `ok   ${name}\n`).join(""));
  assert.is(stdout, "");
  assert.is(code, 0);
});

testUnless(test, lacking({ programs: ["shellcheck"] }), "should show all that is wrong in one run", async () => {
  const folder = copyProject(temporaryFolder("lint"));
  const write = (name: string, text: string): void => fs.writeFileSync(join(folder, name), text);
  write("scripts/lib/type.ts", 'export const wrong: number = "text";\n');
  write("scripts/lib/format.ts", "export  const wrong = 1;\n");
  write("ci/unquoted.sh", "#!/bin/sh\ncd $1\n");
  write(
    "ci/workflows/logic.yml",
    "on: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: npm ci\n",
  );
  write(
    "docs/preflight.md",
    fs.readFileSync(join(folder, "docs/preflight.md"), "utf8").replace(/^<!-- made: rules.*$/m, "$&\n"),
  );
  const { code, stderr } = await runProgram([...RUNTIME, join(folder, "ci", "dev", "lint.ts")], { cwd: folder });
  assert.equal(
    [...stderr.matchAll(/^(ok {3}|FAIL) (\S+)$/gm)].map(([, mark, name]) => `${mark?.trim()} ${name}`),
    ["FAIL types", "FAIL format", "FAIL shell", "FAIL workflows", "FAIL docs"],
  );
  assert.match(stderr, "is not assignable to type 'number'");
  assert.match(stderr, "SC2086");
  assert.match(stderr, "job one has logic inside run:");
  assert.match(stderr, "error: docs/preflight.md: differs from the code it is made from\n  fix:      make docs\n");
  assert.is(code, 1);
});

test.run();
