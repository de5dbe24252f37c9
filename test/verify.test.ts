import * as fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import {
  bundleName,
  RELEASE_PREDICATE,
  RELEASE_SIGNER,
  TEST_PREDICATE,
  verdictsName,
} from "../scripts/lib/contract.ts";
import { unsnap } from "../scripts/lib/github/snappy.ts";
import { ASSET, assets, BYTES, type Env, Servers, SHA256, sumsOf, TAG, X86_64 } from "./lib/fetching.ts";
import { type Outcome, script, suite, temporaryFolder } from "./lib/harness.ts";
import { COMMIT, RUN, Sigstore, type Wanted } from "./lib/sigstore.ts";

const test = suite("verify");
const sigstore = await Sigstore.make();
const root = join(temporaryFolder(), "root.json");
fs.writeFileSync(root, JSON.stringify(sigstore.root()));

const RESULT = {
  result: "PASSED",
  configuration: [{ name: "Linux 6.1.0-56-cloud-amd64" }],
  passedTests: ["gate", "boot"],
};
const sign = async (wanted: Partial<Wanted> = {}): Promise<string> =>
  JSON.stringify(await sigstore.sign({ name: ASSET, sha256: SHA256, tag: TAG, repo: "samcday/fastboop", ...wanted }));
const BUNDLE = await sign();
const RESULTS = await sign({ predicateType: TEST_PREDICATE, predicate: RESULT });

function folderOf(files: Record<string, string | Buffer>): string {
  const folder = temporaryFolder("verify");
  for (const [name, bytes] of Object.entries(files)) fs.writeFileSync(join(folder, name), bytes);
  return folder;
}
const verify = (file: string, env: Env = {}, args: readonly string[] = []): Promise<Outcome> =>
  script("verify.ts", args, {
    env: { FILE: file, FASTBOOP_STAGE0_TRUSTED_ROOT: root, CALLER_DIR: temporaryFolder(), ...env },
  });

test("should say all that is known of a file, from what lies beside it", async () => {
  const folder = folderOf({
    [ASSET]: BYTES,
    SHA256SUMS: sumsOf({ [ASSET]: BYTES }),
    [bundleName(ASSET)]: BUNDLE,
    [verdictsName(ASSET)]: RESULTS,
  });
  const file = join(folder, ASSET);
  const { code, stdout, stderr } = await verify(file, { FASTBOOP_STAGE0_SHA256: SHA256 });
  assert.is(stderr, "");
  assert.is(code, 0);
  const signer = `signed by https://github.com/samcday/fastboop/.github/workflows/release.yml@refs/tags/${TAG} at TIME (ROOT)`;
  assert.equal(
    stdout
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
      .replaceAll(root, "ROOT")
      .split("\n"),
    [
      `ok   ${file}: ${ASSET} of ${TAG}`,
      `  1,234,567 bytes (1.2 MiB), sha256 ${SHA256}`,
      "  gate passed",
      "  FASTBOOP_STAGE0_SHA256  agrees",
      "  stage0.lock             absent",
      "  SHA256SUMS              agrees",
      "  provenance              agrees",
      `provenance ${signer}`,
      `  commit ${COMMIT}`,
      `  run    ${RUN}`,
      `test results ${signer}`,
      `  commit ${COMMIT}`,
      `  run    ${RUN}`,
      "  result PASSED",
      "  with   Linux 6.1.0-56-cloud-amd64",
      "  passedTests: gate",
      "  passedTests: boot",
      "",
    ],
  );
});

test("should say it as JSON, of a renamed file too", async () => {
  const folder = folderOf({ mine: BYTES, "mine.sigstore.json": BUNDLE });
  const { code, stdout } = await verify(join(folder, "mine"), { TARGET: X86_64 }, ["--json"]);
  assert.is(code, 0);
  const said = JSON.parse(stdout);
  assert.is(said.ok, true);
  assert.is(said.tag, TAG);
  assert.is(said.sha256, SHA256);
  assert.is(said.gate, true);
  assert.is(said.provenance.commit, COMMIT);
  assert.is(said.tests, null);
  assert.equal(said.problems, []);
  assert.equal(said.witnesses.at(-1), { name: "provenance", kind: "release", claim: { sha256: SHA256 } });
});

test("should fail an altered file for every reason at once", async () => {
  const altered = Buffer.from(BYTES);
  altered.writeUInt8(altered.readUInt8(700_000) ^ 1, 700_000);
  const folder = folderOf({
    [ASSET]: altered,
    SHA256SUMS: sumsOf({ [ASSET]: BYTES }),
    [bundleName(ASSET)]: BUNDLE,
    [verdictsName(ASSET)]: RESULTS,
  });
  const { code, stdout, stderr } = await verify(join(folder, ASSET));
  assert.is(code, 1);
  assert.match(stdout, /^FAIL .* of no release that is known\n/);
  assert.equal(
    stderr.match(/^error: .*$/gm)?.map((line) => line.replaceAll(folder, "FOLDER")),
    [
      `error: ${bundleName(ASSET)}: it is not about this file`,
      `error: ${verdictsName(ASSET)}: it is not about this file`,
      `error: FOLDER/${ASSET} has the wrong checksum`,
    ],
  );
});

test("should fail a file that the gate refuses, and one that nobody vouches for", async () => {
  const text = folderOf({ [ASSET]: "text" });
  const refused = await verify(join(text, ASSET));
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /breaks the rule elf/);
  const alone = folderOf({ [ASSET]: BYTES });
  const unknown = await verify(join(alone, ASSET));
  assert.is(unknown.code, 3);
  assert.match(unknown.stderr, /^error: nothing vouches for /);
  const demanded = await verify(join(alone, ASSET), {
    FASTBOOP_STAGE0_TRUST: "provenance",
    FASTBOOP_STAGE0_SHA256: SHA256,
  });
  assert.is(demanded.code, 3);
  assert.match(demanded.stderr, /^error: .* has no provenance that can be verified/);
  assert.is((await verify("")).code, 2);
  const device = await verify("/dev/zero", { TARGET: X86_64 });
  assert.is(device.stderr, "error: /dev/zero: can't be read\n  expected: a regular file\n  got:      a device\n");
  assert.is(device.code, 3);
});

test("should hold a file against the release that TAG names", async () => {
  const servers = new Servers(1, { tls: true });
  await servers.lend(async (github) => {
    const list = sumsOf({ [ASSET]: BYTES, [bundleName(ASSET)]: Buffer.from(BUNDLE) });
    const files = assets({ SHA256SUMS: { bytes: list } });
    await github.addRelease({ tag: TAG, assets: [...files, { name: bundleName(ASSET), bytes: BUNDLE }] });
    const server = {
      TAG: TAG.slice(1),
      GITHUB_SERVER_URL: github.server,
      GITHUB_API_URL: github.api,
      NODE_EXTRA_CA_CERTS: github.caFile,
    };
    const file = join(folderOf({ [ASSET]: BYTES }), ASSET);
    const { code, stdout, stderr } = await verify(file, server);
    assert.is(stderr, "");
    assert.is(code, 0);
    assert.match(stdout, new RegExp(`^ok .* of ${TAG}\n`));
    assert.match(stdout, /^ {2}SHA256SUMS +agrees\n {2}provenance +agrees$/m);
    const other = await verify(file, { ...server, TAG: "v9.9.9" });
    assert.is(other.code, 3);
  });
  await servers.close();
});

test("should unpack snappy's blocks, and no damaged one", () => {
  const block = Buffer.concat([
    Buffer.from([20, (2 - 1) << 2]),
    Buffer.from("ab"),
    Buffer.from([((8 - 4) << 2) | 1, 2, ((10 - 1) << 2) | 2, 2, 0]),
  ]);
  assert.is(unsnap(block, 20).toString(), "ab".repeat(10));
  assert.ok(unsnap(snap(BUNDLE), 1e6).equals(Buffer.from(BUNDLE)));
  for (const [bytes, message] of [
    [block.subarray(0, -3), "a snappy block is cut off"],
    [block.subarray(0, -1), "a snappy block is cut off"],
    [Buffer.from([1, 5, 9]), "a snappy block is damaged"],
    [Buffer.from([4, 1, 1]), "a snappy block is damaged"],
    [Buffer.concat([block, Buffer.from([0, 65])]), "a snappy block is damaged"],
    [Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), "it is no snappy block, or too large"],
    [Buffer.from([21]), "it is no snappy block, or too large"],
    [Buffer.alloc(0), "a snappy block is cut off"],
  ] as const) {
    assert.throws(
      () => unsnap(bytes, 20),
      (error: Error) => error.message === message,
    );
  }
});

/** A snappy block of literals. */
function snap(text: string): Buffer {
  const bytes = Buffer.from(text);
  const { length } = bytes;
  const pieces = [Buffer.from([(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14])];
  for (let at = 0; at < length; at += 1000) {
    const piece = bytes.subarray(at, at + 1000);
    pieces.push(Buffer.from([61 << 2, (piece.length - 1) & 0xff, (piece.length - 1) >> 8]), Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

test("should ask GitHub itself which release a file is of, where a root of its own is named", async () => {
  const github = await Sigstore.make({ private: true });
  const own = join(temporaryFolder(), "root.json");
  fs.writeFileSync(own, JSON.stringify(github.root()));
  const attest = (tag: string, wanted: Partial<Wanted> = {}): Promise<Record<string, unknown>> =>
    github.sign({
      ...{ name: ASSET, sha256: SHA256, tag, identity: RELEASE_SIGNER, bare: true, predicateType: RELEASE_PREDICATE },
      predicate: { repository: "samcday/fastboop", tag },
      ...wanted,
    });
  const [right, older] = [await attest(TAG), await attest("v0.0.1")];
  const file = join(folderOf({ [ASSET]: BYTES }), ASSET);
  let answers: unknown;
  let packed: Buffer = Buffer.alloc(0);
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const { url = "", headers } = request;
    seen.push(`${url.replace(/[0-9a-f]{64}/, "DIGEST")} ${headers.authorization ?? "no token"}`);
    if (url.includes("/attestations/") && answers !== undefined) response.end(JSON.stringify(answers));
    else if (url === "/blob") response.end(packed);
    else response.writeHead(404).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const run = (env: Env = {}): Promise<Outcome> =>
    verify(file, {
      ...{ TAG, GITHUB_SERVER_URL: origin, GITHUB_API_URL: `${origin}/api`, FASTBOOP_STAGE0_TRUSTED_ROOT: own },
      ...env,
    });
  try {
    answers = { attestations: [{ bundle: older }, { bundle: right }] };
    const listed = await run();
    assert.is(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /^ {2}GitHub's attestation +agrees$/m);
    assert.match(listed.stdout, /^release signed by https:\/\/dotcom\.releases\.github\.com at /m);
    assert.ok(
      seen.includes("/api/repos/samcday/fastboop/attestations/sha256:DIGEST?per_page=30 no token"),
      seen.join("\n"),
    );

    answers = { attestations: [{ bundle: null, bundle_url: `${origin}/blob` }] };
    packed = snap(JSON.stringify(right));
    const stored = await run();
    assert.is(stored.code, 0, stored.stderr);
    assert.match(stored.stdout, /^ {2}GitHub's attestation +agrees$/m);

    const cases: [unknown, Env, number, RegExp][] = [
      [{ attestations: [{ bundle: older }] }, {}, 1, /GitHub's attestation: it is of another tag$/m],
      [
        { attestations: [{ bundle: right }] },
        { FASTBOOP_STAGE0_TRUSTED_ROOT: root },
        1,
        /the signature is not to be trusted$/m,
      ],
      [
        { attestations: [{ bundle: await attest(TAG, { identity: "https://github.com" }) }] },
        {},
        1,
        /it is signed by somebody else$/m,
      ],
      [
        { attestations: [{ bundle: await attest(TAG, { sha256: "5a".repeat(32) }) }] },
        {},
        1,
        /it is not about this file$/m,
      ],
      [
        { attestations: [{ bundle: await attest(TAG, { predicateType: TEST_PREDICATE }) }] },
        {},
        3,
        /^error: nothing vouches for /m,
      ],
      [undefined, {}, 3, /^error: nothing vouches for /m],
      [{}, {}, 3, /127\.0\.0\.1:\d+ offers no attestation that can be read$/m],
      [{ attestations: [{ bundle_url: `${origin}/blob` }] }, {}, 3, /offers no attestation that can be read$/m],
    ];
    packed = snap(JSON.stringify(right)).subarray(0, -9);
    for (const [answer, env, code, message] of cases) {
      answers = answer;
      const outcome = await run(env);
      assert.is(outcome.code, code, outcome.stderr);
      assert.match(outcome.stderr, message);
    }
    // Nobody is asked without such a root, offline, or of a mirror.
    seen.length = 0;
    const mirror = temporaryFolder();
    fs.mkdirSync(join(mirror, TAG));
    fs.writeFileSync(join(mirror, TAG, ASSET), BYTES);
    fs.writeFileSync(join(mirror, TAG, "SHA256SUMS"), sumsOf({ [ASSET]: BYTES }));
    await run({ FASTBOOP_STAGE0_TRUSTED_ROOT: undefined });
    const offline = { FASTBOOP_STAGE0_MIRROR: `file://${mirror}`, FASTBOOP_STAGE0_OFFLINE: "1" };
    for (const env of [offline, { ...offline, FASTBOOP_STAGE0_OFFLINE: undefined }]) {
      const { code, stderr } = await run(env);
      assert.is(code, 0, stderr);
    }
    assert.equal(
      seen.filter((line) => line.includes("attestations")),
      [],
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test.run();
