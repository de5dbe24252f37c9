import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { LOCK } from "../scripts/lib/contract.ts";
import { findPin, formatPins, type Pin, parsePins, readPins, updatePins } from "../scripts/lib/trust/pins.ts";
import { failureOf, runProgram, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("pins");

const AARCH64 = "fastboop-stage0-aarch64-unknown-linux-musl";
const X86_64 = "fastboop-stage0-x86_64-unknown-linux-musl";
const FIX = "write the entry again with make lock TAG=…, and review the difference";
const sha256 = "ab".repeat(32);
const sha512 = "cd".repeat(64);
const pin: Pin = { tag: "v0.0.1-rc.7", asset: AARCH64, size: 742792, sha256, sha512 };
const bare: Pin = { tag: "v0.0.1", asset: AARCH64, sha256 };

/** A lock file in a folder of its own. */
function lockFile(text: string): string {
  const file = join(temporaryFolder(), LOCK);
  fs.writeFileSync(file, text);
  return file;
}
const asJson = (pins: unknown): string => JSON.stringify({ pin: pins }, null, 2);
const problemsIn = async (text: string) => {
  const { exitCode, problems } = await failureOf(() => parsePins(text, "f"));
  assert.is(exitCode, 2);
  return problems;
};

test("should write one table an entry, so that a diff reads well", () => {
  assert.is(
    formatPins([bare, pin]),
    `# Digests of stage0 release assets; make lock writes them.

[[pin]]
tag = "v0.0.1-rc.7"
asset = "${AARCH64}"
size = 742792
sha256 = "${sha256}"
sha512 = "${sha512}"

[[pin]]
tag = "v0.0.1"
asset = "${AARCH64}"
sha256 = "${sha256}"
`,
  );
});

test("should write the same bytes whatever the order was", () => {
  const tags = ["v0.0.1-rc.2", "v0.0.1-rc.10", "v0.0.1", "v0.0.2", "v0.0.10"];
  const pins = tags.flatMap((tag) => [AARCH64, X86_64].map((asset) => ({ ...pin, tag, asset })));
  const text = formatPins(pins);
  assert.is(formatPins(pins.toReversed()), text);
  assert.equal(
    [...text.matchAll(/^(?:tag|asset) = "(.*)"$/gm)].map(([, value]) => value),
    tags.flatMap((tag) => [tag, AARCH64, tag, X86_64]),
  );
});

test("should read what it wrote, and JSON of the same shape", async () => {
  const expected = [pin, bare].map((one) => ({ ...one, file: "f" }));
  assert.equal(await parsePins(formatPins([pin, bare]), "f"), expected);
  assert.equal(await parsePins(asJson([pin, bare]), "f"), expected);
  assert.equal(await parsePins(JSON.stringify({ pin: [pin, bare] }), "f"), expected);
});

test("should take an empty lock for no pins", async () => {
  for (const text of ["", "# nothing yet\n", "{}", "pin = []\n", formatPins([])])
    assert.equal(await parsePins(text, "f"), []);
});

test("should find a pin by tag and asset", () => {
  const pins = [pin, bare];
  assert.is(findPin(pins, "v0.0.1", AARCH64), bare);
  assert.is(findPin(pins, "v0.0.1-rc.7", AARCH64), pin);
  assert.is(findPin(pins, "v0.0.1", X86_64), undefined);
  assert.is(findPin(pins, "0.0.1", AARCH64), undefined);
});

test("should replace the entry of the same tag and asset and keep the others", () => {
  const fresh = { ...bare, sha256: "0".repeat(64) };
  const other = { ...bare, asset: X86_64 };
  assert.equal(updatePins([pin, bare], [fresh, other]), [pin, fresh, other]);
});

test("should name every wrong entry and key", async () => {
  const file = "f";
  assert.equal(
    await problemsIn(
      `a = 1\n\n${formatPins([pin])}\n[[pin]]\ntag = "0.0.1~rc7"\nasset = "../x"\nsize = 0\nsha256 = "AB"\nsha512 = 5\nsha1 = "x"\n\n[[pin]]\n`,
    ),
    [
      { file, what: 'there is an unknown key, "a"', expected: "pin, withdrawn", fix: FIX },
      { file, what: 'entry 2 has an unknown key, "sha1"', expected: "tag, asset, size, sha256, sha512", fix: FIX },
      { file, what: "entry 2 has a malformed tag", expected: "vX.Y.Z or vX.Y.Z-rc.N", got: '"0.0.1~rc7"', fix: FIX },
      {
        file,
        what: "entry 2 has a malformed asset",
        expected:
          "fastboop-stage0- and one of x86_64-unknown-linux-musl, aarch64-unknown-linux-musl, aarch64-alpine-linux-musl, " +
          "x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu, armv7-unknown-linux-musleabihf",
        got: '"../x"',
        fix: FIX,
      },
      { file, what: "entry 2 has a malformed size", expected: "a number of bytes", got: "0", fix: FIX },
      {
        file,
        what: "entry 2 has a malformed sha256",
        expected: "64 lower-case hexadecimal digits",
        got: '"AB"',
        fix: FIX,
      },
      {
        file,
        what: "entry 2 has a malformed sha512",
        expected: "128 lower-case hexadecimal digits",
        got: "5",
        fix: FIX,
      },
      { file, what: "entry 3 has no tag", expected: "vX.Y.Z or vX.Y.Z-rc.N", fix: FIX },
      {
        file,
        what: "entry 3 has no asset",
        expected:
          "fastboop-stage0- and one of x86_64-unknown-linux-musl, aarch64-unknown-linux-musl, aarch64-alpine-linux-musl, " +
          "x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu, armv7-unknown-linux-musleabihf",
        fix: FIX,
      },
      { file, what: "entry 3 has no sha256", expected: "64 lower-case hexadecimal digits", fix: FIX },
    ],
  );
});

test("should refuse a tag and asset that stand twice, even with the same digest", async () => {
  assert.equal(await problemsIn(asJson([pin, bare, pin])), [
    { file: "f", what: `entry 3 pins ${AARCH64} of v0.0.1-rc.7, as entry 1 does`, fix: FIX },
  ]);
});

test("should refuse a JSON key that occurs twice, which a parser would not tell", async () => {
  const text = asJson([pin]).replace('"sha256"', `"sha256": "${"0".repeat(64)}", "sha256"`);
  assert.is(JSON.parse(text).pin[0].sha256, sha256);
  assert.equal(await problemsIn(text), [
    { file: "f", what: "a key occurs twice in one entry, or a value is not in its plain form", fix: FIX },
  ]);
});

test("should refuse what is neither TOML nor JSON, and other shapes", async () => {
  const twice = formatPins([pin]).replace("size = 742792", 'tag = "v0.0.1"');
  for (const [text, what, got] of [
    ["<!DOCTYPE html>", "is not TOML", /^Invalid TOML document: illegal character in key \(line 1\)$/],
    [twice, "is not TOML", /^Invalid TOML document: trying to redefine an already defined table or value \(line 6\)$/],
    ['{"pin": 1', "is not JSON", /^Expected ',' or '}' after property value in JSON at position 9/],
    ['{"pin": 1}', "pin is not an array of tables", /^1$/],
    ['{"pin": [[]]}', "entry 1 is not a table", /^\[\]$/],
    ["[pin]\n", "pin is not an array of tables", /^\{\}$/],
  ] as const) {
    const [problem, ...others] = await problemsIn(text);
    assert.equal(others, []);
    assert.equal([problem?.file, problem?.what, problem?.fix], ["f", what, FIX]);
    assert.match(problem?.got ?? "", got);
  }
});

test("should read the lock files that are there", async () => {
  const one = lockFile(formatPins([pin]));
  const two = lockFile(asJson([bare]));
  const absent = join(temporaryFolder(), LOCK);
  assert.equal(await readPins([absent, one, two, one]), [
    { ...pin, file: one },
    { ...bare, file: two },
  ]);
  assert.equal(await readPins([absent]), []);
});

test("should take the same pin in two files for one", async () => {
  const { sha512: _, size: __, ...short } = pin;
  const one = lockFile(formatPins([pin]));
  const two = lockFile(formatPins([short]));
  assert.equal(await readPins([one, two]), [{ ...pin, file: one }]);
});

test("should refuse two files that disagree, and name them both", async () => {
  const one = lockFile(formatPins([pin, bare]));
  for (const [other, got] of [
    [{ ...pin, sha256: "0".repeat(64) }, `sha256 ${"0".repeat(64)}, sha512 ${sha512}, 742792 bytes`],
    [{ ...pin, sha512: "0".repeat(128) }, `sha256 ${sha256}, sha512 ${"0".repeat(128)}, 742792 bytes`],
    [{ ...pin, size: 5 }, `sha256 ${sha256}, sha512 ${sha512}, 5 bytes`],
  ] as const) {
    const two = lockFile(formatPins([other]));
    const { exitCode, problems } = await failureOf(() => readPins([one, two]));
    assert.is(exitCode, 2);
    assert.equal(problems, [
      {
        file: two,
        what: `pins ${AARCH64} of v0.0.1-rc.7 differently from ${one}`,
        expected: `sha256 ${sha256}, sha512 ${sha512}, 742792 bytes`,
        got,
        fix: "find out which one is right, and delete the other",
      },
    ]);
  }
});

test("should not take a folder or a FIFO for an absent file", async () => {
  const folder = temporaryFolder();
  const fifo = join(folder, LOCK);
  assert.is((await runProgram(["mkfifo", fifo])).code, 0);
  for (const [file, got] of [
    [folder, "a folder"],
    [fifo, "a fifo"],
  ] as const) {
    const { exitCode, problems } = await failureOf(() => readPins([file]));
    assert.equal([exitCode, problems.map(({ what, got }) => [what, got])], [3, [["can't be read", got]]]);
  }
});

test.run();
