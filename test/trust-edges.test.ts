/** Which digest an asset must have, and what each failure says and advises. */
import * as assert from "uvu/assert";
import { RELEASE_ASSETS } from "../scripts/lib/contract.ts";
import { sumsClaim } from "../scripts/lib/trust/sums.ts";
import { agreedDigest, apiClaim, isPinned, PIN_FIX, pinRequired, type Witness } from "../scripts/lib/trust.ts";
import { failureOf, suite } from "./lib/harness.ts";
import { A, B, pin, release } from "./lib/trust.ts";

const test = suite("trust at the borders");

const ADVICE =
  "pin it: make lock TAG=… (reviewed and committed), or FASTBOOP_STAGE0_SHA256=…; " +
  "FASTBOOP_STAGE0_TRUST=provenance accepts the signature of the repository's own workflow, FASTBOOP_STAGE0_TRUST=sums its own digests";

test("should take for pinned only what a pin says something of", () => {
  assert.is(isPinned([pin("p", { sha256: A })]), true);
  assert.is(isPinned([pin("p", "absent"), pin("q", { sha256: A })]), true);
  for (const claim of ["absent", "null", "not asked"] as const) assert.is(isPinned([pin("p", claim)]), false, claim);
  assert.is(isPinned([pin("p", "absent"), release("s", { sha256: A })]), false);
  assert.is(isPinned([]), false);
});

test("should measure by the first pin, whatever the release says and wherever the pin stands", async () => {
  const problemsOf = async (...witnesses: Witness[]) => {
    const { exitCode, problems } = await failureOf(() => agreedDigest(witnesses, "it"));
    return [exitCode, ...problems.map(({ what, expected, got, fix }) => [what, expected, got, fix])];
  };
  const whichPin = "find out which pin is right, and delete the other";
  const changed =
    "do not use this release before you know why: it was changed after it was pinned, or someone is in between";
  const contradicts = "do not use this release: its own digests contradict each other; tell its publisher";
  const [saysA, saysB] = [`sha256 ${A}`, `sha256 ${B}`];
  assert.equal(await problemsOf(pin("p", { sha256: A }), pin("q", { sha256: B })), [
    2,
    ["q and p differ on it", `${saysA} (p)`, `${saysB} (q)`, whichPin],
  ]);
  assert.equal(await problemsOf(release("s", { sha256: B }), pin("p", { sha256: A })), [
    1,
    ["s and p differ on it", `${saysA} (p)`, `${saysB} (s)`, changed],
  ]);
  assert.equal(await problemsOf(release("s", { sha256: A }), release("d", { sha256: B })), [
    1,
    ["d and s differ on it", `${saysA} (s)`, `${saysB} (d)`, contradicts],
  ]);
  assert.equal(await problemsOf(pin("p", { sha256: A }), pin("q", { sha256: B }), release("s", { sha256: B })), [
    2,
    ["q and p differ on it", `${saysA} (p)`, `${saysB} (q)`, whichPin],
    ["s and p differ on it", `${saysA} (p)`, `${saysB} (s)`, changed],
  ]);
});

test("should advise to pin where the origin may not vouch for itself, and not to accept its list where it has none", async () => {
  assert.is(PIN_FIX, ADVICE);
  const { problems } = await failureOf(() => agreedDigest([pin("p", "absent")], "it"));
  assert.equal(
    problems.map(({ fix }) => fix),
    ["set FASTBOOP_STAGE0_SHA256 to a digest that you know from elsewhere, or ask the publisher for a SHA256SUMS"],
  );
  assert.equal(pinRequired("there", "it").problems, [
    {
      what: "it has no pin, and there is not the default origin",
      expected: "a digest that comes from elsewhere than the file",
      got: "FASTBOOP_STAGE0_REPO, FASTBOOP_STAGE0_MIRROR or the server's address is overridden",
      fix: ADVICE,
    },
  ]);
});

test("should take the API's digest only as a whole, and show what it was", async () => {
  assert.equal(apiClaim(`sha256:${A}`), { sha256: A });
  for (const digest of [
    `x sha256:${A}`,
    `sha256:${A}\n`,
    `sha256:${A}0`,
    `sha512:${A}`,
    A,
    "",
    `sha256:${A.toUpperCase()}`,
  ]) {
    const { exitCode, problems } = await failureOf(() => apiClaim(digest));
    assert.is(exitCode, 1);
    assert.equal(problems, [
      {
        what: "the API's digest has an unknown form",
        expected: "sha256: and 64 hexadecimal digits",
        got: digest.replace("\n", "\\n"),
      },
    ]);
  }
});

test("should say where the list is that is not complete or malformed, and what is wrong with it", async () => {
  const failureIn = async (list: string, asset = "asset", code = 1) => {
    const { exitCode, problems } = await failureOf(() => sumsClaim(Buffer.from(list), asset, "at\nhome"));
    assert.is(exitCode, code);
    return problems;
  };
  const missing = (asset: string, fix: string) => ({
    file: "at\\nhome",
    what: `does not name ${asset}`,
    expected: "every asset of the release",
    got: "1 other names",
    fix,
  });
  assert.equal(sumsClaim(undefined, "asset", "home"), "absent");
  assert.equal(sumsClaim(Buffer.from(`${A}  asset\n`), "asset", "home"), { sha256: A });
  const [required = ""] = RELEASE_ASSETS;
  assert.equal(await failureIn(`${A}  other\n`, required), [
    missing(required, "tell the publisher: the list is not complete"),
  ]);
  const armv7 = "fastboop-stage0-armv7-unknown-linux-musleabihf";
  assert.equal(await failureIn(`${A}  other\n`, armv7, 3), [
    missing(armv7, "a release need not carry this one: build it with make stage0"),
  ]);
  assert.equal(await failureIn(`${A}  asset\n${B}  asset\n`), [
    {
      file: "at\\nhome",
      fix: "tell the publisher: no line of this list can be trusted",
      what: '"asset" is on line 1 and again on line 2',
    },
  ]);
});

test.run();
