/** The borders of what a lock file may hold, one step to each side. */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { LOCK } from "../scripts/lib/contract.ts";
import { findPin, type Pin, parsePins, readPins } from "../scripts/lib/trust/pins.ts";
import { failureOf, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("pins at the borders");

const asset = "fastboop-stage0-aarch64-unknown-linux-musl";
const sha256 = "ab".repeat(32);
const pin: Pin = { tag: "v0.0.1", asset, sha256 };

const json = (entry: unknown): string => JSON.stringify({ pin: [entry] });
const problemsIn = async (text: string): Promise<[string, string | undefined][]> => {
  const { problems } = await failureOf(() => parsePins(text, "f"));
  return problems.map(({ what, got }) => [what, got]);
};

test("should take a digest of exactly so many lower-case digits, and no other value for one", async () => {
  for (const value of [
    sha256.slice(1),
    `${sha256}0`,
    `${sha256.slice(1)}g`,
    `g${sha256.slice(1)}`,
    "g".repeat(64),
    sha256.toUpperCase(),
    "",
    // An array of 64 digits has the length of a digest.
    [...sha256],
    7,
    null,
  ]) {
    const got = JSON.stringify(value).slice(0, 200);
    assert.equal(await problemsIn(json({ ...pin, sha256: value })), [["entry 1 has a malformed sha256", got]], got);
  }
  assert.equal(await problemsIn(json({ ...pin, sha512: sha256 })), [["entry 1 has a malformed sha512", `"${sha256}"`]]);
});

test("should take no array for a tag or an asset, though it reads like one", async () => {
  assert.equal(await problemsIn(json({ ...pin, tag: ["v0.0.1"] })), [["entry 1 has a malformed tag", '["v0.0.1"]']]);
  assert.equal(await problemsIn(json({ ...pin, asset: 7 })), [["entry 1 has a malformed asset", "7"]]);
});

test("should take a size of at least one whole byte", async () => {
  const sizeOf = async (size: unknown) => (await parsePins(json({ ...pin, size }), "f"))[0]?.size;
  assert.is(await sizeOf(1), 1);
  assert.is(await sizeOf(2 ** 53 - 1), 2 ** 53 - 1);
  for (const size of [0, -1, 1.5, 2 ** 53, "1", [1]]) {
    assert.equal(await problemsIn(json({ ...pin, size })), [["entry 1 has a malformed size", JSON.stringify(size)]]);
  }
});

test("should take nothing but a table for an entry, and for the whole", async () => {
  for (const entry of [null, [], 7, "pin", true]) {
    assert.equal(await problemsIn(json(entry)), [["entry 1 is not a table", JSON.stringify(entry)]]);
  }
  assert.equal(await problemsIn('{"pin": {}}'), [["pin is not an array of tables", "{}"]]);
});

test("should show 200 characters of a value, and values that JSON does not have", async () => {
  const long = "x".repeat(300);
  const [[, got] = []] = await problemsIn(json({ ...pin, sha256: long }));
  assert.is(got, `"${"x".repeat(199)}`);
  assert.equal(await problemsIn(`[[pin]]\ntag = nan\nasset = "${asset}"\nsha256 = "${sha256}"\n`), [
    ["entry 1 has a malformed tag", "null"],
  ]);
});

test("should report every entry that is wrong, and pin nothing of it", async () => {
  const twice = { ...pin, sha256: "x" };
  assert.equal(await problemsIn(JSON.stringify({ pin: [twice, twice] })), [
    ["entry 1 has a malformed sha256", '"x"'],
    ["entry 2 has a malformed sha256", '"x"'],
  ]);
});

test("should take JSON with any space between and in its values, and see a key that occurs twice", async () => {
  const spaced = { ...pin, asset };
  assert.equal(await parsePins(` \n${JSON.stringify({ pin: [spaced] }, null, "\t ")}\n `, "f"), [
    { ...pin, file: "f" },
  ]);
  const doubled = `{"pin":[{"tag":"v0.0.1","tag":"v0.0.2","asset":"${asset}","sha256":"${sha256}"}]}`;
  assert.equal(await problemsIn(doubled), [
    ["a key occurs twice in one entry, or a value is not in its plain form", undefined],
  ]);
  // What is wrong with an entry says more.
  assert.equal(await problemsIn(doubled.replace(sha256, "x")), [["entry 1 has a malformed sha256", '"x"']]);
});

test("should tell TOML that holds a brace from JSON", async () => {
  const toml = `[[pin]] # {\ntag = "v0.0.1"\nasset = "${asset}"\nsha256 = "${sha256}"\n`;
  assert.equal(await parsePins(toml, "f"), [{ ...pin, file: "f" }]);
});

test("should tell where TOML is wrong, and of JSON what its parser tells", async () => {
  const [[what, got] = []] = await problemsIn("a = \n");
  assert.is(what, "is not TOML");
  assert.match(got ?? "", /\(line 1\)$/);
  const [[of, said] = []] = await problemsIn("{");
  assert.is(of, "is not JSON");
  assert.not.match(said ?? "", /line undefined/);
});

test("should find two files' pins alike when one of them says less", async () => {
  const sha512 = "cd".repeat(64);
  const read = (...pins: Pin[]) => {
    const folder = temporaryFolder();
    const files = pins.map((one, number) => {
      const file = join(folder, `${number}-${LOCK}`);
      fs.writeFileSync(file, json(one));
      return file;
    });
    return readPins(files);
  };
  const full = { ...pin, size: 5, sha512 };
  for (const [first, second] of [
    [pin, full],
    [full, pin],
    [{ ...pin, size: 5 }, full],
    [full, { ...pin, sha512 }],
  ] as const) {
    const pins = await read(first, second);
    assert.is(pins.length, 1);
    assert.is(findPin(pins, "v0.0.1", asset)?.sha256, sha256);
  }
  const { problems } = await failureOf(() => read({ ...pin, size: 5 }, { ...pin, size: 6 }));
  assert.equal(
    problems.map(({ expected, got }) => [expected, got]),
    [[`sha256 ${sha256}, 5 bytes`, `sha256 ${sha256}, 6 bytes`]],
  );
  const shorter = await failureOf(() => read(pin, { ...pin, sha256: "cd".repeat(32), sha512 }));
  assert.equal(
    shorter.problems.map(({ expected, got }) => [expected, got]),
    [[`sha256 ${sha256}`, `sha256 ${"cd".repeat(32)}, sha512 ${sha512}`]],
  );
});

test.run();
