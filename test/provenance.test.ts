import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PROVENANCE_PREDICATE, RELEASE_PREDICATE, RELEASE_SIGNER, TEST_PREDICATE } from "../scripts/lib/contract.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { type Attestation, type Expected, verifyAttestation } from "../scripts/lib/provenance/attestation.ts";
import { trustedRoots } from "../scripts/lib/provenance/root.ts";
import { failureOf, suite, temporaryFolder } from "./lib/harness.ts";
import { COMMIT, PAYLOAD_TYPE, REPO, RUN, Sigstore, type Wanted } from "./lib/sigstore.ts";

const test = suite("provenance");

const TAG = "v1.2.3";
const NAME = "fastboop-stage0-x86_64-unknown-linux-musl";
const SHA256 = "5a".repeat(32);
const RIGHT: Wanted = { name: NAME, sha256: SHA256, tag: TAG };
const EXPECTED: Expected = {
  repo: REPO,
  tag: TAG,
  workflow: "release.yml",
  predicate: PROVENANCE_PREDICATE,
  subject: { name: NAME },
};
const SIGNER = `https://github.com/${REPO}/.github/workflows/release.yml@refs/tags/${TAG}`;

const local = await Sigstore.make();
const github = await Sigstore.make({ private: true });
const folder = temporaryFolder("provenance");

/** Verifies a bundle with the roots of some Sigstores, as FASTBOOP_STAGE0_TRUSTED_ROOT gives them. */
function verify(bundle: unknown, expected: Expected = EXPECTED, ...of: Sigstore[]): Attestation {
  const file = join(folder, "roots.jsonl");
  fs.writeFileSync(file, of.map((sigstore) => `${JSON.stringify(sigstore.root())}\n`).join(""));
  process.env.FASTBOOP_STAGE0_TRUSTED_ROOT = file;
  try {
    return verifyAttestation(bundle, expected, trustedRoots(), "FILE");
  } finally {
    delete process.env.FASTBOOP_STAGE0_TRUSTED_ROOT;
  }
}

const accepted: readonly [why: string, sigstore: Sigstore, wanted: Wanted, expected?: Partial<Expected>][] = [
  ["a release's own workflow, logged", local, RIGHT],
  ["with a time stamp too", local, { ...RIGHT, time: "both" }],
  [
    "a called workflow, whose certificate names its own file",
    local,
    { ...RIGHT, workflow: "stage0-build.yml" },
    { workflow: "stage0-build.yml" },
  ],
  ["a private repository's, stamped and not logged", github, RIGHT],
  ["by its digest, whatever the name", local, { ...RIGHT, name: "x" }, { subject: { sha256: SHA256 } }],
  ["a test result", local, { ...RIGHT, predicateType: TEST_PREDICATE }, { predicate: TEST_PREDICATE }],
];
for (const [why, sigstore, wanted, expected] of accepted) {
  test(`should accept ${why}`, async () => {
    const got = verify(await sigstore.sign(wanted), { ...EXPECTED, ...expected }, sigstore);
    assert.is(got.sha256, SHA256);
    assert.is(got.commit, COMMIT);
    assert.is(got.run, RUN);
    assert.is(got.runner, "github-hosted");
    assert.ok(Math.abs(Date.parse(got.time) - Date.now()) < 60_000, got.time);
  });
}

/** GitHub's own attestation of an immutable release. */
const ofRelease = (predicate: unknown): Wanted => ({
  ...RIGHT,
  identity: RELEASE_SIGNER,
  bare: true,
  predicateType: RELEASE_PREDICATE,
  predicate,
  subject: [
    { uri: `pkg:github/${REPO}@${TAG}`, digest: { sha1: COMMIT } },
    { name: NAME, digest: { sha256: SHA256 } },
  ],
});
const RELEASE: Expected = { ...EXPECTED, predicate: RELEASE_PREDICATE };

test("should accept GitHub's own attestation of an immutable release", async () => {
  const got = verify(await github.sign(ofRelease({ repository: REPO, tag: TAG })), RELEASE, github);
  assert.is(got.sha256, SHA256);
  assert.is(got.signer, RELEASE_SIGNER);
  assert.is(got.commit, undefined);
});

type Change = (bundle: Bundle) => void;
interface Bundle {
  verificationMaterial: { certificate: { rawBytes: string }; tlogEntries: Record<string, unknown>[] };
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string }[] };
}

/** A bundle that a test may damage. */
const signed = async (wanted: Wanted = RIGHT): Promise<Bundle> => (await local.sign(wanted)) as unknown as Bundle;

const ALIEN = "a Sigstore bundle with a whole statement, signed and logged by authorities of the trusted root";
const tampered: readonly [why: string, change: Change, reason: string][] = [
  [
    "a payload that was changed",
    ({ dsseEnvelope }) => {
      const text = Buffer.from(dsseEnvelope.payload, "base64").toString().replace(SHA256, "6b".repeat(32));
      dsseEnvelope.payload = Buffer.from(text).toString("base64");
    },
    "dsse payload hash mismatch",
  ],
  [
    "a signature that was changed",
    ({ dsseEnvelope: { signatures } }) => {
      const [first] = signatures;
      const bytes = Buffer.from(first?.sig ?? "", "base64");
      bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
      signatures.splice(0, 1, { sig: bytes.toString("base64") });
    },
    "tlog entry signature mismatch",
  ],
  ["no signature", ({ dsseEnvelope }) => dsseEnvelope.signatures.splice(0), "invalid bundle"],
  ["no log entry", (bundle) => bundle.verificationMaterial.tlogEntries.splice(0), "expected 1 timestamps, got 0"],
  [
    "a log entry without its promise",
    (bundle) => delete bundle.verificationMaterial.tlogEntries[0]?.inclusionPromise,
    "expected 1 timestamps, got 0",
  ],
  [
    "a log entry whose time was changed",
    (bundle) => Object.assign(bundle.verificationMaterial.tlogEntries[0] ?? {}, { integratedTime: "1" }),
    "failed to verify certificate chain",
  ],
  [
    "a log entry of another index",
    (bundle) => Object.assign(bundle.verificationMaterial.tlogEntries[0] ?? {}, { logIndex: "1" }),
    "inclusion promise could not be verified",
  ],
  [
    "another payload type",
    ({ dsseEnvelope }) => Object.assign(dsseEnvelope, { payloadType: "text/plain" }),
    `the payload is text/plain, not ${PAYLOAD_TYPE}`,
  ],
];
for (const [why, change, reason] of tampered) {
  test(`should refuse ${why}`, async () => {
    const bundle = await signed();
    change(bundle);
    const { exitCode, problems } = await failureOf(() => verify(bundle, EXPECTED, local));
    assert.is(exitCode, 1);
    assert.is(problems.length, 1);
    assert.is(problems[0]?.expected, ALIEN);
    assert.ok(problems[0]?.got?.startsWith(reason), problems[0]?.got);
  });
}

test("should refuse two bundles spliced into one", async () => {
  const [bundle, other] = [await signed(), await signed({ ...RIGHT, repo: "example/other" })];
  bundle.verificationMaterial.certificate = other.verificationMaterial.certificate;
  const { problems } = await failureOf(() => verify(bundle, EXPECTED, local));
  assert.ok(problems[0]?.got?.startsWith("signature verification failed"), problems[0]?.got);
});

test("should refuse a bundle of another root, of none that it names, and say so for each", async () => {
  const bundle = await local.sign(RIGHT);
  const other = await Sigstore.make();
  const { exitCode, problems } = await failureOf(() => verify(bundle, EXPECTED, other, github));
  assert.is(exitCode, 1);
  assert.match(problems[0]?.got ?? "", /^failed to verify certificate chain: .*line 1\); .*line 2\)$/);
  assert.is(verify(bundle, EXPECTED, other, local).sha256, SHA256);
  // The public root, which is built in.
  const real = await failureOf(() => verifyAttestation(bundle, EXPECTED, trustedRoots(), "FILE"));
  assert.match(
    real.problems[0]?.got ?? "",
    /certificate chain.*\(sigstore\.dev's root of 20\d\d-\d\d-\d\d, \d+ days old\)$/,
  );
});

test("should refuse a certificate that had expired, and one with a time stamp where a log is wanted", async () => {
  const late = await Sigstore.make({ certified: new Date(Date.now() - 3_600_000) });
  const expired = await failureOf(async () => verify(await late.sign(RIGHT), EXPECTED, late));
  assert.match(
    expired.problems[0]?.got ?? "",
    /^failed to verify certificate chain: certificate is not valid or expired/,
  );
  const stamped = await failureOf(async () => verify(await local.sign({ ...RIGHT, time: "stamp" }), EXPECTED, local));
  assert.match(stamped.problems[0]?.got ?? "", /^expected 1 tlog entries, got 0/);
  const never = await failureOf(async () => verify(await github.sign({ ...RIGHT, time: "none" }), EXPECTED, github));
  assert.match(never.problems[0]?.got ?? "", /^expected 1 timestamps, got 0/);
});

const wrong: readonly [
  why: string,
  wanted: Partial<Wanted>,
  ...problems: [what: string, expected: string, got: string][],
][] = [
  [
    "another file's digest under this file's name twice",
    {
      subject: [
        { name: NAME, digest: { sha256: SHA256 } },
        { name: NAME, digest: { sha256: "6b".repeat(32) } },
      ],
    },
    ["it is not about this file", `one sha256 of ${NAME}`, `${NAME}: ${SHA256}, ${NAME}: ${"6b".repeat(32)}`],
  ],
  ["another file", { name: `${NAME}2` }, ["it is not about this file", `one sha256 of ${NAME}`, `${NAME}2: ${SHA256}`]],
  [
    "a digest of another kind",
    { subject: [{ name: NAME, digest: { sha512: "00" } }] },
    ["it is not about this file", `one sha256 of ${NAME}`, `${NAME}: none`],
  ],
  [
    "a repository that begins with the same letters",
    { repo: `${REPO}2` },
    ["it is signed by somebody else", SIGNER, SIGNER.replace(REPO, `${REPO}2`)],
    ["the certificate's build signer is another", SIGNER, SIGNER.replace(REPO, `${REPO}2`)],
    ["it was built from another repository", `https://github.com/${REPO}`, `https://github.com/${REPO}2`],
  ],
  [
    "a signer's address with more in front",
    { identity: `https://example.com/${SIGNER}` },
    ["it is signed by somebody else", SIGNER, `https://example.com/${SIGNER}`],
    ["the certificate's build signer is another", SIGNER, `https://example.com/${SIGNER}`],
  ],
  [
    "another tag, as old files under a new tag are",
    { tag: "v1.2.2" },
    ["it is signed by somebody else", SIGNER, SIGNER.replace(TAG, "v1.2.2")],
    ["the certificate's build signer is another", SIGNER, SIGNER.replace(TAG, "v1.2.2")],
    ["it was built from another ref", `refs/tags/${TAG}`, "refs/tags/v1.2.2"],
  ],
  ["a branch", { ref: "refs/heads/main" }, ["it was built from another ref", `refs/tags/${TAG}`, "refs/heads/main"]],
  [
    "another workflow",
    { workflow: "ci.yml" },
    ["it is signed by somebody else", SIGNER, SIGNER.replace("release.yml", "ci.yml")],
    ["the certificate's build signer is another", SIGNER, SIGNER.replace("release.yml", "ci.yml")],
  ],
  [
    "a fork that calls the workflow",
    { source: "mallory/stage0" },
    ["it was built from another repository", `https://github.com/${REPO}`, "https://github.com/mallory/stage0"],
  ],
  [
    "another issuer",
    { issuer: "https://accounts.example.com" },
    [
      "the signer's identity comes from another issuer",
      "https://token.actions.githubusercontent.com",
      "https://accounts.example.com",
    ],
  ],
  [
    "another predicate",
    { predicateType: TEST_PREDICATE },
    ["it attests something else", PROVENANCE_PREDICATE, TEST_PREDICATE],
  ],
  [
    "another statement",
    { statementType: "https://in-toto.io/Statement/v0.1" },
    ["the statement has another type", "https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"],
  ],
  [
    "a certificate that does not say where it was built",
    { bare: true },
    ["the certificate's build signer is another", SIGNER, "none"],
    ["the signer's identity comes from another issuer", "https://token.actions.githubusercontent.com", "none"],
    ["it was built from another repository", `https://github.com/${REPO}`, "none"],
    ["it was built from another ref", `refs/tags/${TAG}`, "none"],
  ],
];
for (const [why, wanted, ...expected] of wrong) {
  test(`should refuse ${why}`, async () => {
    const bundle = await local.sign({ ...RIGHT, ...wanted });
    const { exitCode, problems } = await failureOf(() => verify(bundle, EXPECTED, local));
    assert.is(exitCode, 1);
    assert.equal(
      problems.map(({ what, expected, got }) => [what, expected, got]),
      expected,
    );
  });
}

test("should refuse GitHub's attestation of another release, and one that GitHub did not sign", async () => {
  const other = await github.sign(ofRelease({ repository: "example/other", tag: "v9.9.9" }));
  const { problems } = await failureOf(() => verify(other, RELEASE, github));
  assert.equal(
    problems.map(({ what, got }) => [what, got]),
    [
      ["it is of another repository", "example/other"],
      ["it is of another tag", "v9.9.9"],
    ],
  );
  const forged = await github.sign({
    ...ofRelease({ repository: REPO, tag: TAG }),
    identity: `${RELEASE_SIGNER}.example`,
  });
  const { problems: forgery } = await failureOf(() => verify(forged, RELEASE, github));
  assert.equal(
    forgery.map(({ what }) => what),
    ["it is signed by somebody else"],
  );
});

test("should refuse what is no bundle", async () => {
  for (const json of [null, 1, "x", [], {}, { mediaType: "x" }, { dsseEnvelope: {} }, await local.root()]) {
    const { exitCode, problems } = await failureOf(() => verify(json, EXPECTED, local));
    assert.is(exitCode, 1);
    assert.is(problems[0]?.what, "the signature is not to be trusted");
  }
});

test("should refuse a root file that holds none", async () => {
  const file = join(folder, "bad.json");
  process.env.FASTBOOP_STAGE0_TRUSTED_ROOT = file;
  for (const text of ["", "{}", "[]", "null", "x"]) {
    fs.writeFileSync(file, text);
    const { exitCode, problems } = await failureOf(() => trustedRoots());
    assert.is(exitCode, 2, text);
    assert.is(problems[0]?.what, "FASTBOOP_STAGE0_TRUSTED_ROOT holds no trusted root");
  }
  delete process.env.FASTBOOP_STAGE0_TRUSTED_ROOT;
});

// The attestation of a release of PyPI's own pypi-attestations (Apache-2.0), from the tests in its source package 0.0.29,
// where it is in PyPI's form: the same parts under other names.
const REAL = join(PROJECT, "test", "provenance", "pypi-attestations-0.0.19.sigstore.json");
const realExpected: Expected = {
  repo: "trailofbits/pypi-attestations",
  tag: "v0.0.19",
  workflow: "release.yml",
  predicate: PROVENANCE_PREDICATE,
  subject: { name: "pypi_attestations-0.0.19.tar.gz" },
};

test("should accept a real release's provenance by the public root, and refuse it for another release", async () => {
  const bundle: unknown = JSON.parse(fs.readFileSync(REAL, "utf8"));
  const got = verifyAttestation(bundle, realExpected, trustedRoots(), "FILE");
  assert.is(got.sha256, "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3");
  assert.is(got.commit, "08802efe1f8e5fec4ad842d6b8ce97656092ee72");
  assert.is(got.run, "https://github.com/trailofbits/pypi-attestations/actions/runs/12169989787/attempts/1");
  assert.is(got.time, "2024-12-04T23:13:46.000Z");
  const { problems } = await failureOf(() =>
    verifyAttestation(bundle, { ...realExpected, tag: "v0.0.20" }, trustedRoots(), "FILE"),
  );
  assert.is(problems.length, 3);
});

test.run();
