import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { assetName, bundleName, RELEASE_ASSETS, verdictsName } from "../scripts/lib/contract.ts";
import { digestFile } from "../scripts/lib/hash.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { startGitHub } from "./github/server.ts";
import type { GitHub } from "./github/types.ts";
import {
  copyProject,
  copyWorkspace,
  isDeno,
  lacking,
  namesIn,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { releaseFiles } from "./lib/release.ts";
import { type Result, WorkflowRun } from "./lib/runner.ts";
import { Sigstore, subjectsOf } from "./lib/sigstore.ts";

const test = suite("workflows executed");
const NEEDS = lacking({
  root: true,
  programs: ["bash", "busybox", "cargo", "dpkg-buildpackage", "rpmbuild", "qemu-system-x86_64", "qemu-system-aarch64"],
});
/** Neither the repository that is the default nor the workspace's version: a tag's own are what counts. */
const REPO = "someone/phones";
const TAG = "v0.2.0-rc.1";
const JOBS = ["decide", "draft", "ci/contract", "ci/stage0-static", "ci", "stage0-preflight"];
const PACKAGES = ["phone", "debian/debian", "debian", "alpine/alpine", "alpine", "rpm/rpm", "rpm"];
const RELEASE = ["assets", "attest", "publish", "consume"];

/** What the toolchains are kept by: key and path. */
const { stdout: names } = NEEDS === undefined ? await script("toolchain.ts", ["--key"]) : { stdout: "" };
const TOOLCHAINS = names
  .trim()
  .split("\n")
  .map((name) => `${name} ~/.cache/stage0-distribution/toolchain`);

/** A repository as the workflows expect it: fastboop's workspace with this project in stage0-distribution/. */
function checkout(folder: string): void {
  copyWorkspace(folder);
  copyProject(join(folder, "stage0-distribution"));
}

async function release(
  github: GitHub,
  event: Record<string, string>,
  file = "release.yml",
  inputs: Record<string, string> = {},
): Promise<{ run: WorkflowRun; results: Record<string, Result> }> {
  const sigstore = await Sigstore.make();
  const root = join(temporaryFolder("sigstore"), "root.json");
  fs.writeFileSync(root, JSON.stringify(sigstore.root()));
  const attest = async (list: string, result?: { type: string; predicate: unknown }): Promise<string> => {
    const subject = subjectsOf(list);
    const signed = { name: "", sha256: "", tag: TAG, repo: REPO, workflow: file, subject };
    const tested = result && { predicateType: result.type, predicate: result.predicate };
    return JSON.stringify(await sigstore.sign({ ...signed, ...tested }));
  };
  const run = new WorkflowRun({
    attest,
    checkout,
    github: { repository: REPO, token: github.token, ref: event.GITHUB_REF ?? "" },
    env: {
      ...event,
      PATH: `${join(PROJECT, "test", "packaging")}:${process.env.PATH}`,
      RUNTIME: isDeno ? "deno" : "node",
      GITHUB_SERVER_URL: github.server,
      GITHUB_API_URL: github.api,
      NODE_EXTRA_CA_CERTS: github.caFile,
      FASTBOOP_STAGE0_TRUSTED_ROOT: root,
    },
  });
  const results = await run.run(file, inputs);
  for (const { job, step, result, output } of run.steps) {
    if (result === "failure") throw new Error(`${job}: ${step}: ${output}`);
    for (const secret of github.secrets) assert.not.ok(output.includes(secret), `${job}: ${step}: a secret in the log`);
  }
  assert.equal(github.errors, []);
  return { run, results };
}

testUnless(
  test,
  NEEDS,
  "should publish a pushed tag: every job in order, every asset verified, the draft published last",
  async () => {
    const github = await startGitHub({ tls: true, immutableReleases: true });
    try {
      await github.addRelease({ repo: REPO, tag: "v0.0.9" });
      const { run, results } = await release(github, { GITHUB_EVENT_NAME: "push", GITHUB_REF: `refs/tags/${TAG}` });
      assert.equal(results, Object.fromEntries([...JOBS, ...PACKAGES, ...RELEASE].map((job) => [job, "success"])));

      const published = github.releases(REPO).find(({ tag }) => tag === TAG);
      assert.is(published?.draft, false);
      const names = [
        "SHA256SUMS",
        "fastboop-stage0-0.2.0.rc1-1.noarch.rpm",
        "fastboop-stage0-0.2.0_rc1-r0.apk",
        "fastboop-stage0-aarch64-unknown-linux-musl",
        "fastboop-stage0-x86_64-unknown-linux-musl",
        "fastboop-stage0.NOTICE",
        "fastboop-stage0.buildinfo.json",
        "fastboop-stage0.cdx.json",
        "fastboop-stage0_0.2.0.rc1_all.deb",
        "stage0-tools.tar.gz",
      ];
      const files = names.filter((name) => name !== "SHA256SUMS");
      const all = [
        ...names,
        ...files.map(bundleName),
        ...RELEASE_ASSETS.map(verdictsName),
        "fastboop-stage0.intoto.jsonl",
      ];
      assert.equal((published?.assets ?? []).map(({ name }) => name).sort(), all.sort());
      const built = join(run.artifacts, "fastboop-stage0-aarch64", "fastboop-stage0-aarch64-unknown-linux-musl");
      assert.is(published?.asset("fastboop-stage0-aarch64-unknown-linux-musl").sha256, digestFile(built).sha256);
      const sums = (await published?.asset("SHA256SUMS").read())?.toString() ?? "";
      const listed = (list = ""): string[] =>
        list
          .trimEnd()
          .split("\n")
          .map((line) => line.slice(66));
      assert.equal(run.attested.map(listed), [files, ...[...RELEASE_ASSETS].map((name) => [name])]);
      assert.equal(
        listed(sums),
        all.filter((name) => name !== "SHA256SUMS"),
      );
      const boots = run.steps.filter(
        ({ job, step }) => job === "ci/stage0-static" && step.endsWith("/ci/actions/preflight"),
      );
      assert.is(boots.length, 2);
      for (const { output } of boots) assert.match(output, /: ran as PID 1, powered the machine off\n/);
      const phone = run.steps.find(({ step }) => step === "make preflight BOOT=1 PHONE=1");
      assert.equal(phone?.output.match(/^phone: leaves out .*/gm)?.length, 2, phone?.output);
      // A release takes no toolchain that another run left; only phone has those of this one.
      assert.equal(run.cached, [
        ...TOOLCHAINS.map((key) => `save ${key}`),
        ...TOOLCHAINS.map((key) => `restore ${key}`),
      ]);
      // What is signed is what the phone's job came to.
      for (const name of RELEASE_ASSETS) {
        const { dsseEnvelope } = JSON.parse(String(await published?.asset(verdictsName(name)).read()));
        const { predicate } = JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString());
        const said = fs.readFileSync(join(run.artifacts, "verdicts", `${name}.test-result.json`), "utf8");
        assert.equal(predicate, JSON.parse(said));
        assert.match(String(predicate.passedTests[1]), /^booted it on Linux /);
      }
      const consume = run.steps.filter(({ job }) => job === "consume").at(-1);
      assert.match(consume?.output ?? "", /^ {2}provenance +agrees$/m);
      assert.match(consume?.output ?? "", /fetched\/v0\.2\.0-rc\.1\/fastboop-stage0-aarch64-unknown-linux-musl\n/);
    } finally {
      await github.close();
    }
  },
);

testUnless(test, NEEDS, "should rehearse a release branch, and touch no release", async () => {
  const github = await startGitHub({ tls: true });
  const event = join(temporaryFolder(), "event.json");
  fs.writeFileSync(
    event,
    JSON.stringify({
      pull_request: { head: { ref: `release/${TAG}`, repo: { full_name: REPO } }, base: { repo: { full_name: REPO } } },
    }),
  );
  try {
    const { run, results } = await release(github, {
      GITHUB_EVENT_NAME: "pull_request",
      GITHUB_REF: "refs/pull/1/merge",
      GITHUB_EVENT_PATH: event,
    });
    const skipped = ["draft", "attest", "publish", "consume"];
    assert.equal(
      results,
      Object.fromEntries(
        [...JOBS, ...PACKAGES, ...RELEASE].map((job) => [job, skipped.includes(job) ? "skipped" : "success"]),
      ),
    );
    assert.equal(github.requests, []);
    assert.equal(run.cached, [
      ...TOOLCHAINS.flatMap((key) => [`restore ${key}`, `save ${key}`]),
      ...TOOLCHAINS.map((key) => `restore ${key}`),
    ]);
    assert.ok(namesIn(join(run.artifacts, "release-assets")).includes("SHA256SUMS"));
  } finally {
    await github.close();
  }
});

testUnless(test, NEEDS, "should package the verified file of the release that is asked for", async () => {
  const github = await startGitHub({ tls: true });
  const files = await releaseFiles();
  const assets = Object.entries(files).map(([target, file]) => ({ name: assetName(target), file }));
  const list = assets.map(({ name, file }) => `${digestFile(file).sha256}  ${name}\n`).join("");
  const { sha256 } = digestFile(files["aarch64-unknown-linux-musl"]);
  try {
    await github.addRelease({ tag: TAG, assets: [...assets, { name: "SHA256SUMS", bytes: list }] });
    for (const [name, artifact, file] of [
      ["debian", "fastboop-stage0-deb", "fastboop-stage0_0.2.0.rc1_all.deb"],
      ["rpm", "fastboop-stage0-rpm", "fastboop-stage0-0.2.0.rc1-1.noarch.rpm"],
      ["alpine", "fastboop-stage0-apk", "fastboop-stage0-0.2.0_rc1-r0.apk"],
    ] as const) {
      const event = {
        GITHUB_EVENT_NAME: "workflow_dispatch",
        FASTBOOP_STAGE0_TRUST: "sums",
        FASTBOOP_STAGE0_CACHE: temporaryFolder("cache"),
      };
      const { run, results } = await release(github, event, `${name}.yml`, { tag: TAG });
      assert.equal(results, { [name]: "success" });
      assert.equal(namesIn(join(run.artifacts, artifact)), [file]);
      const built = run.steps.find(({ step }) => step.startsWith("make package-"));
      assert.match(built?.output ?? "", "the package contains the payload unchanged: ");
      assert.match(built?.output ?? "", `sha256 ${sha256}\n`);
    }
    assert.is(github.log("blob").length, 6, "the list and the file, for each");
  } finally {
    await github.close();
  }
});

test("should do nothing for any other pull request", async () => {
  const github = await startGitHub({});
  try {
    const { results } = await release(github, { GITHUB_EVENT_NAME: "pull_request", GITHUB_REF: "refs/pull/1/merge" });
    for (const [job, result] of Object.entries(results))
      assert.is(result, job === "decide" ? "success" : "skipped", job);
    assert.equal(github.requests, []);
  } finally {
    await github.close();
  }
});

test("should stop at a step that it has no stand-in for", async () => {
  const folder = temporaryFolder();
  fs.writeFileSync(
    join(folder, "x.yml"),
    "on: push\njobs:\n  x:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: someone/else@v1\n",
  );
  const run = new WorkflowRun({ checkout, github: {}, env: {}, folder });
  try {
    await run.run("x.yml");
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, "no stand-in for the action someone/else@v1");
  }
});

test.run();
