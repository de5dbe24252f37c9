import * as assert from "uvu/assert";
import { isTag } from "../scripts/lib/contract.ts";
import { KNOBS } from "../scripts/lib/knobs.ts";
import { compareTags, parseTag, readTag, spellTag, type Tag, type TagFormat } from "../scripts/lib/tags.ts";
import { failureOf, lacking, make, runProgram, script, suite, testUnless } from "./lib/harness.ts";
import { type Random, random } from "./lib/random.ts";

const test = suite("tags");

const FORMATS: readonly TagFormat[] = ["tag", "deb", "rpm", "apk", "cargo", "packit"];
const RUNS = 2000;

const number = (from: Random): number => from.below(from.pick([3, 12, 1000, 1_000_000_000]));
function randomTag(from: Random): Tag {
  const version = { major: number(from), minor: number(from), patch: number(from) };
  return from.below(3) === 0 ? version : { ...version, rc: number(from) };
}

test("should spell a tag as each distribution does", () => {
  const rc = { major: 0, minor: 0, patch: 1, rc: 7 };
  const final = { major: 0, minor: 0, patch: 1 };
  assert.equal(
    FORMATS.map((format) => [format, spellTag(rc, format), spellTag(final, format)]),
    [
      ["tag", "v0.0.1-rc.7", "v0.0.1"],
      ["deb", "0.0.1~rc7", "0.0.1"],
      ["rpm", "0.0.1~rc7", "0.0.1"],
      ["apk", "0.0.1_rc7", "0.0.1"],
      ["cargo", "0.0.1-rc.7", "0.0.1"],
      ["packit", "v0.0.1.rc.7", "v0.0.1"],
    ],
  );
});

test("should read what Packit and Fedora's macros write besides", () => {
  for (const text of ["0.0.1.rc.7", "0.0.1~rc.7"]) {
    assert.equal(parseTag(text), { major: 0, minor: 0, patch: 1, rc: 7 }, text);
  }
});

test("should read nothing else", () => {
  for (const text of [
    "",
    "v",
    "1",
    "1.2",
    "1.2.3.4",
    "latest",
    "V1.2.3",
    "vv1.2.3",
    "v1.2.3~rc4",
    "v1.2.3_rc4",
    "1.2.3-rc4",
    "1.2.3rc4",
    "1.2.3_rc.4",
    "1.2.3~rc",
    "1.2.3~rc-4",
    "1.2.3~beta4",
    "1.2.3~rc4-1",
    "1.2.3-1",
    "1:1.2.3",
    "1.2.3-r0",
    "1.2.3+git",
    "01.2.3",
    "1.2.3~rc04",
    "1.2.3-rc.4-rc.4",
    "1.2.3~rc4~rc4",
    "1.2.3~RC4",
    " 1.2.3",
    "1.2.3\n",
    "1.2.3\0",
    "v1.2.3/../v1.2.4",
    "v1.2.3%2f",
    "١.2.3",
    "1.2.1234567890",
  ]) {
    assert.is(parseTag(text), undefined, JSON.stringify(text));
  }
});

test("should come back to the same tag from every spelling of any tag", () => {
  const from = random(1);
  for (let run = 0; run < RUNS; run++) {
    const tag = randomTag(from);
    assert.ok(isTag(spellTag(tag)));
    for (const format of FORMATS) assert.equal(parseTag(spellTag(tag, format)), tag, spellTag(tag, format));
  }
});

test("should come back to the same text from everything that it reads", () => {
  const from = random(2);
  let read = 0;
  for (let run = 0; run < 20 * RUNS; run++) {
    const text = [...spellTag(randomTag(from), from.pick(FORMATS))];
    text.splice(
      from.below(text.length + 1),
      from.below(3),
      from.pick(["", "v", ".", "-", "~", "_", "rc", "rc.", "0", "\n"]),
    );
    const tag = parseTag(text.join(""));
    if (tag === undefined) continue;
    read++;
    const spellings = FORMATS.map((format) => spellTag(tag, format));
    const also = [`${spellTag(tag, "cargo").replace("-", ".")}`, `${spellTag(tag, "cargo").replace("-", "~")}`];
    assert.ok([...spellings, ...also].includes(text.join("")), text.join(""));
  }
  assert.ok(read > RUNS, `${read} texts were read`);
});

/** Pairs of tags that often differ in one number only. */
function randomPairs(count: number, seed: number): [Tag, Tag][] {
  const from = random(seed);
  return Array.from({ length: count }, () => {
    const tag = randomTag(from);
    const other = from.pick<Tag>([
      randomTag(from),
      { ...tag, patch: tag.patch + from.below(2) },
      { ...tag, rc: number(from) },
      { major: tag.major, minor: tag.minor, patch: tag.patch },
    ]);
    return from.below(2) === 0 ? [tag, other] : [other, tag];
  });
}

test("should order releases by number, and a candidate before its release", () => {
  const sorted = ["v0.0.1-rc.2", "v0.0.1-rc.10", "v0.0.1", "v0.0.2-rc.0", "v0.0.10", "v0.2.0", "v1.0.0-rc.1", "v1.0.0"];
  const tags = sorted.map((text) => readTag(text, "TAG"));
  assert.equal(tags.toReversed().sort(compareTags), tags);
  for (const tag of tags) assert.is(compareTags(tag, { ...tag }), 0);
});

testUnless(test, lacking({ programs: ["dpkg"] }), "should order releases as dpkg does", async () => {
  for (const [a, b] of randomPairs(100, 3)) {
    const order = compareTags(a, b);
    const relation = order < 0 ? "lt" : order > 0 ? "gt" : "eq";
    const versions = [spellTag(a, "deb"), relation, spellTag(b, "deb")];
    const { code, stderr } = await runProgram(["dpkg", "--compare-versions", ...versions]);
    assert.equal([code, stderr], [0, ""], versions.join(" "));
  }
});

testUnless(test, lacking({ programs: ["rpm"] }), "should order releases as rpm does", async () => {
  const pairs = randomPairs(300, 4);
  const calls = pairs.map(([a, b]) => `print(rpm.vercmp("${spellTag(a, "rpm")}", "${spellTag(b, "rpm")}") .. " ")`);
  const { code, stdout } = await runProgram(["rpm", "--eval", `%{lua: ${calls.join(" ")}}`]);
  assert.is(code, 0);
  assert.equal(
    stdout.trim().split(" "),
    pairs.map(([a, b]) => String(Math.sign(compareTags(a, b)))),
  );
});

test("should name the source of a text that is no tag, and show it safely", async () => {
  const { exitCode, problems } = await failureOf(() => readTag("v1\x1b[2J", "TAG"));
  assert.is(exitCode, 2);
  assert.equal(problems, [
    {
      what: "TAG is not a release tag",
      expected: "vX.Y.Z or vX.Y.Z-rc.N, or a distribution's spelling: X.Y.Z~rcN, X.Y.Z_rcN, X.Y.Z-rc.N, vX.Y.Z.rc.N",
      got: '"v1\\x1b[2J"',
      fix: "leave out epoch and package revision, leading zeros and build metadata",
    },
  ]);
});

test("should print VERSION as a tag", async () => {
  const { code, stdout, stderr } = await script("tag.ts", [], { env: { VERSION: "0.0.1~rc7" } });
  assert.equal([code, stdout, stderr], [0, "v0.0.1-rc.7\n", ""]);
});

test("should print a tag in every format that make offers", async () => {
  const printed: string[] = [];
  for (const format of KNOBS.FORMAT.takes.split(", ")) {
    const { code, stdout, stderr } = await make(["tag", "VERSION=v0.0.1-rc.7", `FORMAT=${format}`]);
    assert.equal([code, stderr], [0, ""]);
    printed.push(stdout);
  }
  assert.equal(printed, ["0.0.1~rc7\n", "0.0.1~rc7\n", "0.0.1_rc7\n", "0.0.1-rc.7\n", "v0.0.1.rc.7\n"]);
});

test("should refuse a version that is none, no version, and an unknown format", async () => {
  for (const [env, ...lines] of [
    [
      { VERSION: "1:0.0.1~rc7-2" },
      "error: VERSION is not a release tag",
      "  expected: vX.Y.Z or vX.Y.Z-rc.N, or a distribution's spelling: X.Y.Z~rcN, X.Y.Z_rcN, X.Y.Z-rc.N, vX.Y.Z.rc.N",
      '  got:      "1:0.0.1~rc7-2"',
      "  fix:      leave out epoch and package revision, leading zeros and build metadata",
    ],
    [
      {},
      "error: VERSION is not set",
      "  expected: a tag or a distribution's spelling of one",
      "  fix:      make -s tag VERSION=0.0.1~rc7",
    ],
    [
      { VERSION: "0.0.1", FORMAT: "snap" },
      "error: the environment variable FORMAT does not parse",
      "  expected: deb, rpm, apk, cargo, packit",
      '  got:      "snap"',
      "  fix:      set FORMAT to deb, rpm, apk, cargo, packit, or unset it",
    ],
  ] as const) {
    const { code, stdout, stderr } = await script("tag.ts", [], { env });
    assert.equal([code, stdout, stderr], [2, "", `${lines.join("\n")}\n`]);
  }
});

test.run();
