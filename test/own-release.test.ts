/** This project's own release, executed from tag to published assets, and the tag by which others use its actions. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { bundleName } from "../scripts/lib/contract.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { moveMajorTag } from "../scripts/lib/release/own.ts";
import { readTag } from "../scripts/lib/tags.ts";
import { ownVersion } from "../scripts/lib/version.ts";
import { OWN_WORKFLOWS } from "../scripts/lib/workflow-files.ts";
import { startGitHub } from "./github/server.ts";
import { git } from "./lib/git.ts";
import { copyProject, isDeno, lacking, runProgram, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { WorkflowRun } from "./lib/runner.ts";
import { Sigstore, subjectsOf } from "./lib/sigstore.ts";

const test = suite("own release");
const REPO = "someone/stage0-distribution";
const VERSION = ownVersion();
const TAG = `v${VERSION}`;
const NEEDS = lacking({ programs: ["bash", "git"] });

/** A remote repository with a commit for each tag, and what makes a folder a clone of it. */
async function remote(...tags: string[]) {
  const folder = temporaryFolder("remote");
  await git(folder, "init", "--quiet");
  for (const tag of tags) {
    await git(folder, "commit", "--quiet", "--allow-empty", "-m", tag);
    await git(folder, "tag", tag);
  }
  const clone = (to: string): void => {
    execFileSync("git", ["init", "--quiet"], { cwd: to });
    execFileSync("git", ["remote", "add", "origin", folder], { cwd: to });
  };
  return { clone, at: (ref: string) => git(folder, "rev-parse", "--verify", `${ref}^{commit}`), folder };
}

testUnless(test, NEEDS, "should publish the tools, their provenance and the list, and move the major tag", async () => {
  const github = await startGitHub({ tls: true, immutableReleases: true });
  const origin = await remote("v0.0.9", TAG);
  const sigstore = await Sigstore.make();
  const root = join(temporaryFolder("sigstore"), "root.json");
  fs.writeFileSync(root, JSON.stringify(sigstore.root()));
  try {
    await github.addRelease({ repo: REPO, tag: "v0.0.9" });
    const run = new WorkflowRun({
      folder: OWN_WORKFLOWS,
      attest: async (list) => {
        const subject = subjectsOf(list);
        return JSON.stringify(
          await sigstore.sign({ name: "", sha256: "", tag: TAG, repo: REPO, workflow: "release.yml", subject }),
        );
      },
      checkout: (folder) => {
        copyProject(folder);
        const changelog = join(folder, "docs", "changelog.md");
        fs.writeFileSync(changelog, fs.readFileSync(changelog, "utf8").replace("## Unreleased", `## ${VERSION}`));
        origin.clone(folder);
      },
      github: { repository: REPO, token: github.token, ref: `refs/tags/${TAG}` },
      env: {
        PATH: process.env.PATH ?? "",
        RUNTIME: isDeno ? "deno" : "node",
        GITHUB_EVENT_NAME: "push",
        GITHUB_REF: `refs/tags/${TAG}`,
        GITHUB_SERVER_URL: github.server,
        GITHUB_API_URL: github.api,
        NODE_EXTRA_CA_CERTS: github.caFile,
        FASTBOOP_STAGE0_TRUSTED_ROOT: root,
      },
    });
    const results = await run.run("release.yml");
    const failed = run.steps
      .filter(({ result }) => result === "failure")
      .map(({ step, output }) => `${step}: ${output}`);
    const jobs = ["decide", "assets", "attest", "publish", "major-tag"];
    assert.equal(results, Object.fromEntries(jobs.map((job) => [job, "success"])), failed.join("\n"));
    const release = github.releases(REPO).find(({ tag }) => tag === TAG);
    assert.is(release?.draft, false);
    const tools = "stage0-tools.tar.gz";
    const names = ["SHA256SUMS", "fastboop-stage0.intoto.jsonl", tools, bundleName(tools)];
    assert.equal((release?.assets ?? []).map(({ name }) => name).sort(), names);
    assert.is(await origin.at(`v${VERSION.split(".")[0]}`), await origin.at(TAG));
    assert.equal(github.errors, []);
  } finally {
    await github.close();
  }
});

test("should refuse a tag that is not of this version or not in the changelog", async () => {
  const env = { TOOLS: "1", GITHUB_EVENT_NAME: "push", GITHUB_REF: "refs/tags/v9.9.9" };
  const { code, stdout, stderr } = await script("release-gate.ts", [], { env });
  const fix = "  fix:      delete the tag, make the release's commit as docs/releasing.md says, and tag that\n";
  assert.is(
    stderr,
    `error: the tag is not of this version\n  expected: v${VERSION}, by package.json\n  got:      v9.9.9\n${fix}` +
      `error: docs/changelog.md: has no section 9.9.9\n${fix}`,
  );
  assert.is(stdout, "");
  assert.is(code, 1);
  const { version, packages } = JSON.parse(fs.readFileSync(join(PROJECT, "package-lock.json"), "utf8"));
  assert.equal([version, packages[""].version], [VERSION, VERSION]);
});

testUnless(
  test,
  NEEDS,
  "should move the major tag to the newest final release of its major version alone",
  async () => {
    const origin = await remote("v1.0.0", "v1.2.0-rc.1", "v1.1.10", "v1.1.9", "v2.0.0");
    const clone = temporaryFolder("clone");
    origin.clone(clone);
    const move = (tag: string) => moveMajorTag(readTag(tag, "TAG"), clone);
    for (const tag of ["v1.1.9", "v1.2.0-rc.1", "v1.0.0"]) assert.is(await move(tag), undefined);
    assert.is((await runProgram(["git", "rev-parse", "--verify", "--quiet", "v1"], { cwd: origin.folder })).code, 1);
    assert.is(await move("v1.1.10"), "v1");
    assert.is(await origin.at("v1"), await origin.at("v1.1.10"));
    await git(origin.folder, "tag", "v1.1.11", "v2.0.0");
    assert.is(await move("v1.1.11"), "v1");
    assert.is(await origin.at("v1"), await origin.at("v2.0.0"));
  },
);

test.run();
