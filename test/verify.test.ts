import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { bundleName, TEST_PREDICATE, verdictsName } from "../scripts/lib/contract.ts";
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

test.run();
