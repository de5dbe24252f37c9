import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { moduleProblems } from "../ci/dev/lib/modules.ts";
import { copyProject, lacking, make, RUNTIME, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("lint");

testUnless(
  test,
  lacking({ programs: ["shellcheck", "pip3"] }),
  "should find nothing wrong with the project",
  async () => {
    const { code, stdout, stderr } = await make(["lint"]);
    const checks = ["types", "format", "shell", "workflows", "modules", "docs"]
      .map((name) => `ok   ${name}\n`)
      .join("");
    assert.is(stderr.replace(/^lint: .*\n/gm, ""), checks);
    assert.is(stdout, "");
    assert.is(code, 0);
  },
);

testUnless(
  test,
  lacking({ programs: ["shellcheck", "pip3"] }),
  "should show all that is wrong in one run",
  async () => {
    const folder = copyProject(temporaryFolder("lint"));
    const write = (name: string, text: string): void => fs.writeFileSync(join(folder, name), text);
    write("scripts/lib/type.ts", 'export const wrong: number = "text";\n');
    write("scripts/lib/format.ts", "export  const wrong = 1;\n");
    write("ci/unquoted.sh", "#!/bin/sh\ncd $1\n");
    write("ci/nameless", "#!/usr/bin/env bash\nrm $2\n");
    write(
      "ci/workflows/logic.yml",
      "on: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: npm ci ${{ github.head_ref }}\n",
    );
    fs.appendFileSync(join(folder, "ci/actions/sums/action.yml"), "    - uses: someone/else@main\n");
    write(
      "docs/preflight.md",
      fs.readFileSync(join(folder, "docs/preflight.md"), "utf8").replace(/^<!-- made: rules.*$/m, "$&\n"),
    );
    const { code, stderr } = await runProgram([...RUNTIME, join(folder, "ci", "dev", "lint.ts")], { cwd: folder });
    assert.equal(
      [...stderr.matchAll(/^(ok {3}|FAIL) (\S+)$/gm)].map(([, mark, name]) => `${mark?.trim()} ${name}`),
      ["FAIL types", "FAIL format", "FAIL shell", "FAIL workflows", "FAIL modules", "FAIL docs"],
    );
    assert.match(stderr, "is not assignable to type 'number'");
    for (const name of ["unquoted.sh", "nameless"]) assert.match(stderr, `In ci/${name} line 2:\n`);
    assert.match(stderr, "SC2086");
    assert.match(stderr, "job one has logic inside run:");
    assert.match(
      stderr,
      /error: zizmor\n {2}got: [\s\S]*error\[template-injection\][\s\S]* --> ci\/workflows\/logic\.yml:6:/,
    );
    assert.match(stderr, /error\[unpinned-uses\][\s\S]* --> ci\/actions\/sums\/action\.yml:\d+:/);
    assert.match(
      stderr,
      "error: scripts/lib/type.ts: exports wrong, which no module imports\n  fix:      take the export away\n",
    );
    assert.match(stderr, "error: docs/preflight.md: differs from the code it is made from\n  fix:      make docs\n");
    assert.is(code, 1);
  },
);

/** A project of these modules. */
function project(modules: Record<string, string>): string {
  const root = temporaryFolder("modules");
  for (const [path, source] of Object.entries({ "scripts/a.ts": "", "ci/dev/a.ts": "", "test/a.ts": "", ...modules })) {
    fs.mkdirSync(dirname(join(root, path)), { recursive: true });
    fs.writeFileSync(join(root, path), source);
  }
  return root;
}

test("should find every export that no module imports, however modules are imported", () => {
  const exporting = `export const one = 1, two = 2; export function three() {} export interface Four {}
    export type Five = 5; export class Six {} const seven = 7; export { seven, seven as eight };`;
  const all = ["one", "two", "three", "Four", "Five", "Six", "seven", "eight"];
  const from = '"../../scripts/lib/x.ts"';
  for (const [importing, used] of [
    ["", []],
    ['import { one } from "./x.ts";', []],
    [`import ${from}; const one = 1;`, []],
    [`import { one, type Four } from ${from};`, ["one", "Four"]],
    [`import { two as other } from ${from};`, ["two"]],
    [`import type { Five } from ${from};`, ["Five"]],
    [`import type { Six } from ${from}; const two = 2;`, ["Six"]],
    [`import * as x from ${from}; x.three();`, ["three"]],
    [`const { eight, six = 6 } = await import(${from});`, ["eight"]],
    [`const [{ two }] = await Promise.all([import(${from})]);`, ["two"]],
    [`type T = typeof import(${from}).one;`, ["one"]],
    [`export { seven } from ${from}; import { seven as other } from "./y.ts";`, ["seven"]],
  ] as const) {
    const problems = moduleProblems(project({ "scripts/lib/x.ts": exporting, "ci/dev/y.ts": importing }));
    assert.equal(
      problems.filter(({ file }) => file === "scripts/lib/x.ts").map(({ what }) => what),
      all
        .filter((name) => !(used as readonly string[]).includes(name))
        .map((name) => `exports ${name}, which no module imports`),
      importing,
    );
  }
  const passedOn = project({
    "ci/dev/x.ts": "export const one = 1;",
    "ci/dev/y.ts": 'export { one as two } from "./x.ts";',
  });
  assert.equal(moduleProblems(passedOn), [
    { file: "ci/dev/y.ts", what: "exports two, which no module imports", fix: "take the export away" },
  ]);
});

test("should find import circles, of types and of modules that are loaded late too", () => {
  const circles = (modules: Record<string, string>): (string | undefined)[] =>
    moduleProblems(project(modules)).map(({ got }) => got);
  const [a, b, c] = ["scripts/a.ts", "scripts/lib/b.ts", "test/c.ts"] as const;
  const chain = { [a]: 'import "./lib/b.ts";', [b]: 'import "../../test/c.ts";' };
  assert.equal(circles({ ...chain, [c]: 'import "uvu";' }), []);
  assert.equal(circles({ ...chain, [a]: 'import "./lib/b.ts"; import "../test/c.ts";' }), []);
  const back = '"../scripts/a.ts"';
  for (const closing of [
    `import ${back};`,
    `import type {} from ${back};`,
    `import(${back});`,
    `export {} from ${back};`,
  ])
    assert.equal(circles({ ...chain, [c]: closing }), [`${a} → ${b} → ${c} → ${a}`], closing);
  assert.equal(circles({ [b]: 'import "./b.ts";' }), [`${b} → ${b}`]);
});

test.run();
