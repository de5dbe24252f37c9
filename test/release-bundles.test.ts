/** make release-bundles: what actions/attest signed becomes assets, when it is what downloaders will accept. */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { bundleName, TEST_PREDICATE, verdictsName } from "../scripts/lib/contract.ts";
import { ASSET, BYTES, digest, OTHER, OTHER_BYTES, SHA256, sumsOf, TAG } from "./lib/fetching.ts";
import { namesIn, type Outcome, script, suite, temporaryFolder } from "./lib/harness.ts";
import { Sigstore, type Wanted } from "./lib/sigstore.ts";

const test = suite("release bundles");
const sigstore = await Sigstore.make();
const root = join(temporaryFolder(), "root.json");
fs.writeFileSync(root, JSON.stringify(sigstore.root()));

const BOTH = [
  { name: ASSET, digest: { sha256: SHA256 } },
  { name: OTHER, digest: { sha256: digest(OTHER_BYTES) } },
];
const sign = async (wanted: Partial<Wanted> = {}): Promise<string> =>
  JSON.stringify(
    await sigstore.sign({ name: "", sha256: "", tag: TAG, repo: "samcday/fastboop", subject: BOTH, ...wanted }),
  );

function distOf(...attestations: string[]): string {
  const dist = temporaryFolder("dist");
  const files = { [ASSET]: BYTES, [OTHER]: OTHER_BYTES };
  for (const [name, bytes] of Object.entries(files)) fs.writeFileSync(join(dist, name), bytes);
  fs.writeFileSync(join(dist, "SHA256SUMS"), sumsOf({ [OTHER]: OTHER_BYTES, [ASSET]: BYTES }));
  fs.mkdirSync(join(dist, ".attestations"));
  for (const [index, text] of attestations.entries())
    fs.writeFileSync(join(dist, ".attestations", `${index}.json`), text);
  return dist;
}
const run = (dist: string, env: Record<string, string> = {}): Promise<Outcome> =>
  script("release-bundles.ts", [], { env: { TAG, DIST: dist, FASTBOOP_STAGE0_TRUSTED_ROOT: root, ...env } });

test("should write each file's bundles and all of them, and list them, as often as it is run", async () => {
  const bundle = await sign();
  const results = await sign({ predicateType: TEST_PREDICATE, subject: BOTH.slice(0, 1) });
  const dist = distOf(bundle, results);
  const names = [bundleName(ASSET), verdictsName(ASSET), bundleName(OTHER), "fastboop-stage0.intoto.jsonl"];
  const { code, stdout, stderr } = await run(dist);
  assert.is(code, 0, stderr);
  assert.equal(
    stdout
      .trimEnd()
      .split("\n")
      .map((path) => path.slice(dist.length + 1))
      .sort(),
    [...names, "SHA256SUMS"].sort(),
  );
  assert.is(fs.readFileSync(join(dist, bundleName(ASSET)), "utf8"), `${bundle}\n`);
  assert.is(fs.readFileSync(join(dist, verdictsName(ASSET)), "utf8"), `${results}\n`);
  assert.is(fs.readFileSync(join(dist, "fastboop-stage0.intoto.jsonl"), "utf8"), `${bundle}\n${results}\n`);
  const list = fs.readFileSync(join(dist, "SHA256SUMS"), "utf8");
  assert.equal(
    list
      .trimEnd()
      .split("\n")
      .map((line) => line.slice(66)),
    [...names, ASSET, OTHER].sort(),
  );
  // The gate knows every name.
  assert.is((await script("preflight.ts", [], { env: { DIST: dist } })).code, 0);
  const again = await run(dist);
  assert.is(again.code, 0, again.stderr);
  assert.is(fs.readFileSync(join(dist, "SHA256SUMS"), "utf8"), list);
});

test("should refuse what a downloader would, and write nothing", async () => {
  const cases: [attestations: string[], code: number, line: string][] = [
    [[], 3, "error: there is no attestation"],
    [[await sign({ subject: BOTH.slice(1) })], 1, `error: ${ASSET} has no one attestation`],
    [[await sign(), await sign()], 1, `error: ${ASSET} has no one attestation`],
    [[await sign({ workflow: "ci.yml" })], 1, `error: ${bundleName(ASSET)}: it is signed by somebody else`],
    [
      [await sign({ subject: [{ name: ASSET, digest: { sha256: "5a".repeat(32) } }, BOTH[1]] })],
      1,
      `error: ${ASSET} is not the file that was attested`,
    ],
  ];
  for (const [attestations, expected, line] of cases) {
    const dist = distOf(...attestations);
    const before = namesIn(dist);
    const { code, stderr } = await run(dist);
    assert.is(code, expected, stderr);
    assert.ok(stderr.split("\n").includes(line), stderr);
    assert.equal(namesIn(dist), before);
  }
  assert.is((await run(distOf(await sign()), { TAG: "" })).code, 2);
});

test.run();
