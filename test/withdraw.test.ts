/** A release that is withdrawn, and everyone who could still use it. */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { startGitHub } from "./github/server.ts";
import type { GitHub } from "./github/types.ts";
import {
  AARCH64,
  ASSET,
  assets,
  type Env,
  fetchRun,
  newFolder,
  OTHER_BYTES,
  type Run,
  SHA256,
  SUMS,
  TAG,
} from "./lib/fetching.ts";
import { script, suite } from "./lib/harness.ts";

const test = suite("withdraw");
const REASON = "it does not boot reliably: use v1.2.4";
const REFUSED = [
  `error: the release ${TAG} is withdrawn`,
  "  expected: a release that its publisher stands by",
  `  got:      ${REASON} (WITHDRAWN)`,
  "  fix:      use another release; FASTBOOP_STAGE0_ACCEPT_WITHDRAWN=1 takes it nevertheless",
].join("\n");
const BODY = "What is new:\n\n* all of it\n";
const NOTE = `> [!CAUTION]\n> **Withdrawn:** ${REASON}\n<!-- withdrawn by stage0-distribution -->\n\n`;

async function withRelease(
  body: (github: GitHub) => Promise<void>,
  sums: Parameters<typeof assets>[0] = {},
): Promise<void> {
  const github = await startGitHub({});
  try {
    await github.addRelease({ tag: TAG, body: BODY, assets: assets(sums) });
    await body(github);
    assert.equal(github.errors, []);
  } finally {
    await github.close();
  }
}
const token = (github: GitHub): Env => ({ GH_ENTERPRISE_TOKEN: github.token });
const mark = (
  github: GitHub,
  env: Env = {},
  args: string[] = [],
): Promise<{ code: number | null; stderr: string; stdout: string }> =>
  script("withdraw.ts", args, {
    env: { TAG, REASON, GITHUB_SERVER_URL: github.server, GITHUB_API_URL: github.api, ...token(github), ...env },
  });
const textOf = async (github: GitHub): Promise<string> => {
  const headers = { authorization: `token ${github.token}` };
  const answer = await fetch(`${github.api}/repos/samcday/fastboop/releases/tags/${TAG}`, { headers });
  return ((await answer.json()) as { body: string }).body;
};
function refused(run: Run): void {
  assert.ok(run.stderr.includes(REFUSED), run.stderr);
  assert.is(run.stdout, "");
  assert.is(run.code, 1);
}

test("should mark a release so that nobody takes it, and take the mark back", async () => {
  await withRelease(async (github) => {
    const pinned = { FASTBOOP_STAGE0_SHA256: SHA256, FASTBOOP_STAGE0_TRUST: undefined };
    assert.is((await fetchRun(github, pinned)).code, 0);
    const done = await mark(github);
    assert.is(done.code, 0, done.stderr);
    assert.match(done.stderr, `${TAG} is withdrawn: ${REASON}\n`);
    assert.is(await textOf(github), NOTE + BODY);
    const [release] = github.releases();
    assert.is(String(await release?.asset("WITHDRAWN").read()), `${REASON}\n`);
    assert.ok(String(await release?.asset("SHA256SUMS").read()).includes("  WITHDRAWN\n"));
    const again = await mark(github);
    assert.is(again.code, 0, again.stderr);
    assert.is(await textOf(github), NOTE + BODY);

    refused(await fetchRun(github, pinned));
    refused(await fetchRun(github, token(github)));
    refused(await fetchRun(github, {}, { name: "fetch-kit.ts" }));
    const folder = newFolder();
    const locked = await fetchRun(github, {}, { folder, name: "lock.ts" });
    refused(locked);
    const lock = join(folder, "caller", "stage0.lock");
    assert.is(
      fs.readFileSync(lock, "utf8"),
      `# Digests of stage0 release assets; make lock writes them.\n\n[[withdrawn]]\ntag = "${TAG}"\nreason = "${REASON}"\n`,
    );

    // The lock tells those who have no network, and no longer ask.
    const caller = { CALLER_DIR: join(folder, "caller"), WORKSPACE: undefined, FASTBOOP_STAGE0_OFFLINE: "1" };
    const payload = join(folder, "payload");
    fs.writeFileSync(payload, OTHER_BYTES);
    for (const [name, args] of [
      ["fetch-stage0.ts", []],
      ["recipes.ts", []],
      ["package.ts", ["deb"]],
    ] as const) {
      const env = {
        ...caller,
        TAG,
        DIST: join(folder, "dist"),
        FASTBOOP_STAGE0_EMBED_PATH: name === "recipes.ts" ? undefined : payload,
      };
      const { code, stderr } = await script(name, args, {
        env: { ...env, TARGET: name === "fetch-stage0.ts" ? AARCH64 : undefined },
      });
      assert.ok(stderr.includes(REFUSED.replace("(WITHDRAWN)", "(stage0.lock)")), `${name}: ${stderr}`);
      assert.is(code, 1);
    }

    const accepted = await fetchRun(github, { FASTBOOP_STAGE0_ACCEPT_WITHDRAWN: "1" });
    assert.is(accepted.code, 0, accepted.stderr);
    assert.match(accepted.stderr, `note: the release ${TAG} is withdrawn, and taken nevertheless: ${REASON}\n`);
    const both = await fetchRun(github, { FASTBOOP_STAGE0_ACCEPT_WITHDRAWN: "1" }, { folder, name: "lock.ts" });
    assert.is(both.code, 0, both.stderr);
    assert.match(fs.readFileSync(lock, "utf8"), /\[\[pin\]\][\s\S]*\[\[withdrawn\]\]/);

    const back = await mark(github, { REASON: undefined }, ["--undo"]);
    assert.is(back.code, 0, back.stderr);
    assert.is(await textOf(github), BODY);
    assert.equal(
      github
        .releases()[0]
        ?.assets.map(({ name }) => name)
        .sort(),
      ["SHA256SUMS", ...assets().map(({ name }) => name)]
        .sort()
        .filter((name, index, all) => all.indexOf(name) === index),
    );
    assert.is(String(await github.releases()[0]?.asset("SHA256SUMS").read()), SUMS);
    assert.is((await fetchRun(github, pinned)).code, 0);
    const fresh = await fetchRun(github, { FASTBOOP_STAGE0_ACCEPT_WITHDRAWN: "1" }, { folder, name: "lock.ts" });
    assert.is(fresh.code, 0, fresh.stderr);
    assert.not.match(fs.readFileSync(lock, "utf8"), "withdrawn");
  });
});

test("should mark a release that has no list, so that a pin does not override it", async () => {
  await withRelease(
    async (github) => {
      assert.is((await mark(github)).code, 0);
      refused(await fetchRun(github, { FASTBOOP_STAGE0_SHA256: SHA256 }));
      const list = String(await github.releases()[0]?.asset("SHA256SUMS").read());
      assert.match(list, new RegExp(`^${SHA256} {2}${ASSET}$`, "m"));
    },
    { SHA256SUMS: undefined },
  );
});

test("should want a tag, a reason of one line, a token and a release", async () => {
  await withRelease(async (github) => {
    const cases: [Env, RegExp, number][] = [
      [{ TAG: undefined }, /^error: no release is named\n/, 2],
      [{ REASON: undefined }, /^error: nothing says why the release is withdrawn\n/, 2],
      [{ REASON: "a\nb" }, /^error: nothing says why the release is withdrawn\n/, 2],
      [{ REASON: "a".repeat(501) }, /^error: nothing says why the release is withdrawn\n/, 2],
      [{ GH_ENTERPRISE_TOKEN: undefined }, /^error: withdrawing needs a token\n/, 2],
      [{ TAG: "v9.9.9" }, /^error: \S+ has no release v9\.9\.9\n/, 3],
    ];
    for (const [env, says, code] of cases) {
      const run = await mark(github, env);
      assert.match(run.stderr, says);
      assert.is(run.code, code);
      assert.is(run.stdout, "");
    }
    assert.equal(
      github.requests.filter(({ method }) => method !== "GET"),
      [],
    );
  });
});

test("should mark an immutable release in its text, for everyone who asks the API", async () => {
  const github = await startGitHub({ immutableReleases: true });
  try {
    await github.addRelease({ tag: TAG, body: BODY, assets: assets() });
    const [release] = github.releases();
    const before = release?.assets.map(({ id }) => id);
    const done = await mark(github);
    assert.is(
      done.stderr,
      `note: ${TAG} is immutable, so only its text can say so: who takes it without the API does not hear of it\n` +
        `${TAG} is withdrawn: ${REASON}\n`,
    );
    assert.is(done.code, 0);
    assert.is(await textOf(github), NOTE + BODY);
    assert.equal(
      release?.assets.map(({ id }) => id),
      before,
    );
    const told = REFUSED.replace("(WITHDRAWN)", "(the release's text)");
    const folder = newFolder();
    for (const [env, name] of [
      [{ ...token(github), FASTBOOP_STAGE0_SHA256: SHA256 }, "fetch-stage0.ts"],
      [{ TAG: "latest" }, "fetch-stage0.ts"],
      [token(github), "lock.ts"],
    ] as const) {
      const run = await fetchRun(github, env, { folder, name });
      assert.ok(run.stderr.includes(told), run.stderr);
      assert.is(run.code, 1);
    }
    // The lock tells those who do not ask.
    const plain = await fetchRun(github, { FASTBOOP_STAGE0_SHA256: SHA256 }, { folder });
    assert.ok(plain.stderr.includes(REFUSED.replace("(WITHDRAWN)", "(stage0.lock)")), plain.stderr);
    assert.is((await mark(github, { REASON: undefined }, ["--undo"])).code, 0);
    assert.is(await textOf(github), BODY);
    assert.is((await fetchRun(github, token(github))).code, 0);
    assert.equal(github.errors, []);
  } finally {
    await github.close();
  }
});

test.run();
