/**
 * A project that has its own pipeline adopts the gate, the list and the verified publication by the diff in
 * test/adoption/, as docs/adopting.md tells, and its release runs from tag to published assets.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { assetName } from "../scripts/lib/contract.ts";
import { digestFile } from "../scripts/lib/hash.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { startGitHub } from "./github/server.ts";
import type { Aim, Fault, GitHub } from "./github/types.ts";
import { lacking, namesIn, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { releaseFiles } from "./lib/release.ts";
import { type Result, WorkflowRun } from "./lib/runner.ts";

const test = suite("adoption");
const NEEDS = lacking({ programs: ["bash", "cargo", "git", "tar"] });
const REPO = "someone/fastboop";
const TAG = "v0.3.0-rc.2";
const X = "fastboop-stage0-x86_64-unknown-linux-musl";
const A = "fastboop-stage0-aarch64-unknown-linux-musl";
const DIFF = join(PROJECT, "test", "adoption", "adopt.diff");
const ASSETS = [
  "SHA256SUMS",
  "fastboop-cli-x86_64-unknown-linux-musl.tar.gz",
  "fastboop-desktop-x86_64.flatpak",
  A,
  X,
  `fastboop-web-${TAG}.tar.gz`,
  "fastboop_0.3.0.rc2_amd64.deb",
];
const JOBS = ["gate", "release", "ci/check", "ci/stage0-static", "ci/build", "ci/web-build", "ci", "flatpak"];
const LATER = ["stage0-preflight", "debian", "publish-assets", "publish-release", "publish-crates"];

/** The project's workflows after the adoption. */
async function adopted(): Promise<string> {
  const folder = temporaryFolder("adopted");
  const workflows = join(folder, ".github", "workflows");
  fs.cpSync(join(PROJECT, "test", "adoption", "workflows"), workflows, { recursive: true });
  const { code, stderr } = await runProgram(["git", "apply", "-p1", DIFF], { cwd: folder });
  assert.is(code, 0, stderr);
  return workflows;
}

/** What softprops/action-gh-release does, by the API: the draft, its files, and publication. */
const ghRelease =
  (github: GitHub) =>
  async (given: Record<string, unknown>): Promise<string> => {
    assert.is(given.files, undefined);
    const headers = { authorization: `Bearer ${given.token}`, "content-type": "application/json" };
    const releases = `${github.api}/repos/${REPO}/releases`;
    const tag = String(given.tag_name);
    const found = github.releases(REPO).find((release) => release.tag === tag);
    const body = JSON.stringify({ tag_name: tag, draft: given.draft, prerelease: true });
    const [url, method] = found === undefined ? [releases, "POST"] : [`${releases}/${found.id}`, "PATCH"];
    // It leaves a release that is public as it is.
    if (found?.draft === false || (found && given.draft)) return "there already";
    const { status } = await fetch(url, { method, headers, body });
    if (status > 299) throw new Error(`${method} ${url}: ${status}`);
    return method;
  };

interface Run {
  run: WorkflowRun;
  results: Record<string, Result>;
}

async function release(github: GitHub, folder: string, prebuilt: string): Promise<Run> {
  const run = new WorkflowRun({
    checkout: (to) => fs.writeFileSync(join(to, "Cargo.lock"), "version = 4\n"),
    github: { repository: REPO, token: github.token, ref: `refs/tags/${TAG}`, ref_name: TAG },
    secrets: { RELEASE_GITHUB_TOKEN: github.token },
    actions: { "softprops/action-gh-release": ghRelease(github) },
    env: {
      PATH: process.env.PATH ?? "",
      PREBUILT: prebuilt,
      GITHUB_SERVER_URL: github.server,
      GITHUB_API_URL: github.api,
      FASTBOOP_STAGE0_STALL_TIMEOUT: "5",
    },
    folder,
  });
  return { run, results: await run.run("release.yml") };
}

const failures = ({ run }: Run): string =>
  run.steps
    .filter(({ result }) => result === "failure")
    .map(({ job, step, output }) => `${job}: ${step}: ${output}`)
    .join("\n");

/** The repository exists with its first release. */
const earlier = (github: GitHub) => github.addRelease({ repo: REPO, tag: "v0.0.1" });

/** Both files as cargo leaves them; `swapped`: each under the other's name. */
async function prebuilt(swapped = false): Promise<string> {
  const files = Object.entries(await releaseFiles());
  const folder = temporaryFolder("prebuilt");
  const names = files.map(([triple]) => assetName(triple));
  if (swapped) names.reverse();
  for (const [index, [, path]] of files.entries()) fs.copyFileSync(path, join(folder, names[index] ?? ""));
  return folder;
}

async function holds(github: GitHub, { results, ...rest }: Run): Promise<void> {
  assert.equal(
    results,
    Object.fromEntries([...JOBS, ...LATER].map((job) => [job, "success"])),
    failures({ results, ...rest }),
  );
  const published = github.releases(REPO).find(({ tag }) => tag === TAG);
  assert.is(published?.draft, false);
  assert.equal((published?.assets ?? []).map(({ name }) => name).sort(), ASSETS);
  const sums = (await published?.asset("SHA256SUMS").read())?.toString() ?? "";
  const lines = (published?.assets ?? []).map(({ name, sha256 }) => `${sha256}  ${name}`);
  assert.equal(
    sums.trim().split("\n"),
    lines.filter((line) => !line.endsWith("SHA256SUMS")).sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)),
  );
  const files = await releaseFiles();
  assert.is(published?.asset(A).sha256, digestFile(files["aarch64-unknown-linux-musl"]).sha256);
  assert.equal(github.errors, []);
}

test("should change 60 lines of the project's own workflows at most", () => {
  const changed = fs
    .readFileSync(DIFF, "utf8")
    .split("\n")
    .filter((line) => /^[+-](?!\+\+ |-- )/.test(line));
  assert.ok(changed.length <= 60, `${changed.length} lines`);
  assert.equal(
    namesIn(join(PROJECT, "test", "adoption", "workflows")).filter((name) =>
      fs.readFileSync(DIFF, "utf8").includes(name),
    ),
    ["ci.yml", "release.yml"],
  );
});

testUnless(test, NEEDS, "should release from tag to published assets, those of the other jobs among them", async () => {
  const github = await startGitHub({ immutableReleases: true });
  try {
    await earlier(github);
    const ran = await release(github, await adopted(), await prebuilt());
    await holds(github, ran);
    for (const { output } of ran.run.steps) assert.not.match(output, github.token);
    const gated = ran.run.steps.filter(({ step }) => step.endsWith("/actions/preflight"));
    assert.equal(
      gated.map(({ job, output }) => [job, output.split("\n").length - 1]),
      [
        ["ci/stage0-static", 1],
        ["ci/stage0-static", 1],
        ["stage0-preflight", 2],
      ],
    );
  } finally {
    await github.close();
  }
});

testUnless(test, NEEDS, "should stop at the gate, and leave an empty draft, when the files are swapped", async () => {
  const github = await startGitHub({});
  try {
    await earlier(github);
    const ran = await release(github, await adopted(), await prebuilt(true));
    assert.equal([ran.results["ci/stage0-static"], ran.results["publish-assets"]], ["failure", "skipped"]);
    assert.match(failures(ran), "machine");
    assert.equal(
      github.releases(REPO).map(({ tag, draft, assets }) => [tag, draft, assets.length]),
      [
        [TAG, true, 0],
        ["v0.0.1", false, 0],
      ],
    );
  } finally {
    await github.close();
  }
});

/** At each kind of network step of the publication, and lasting, so that no retry helps. */
const FAULTS: readonly (Fault & Aim)[] = [
  { on: "upload", kind: "status", status: 502, times: Number.POSITIVE_INFINITY },
  { on: "blob", kind: "corrupt", at: 100, times: Number.POSITIVE_INFINITY },
];
testUnless(test, NEEDS, "should leave a draft after any fault, which the next run completes", async () => {
  const github = await startGitHub({});
  try {
    await earlier(github);
    const [folder, files] = [await adopted(), await prebuilt()];
    for (const fault of FAULTS) {
      github.reset({ releases: true });
      await earlier(github);
      github.fault(fault);
      const { results } = await release(github, folder, files);
      assert.equal([results["publish-assets"], results["publish-release"]], ["failure", "skipped"], fault.on);
      assert.is(github.releases(REPO).find(({ tag }) => tag === TAG)?.draft, true);
      github.reset();
      await holds(github, await release(github, folder, files));
    }
  } finally {
    await github.close();
  }
});

/** A workflow of somebody who takes the actions that the pipeline above does not call. */
const CONSUMER = `
on: push
jobs:
  one:
    runs-on: ubuntu-24.04
    steps:
      - id: fetch
        uses: samcday/stage0-distribution/ci/actions/fetch-stage0@v1
        with: { tag: ${TAG}, repository: ${REPO}, trust: sums }
      - id: stage0
        uses: samcday/stage0-distribution/ci/actions/stage0@v1
        with: { target: aarch64-unknown-linux-musl, path: built }
      - run: cmp "$FETCHED" "$BUILT" && cmp "$FETCHED" "$FASTBOOP_STAGE0_PATH"
        env:
          FETCHED: \${{ steps.fetch.outputs.path }}
          BUILT: \${{ steps.stage0.outputs.path }}
      - uses: samcday/stage0-distribution/ci/actions/phone@v1
        with: { path: built, target: aarch64-unknown-linux-musl }
`;

testUnless(test, NEEDS, "should fetch, build and ask for a phone as another repository calls the actions", async () => {
  const github = await startGitHub({});
  try {
    const folder = temporaryFolder("consumer");
    fs.writeFileSync(join(folder, "consumer.yml"), CONSUMER);
    const files = await releaseFiles();
    const assets = Object.entries(files).map(([triple, file]) => ({ name: assetName(triple), file }));
    const sums = assets.map(({ name, file }) => `${digestFile(file).sha256}  ${name}\n`).join("");
    await github.addRelease({ repo: REPO, tag: TAG, assets: [...assets, { name: "SHA256SUMS", bytes: sums }] });
    const run = new WorkflowRun({
      checkout: () => {},
      github: { repository: REPO, token: github.token },
      env: {
        PATH: process.env.PATH ?? "",
        GITHUB_SERVER_URL: github.server,
        GITHUB_API_URL: github.api,
        FASTBOOP_STAGE0_CACHE: temporaryFolder("cache"),
      },
      folder,
    });
    assert.equal(await run.run("consumer.yml"), { one: "failure" });
    const [fetch, stage0, compared, phone] = run.steps;
    for (const step of [fetch, stage0, compared]) assert.is(step?.result, "success", step?.output);
    assert.is(fetch?.output.includes("SHA256SUMS"), true);
    // The example's stage0 is none that fastboop boots, which is known before anything is built for a phone.
    assert.is(
      phone?.output,
      `::error file=built/${A}::built/${A}: reads no stage0.rootfs and so is no stage0 of fastboop's%0A` +
        "  fix:      make boot TARGET=aarch64-unknown-linux-musl boots it as PID 1\n",
    );
  } finally {
    await github.close();
  }
});

test.run();
