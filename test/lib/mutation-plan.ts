/** What is mutated, which tests have to notice, and which mutants nobody can notice. */

/** Test files by the source file that they prove, in the order in which they are run. Paths count from the project. */
export const PLAN: Readonly<Record<string, readonly string[]>> = {
  "scripts/lib/gate-rules.ts": ["test/gate.test.ts"],
  "scripts/lib/gate-layout.ts": ["test/gate.test.ts"],
  "scripts/lib/gate.ts": ["test/gate.test.ts"],
  "scripts/lib/sums.ts": ["test/sums-edges.test.ts", "test/sums.test.ts"],
  "scripts/lib/trust.ts": ["test/trust.test.ts"],
  "scripts/lib/trust-words.ts": ["test/trust.test.ts"],
  "scripts/lib/pins.ts": ["test/pins.test.ts", "test/pins-edges.test.ts"],
};

/** Mutants that behave as the source does, by their changed lines as the summary shows them. */
export interface Equivalent {
  file: string;
  before: string;
  after: readonly string[];
  /** Why no test can tell them from the source. */
  why: string;
}

const SUMS = "scripts/lib/sums.ts";
const PINS = "scripts/lib/pins.ts";
const SORTED = "the names differ, and sort asks only whether the result is below 0";
const REPLACED = "the pattern matches nothing but what the table has";

export const EQUIVALENT: readonly Equivalent[] = [
  {
    file: SUMS,
    before:
      'nameText(name) ?? name.replace(/[\\x80-\\xff]/g, (byte) => `\\\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);',
    after: [
      'nameText(name) ?? name.replace(/[\\x80-\\xff]/g, (byte) => `\\\\x${byte.charCodeAt(0).toString(16).padStart(1, "0")}`);',
      'nameText(name) ?? name.replace(/[\\x80-\\xff]/g, (byte) => `\\\\x${byte.charCodeAt(0).toString(16).padStart(2, "")}`);',
    ],
    why: "a byte of 0x80 or more has two digits anyway",
  },
  {
    file: SUMS,
    before: "const escaped = name.replace(/[\\\\\\n\\r]/g, (character) => ESCAPED[character] ?? character);",
    after: ["const escaped = name.replace(/[\\\\\\n\\r]/g, (character) => (ESCAPED[character]));"],
    why: REPLACED,
  },
  {
    file: SUMS,
    before: "const bare = escaped ? name.replace(/\\\\[\\\\nr]/g, (pair) => UNESCAPED[pair] ?? pair) : name;",
    after: ["const bare = escaped ? name.replace(/\\\\[\\\\nr]/g, (pair) => (UNESCAPED[pair])) : name;"],
    why: REPLACED,
  },
  {
    file: SUMS,
    before: "const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));",
    after: [
      "const sorted = [...entries].sort(([a], [b]) => (a <= b ? -1 : a > b ? 1 : 0));",
      "const sorted = [...entries].sort(([a], [b]) => (a < b ? -2 : a > b ? 1 : 0));",
      "const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : (1)));",
      "const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : (0)));",
      "const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a >= b ? 1 : 0));",
      "const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a <= b ? 1 : 0));",
      "const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 2 : 0));",
      "const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 0 : 0));",
      "const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 1));",
    ],
    why: SORTED,
  },
  {
    file: SUMS,
    before: "/^(?<escaped>\\\\?)(?<sha256>[0-9a-f]{64}) [ *](?<name>.+)$/is,",
    after: ["/^(?<escaped>\\\\?)(?<sha256>[0-9a-f]{64}) [ *](?<name>.+)/is,"],
    why: "with the flag s the dot takes everything up to the end",
  },
  {
    file: SUMS,
    before: "if (name === undefined || sha256 === undefined) continue;",
    after: [
      "if ((name === undefined)) continue;",
      "if ((sha256 === undefined)) continue;",
      "if (name === undefined && sha256 === undefined) continue;",
    ],
    why: "a pattern that matches has both groups, one that does not has neither",
  },
  {
    file: SUMS,
    before: "if (escaped && !/^([^\\\\]|\\\\[\\\\nr])+$/.test(name)) return undefined;",
    after: ["if (escaped && !/^([^\\\\]|\\\\[\\\\nr])*$/.test(name)) return undefined;"],
    why: "a name has one character at least",
  },
  {
    file: SUMS,
    before: 'const lines = /^([^\\n]*\\r\\n)+$/.test(text) ? text.split("\\r\\n") : text.split("\\n");',
    after: ['const lines = /^([^\\n]*\\r\\n)*$/.test(text) ? text.split("\\r\\n") : text.split("\\n");'],
    why: "an empty list was turned away before",
  },
  {
    file: SUMS,
    before: 'got: showName((lines[first - 1] ?? "").slice(0, 120)),',
    after: ["got: showName(((lines[first - 1])).slice(0, 120)),"],
    why: "every number is that of a line",
  },
  {
    file: PINS,
    before: "return pins.find((pin) => pin.tag === tag && pin.asset === asset);",
    after: ["return pins.findLast((pin) => pin.tag === tag && pin.asset === asset);"],
    why: "a list has one pin of an asset of a tag",
  },
  {
    file: PINS,
    before: "const order = (tag: string) => parseTag(tag) ?? { major: 0, minor: 0, patch: 0 };",
    after: [
      "const order = (tag: string) => (parseTag(tag));",
      "const order = (tag: string) => parseTag(tag) ?? { minor: 0, patch: 0 };",
      "const order = (tag: string) => parseTag(tag) ?? { major: 0, patch: 0 };",
      "const order = (tag: string) => parseTag(tag) ?? { major: 0, minor: 0, };",
      "const order = (tag: string) => parseTag(tag) ?? { major: 1, minor: 0, patch: 0 };",
      "const order = (tag: string) => parseTag(tag) ?? { major: 0, minor: 1, patch: 0 };",
      "const order = (tag: string) => parseTag(tag) ?? { major: 0, minor: 0, patch: 1 };",
    ],
    why: "every pin has a tag of the tag's own form, and the rest is for the type checker",
  },
  {
    file: PINS,
    before:
      "(a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset < b.asset ? -1 : a.asset > b.asset ? 1 : 0),",
    after: [
      "(a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset <= b.asset ? -1 : a.asset > b.asset ? 1 : 0),",
      "(a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset < b.asset ? -2 : a.asset > b.asset ? 1 : 0),",
      "(a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset < b.asset ? -1 : (1)),",
      "(a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset < b.asset ? -1 : (0)),",
      "(a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset < b.asset ? -1 : a.asset >= b.asset ? 1 : 0),",
      "(a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset < b.asset ? -1 : a.asset <= b.asset ? 1 : 0),",
      "(a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset < b.asset ? -1 : a.asset > b.asset ? 2 : 0),",
      "(a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset < b.asset ? -1 : a.asset > b.asset ? 0 : 0),",
      "(a, b) => compareTags(order(a.tag), order(b.tag)) || (a.asset < b.asset ? -1 : a.asset > b.asset ? 1 : 1),",
    ],
    why: SORTED,
  },
];
