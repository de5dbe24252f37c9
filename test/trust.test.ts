import * as assert from "uvu/assert";
import { RELEASE_ASSETS } from "../scripts/lib/contract.ts";
import { sumsClaim } from "../scripts/lib/trust/sums.ts";
import {
  agreedDigest,
  apiClaim,
  isPinned,
  pinRequired,
  type Witness,
  witnessLines,
  witnessNames,
  wrongDigest,
} from "../scripts/lib/trust.ts";
import { failureOf, suite } from "./lib/harness.ts";
import { random } from "./lib/random.ts";
import { A, B, pin, release } from "./lib/trust.ts";

const test = suite("trust");

test("should take a digest on which all agree who say something", () => {
  for (const witnesses of [
    [pin("p", { sha256: A })],
    [release("s", { sha256: A }), release("d", "null")],
    [pin("p", "absent"), release("s", "absent"), release("d", { sha256: A })],
    [pin("p", { sha256: A }), pin("l", { sha256: A }), release("s", { sha256: A }), release("d", "not asked")],
  ]) {
    assert.is(agreedDigest(witnesses, "it"), A);
  }
});

test("should take nothing when nobody says anything", async () => {
  const { exitCode, problems } = await failureOf(() => agreedDigest([pin("p", "absent"), release("d", "null")], "it"));
  assert.is(exitCode, 3);
  assert.is(problems[0]?.what, "nothing vouches for it");
  assert.is(problems[0]?.got, "p absent, d null");
  assert.is((await failureOf(() => agreedDigest([], "it"))).exitCode, 3);
});

test("should never give a digest when two say different things, whoever they are", async () => {
  const { below, pick } = random(7);
  const claims: Witness["claim"][] = [{ sha256: A }, { sha256: B }, "absent", "null", "not asked"];
  let disagreements = 0;
  for (let round = 0; round < 2000; round++) {
    const witnesses = Array.from({ length: 1 + below(5) }, (_, index): Witness => {
      const kind = pick(["pin", "release"] as const);
      return { name: `w${index}`, kind, claim: pick(claims) };
    });
    const said = new Set(witnesses.flatMap(({ claim }) => (typeof claim === "object" ? [claim.sha256] : [])));
    if (said.size === 1) {
      assert.is(agreedDigest(witnesses, "it"), [...said][0]);
      continue;
    }
    const { exitCode, problems } = await failureOf(() => agreedDigest(witnesses, "it"));
    if (said.size === 0) assert.is(exitCode, 3);
    else {
      disagreements += 1;
      const pins = new Set(
        witnesses.flatMap(({ kind, claim }) => (kind === "pin" && typeof claim === "object" ? [claim.sha256] : [])),
      );
      assert.is(exitCode, pins.size === 2 ? 2 : 1);
      // What a pin says is what the others are measured by.
      if (pins.size === 1) for (const { expected } of problems) assert.ok(expected?.includes([...pins][0] ?? "?"));
    }
  }
  assert.ok(disagreements > 300, `${disagreements}`);
});

test("should say of each witness what it says", () => {
  const witnesses = [
    pin("FASTBOOP_STAGE0_SHA256", "absent"),
    pin("stage0.lock", { sha256: A }),
    release("SHA256SUMS", { sha256: B }),
    release("API digest", "null"),
  ];
  assert.equal(witnessLines(witnesses), [
    "  FASTBOOP_STAGE0_SHA256  absent",
    "  stage0.lock             agrees",
    `  SHA256SUMS              differs: ${B}`,
    "  API digest              null",
  ]);
  assert.is(witnessLines(witnesses, B)[1], `  stage0.lock             differs: ${A}`);
  assert.equal(witnessNames(witnesses), ["stage0.lock", "SHA256SUMS"]);
  assert.ok(isPinned(witnesses));
  assert.not.ok(isPinned(witnesses.slice(2)));
});

test("should name expected and got when the bytes are others", async () => {
  const { exitCode, problems } = await failureOf(() => {
    throw wrongDigest([pin("stage0.lock", { sha256: A }), release("SHA256SUMS", { sha256: A })], "it", {
      sha256: B,
      size: 5,
    });
  });
  assert.is(exitCode, 1);
  assert.is(problems[0]?.expected, `sha256 ${A} (stage0.lock, SHA256SUMS)`);
  assert.is(problems[0]?.got, `sha256 ${B} (5 bytes)`);
  assert.is(pinRequired("there", "it").exitCode, 2);
});

test("should tell missing, null and said apart in the API's digest, and take no other form", async () => {
  assert.is(apiClaim(undefined), "absent");
  assert.is(apiClaim(null), "null");
  assert.equal(apiClaim(`sha256:${A}`), { sha256: A });
  for (const digest of ["", A, `sha512:${A}${A}`, `sha256:${A}0`, `sha256:${"A".repeat(64)}`, `sha256:${A}\n`]) {
    assert.is((await failureOf(() => apiClaim(digest))).exitCode, 1, digest);
  }
});

test("should take a list's claim only when the whole list is right", async () => {
  const [asset = ""] = RELEASE_ASSETS;
  const list = (text: string) => sumsClaim(Buffer.from(text), asset, "list");
  assert.is(sumsClaim(undefined, asset, "list"), "absent");
  assert.equal(list(`${B}  other\n${A}  ${asset}\n`), { sha256: A });
  for (const text of [
    "",
    `${A}  ${asset}`,
    `${A}  ${asset}\nnonsense\n`,
    `${A}  ${asset}\n${B}  ${asset}\n`,
    `${A}  ./${asset}\n`,
    `${B}  other\n`,
  ]) {
    assert.is((await failureOf(() => list(text))).exitCode, 1, JSON.stringify(text));
  }
});

test.run();
