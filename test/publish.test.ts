import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { RELEASE_ASSETS, SUMS } from "../scripts/lib/contract.ts";
import { releaseOrigin } from "../scripts/lib/github/origin.ts";
import { digestFile } from "../scripts/lib/hash.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { Releases } from "../scripts/lib/release/releases.ts";
import { startGitHub } from "./github/server.ts";
import type { Aim, Fault, GitHub, Options } from "./github/types.ts";
import {
  failureOf,
  isDeno,
  lacking,
  type Outcome,
  RUNTIME,
  runProgram,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("publish");
const files = await releaseFiles();
const TAG = "v0.0.1-rc.7";
/** What makes the repository exist. */
const EARLIER = { tag: "v0.0.0" };

/** A folder of artifacts as a release has it: both assets, a package, and the list. */
async function artifacts(): Promise<string> {
  const dist = temporaryFolder("dist");
  for (const [target, path] of Object.entries(files)) fs.copyFileSync(path, join(dist, `fastboop-stage0-${target}`));
  fs.writeFileSync(join(dist, "fastboop_0.0.1.tar"), "another release artifact\n");
  const { code, stderr } = await script("sums.ts", [], { env: { DIST: dist } });
  assert.is(code, 0, stderr);
  return dist;
}
const dist = await artifacts();
const NAMES = [SUMS, ...RELEASE_ASSETS, "fastboop_0.0.1.tar"].sort();

/** Runs a body against a local GitHub, which must have seen nothing that breaks GitHub's schema. */
async function withGitHub(options: Options, body: (github: GitHub) => Promise<void>): Promise<void> {
  const github = await startGitHub(options);
  try {
    await github.addRelease(EARLIER);
    await body(github);
    assert.equal(github.errors, []);
  } finally {
    await github.close();
  }
}

const settings = (github: GitHub): Record<string, string> => ({
  TAG,
  DIST: dist,
  GH_ENTERPRISE_TOKEN: github.token,
  GITHUB_SERVER_URL: github.server,
  GITHUB_API_URL: github.api,
  ...(fs.existsSync(github.caFile) && { NODE_EXTRA_CA_CERTS: github.caFile }),
});

async function publish(github: GitHub, args: string[] = [], env: Record<string, string> = {}): Promise<Outcome> {
  const outcome = await script("publish-stage0.ts", args, { env: { ...settings(github), ...env } });
  for (const secret of github.secrets)
    assert.not.ok((outcome.stdout + outcome.stderr).includes(secret), "a secret in the log");
  return outcome;
}

/** That the one release of the tag holds exactly the folder's files. */
async function holds(github: GitHub, draft: boolean): Promise<void> {
  const releases = github.releases().filter(({ tag }) => tag === TAG);
  assert.is(releases.length, 1);
  assert.is(releases[0]?.draft, draft);
  const assets = [...(releases[0]?.assets ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
  assert.equal(
    assets.map(({ name, state, sha256 }) => ({ name, state, sha256 })),
    NAMES.map((name) => ({ name, state: "uploaded", sha256: digestFile(join(dist, name)).sha256 })),
  );
}
const uploads = (github: GitHub): number => github.requests.filter(({ route }) => route === "upload").length;

test("should make a draft, upload, download again, and publish last", async () => {
  await withGitHub({ tls: true, immutableReleases: true }, async (github) => {
    const draft = await publish(github);
    assert.is(draft.code, 0, draft.stderr);
    await holds(github, true);
    assert.is(uploads(github), 4);
    assert.match(draft.stderr, "downloaded 4 assets again: checksums, preflight and bytes agree");
    assert.match(draft.stdout, /^https:\/\/localhost:[0-9]+\/samcday\/fastboop\/releases\/tag\/.*\n$/);

    const again = await publish(github, [], { UNDRAFT: "1" });
    assert.is(again.code, 0, again.stderr);
    await holds(github, false);
    assert.is(uploads(github), 4, "what is there with the same digest is kept");
    assert.match(again.stderr, /kept SHA256SUMS: same digest\n/);
    assert.match(again.stderr, /published v0\.0\.1-rc\.7\n$/);
    const order = github.requests.map(({ method, route }) => `${route} ${method}`);
    assert.is(order.filter((line) => line === "api PATCH").length, 1);
    const last = order.lastIndexOf("api PATCH");
    assert.ok(
      order.slice(last).every((line) => line === "api PATCH" || line === "api GET"),
      "nothing is written after publishing",
    );

    const third = await publish(github, [], { UNDRAFT: "1" });
    assert.is(third.code, 0, third.stderr);
    assert.is(uploads(github), 4);
    const refused = await publish(github);
    assert.match(
      refused.stderr,
      /^error: the release v0\.0\.1-rc\.7 is published and immutable: its assets stay as they are\n {2}expected: a draft, or no release\n/,
    );
    assert.is(refused.code, 1);
  });
});

test("should only make the draft when that is asked, and mark a release candidate as prerelease", async () => {
  await withGitHub({ enterprise: true }, async (github) => {
    const { code, stderr } = await publish(github, ["--draft"], { DIST: "/nonexistent" });
    assert.is(code, 0, stderr);
    const created = github.requests.filter(({ method }) => method === "POST");
    assert.is(created.length, 1);
    assert.is(github.releases()[0]?.draft, true);
    // A mirror is for those who fetch.
    assert.is((await publish(github, ["--draft"], { FASTBOOP_STAGE0_MIRROR: "file:///nowhere" })).code, 0);
    assert.is(github.requests.filter(({ method }) => method === "POST").length, 1);
  });
});

test("should say what it would do and do none of it", async () => {
  await withGitHub({}, async (github) => {
    const empty = await publish(github, ["--dry-run"], { UNDRAFT: "1" });
    assert.is(
      empty.stderr,
      [
        `would make a draft of ${TAG}`,
        ...NAMES.map((name) => `would upload ${name}: missing`),
        "would publish it once all is verified",
        "",
      ].join("\n"),
    );
    assert.is(empty.code, 0);
    assert.equal(
      github.requests.filter(({ method }) => method !== "GET"),
      [],
    );
  });
});

test("should replace what differs or was not finished, and keep the rest", async () => {
  await withGitHub({}, async (github) => {
    const [same = "", other = ""] = RELEASE_ASSETS;
    await github.addRelease({
      tag: TAG,
      draft: true,
      assets: [
        { name: same, file: join(dist, same) },
        { name: other, bytes: "other bytes" },
        { name: SUMS, bytes: "", state: "starter" },
      ],
    });
    const { code, stderr } = await publish(github);
    assert.is(code, 0, stderr);
    await holds(github, true);
    assert.is(uploads(github), 3);
    assert.match(stderr, `kept ${same}: same digest`);
    assert.match(stderr, new RegExp(`uploaded ${other} \\(.*\\): its digest differs`));
    assert.match(stderr, /uploaded SHA256SUMS \(.*\): its upload was not finished/);
  });
});

test("should refuse several drafts of one tag, and list them", async () => {
  await withGitHub({}, async (github) => {
    const first = await github.addRelease({ tag: TAG, draft: true });
    const second = await github.addRelease({ tag: TAG, draft: true });
    const { code, stdout, stderr } = await publish(github);
    for (const { id } of [first, second]) assert.match(stderr, new RegExp(`got: {6}draft ${id}, http`));
    assert.is(stdout, "");
    assert.is(code, 1);
    const dry = await publish(github, ["--dry-run"]);
    assert.is(dry.stderr, stderr);
    assert.is(dry.code, 1);
    assert.equal(
      github.requests.filter(({ method }) => method !== "GET"),
      [],
    );
  });
});

test("should refuse a release that is published with other files", async () => {
  await withGitHub({}, async (github) => {
    await github.addRelease({ tag: TAG, assets: [{ name: SUMS, bytes: "x" }] });
    const plain = await publish(github);
    assert.match(plain.stderr, /^error: the release v0\.0\.1-rc\.7 is published: its assets stay as they are\n/);
    assert.is(plain.code, 1);
    const undraft = await publish(github, [], { UNDRAFT: "1" });
    assert.match(undraft.stderr, /^error: the release v0\.0\.1-rc\.7 is published with other files\n/);
    assert.is(undraft.code, 1);
    assert.is((await publish(github, ["--dry-run"])).stderr, plain.stderr);
    assert.is((await publish(github, ["--dry-run"], { UNDRAFT: "1" })).stderr, undraft.stderr);
    assert.equal(
      github.requests.filter(({ method }) => method !== "GET"),
      [],
    );
  });
});

test("should write nothing to a release that is marked as withdrawn", async () => {
  await withGitHub({}, async (github) => {
    await github.addRelease({ tag: TAG, draft: true, assets: [{ name: "WITHDRAWN", bytes: "it does not boot\n" }] });
    for (const args of [[], ["--dry-run"]]) {
      const { code, stdout, stderr } = await publish(github, args, { UNDRAFT: "1" });
      assert.match(stderr, /^error: the release v0\.0\.1-rc\.7 is marked as withdrawn\n {2}got: {6}http/);
      assert.is(stdout, "");
      assert.is(code, 1);
    }
    assert.equal(
      github.requests.filter(({ method }) => method !== "GET"),
      [],
    );
  });
});

test("should find the draft among more than a page of releases", async () => {
  await withGitHub({}, async (github) => {
    const { id } = await github.addRelease({ tag: TAG, draft: true });
    for (let patch = 0; patch < 101; patch++) await github.addRelease({ tag: `v1.0.${patch}` });
    const { code, stderr } = await publish(github);
    assert.is(code, 0, stderr);
    assert.is(github.releases().find(({ tag }) => tag === TAG)?.id, id);
    await holds(github, true);
  });
});

test("should want a tag, a token, and artifacts that pass", async () => {
  await withGitHub({}, async (github) => {
    const noTag = await publish(github, [], { TAG: "" });
    assert.is(noTag.stderr, "error: no release is named\n  fix:      TAG=vX.Y.Z\n");
    assert.is(noTag.code, 2);
    const noToken = await publish(github, [], { GH_ENTERPRISE_TOKEN: "" });
    assert.is(
      noToken.stderr,
      "error: publishing needs a token\n  fix:      set GH_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN) to one that may write the repository's contents\n",
    );
    assert.is(noToken.code, 2);
    const readOnly = await publish(github, [], { GH_ENTERPRISE_TOKEN: github.readToken });
    assert.is.not(readOnly.code, 0);
    const spoilt = temporaryFolder();
    fs.cpSync(dist, spoilt, { recursive: true });
    fs.copyFileSync(join(dist, RELEASE_ASSETS[0] ?? ""), join(spoilt, RELEASE_ASSETS[1] ?? ""));
    const swapped = await publish(github, [], { DIST: spoilt });
    assert.match(swapped.stderr, `error: ${join(spoilt, RELEASE_ASSETS[1] ?? "")}: breaks the rule machine\n`);
    assert.match(swapped.stderr, "error: breaks the rule swap\n");
    assert.match(swapped.stderr, '"fastboop-stage0-aarch64-unknown-linux-musl" is not the file that was listed\n');
    assert.is(swapped.code, 1);
    assert.is(github.releases().length, 1);
  });
});

testUnless(
  test,
  lacking({ root: true, programs: ["setpriv"] }),
  "should say of every file that can't be read that it can't, beside all that is wrong",
  async () => {
    await withGitHub({}, async (github) => {
      const folder = temporaryFolder();
      fs.cpSync(dist, folder, { recursive: true });
      const [first = "", second = ""] = RELEASE_ASSETS.map((name) => join(folder, name));
      fs.chmodSync(join(folder, "fastboop_0.0.1.tar"), 0);
      fs.chmodSync(first, 0);
      const outcome = (): Promise<Outcome> =>
        // Root may read everything unless it gives these two capabilities up.
        runProgram(
          [
            "setpriv",
            "--bounding-set",
            "-dac_override,-dac_read_search",
            ...RUNTIME,
            join(PROJECT, "scripts/publish-stage0.ts"),
          ],
          { env: { ...settings(github), DIST: folder } },
        );
      const list = join(folder, SUMS);
      const unread = (name: string): string =>
        `error: ${list}: "${name}" can't be read: permission denied\n  fix:      check its owner, its mode and the disk\n`;
      const gate =
        `error: ${first}: breaks the rule readable\n  expected: a regular file that can be read\n  got:      permission denied\n` +
        "  fix:      check the path, its owner and its mode, and that nothing is still writing the file\n";
      const three = await outcome();
      assert.is(three.stderr, gate + unread(RELEASE_ASSETS[0] ?? "") + unread("fastboop_0.0.1.tar"));
      assert.is(three.code, 3);
      fs.writeFileSync(second, "<html>");
      const one = await outcome();
      assert.ok(one.stderr.startsWith(gate), one.stderr);
      for (const line of [unread("fastboop_0.0.1.tar"), `error: ${second}: breaks the rule elf\n`])
        assert.ok(one.stderr.includes(line), one.stderr);
      assert.is(one.code, 1);
      assert.is(github.requests.length, 0);
    });
  },
);

const OTHERS = { "cli_0.1~rc7_amd64.deb": "a CLI archive of another job", "notes.txt": "notes" };
const HOSTED = { "cli_0.1.rc7_amd64.deb": OTHERS["cli_0.1~rc7_amd64.deb"], "notes.txt": OTHERS["notes.txt"] };

test("should leave alone what others have put into the release, and list it with ours", async () => {
  await withGitHub({}, async (github) => {
    const theirs = Object.entries(HOSTED).map(([name, bytes]) => ({ name, bytes }));
    await github.addRelease({ tag: TAG, draft: true, assets: [...theirs, { name: SUMS, bytes: "their list" }] });
    const ids = github.releases()[0]?.assets.map(({ id }) => id);
    const dry = await publish(github, ["--dry-run"]);
    assert.match(dry.stderr, "would list cli_0.1.rc7_amd64.deb, which others have put there\n");
    const { code, stderr } = await publish(github, [], { UNDRAFT: "1" });
    assert.is(code, 0, stderr);
    const [release] = github.releases();
    assert.is(release?.draft, false);
    assert.equal(
      release?.assets.slice(0, 2).map(({ id }) => id),
      ids?.slice(0, 2),
    );
    const list = String(await release?.asset(SUMS).read());
    const files = Object.fromEntries(
      NAMES.filter((name) => name !== SUMS).map((name) => [name, digestFile(join(dist, name)).sha256]),
    );
    for (const [name, bytes] of Object.entries(HOSTED)) files[name] = createHash("sha256").update(bytes).digest("hex");
    assert.is(
      list,
      Object.entries(files)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, sha256]) => `${sha256}  ${name}\n`)
        .join(""),
    );
    const again = await publish(github, [], { UNDRAFT: "1" });
    assert.is(again.code, 0, again.stderr);
  });
});

test("should change nothing when nobody can vouch for what others have put there, and name all of it", async () => {
  await withGitHub({}, async (github) => {
    await github.addRelease({
      tag: TAG,
      draft: true,
      assets: [
        { name: SUMS, bytes: "their list" },
        { name: "null.deb", bytes: "x", digest: "null" },
        { name: "missing.deb", bytes: "x", digest: "missing" },
        { name: "unfinished.deb", bytes: "", state: "starter" },
      ],
    });
    // One that a run of this project's made beside it would go before anything else.
    await github.addRelease({ tag: TAG, draft: true, body: "<!-- made by stage0-distribution -->" });
    const { code, stderr } = await publish(github, [], { UNDRAFT: "1" });
    const fix = "  fix:      whoever published it uploads it again, or delete it\n";
    assert.is(
      stderr,
      `error: GitHub has no digest of the release's null.deb\n${fix}error: GitHub has no digest of the release's missing.deb\n${fix}` +
        `error: the upload of the release's unfinished.deb was not finished\n${fix}`,
    );
    assert.is(code, 1);
    await github.addRelease({
      tag: "v0.0.2",
      draft: true,
      assets: [{ name: "wrong.deb", bytes: "x", digest: "wrong" }],
    });
    const wrong = await publish(github, [], { TAG: "v0.0.2" });
    assert.match(
      wrong.stderr,
      /^error: the release's wrong\.deb is not what the API says\n {2}expected: sha256 [0-9a-f]{64}\n {2}got: {6}sha256 /,
    );
    assert.is(wrong.code, 1);
    assert.equal(
      github.requests.filter(({ method }) => method !== "GET"),
      [],
    );
  });
});

test("should end with one release when several publish at once, or heal it by a rerun", async () => {
  await withGitHub({}, async (github) => {
    const runs = await Promise.all([publish(github), publish(github), publish(github)]);
    for (const { code, stderr } of runs) assert.ok(code === 0 || /^error: /m.test(stderr), stderr);
    const last = await publish(github, [], { UNDRAFT: "1" });
    assert.is(last.code, 0, last.stderr);
    await holds(github, false);
  });
});

test("should delete the drafts that runs of its own made beside each other, and keep the oldest", async () => {
  await withGitHub({}, async (github) => {
    const body = "<!-- made by stage0-distribution -->";
    const kept = await github.addRelease({ tag: TAG, draft: true, body });
    const spare = await github.addRelease({ tag: TAG, draft: true, body, assets: [{ name: SUMS, bytes: "x" }] });
    const run = await publish(github);
    assert.is(run.code, 0, run.stderr);
    assert.match(run.stderr, `deleted the draft ${spare.id}: another run made it beside ${kept.id}\n`);
    await holds(github, true);
    // One that holds another's file is no spare one.
    await github.addRelease({ tag: TAG, draft: true, body, assets: [{ name: "a.deb", bytes: "x" }] });
    const healed = await publish(github);
    assert.is(healed.code, 0, healed.stderr);
    assert.is(github.releases().filter(({ tag }) => tag === TAG).length, 1);
    assert.ok(github.releases()[0]?.asset("a.deb"));
  });
});

test("should publish though a mirror is set, with its token", async () => {
  await withGitHub({}, async (github) => {
    const run = await publish(github, [], { FASTBOOP_STAGE0_MIRROR: "file:///nowhere" });
    assert.is(run.code, 0, run.stderr);
    await holds(github, true);
  });
});

test("should refuse a file that GitHub would rename, before any request", async () => {
  await withGitHub({}, async (github) => {
    const folder = temporaryFolder();
    fs.cpSync(dist, folder, { recursive: true });
    fs.writeFileSync(join(folder, "fastboop_0.0.1~rc7_amd64.deb"), "x");
    assert.is((await script("sums.ts", [], { env: { DIST: folder } })).code, 0);
    const before = github.requests.length;
    const { code, stdout, stderr } = await publish(github, [], { DIST: folder });
    assert.is(
      stderr,
      [
        "error: GitHub would rename fastboop_0.0.1~rc7_amd64.deb",
        "  expected: fastboop_0.0.1.rc7_amd64.deb",
        "  got:      fastboop_0.0.1~rc7_amd64.deb",
        "  fix:      rename it, then make sums",
        "",
      ].join("\n"),
    );
    assert.is(stdout, "");
    assert.is(code, 1);
    assert.is(github.requests.length, before);
  });
});

test("should send the token to no other host, whatever upload address an answer names", async () => {
  await withGitHub({}, async (github) => {
    // The API names its uploads at localhost, and is asked by another name.
    const { code, stdout, stderr } = await publish(github, [], {
      GITHUB_API_URL: github.api.replace("localhost", "127.0.0.1"),
      GITHUB_SERVER_URL: "http://127.0.0.1:1",
    });
    assert.match(stderr, /^error: [^\n]*: GitHub names an upload address on another host\n {2}expected: /m);
    assert.is(stdout, "");
    assert.is(code, 1);
    assert.is(uploads(github), 0);
  });
});

const FAULTS: readonly (Fault & Aim)[] = [
  { on: "upload", kind: "reset" },
  { on: "upload", kind: "reset", after: 1000 },
  { on: "upload", kind: "status", status: 502 },
  { on: "upload", kind: "status", status: 502, keeps: "uploaded" },
  { on: "upload", kind: "status", status: 500 },
  { on: "upload", kind: "reset", keeps: "uploaded" },
  { on: "upload", kind: "rate-limit", status: 429, retryAfter: 1 },
  { on: "api", kind: "status", status: 503 },
  { on: "api", kind: "reset" },
  { on: "api", kind: "reset", method: "POST" },
  { on: "api", kind: "reset", method: "PATCH" },
  { on: "api", kind: "status", status: 500, method: "PATCH" },
  { on: "blob", kind: "short", after: 1000, framing: "length" },
  { on: "blob", kind: "reset", after: 1000 },
  { on: "blob", kind: "expired" },
];
for (const fault of FAULTS) {
  test(`should end right though ${JSON.stringify(fault)}`, async () => {
    await withGitHub({}, async (github) => {
      github.fault(fault);
      const { code, stderr } = await publish(github, [], { UNDRAFT: "1" });
      assert.is(code, 0, stderr);
      await holds(github, false);
    });
  });
}

for (const fault of [
  { on: "upload", kind: "stall", after: 100, path: /name=SHA256SUMS/ },
  { on: "upload", kind: "stall", after: 0, path: /name=SHA256SUMS/, keeps: "uploaded" },
  { on: "api", kind: "stall", after: -1, method: "POST" },
  { on: "api", kind: "stall", after: -1, method: "PATCH" },
] as readonly (Fault & Aim)[]) {
  test(`should give up waiting and end right though ${JSON.stringify({ ...fault, path: undefined })}`, async () => {
    await withGitHub({}, async (github) => {
      github.fault(fault);
      const { code, stderr } = await publish(github, [], { UNDRAFT: "1", FASTBOOP_STAGE0_STALL_TIMEOUT: "5" });
      assert.is(code, 0, stderr);
      assert.match(stderr, / has stopped sending; trying again in [0-9.]+ s \(2 of 5\)\n/);
      await holds(github, false);
    });
  });
}

for (const fault of [
  { on: "api", kind: "reset", method: "DELETE" },
  { on: "api", kind: "status", status: 502, method: "DELETE" },
] as readonly (Fault & Aim)[]) {
  test(`should replace what was not finished though ${JSON.stringify(fault)}`, async () => {
    await withGitHub({}, async (github) => {
      await github.addRelease({ tag: TAG, draft: true, assets: [{ name: SUMS, bytes: "", state: "starter" }] });
      github.fault(fault);
      const { code, stderr } = await publish(github);
      assert.is(code, 0, stderr);
      await holds(github, true);
    });
  });
}

test("should say what GitHub has against a file, and not try again", async () => {
  await withGitHub({}, async (github) => {
    const folder = temporaryFolder();
    fs.cpSync(dist, folder, { recursive: true });
    fs.writeFileSync(join(folder, "empty.tar"), "");
    assert.is((await script("sums.ts", [], { env: { DIST: folder } })).code, 0);
    const { code, stdout, stderr } = await publish(github, [], { DIST: folder });
    assert.match(
      stderr,
      // Deno's fetch sends no length with an empty body.
      isDeno
        ? "error: empty.tar: GitHub refuses empty.tar\n  got:      status 400: Bad Content-Length: \n"
        : "error: empty.tar: GitHub refuses empty.tar\n  got:      status 422: Validation Failed: size must be greater than or equal to 1\n",
    );
    assert.is(stdout, "");
    assert.is(code, 1);
    // The list comes last, and not before all else is there.
    assert.is(uploads(github), NAMES.length);
  });
});

const LASTING: readonly [Fault & Aim, RegExp][] = [
  [{ on: "upload", kind: "status", status: 502, times: Number.POSITIVE_INFINITY }, /failed\n {2}got: {6}status 502/],
  [
    { on: "blob", kind: "corrupt", at: 100, times: Number.POSITIVE_INFINITY },
    /differs after upload and download\n {2}expected: [0-9a-f]{64}\n {2}got: {6}[0-9a-f]{64}/,
  ],
];
for (const [fault, message] of LASTING) {
  test(`should leave a draft, and end right on the next run, after a lasting ${fault.kind} on ${fault.on}`, async () => {
    await withGitHub({}, async (github) => {
      github.fault(fault);
      const { code, stdout, stderr } = await publish(github, [], { UNDRAFT: "1" });
      assert.match(stderr, message);
      assert.is(stdout, "");
      assert.is.not(code, 0);
      assert.is(github.releases()[0]?.draft, true);
      github.reset();
      const next = await publish(github, [], { UNDRAFT: "1" });
      assert.is(next.code, 0, next.stderr);
      await holds(github, false);
    });
  });
}

/** The releases of a server of its own, for answers that the local GitHub does not give. */
async function withServer(
  answer: (request: IncomingMessage, api: string) => { status?: number; text: string; link?: string },
  use: (releases: Releases, api: string) => Promise<void>,
): Promise<void> {
  const server = createServer((request, response) => {
    const { status = 200, text, link } = answer(request, `http://${request.headers.host}`);
    response.writeHead(status, { "content-type": "application/json", ...(link && { link }) }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await use(new Releases({ ...releaseOrigin(), server: api, api, token: "none" }), api);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** A release as the API answers with it. */
const RELEASE = {
  id: 1,
  tag_name: TAG,
  draft: true,
  html_url: "https://localhost/draft",
  upload_url: "https://localhost/upload{?name,label}",
  assets: [],
};

test("should take no answer for GitHub's that has another form, whichever was asked for", async () => {
  const asset = { id: 1, name: "a", size: 0, state: "uploaded", digest: null };
  const calls: Record<string, (releases: Releases) => Promise<unknown>> = {
    "GET /repos/samcday/fastboop/releases": (releases) => releases.find(TAG, "refuse"),
    "GET /repos/samcday/fastboop/releases/1": (releases) => releases.get(1),
    "GET /repos/samcday/fastboop/releases/1/assets": (releases) => releases.get(1),
    "POST /repos/samcday/fastboop/releases": (releases) => releases.findOrCreateDraft(TAG, false, "refuse"),
    "PATCH /repos/samcday/fastboop/releases/1": (releases) =>
      releases.publish({ ...RELEASE, body: "", tag: TAG, immutable: false, url: RELEASE.html_url, uploadUrl: "" }),
  };
  const wrong = [
    ...["", "null", "7", '"text"', "{}", "[{}]", '{"id": 1', '{"total_count": 1}', "[null]", '[{"id": 1}]'],
    JSON.stringify({ ...RELEASE, id: "../x" }),
    JSON.stringify({ ...RELEASE, html_url: "no address" }),
    JSON.stringify({ ...RELEASE, upload_url: undefined }),
    JSON.stringify({ ...RELEASE, immutable: "no" }),
    JSON.stringify({ ...RELEASE, assets: [{ ...asset, size: -1 }] }),
  ];
  for (const [spoiled, call] of Object.entries(calls)) {
    for (const text of wrong) {
      const asked: string[] = [];
      const answer = ({ method = "", url = "" }: IncomingMessage): { status?: number; text: string } => {
        const path = `${method} ${url.replace(/\?.*/, "")}`;
        asked.push(path);
        if (path === spoiled) return { text };
        return { text: JSON.stringify(method === "GET" && !/\/1$/.test(path) ? [] : RELEASE) };
      };
      await withServer(answer, async (releases, api) => {
        const { exitCode, problems } = await failureOf(() => call(releases));
        assert.equal(
          [exitCode, problems],
          [
            3,
            [
              {
                what: `${new URL(api).host} does not answer like GitHub's API`,
                expected: "a release",
                fix: "check GITHUB_API_URL, and what answers there",
              },
            ],
          ],
          `${spoiled}: ${text}`,
        );
        assert.is(asked.filter((path) => path === spoiled).length, 1, `${spoiled}: ${text}`);
      });
    }
  }
});

test("should follow pages by their links, to no other host, and give up a list without end", async () => {
  const other = createServer((_, response) => response.end("[]"));
  let strayed = 0;
  other.on("request", () => strayed++);
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const foreign = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  let pages: string[] = [];
  /** Pages of one release each, the one of the tag last. */
  const listing =
    (last: number, next: (page: number, api: string) => string) =>
    ({ url = "" }: IncomingMessage, api: string): { text: string; link?: string } => {
      const { pathname, searchParams } = new URL(url, api);
      if (pathname.endsWith("/assets")) return { text: "[]" };
      const page = Number(searchParams.get("page") ?? 1);
      pages.push(`${page} of ${searchParams.get("per_page")}`);
      const one = { ...RELEASE, tag_name: page === last ? TAG : `v9.9.${page}` };
      return { text: JSON.stringify([one]), ...(page < last && { link: `<${next(page + 1, api)}>; rel="next"` }) };
    };
  const address = (page: number, api: string): string => `${api}/repositories/7/releases?per_page=30&page=${page}`;
  try {
    await withServer(listing(3, address), async (releases) => {
      assert.is((await releases.find(TAG, "refuse"))?.tag, TAG);
      assert.equal(pages, ["1 of 30", "2 of 30", "3 of 30"]);
    });
    await withServer(
      listing(2, (page) => address(page, foreign)),
      async (releases, api) => {
        const { exitCode, problems } = await failureOf(() => releases.find(TAG, "refuse"));
        assert.equal(
          [exitCode, problems],
          [
            3,
            [
              {
                what: `${new URL(api).host} links to a next page on another host`,
                expected: new URL(api).host,
                got: new URL(foreign).host,
                fix: "set GITHUB_API_URL to the address by which the server calls itself",
              },
            ],
          ],
        );
        assert.is(strayed, 0, "the token goes to no other host");
      },
    );
    pages = [];
    await withServer(listing(Number.POSITIVE_INFINITY, address), async (releases, api) => {
      const { exitCode, problems } = await failureOf(() => releases.find(TAG, "refuse"));
      assert.is(exitCode, 3);
      assert.is(problems[0]?.what, `${new URL(api).host} sends a list that does not end`);
      assert.is(problems[0]?.expected, "at most 334 pages and 1000 assets, within 300 s");
      assert.is(pages.length, 335);
    });
  } finally {
    other.close();
    other.closeAllConnections();
  }
});

test("should give up on a server that says it publishes, and does not", async () => {
  const methods: string[] = [];
  const answer = ({ method = "", url = "" }: IncomingMessage): { text: string } => {
    methods.push(method);
    return { text: JSON.stringify(/\/assets\b/.test(url) ? [] : RELEASE) };
  };
  await withServer(answer, async (releases, api) => {
    const draft = await releases.get(1);
    const { exitCode, problems } = await failureOf(() => releases.publish(draft));
    assert.equal(
      [exitCode, problems],
      [
        3,
        [
          {
            what: `${new URL(api).host} still has ${TAG} as a draft`,
            expected: "a published release",
            got: "https://localhost/draft",
            fix: "run it again, or publish it there: its assets are verified",
          },
        ],
      ],
    );
    assert.is(methods.filter((method) => method === "PATCH").length, 5);
  });
});

test("should say that the release is public when it is not what was verified", async () => {
  await withGitHub({}, async (github) => {
    const headers = { authorization: `token ${github.token}` };
    // Somebody takes the list away between the last request and its answer.
    const between = createServer((request, response) => {
      void (async () => {
        let body = "";
        for await (const piece of request) body += piece;
        const { method = "GET", headers: given } = request;
        const { authorization = "", accept = "*/*" } = given;
        const answer = await fetch(`${github.api}${request.url}`, {
          method,
          headers: { authorization, accept },
          redirect: "manual",
          ...(body !== "" && { body }),
        });
        if (method === "PATCH") {
          const { id } = github.releases()[0]?.asset(SUMS) ?? {};
          await fetch(`${github.api}/repos/samcday/fastboop/releases/assets/${id}`, { method: "DELETE", headers });
        }
        const location = answer.headers.get("location");
        response.writeHead(answer.status, { "content-type": "application/json", ...(location && { location }) });
        response.end(await answer.text());
      })();
    });
    await new Promise<void>((resolve) => between.listen(0, "localhost", resolve));
    try {
      const GITHUB_API_URL = `http://localhost:${(between.address() as AddressInfo).port}`;
      const { code, stdout, stderr } = await publish(github, [], { UNDRAFT: "1", GITHUB_API_URL });
      assert.match(
        stderr,
        /error: v0\.0\.1-rc\.7 is public now, and the release's SHA256SUMS is not the file that was uploaded\n {2}got: {6}missing\n$/,
      );
      assert.is(stdout, "");
      assert.is(code, 1);
      assert.is(github.releases()[0]?.draft, false);
    } finally {
      between.close();
      between.closeAllConnections();
    }
  });
});

test("should believe no answer that another origin gives", async () => {
  const other = createServer((_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end("[]"),
  );
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const foreign = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  const server = createServer((_, response) => response.writeHead(302, { location: `http://${foreign}/` }).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const releases = new Releases({ ...releaseOrigin(), server: api, api, token: "none" });
    const { exitCode, problems } = await failureOf(() => releases.findOrCreateDraft(TAG, false, "refuse"));
    assert.is(exitCode, 3);
    assert.is(problems[0]?.what, `${new URL(api).host} lets another host answer for its API`);
    assert.is(problems[0]?.got, foreign);
  } finally {
    server.close();
    server.closeAllConnections();
    other.close();
    other.closeAllConnections();
  }
});

test("should show a refusal that is no JSON as it is", async () => {
  const answer = (): { status: number; text: string } => ({
    status: 422,
    text: '{"message": "a\tb\\x", "message": "c"',
  });
  await withServer(answer, async (releases, api) => {
    const release = {
      id: 1,
      tag: TAG,
      draft: true,
      immutable: false,
      body: "",
      url: "",
      uploadUrl: `${api}/upload`,
      assets: [],
    };
    const { exitCode, problems } = await failureOf(() =>
      releases.upload(release, { name: "a.tar", path: join(dist, SUMS), size: fs.statSync(join(dist, SUMS)).size }),
    );
    assert.equal([exitCode, problems], [1, [{ what: "GitHub refuses a.tar", got: "status 422: a\\x09b\\x: c" }]]);
  });
});

test("should give up an answer to an upload that is longer than any", async () => {
  const answer = (): { status: number; text: string } => ({ status: 201, text: " ".repeat(5_000_000) });
  await withServer(answer, async (releases, api) => {
    const release = { id: 1, tag: TAG, draft: true, immutable: false, body: "", url: "", assets: [] };
    const { exitCode, problems } = await failureOf(() =>
      releases.upload(
        { ...release, uploadUrl: `${api}/upload` },
        { name: "a.tar", path: join(dist, SUMS), size: fs.statSync(join(dist, SUMS)).size },
      ),
    );
    assert.is(exitCode, 1);
    assert.is(problems[0]?.what, `${new URL(api).host} sends more than a list or an API answer takes`);
  });
});

test("should end right after kill -9 between any two requests", async () => {
  await withGitHub({}, async (github) => {
    // A run that nothing disturbs tells how many requests there are to be killed between.
    assert.is((await publish(github, [], { UNDRAFT: "1" })).code, 0);
    const total = github.requests.length;
    assert.ok(total > 10);
    // Who is killed can't clear away.
    const TMPDIR = temporaryFolder();
    for (let count = 1; count < total; count++) {
      github.reset({ releases: true });
      await github.addRelease(EARLIER);
      const before = github.requests.length;
      let timer: NodeJS.Timeout | undefined;
      const killed = await script("publish-stage0.ts", [], {
        env: { ...settings(github), UNDRAFT: "1", TMPDIR },
        started: (pid) => {
          timer = setInterval(() => {
            if (github.requests.length - before < count) return;
            clearInterval(timer);
            process.kill(pid, "SIGKILL");
          }, 1);
        },
      });
      clearInterval(timer);
      assert.ok(killed.signal === "SIGKILL" || killed.code === 0, killed.stderr);
      const next = await publish(github, [], { UNDRAFT: "1" });
      assert.is(next.code, 0, `killed after ${count} requests: ${next.stderr}`);
      await holds(github, false);
    }
  });
});

test.run();
