/** The borders of the checksum list's grammar, one step to each side. */
import * as assert from "uvu/assert";
import { showName } from "../scripts/lib/trust/sums.ts";
import { suite } from "./lib/harness.ts";
import { A, B, LINE, parse } from "./lib/trust.ts";

const test = suite("sums at the borders");

const malformed = (what: string, got: string) => ({ what, expected: LINE, got: JSON.stringify(got) });

test("should show every byte that is not UTF-8", () => {
  assert.is(showName("caf\xe9 \xe9"), '"caf\\xe9 \\xe9"');
});

test("should take a BSD line only as a whole", () => {
  for (const line of [`x SHA256 (a) = ${A}`, ` SHA256 (a) = ${A}`, `SHA256 (a) = ${A}0`, `SHA256 (a) = ${A} `]) {
    assert.equal(parse(`${line}\n`), { entries: [], problems: [malformed("line 1 is malformed", line)] }, line);
  }
});

test("should take CR LF for a line's end only when every line has it", () => {
  assert.equal(parse(`${A}  x\r\n${B}  y\n`), {
    entries: [["y", B]],
    problems: [{ what: "line 1 is malformed", expected: LINE, got: `"${A}  x\\x0d"` }],
  });
  assert.equal(parse(`${A}  x\r\n\r\n`), {
    entries: [["x", A]],
    problems: [{ what: "line 2 is malformed", expected: LINE, got: '""' }],
  });
  assert.equal(parse(`${A}  x\r\n${B}  y`), {
    entries: [["x", A]],
    problems: [{ what: "the last line does not end with a line feed: the list may be cut off" }],
  });
});

test("should count each run of malformed lines on its own", () => {
  assert.equal(
    parse(`1\n${A}  x\n3\n4\n${B}  y\n6\n`).problems.map(({ what, got }) => [what, got]),
    [
      ["line 1 is malformed", '"1"'],
      ["lines 3 to 4 are malformed", '"3"'],
      ["line 6 is malformed", '"6"'],
    ],
  );
});

test.run();
