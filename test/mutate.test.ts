import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { changedLines, mutantsOf, mutate } from "../ci/dev/lib/mutate/mutations.ts";
import { PLAN } from "../ci/dev/lib/mutate/plan.ts";
import { baseline, candidates, judge, score, summary, type Verdict } from "../ci/dev/lib/mutate/run.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { devScript, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("mutate");

/** What becomes of an expression, sorted, without the spaces that something left out leaves behind. */
function mutations(expression: string): string[] {
  const source = `const x = ${expression};`;
  return mutantsOf(source)
    .map((mutant) => mutate(source, mutant).slice("const x = ".length, -1).replace(/ +/g, " "))
    .sort();
}

test("should turn comparisons round, and move their border", () => {
  assert.equal(mutations("a < b"), ["a <= b", "a >= b"]);
  assert.equal(mutations("a <= b"), ["a < b", "a > b"]);
  assert.equal(mutations("a > b"), ["a <= b", "a >= b"]);
  assert.equal(mutations("a >= b"), ["a < b", "a > b"]);
  assert.equal(mutations("a === b"), ["a !== b"]);
  assert.equal(mutations("(a) !== (b)"), ["(a) === (b)"]);
  assert.equal(mutations("a % b"), ["a * b"]);
});

test("should leave out one condition of several, negations, and either way of a choice", () => {
  assert.equal(mutations("a && b"), ["(a)", "(b)", "a || b"]);
  assert.equal(mutations("(a || b) ?? c"), ["((a)) ?? c", "((b)) ?? c", "(a && b) ?? c", "(a || b)", "(c)"]);
  assert.equal(mutations("!a"), ["(a)"]);
  assert.equal(mutations("a ? b : c"), ["(b)", "(c)"]);
});

test("should leave out elements, properties and calls", () => {
  assert.equal(mutations("[a, ...b]"), ["[ ...b]", "[a, ]"]);
  assert.equal(mutations('{ a, ...b, why: "in words" }'), ['{ ...b, why: "in words" }', '{ a, why: "in words" }']);
  assert.equal(mutations("a.filter(b)"), ["a"]);
  assert.equal(mutations("a?.some(b)"), ["a?.every(b)"]);
});

test("should put numbers off by one, and give other values", () => {
  assert.equal(mutations("3"), ["2", "4"]);
  assert.equal(mutations("0"), ["1"]);
  assert.equal(mutations("0x10n"), ["15n", "17n"]);
  assert.equal(mutations("true"), ["false"]);
  assert.equal(mutations('"word"'), ['""']);
  assert.equal(mutations('"fail"'), ['"warn"']);
  assert.equal(mutations('"warn"'), ['"fail"']);
  assert.equal(mutations("() => a"), ["() => undefined"]);
  assert.equal(mutations("() => ({ a })"), ["() => ({ })", "() => undefined"]);
});

test("should have regular expressions take more or less", () => {
  assert.equal(mutations("/^a+[^b+]{2,}$/g"), [
    "/^a*[^b+]{2,}$/g",
    "/^a+[^b+]{1,}$/g",
    "/^a+[^b+]{2,}$/",
    "/^a+[^b+]{2,}/g",
    "/^a+[^b+]{3,}$/g",
    "/^a+[b+]{2,}$/g",
    "/a+[^b+]{2,}$/g",
  ]);
  assert.equal(mutations("/(?:a?)*\\+\\$/"), ["/(?:a)*\\+\\$/", "/(?:a?)+\\+\\$/"]);
});

test("should leave out statements, and go one way only", () => {
  const texts = (source: string): string[] => mutantsOf(source).map((mutant) => mutate(source, mutant));
  assert.equal(texts("f();"), [";"]);
  assert.equal(texts("if (a) throw b;"), ["if (true) throw b;", "if (false) throw b;", "if (a) ;"]);
  assert.equal(texts("for (; a; ) continue;"), ["for (; false; ) continue;", "for (; a; ) ;"]);
  assert.equal(texts("function f() { return a; }"), ["function f() { return undefined; }"]);
  assert.equal(texts("a += b;"), [";", "a -= b;"]);
});

test("should leave types, imports and prose alone", () => {
  for (const source of [
    'import { a } from "a";',
    'export * from "a";',
    'type A = "a" | 1 | (2 & 3);',
    "interface A { a: 1; b?: () => 2 }",
    "const f = <T extends 1>(a: T) => { a };",
    "const text = `in words`, more = 'in words';",
  ]) {
    assert.equal(
      mutantsOf(source).map((mutant) => mutate(source, mutant)),
      [],
      source,
    );
  }
  assert.equal(mutations("a as 1"), []);
});

test("should tell the changed lines as one line each", () => {
  const source = "f();\n  g([\n    1,\n    a,\n  ]);\n";
  const [first] = mutantsOf(source).filter(({ operator }) => operator === "element left out");
  assert.is(first?.line, 3);
  assert.equal(first && changedLines(source, first), { before: "1,", after: "" });
  const whole = mutantsOf(source).find(({ text, start }) => text === ";" && start > 5);
  assert.equal(whole && changedLines(source, whole), { before: "g([ 1, a, ]);", after: ";" });
});

test("should set equivalent mutants apart, and tell of those that are gone", () => {
  const entry = { file: "a.ts", before: "const x = 1;", after: ["const x = 2;"], why: "nobody reads it" };
  const outcomes = (file: string) =>
    candidates(file, "const x = 1;", [entry]).verdicts.map(({ after, outcome }) => [after, outcome]);
  assert.equal(outcomes("a.ts"), [
    ["const x = 2;", "equivalent"],
    ["const x = 0;", "survived"],
  ]);
  assert.equal(outcomes("b.ts"), [
    ["const x = 2;", "survived"],
    ["const x = 0;", "survived"],
  ]);
  assert.equal(candidates("a.ts", "const x = 2;", [entry, { ...entry, before: "const x = 3;" }]).gone, [
    "const x = 1; → const x = 2;",
    "const x = 3; → const x = 2;",
  ]);
});

/** A project of one source and one test, in which every outcome occurs. */
function tinyProject(): string {
  const folder = temporaryFolder("mutate");
  fs.symlinkSync(join(PROJECT, "node_modules"), join(folder, "node_modules"));
  fs.writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  fs.writeFileSync(
    join(folder, "source.ts"),
    "export const add = (a: number, b: number): number => a + b;\nexport const unused = 7;\n",
  );
  fs.writeFileSync(
    join(folder, "add.test.ts"),
    `import { suite } from "uvu";
    import * as assert from "uvu/assert";
    import { add } from "./source.ts";
    const test = suite("add");
    test("should add", () => {
      while (add(2, 2) === undefined);
      assert.is(add(2, 1), 3);
    });
    test.run();\n`,
  );
  return folder;
}

test("should tell killed mutants, hangs and survivors apart, and leave the source as it was", async () => {
  const folder = tinyProject();
  const path = join(folder, "source.ts");
  const source = fs.readFileSync(path, "utf8");
  const times = await baseline(folder, ["add.test.ts"]);
  assert.equal([...times.keys()], ["add.test.ts"]);
  const { verdicts } = candidates("source.ts", source, []);
  // A hang is waited for: shorter than for real ones.
  for (const verdict of verdicts) verdict.outcome = await judge(folder, verdict, ["add.test.ts"], times, 4000);
  assert.equal(
    verdicts.map(({ after, outcome }) => [after.replace(/^export const /, ""), outcome]),
    [
      ["add = (a: number, b: number): number => undefined;", "timed out"],
      ["add = (a: number, b: number): number => a - b;", "killed"],
      ["unused = 8;", "survived"],
      ["unused = 6;", "survived"],
    ],
  );
  assert.equal(score(verdicts), { noticed: 2, of: 4 });
  assert.is(fs.readFileSync(path, "utf8"), source);
});

test("should not begin with tests that fail without any mutant", async () => {
  const folder = tinyProject();
  fs.writeFileSync(join(folder, "source.ts"), "export const add = () => 0;\n");
  try {
    await baseline(folder, ["add.test.ts"]);
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /^Error: add\.test\.ts fails without any mutant: exit code 1\n/);
  }
});

test("should sum up by file, with a difference for each survivor", () => {
  const verdict = (file: string, outcome: Verdict["outcome"]): Verdict => ({
    file,
    mutant: { start: 0, end: 1, text: "", operator: "off by one", line: 3 },
    before: "a < 1",
    after: "a < 2",
    outcome,
  });
  const verdicts = [
    verdict("a.ts", "killed"),
    verdict("a.ts", "timed out"),
    verdict("a.ts", "equivalent"),
    verdict("b.ts", "killed"),
    verdict("b.ts", "survived"),
  ];
  assert.is(
    summary(verdicts),
    `| file | mutants | killed | timed out | survived | equivalent | noticed |
|---|---|---|---|---|---|---|
| a.ts | 3 | 1 | 1 | 0 | 1 | 100.0 % |
| b.ts | 2 | 1 | 0 | 1 | 0 | 50.0 % |
| all | 5 | 2 | 1 | 1 | 1 | 75.0 % |

b.ts:3: off by one
\`\`\`diff
- a < 1
+ a < 2
\`\`\``,
  );
});

test("should refuse a source that no tests are known for", async () => {
  const { code, stdout, stderr } = await devScript("mutate.ts", ["scripts/sums.ts"]);
  assert.equal([code, stdout], [2, ""]);
  assert.is(
    stderr,
    `error: no tests are known for a source\n  expected: ${Object.keys(PLAN).join(", ")}\n  got:      scripts/sums.ts\n`,
  );
});

test.run();
