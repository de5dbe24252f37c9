/** What a fetch makes of a release's signed provenance: used when it is there, demanded when asked to, and never wrong. */
import * as fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { BUILDINFO, bundleName, NOTICE, RELEASE_PREDICATE, RELEASE_SIGNER } from "../scripts/lib/contract.ts";
import { readTar } from "../scripts/lib/fetch/tar.ts";
import { startGitHub } from "./github/server.ts";
import type { GitHub } from "./github/types.ts";
import {
  ASSET,
  assets,
  BYTES,
  digest,
  type Env,
  fetchRun,
  newFolder,
  OTHER,
  OTHER_BYTES,
  placed,
  type Run,
  Servers,
  SHA256,
  sumsOf,
  TAG,
} from "./lib/fetching.ts";
import { suite } from "./lib/harness.ts";
import { COMMIT, Sigstore, type Wanted } from "./lib/sigstore.ts";

const test = suite("fetch: provenance");
const servers = new Servers(1, { tls: true });
const sigstore = await Sigstore.make();
const root = join(newFolder(), "root.json");
fs.writeFileSync(root, JSON.stringify(sigstore.root()));

const REPO = "samcday/fastboop";
const DEMANDED: Env = { FASTBOOP_STAGE0_TRUST: "provenance" };
const sign = async (wanted: Partial<Wanted> = {}): Promise<string> =>
  JSON.stringify(await sigstore.sign({ name: ASSET, sha256: SHA256, tag: TAG, repo: REPO, ...wanted }));

interface Release {
  /** What is in ASSET.sigstore.json; undefined: there is none. */
  bundle?: string | undefined;
  /** Whether SHA256SUMS names it. */
  listed?: boolean;
  /** Whether there is a SHA256SUMS. */
  sums?: boolean;
}

/** Lends a server that has such a release. */
const lent = <T>(
  { bundle, listed = bundle !== undefined, sums = true }: Release,
  body: (github: GitHub) => Promise<T>,
) =>
  servers.lend(async (github) => {
    const name = bundleName(ASSET);
    const other = JSON.stringify(
      await sigstore.sign({ name: OTHER, sha256: digest(OTHER_BYTES), tag: TAG, repo: REPO }),
    );
    const listedFiles = { [ASSET]: BYTES, [OTHER]: OTHER_BYTES };
    const signed = listed ? { [name]: Buffer.from(bundle ?? ""), [bundleName(OTHER)]: Buffer.from(other) } : {};
    const list = sumsOf({ ...listedFiles, ...signed });
    const files = assets({ SHA256SUMS: sums ? { bytes: list } : undefined });
    if (bundle !== undefined) files.push({ name, bytes: bundle }, { name: bundleName(OTHER), bytes: other });
    await github.addRelease({ tag: TAG, assets: files });
    return body(github);
  });

const fetched = (github: GitHub, env: Env = {}, folder = newFolder(), name?: string): Promise<Run> =>
  fetchRun(github, { FASTBOOP_STAGE0_TRUSTED_ROOT: root, ...env }, { folder, ...(name && { name }) });
const has = (run: Run, line: string): void =>
  assert.ok(
    run.log.split("\n").some((text) => text.replace(/ {2,}/g, " ").trim() === line),
    `${line}\n---\n${run.log}`,
  );

test("should use the provenance that a release lists, and say who built the file", async () => {
  await lent({ bundle: await sign() }, async (github) => {
    const run = await fetched(github);
    assert.is(run.code, 0, run.log);
    assert.ok(fs.readFileSync(placed(run)).equals(BYTES));
    has(run, "provenance agrees");
    assert.match(
      run.log,
      new RegExp(
        `^signed by https://github\\.com/${REPO}/\\.github/workflows/release\\.yml@refs/tags/${TAG}, commit ${COMMIT}, `,
        "m",
      ),
    );
    // The list, the bundle, the asset.
    assert.equal(
      run.requests.filter((line) => line.startsWith("web")),
      ["SHA256SUMS", bundleName(ASSET), ASSET].map((name) => `web ${name} 302`),
    );
  });
});

test("should say that a release has none, and ask for it only when it is demanded", async () => {
  await lent({}, async (github) => {
    const run = await fetched(github);
    assert.is(run.code, 0, run.log);
    has(run, "provenance absent");
    assert.not.ok(run.requests.some((line) => line.includes("sigstore")));
    const demanded = await fetched(github, DEMANDED);
    assert.is(demanded.code, 3);
    has(demanded, `error: ${ASSET} of ${TAG} has no provenance, and FASTBOOP_STAGE0_TRUST=provenance demands one`);
    assert.equal(demanded.left, []);
  });
});

test("should trust a repository by its own workflow's signature, without a pin and without a list", async () => {
  await lent({ bundle: await sign(), sums: false }, async (github) => {
    const run = await fetched(github, DEMANDED);
    assert.is(run.code, 0, run.log);
    has(run, "SHA256SUMS absent");
    has(run, "provenance agrees");
    const pinned = await fetched(github, { ...DEMANDED, FASTBOOP_STAGE0_SHA256: "f".repeat(64) });
    assert.is(pinned.code, 1);
    has(pinned, `error: provenance and FASTBOOP_STAGE0_SHA256 differ on ${ASSET} of ${TAG}`);
    const unpinned = await fetched(github, { FASTBOOP_STAGE0_TRUST: "pin" });
    assert.is(unpinned.code, 2);
  });
});

test("should come from the cache and from disk only when an earlier run saw the provenance", async () => {
  await lent({ bundle: await sign() }, async (github) => {
    const folder = newFolder();
    await fetched(github, { FASTBOOP_STAGE0_TRUST: "pin", FASTBOOP_STAGE0_SHA256: SHA256 }, folder);
    // The record of a run with a pin names those who spoke, provenance among them.
    const again = await fetched(github, DEMANDED, folder);
    assert.is(again.code, 0, again.log);
    has(again, `${ASSET} of ${TAG} is already there: sha256 SHA256 (SHA256SUMS, provenance)`);
    const otherPin = await fetched(github, { ...DEMANDED, FASTBOOP_STAGE0_SHA256: "f".repeat(64) }, folder);
    assert.is(otherPin.code, 1);
    fs.rmSync(placed(again));
    const offline = await fetched(github, { ...DEMANDED, FASTBOOP_STAGE0_OFFLINE: "1" }, folder);
    assert.is(offline.code, 0, offline.log);
    has(offline, "provenance, earlier agrees");
  });
  await lent({}, async (github) => {
    const folder = newFolder();
    await fetched(github, {}, folder);
    assert.is((await fetched(github, DEMANDED, folder)).code, 3);
  });
});

const wrong: readonly [why: string, release: () => Promise<Release>, code: number, ...lines: string[]][] = [
  [
    "a digest that the list does not have",
    async () => ({ bundle: await sign({ sha256: "6b".repeat(32) }) }),
    1,
    `error: provenance and SHA256SUMS differ on ${ASSET} of ${TAG}`,
  ],
  [
    "old, well-signed files under a new tag",
    async () => ({ bundle: await sign({ tag: "v1.2.2" }) }),
    1,
    `error: ${bundleName(ASSET)}: it was built from another ref`,
    `got: refs/tags/v1.2.2`,
  ],
  [
    "another repository's signature",
    async () => ({ bundle: await sign({ repo: "samcday/fastboop2" }) }),
    1,
    `error: ${bundleName(ASSET)}: it is signed by somebody else`,
  ],
  [
    "two bundles of which one is right",
    async () => ({ bundle: `${await sign()}\n${await sign({ workflow: "ci.yml" })}\n` }),
    1,
    `error: ${bundleName(ASSET)}: it is signed by somebody else`,
  ],
  [
    "two right bundles that contradict each other",
    async () => ({ bundle: `${await sign()}\n${await sign({ sha256: "6b".repeat(32) })}\n` }),
    1,
    `error: ${bundleName(ASSET)}: its bundles contradict each other`,
  ],
  [
    "a bundle that is none",
    async () => ({ bundle: "{" }),
    1,
    `error: ${bundleName(ASSET)}: it holds no Sigstore bundle`,
  ],
  [
    "a bundle that is listed and was taken away",
    async () => ({ listed: true }),
    1,
    `error: the release lists ${bundleName(ASSET)} and does not have it`,
  ],
];
for (const [index, [why, release, code, ...lines]] of wrong.entries()) {
  const env = index % 2 === 0 ? {} : DEMANDED;
  test(`should refuse ${why}${env === DEMANDED ? ", where provenance is demanded too" : ""}`, async () => {
    await lent(await release(), async (github) => {
      const run = await fetched(github, env);
      assert.is(run.code, code, run.log);
      for (const line of lines) has(run, line);
      assert.equal(run.left, []);
    });
  });
}

test("should accept a called workflow when it is named, and refuse it otherwise", async () => {
  await lent({ bundle: await sign({ workflow: "stage0.yml" }) }, async (github) => {
    const named = await fetched(github, { ...DEMANDED, FASTBOOP_STAGE0_SIGNER_WORKFLOW: "stage0.yml" });
    assert.is(named.code, 0, named.log);
    assert.is((await fetched(github, DEMANDED)).code, 1);
    const bad = await fetched(github, { FASTBOOP_STAGE0_SIGNER_WORKFLOW: "../x.yml" });
    assert.is(bad.code, 2);
  });
});

test("should find it through the API with a token, and carry it with its root in a kit", async () => {
  await lent({ bundle: await sign() }, async (github) => {
    const byApi = await fetched(github, { ...DEMANDED, GH_ENTERPRISE_TOKEN: github.token });
    assert.is(byApi.code, 0, byApi.log);
    has(byApi, "provenance agrees");
    const folder = newFolder();
    const made = await fetched(github, {}, folder, "fetch-kit.ts");
    assert.is(made.code, 0, made.log);
    const kit = made.stdout.trim();
    const names: string[] = [];
    await readTar(fs.openSync(kit, "r"), (name) => void names.push(name));
    assert.equal(names.sort(), [
      "LICENSE",
      "stage0.lock",
      "trusted-root.json",
      ...[ASSET, bundleName(ASSET), OTHER, bundleName(OTHER), "SHA256SUMS"].map((name) => `${TAG}/${name}`).sort(),
    ]);
    const offline = await fetched(github, {
      ...DEMANDED,
      FASTBOOP_STAGE0_MIRROR: `file://${kit}`,
      FASTBOOP_STAGE0_OFFLINE: "1",
    });
    assert.is(offline.code, 0, offline.log);
    has(offline, "provenance agrees");
    assert.equal(offline.requests, []);
  });
});

test("should hear GitHub's own attestation where the API is asked anyway and a root of GitHub's is named", async () => {
  const own = await Sigstore.make({ private: true });
  const attest = (tag: string): Promise<Record<string, unknown>> =>
    own.sign({
      ...{ name: ASSET, sha256: SHA256, tag, identity: RELEASE_SIGNER, bare: true, predicateType: RELEASE_PREDICATE },
      predicate: { repository: REPO, tag },
    });
  const file = join(newFolder(), "root.json");
  fs.writeFileSync(file, JSON.stringify(own.root()));
  const github = await startGitHub({});
  let attestations: unknown[] = [];
  let asked = 0;
  const between = createServer((request, response) => {
    void (async () => {
      const { url = "", headers } = request;
      if (url.includes("/attestations/")) {
        asked += 1;
        return response.end(JSON.stringify({ attestations }));
      }
      const { authorization = "", accept = "*/*" } = headers;
      const answer = await fetch(`${github.api}${url}`, { headers: { authorization, accept }, redirect: "manual" });
      const location = answer.headers.get("location");
      response.writeHead(answer.status, { "content-type": "application/json", ...(location && { location }) });
      return response.end(await answer.text());
    })();
  });
  await new Promise<void>((resolve) => between.listen(0, "localhost", resolve));
  try {
    await github.addRelease({ tag: TAG, assets: assets() });
    const api = `http://localhost:${(between.address() as AddressInfo).port}`;
    const env = { GITHUB_API_URL: api, GH_ENTERPRISE_TOKEN: github.token, FASTBOOP_STAGE0_TRUSTED_ROOT: file };
    attestations = [{ bundle: await attest(TAG) }];
    const right = await fetched(github, env);
    assert.is(right.code, 0, right.log);
    has(right, "GitHub's attestation agrees");
    attestations = [];
    const none = await fetched(github, env);
    assert.is(none.code, 0, none.log);
    has(none, "GitHub's attestation absent");
    attestations = [{ bundle: await attest("v0.0.1") }];
    const wrong = await fetched(github, env);
    assert.is(wrong.code, 1, wrong.log);
    has(wrong, "error: GitHub's attestation: it is of another tag");
    assert.equal(wrong.left, []);
    assert.is(asked, 3);
    // Not by plain addresses, nor with a root that is not GitHub's.
    assert.is((await fetched(github, { ...env, GH_ENTERPRISE_TOKEN: undefined })).code, 0);
    assert.is((await fetched(github, { ...env, FASTBOOP_STAGE0_TRUSTED_ROOT: root })).code, 0);
    assert.is(asked, 3);
  } finally {
    between.closeAllConnections();
    between.close();
    await github.close();
  }
});

test("should carry what a release says of itself in a kit, each as it was listed and signed", async () => {
  const info = Buffer.from("how it was built");
  const signed = async (name: string, bytes: Buffer): Promise<Buffer> =>
    Buffer.from(await sign({ name, sha256: digest(bytes) }));
  /** Makes a kit of a release whose buildinfo and its bundle are not always what was listed. */
  const kit = async (given: { file?: Buffer; of?: Buffer }, env: Env): Promise<Run> =>
    servers.lend(async (github) => {
      const files: Record<string, Buffer> = {
        [ASSET]: BYTES,
        [OTHER]: OTHER_BYTES,
        [BUILDINFO]: info,
        [NOTICE]: Buffer.from("licences"),
        [bundleName(ASSET)]: await signed(ASSET, BYTES),
        [bundleName(OTHER)]: await signed(OTHER, OTHER_BYTES),
        [bundleName(BUILDINFO)]: await signed(BUILDINFO, given.of ?? info),
      };
      const list = sumsOf(files);
      if (given.file !== undefined) files[BUILDINFO] = given.file;
      const all = Object.entries(files).map(([name, bytes]) => ({ name, bytes }));
      await github.addRelease({ tag: TAG, assets: [...all, { name: "SHA256SUMS", bytes: list }] });
      return fetched(github, env, newFolder(), "fetch-kit.ts");
    });
  const good = await kit({}, {});
  assert.is(good.code, 0, good.log);
  const names: string[] = [];
  await readTar(fs.openSync(good.stdout.trim(), "r"), (name) => void names.push(name));
  for (const name of [BUILDINFO, bundleName(BUILDINFO), NOTICE]) assert.ok(names.includes(`${TAG}/${name}`), name);
  const cases: [given: { file?: Buffer; of?: Buffer }, env: Env, code: number, line: RegExp][] = [
    [
      { file: Buffer.from("another") },
      {},
      1,
      /fastboop-stage0\.buildinfo\.json of v1\.2\.3 is not what was published$/m,
    ],
    [{ of: Buffer.from("another") }, {}, 1, /fastboop-stage0\.buildinfo\.json of v1\.2\.3 is not what was published$/m],
    [{}, DEMANDED, 3, /^error: fastboop-stage0\.NOTICE of v1\.2\.3 has no provenance, /m],
  ];
  for (const [given, env, code, line] of cases) {
    const run = await kit(given, env);
    assert.is(run.code, code, run.log);
    assert.match(run.log, line);
  }
});

test.after(() => servers.close());
test.run();
