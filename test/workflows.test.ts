import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { ACTIONS, checkActions } from "../ci/dev/lib/actions.ts";
import { indexDigest, pinImages } from "../ci/dev/lib/images.ts";
import { checkWorkflows, readWorkflows } from "../ci/dev/lib/workflows.ts";
import { decideRelease } from "../scripts/lib/release/decision.ts";
import { WORKFLOW_FOLDER } from "../scripts/lib/workflow-files.ts";
import { devScript, failureOf, lacking, namesIn, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("workflows");
const NAMES = ["alpine.yml", "ci.yml", "debian.yml", "release.yml", "rpm.yml"];

/** The project's workflows in a folder of their own, one of them changed. */
function seed(file: string, change: (text: string) => string): string {
  const folder = temporaryFolder();
  for (const name of readdirSync(WORKFLOW_FOLDER)) {
    const text = readFileSync(join(WORKFLOW_FOLDER, name), "utf8");
    const changed = name === file ? change(text) : text;
    if (name === file) assert.is.not(changed, text, "the seed has to change the file");
    writeFileSync(join(folder, name), changed);
  }
  return folder;
}
const problems = async (folder: string) => checkWorkflows(await readWorkflows(folder));
const whats = async (folder: string) => (await problems(folder)).map(({ file, what }) => `${file}: ${what}`);

test("should find nothing wrong with the project's own", async () => {
  assert.equal(await problems(WORKFLOW_FOLDER), []);
});

/** One thing wrong in the project's own, and what is told of it. */
const CALLS: [what: string, file: string, from: string, to: string, problem: Record<string, string>][] = [
  [
    "a call of a workflow that is not there",
    "release.yml",
    "./.github/workflows/debian.yml",
    "./.github/workflows/deb.yml",
    {
      what: "job debian calls a workflow that is not there",
      got: "./.github/workflows/deb.yml",
      fix: "name a file of this folder",
    },
  ],
  [
    "a call of a workflow that cannot be called",
    "rpm.yml",
    "  workflow_call:\n",
    "  repository_dispatch:\n",
    { what: "job rpm calls rpm.yml, which has no workflow_call trigger", fix: "add on: workflow_call to rpm.yml" },
  ],
  [
    "an input that is unknown",
    "release.yml",
    "workflows/rpm.yml\n    with:\n",
    "$&      release: v1.0.0\n",
    { what: "job rpm gives rpm.yml an input it does not take: release", expected: "tag, version, epoch" },
  ],
  [
    "an input that is missing",
    "rpm.yml",
    'default: ""',
    "required: true",
    { what: "job rpm does not give rpm.yml its required input tag" },
  ],
  [
    "an input of the wrong type",
    "release.yml",
    "workflows/rpm.yml\n    with:\n",
    "$&      tag: 1\n",
    { what: "job rpm gives rpm.yml an input of the wrong type: tag", expected: "string", got: "number" },
  ],
  [
    "an artifact that nobody uploads",
    "debian.yml",
    "name: fastboop-stage0-aarch64",
    "name: fastboop-stage0-arm64",
    {
      file: "debian.yml",
      what: "job debian downloads an artifact that nothing in a run of release.yml uploads: fastboop-stage0-arm64",
      expected:
        "attestation-aarch64, attestation-provenance, attestation-x86_64, fastboop-stage0-aarch64, fastboop-stage0-apk, fastboop-stage0-deb, fastboop-stage0-rpm, fastboop-stage0-x86_64, log-aarch64, log-phone, log-x86_64, release-assets, test-result-aarch64, test-result-x86_64, verdicts",
    },
  ],
];
for (const [what, file, from, to, problem] of CALLS) {
  test(`should find ${what}`, async () => {
    const found = await problems(seed(file, (text) => text.replace(from, to)));
    assert.equal(found, [{ file: "release.yml", ...problem }]);
  });
}

test("should find a pattern that no artifact matches", async () => {
  const folder = seed("release.yml", (text) => text.replace("pattern: fastboop-stage0-*", "pattern: stage0-*"));
  assert.equal(await whats(folder), [
    "release.yml: job assets downloads an artifact that nothing in a run of release.yml uploads: stage0-*",
  ]);
});

/** The line of a workflow, from 1, that a text is on. */
const lineOf = (file: string, part: string): number =>
  readFileSync(join(WORKFLOW_FOLDER, file), "utf8").split(part)[0]?.split("\n").length ?? 0;

test("should find actions that are not pinned, or whose version nobody can read", async () => {
  const line = lineOf("ci.yml", "uses: actions/checkout@");
  for (const pin of ["@v4", "@11bd719 # v4.2.2", `@${"1".repeat(40)}`]) {
    const folder = seed("ci.yml", (text) => text.replace(/(?<=actions\/checkout)@[0-9a-f]{40} # v.*/, pin));
    assert.equal(
      (await problems(folder)).map(({ got: _, ...problem }) => problem),
      [
        {
          file: "ci.yml",
          what: `line ${line}: an action is not pinned by its digest with the version in a comment`,
          expected: "actions/checkout@<40 hexadecimal digits> # vX.Y.Z",
        },
      ],
    );
  }
});

test("should find an action in whatever form YAML allows", async () => {
  const line = lineOf("ci.yml", "uses: actions/setup-node@");
  const unread = "ci.yml: job contract has a uses: that is not on a line of its own";
  for (const [to, what] of [
    ["- { uses: actions/setup-node@v4 }\n", unread],
    ['- "uses": actions/setup-node@v4\n', unread],
    ["- uses: >-\n          actions/setup-node@v4\n", unread],
    [
      "-   uses: actions/setup-node@v4\n",
      `ci.yml: line ${line}: an action is not pinned by its digest with the version in a comment`,
    ],
  ] as const) {
    const from = /- uses: actions\/setup-node@.*\n( {8}.*\n)*/;
    const found = await whats(seed("ci.yml", (text) => text.replace(from, to)));
    assert.ok(found.includes(what), JSON.stringify(found));
  }
});

test("should read a workflow whose triggers are a name or a list, and one that is empty", async () => {
  for (const on of ["push", "[push, pull_request]"]) {
    const folder = seed("ci.yml", (text) => text.replace(/^on:\n(?: .*\n)+/m, `on: ${on}\n`));
    assert.equal(
      (await whats(folder)).filter((what) => what.includes("trigger")),
      ["release.yml: job ci calls ci.yml, which has no workflow_call trigger"],
    );
  }
  assert.equal(await problems(seed("rpm.yml", (text) => text.replace(/^on:\n(?: .*\n)+/m, "on: workflow_call\n"))), [
    {
      file: "release.yml",
      what: "job rpm gives rpm.yml an input it does not take: version",
      expected: "no input",
    },
    {
      file: "release.yml",
      what: "job rpm gives rpm.yml an input it does not take: epoch",
      expected: "no input",
    },
  ]);
  assert.is(
    (await whats(seed("alpine.yml", () => "")))[0],
    "release.yml: job alpine calls alpine.yml, which has no workflow_call trigger",
  );
});

test("should find logic inside run:", async () => {
  for (const run of [
    "|\n          make stage0\n          make boot",
    "make stage0 && make boot",
    "make stage0 TARGET=${{ github.head_ref }}",
    "npm ci",
    "make stage0; true",
    "5",
  ]) {
    const folder = seed("ci.yml", (text) => text.replace("run: make toolchain-key", `run: ${run}`));
    assert.equal(await whats(folder), ["ci.yml: job stage0-static has logic inside run:"], run);
  }
});

testUnless(
  test,
  lacking({ programs: ["shellcheck"] }),
  "should pass lint, and fail it on what actionlint and shellcheck find",
  async () => {
    const good = await devScript("lint-workflows.ts");
    assert.equal({ code: good.code, stdout: good.stdout, stderr: good.stderr }, { code: 0, stdout: "", stderr: "" });

    const cycle = await devScript("lint-workflows.ts", [
      seed("release.yml", (text) => text.replace("needs: ci\n", "needs: [ci, publish]\n")),
    ]);
    assert.match(cycle.stderr, /^error: actionlint\n {2}got: [\s\S]*cyclic dependencies/);
    assert.is(cycle.code, 1);

    const block = await devScript("lint-workflows.ts", [
      seed("ci.yml", (text) => text.replace("run: make toolchain-key", "run: cd $HOME && make stage0")),
    ]);
    assert.match(block.stderr, /error: ci\.yml: shellcheck: run: of job stage0-static\n {2}got: [\s\S]*SC2086/);
    assert.is(block.code, 1);
  },
);

test("should install into a repository once, and say when a copy has drifted", async () => {
  const repository = temporaryFolder("it's a repo");
  const env = { WORKSPACE: repository };
  const folder = join(repository, ".github", "workflows");
  const run = (args: string[] = [], extra = {}) => script("install-workflows.ts", args, { env: { ...env, ...extra } });

  const absent = await run(["--check"]);
  assert.match(absent.stderr, /^error: .*alpine\.yml: is not there\n {2}fix: {6}make install-workflows\n/);
  assert.is(absent.code, 1);

  const first = await run();
  assert.is(first.stdout, NAMES.map((name) => `${join(folder, name)}\n`).join(""));
  assert.is(first.code, 0);
  assert.equal(namesIn(folder), NAMES);
  for (const name of NAMES)
    assert.is(readFileSync(join(folder, name), "utf8"), readFileSync(join(WORKFLOW_FOLDER, name), "utf8"));
  assert.is((await run(["--check"])).code, 0);

  const second = await run();
  assert.is(second.stdout, "");
  assert.is(second.code, 0);

  const [mark] = readFileSync(join(folder, "ci.yml"), "utf8").split(/(?<=\n)/);
  const changed = `${mark}changed\n`;
  writeFileSync(join(folder, "ci.yml"), changed);
  const drift = await run(["--check"]);
  assert.is(
    drift.stderr,
    `error: ${join(folder, "ci.yml")}: differs from the project's\n  fix:      make install-workflows FORCE=1\n`,
  );
  assert.is(drift.code, 1);
  const refused = await run();
  assert.is(
    refused.stderr,
    `error: ${join(folder, "ci.yml")}: is there and differs; nothing was written\n  fix:      FORCE=1 writes over it\n`,
  );
  assert.is(refused.code, 2);
  assert.is(readFileSync(join(folder, "ci.yml"), "utf8"), changed);

  const forced = await run([], { FORCE: "1" });
  assert.is(forced.stdout, `${join(folder, "ci.yml")}\n`);
  assert.is((await run(["--check"])).code, 0);
  assert.is(statSync(join(folder, "ci.yml")).mode & 0o777, 0o644);
});

test("should lay the workflows beside a repository's own, and never touch those", async () => {
  const repository = temporaryFolder();
  const folder = join(repository, ".github", "workflows");
  mkdirSync(folder, { recursive: true });
  const own = { "ci.yml": "name: theirs\n", "docs.yml": "name: docs\n" };
  for (const [name, text] of Object.entries(own)) writeFileSync(join(folder, name), text);
  const run = (args: string[] = [], extra = {}) =>
    script("install-workflows.ts", args, { env: { WORKSPACE: repository, ...extra } });
  const beside = NAMES.map((name) => `stage0-${name}`);

  const first = await run([], { FORCE: "1" });
  assert.equal([first.code, first.stdout], [0, beside.map((name) => `${join(folder, name)}\n`).join("")]);
  assert.is((await run(["--check"])).code, 0);
  for (const [name, text] of Object.entries(own)) assert.is(readFileSync(join(folder, name), "utf8"), text);
  const workflows = (await readWorkflows(folder)).filter(({ file }) => beside.includes(file));
  assert.equal(
    workflows.map(({ data }) => Object.keys(data?.on ?? {})),
    NAMES.map(() => ["workflow_call"]),
  );
  assert.match(
    readFileSync(join(folder, "stage0-release.yml"), "utf8"),
    "uses: ./.github/workflows/stage0-debian.yml\n",
  );
  for (const name of Object.keys(own)) rmSync(join(folder, name));
  assert.equal(await problems(folder), []);

  writeFileSync(join(folder, "ci.yml"), own["ci.yml"]);
  writeFileSync(join(folder, "stage0-rpm.yml"), "name: theirs, too\n");
  const refused = await run([], { FORCE: "1" });
  assert.is(
    refused.stderr,
    `error: ${join(folder, "stage0-rpm.yml")}: is there and not of this project; nothing was written\n  fix:      give it another name\n`,
  );
  assert.is(refused.code, 2);
});

test("should find an action that does more than to call a script, or drops an input", async () => {
  assert.equal(await checkActions(), []);
  const folder = temporaryFolder();
  cpSync(ACTIONS, folder, { recursive: true });
  const file = join(folder, "sums", "action.yml");
  const text = readFileSync(file, "utf8");
  const call = `'"$GITHUB_ACTION_PATH/../run" sums.ts --rename'`;
  const does = {
    what: "does more than to call one script",
    expected: '"$GITHUB_ACTION_PATH/../run" SCRIPT, with quoted variables',
  };
  for (const run of [
    '"$GITHUB_ACTION_PATH/../run" sums.ts ${{ inputs.path }}',
    '"$GITHUB_ACTION_PATH/../run" sums.ts $DIST',
    '"$GITHUB_ACTION_PATH/../run" sums.ts; true',
    '"$GITHUB_ACTION_PATH/../run" absent.ts',
  ]) {
    writeFileSync(file, text.replace(call, `'${run}'`));
    assert.equal(await checkActions(folder), [{ file, ...does, got: run }]);
  }
  writeFileSync(file, text.replace("DIST: ${{ inputs.path }}", "DIST: dist"));
  assert.equal(await checkActions(folder), [{ file, what: "hands on no input path" }]);
  writeFileSync(file, text);
  rmSync(join(folder, "sums", "README.md"));
  assert.equal(await checkActions(folder), [{ file, what: "has no README.md beside it" }]);
});

test("should want to know the repository to install into", async () => {
  const { code, stderr } = await script("install-workflows.ts");
  assert.is(stderr, "error: no repository is named\n  fix:      WORKSPACE=path/to/repository\n");
  assert.is(code, 2);
});

const pull = (ref: string, from: string | null) => ({
  name: "pull_request",
  ref: "refs/pull/1/merge",
  payload: {
    pull_request: {
      head: { ref, repo: from === null ? null : { full_name: from } },
      base: { repo: { full_name: "o/r" } },
    },
  },
});

test("should release a pushed tag and rehearse a release branch of the same repository alone", () => {
  const push = (ref: string, payload: object = {}) => ({ name: "push", ref, payload });
  assert.equal(decideRelease(push("refs/tags/v1.2.3-rc.4")), { mode: "publish", tag: "v1.2.3-rc.4", epoch: "" });
  for (const [timestamp, epoch] of [
    ["2026-07-05T20:02:05+10:00", "1783245725"],
    ["yesterday", ""],
    [7, ""],
  ]) {
    const decision = decideRelease(push("refs/tags/v1.2.3", { head_commit: { timestamp } }));
    assert.equal(decision, { mode: "publish", tag: "v1.2.3", epoch });
  }
  assert.equal(decideRelease(push("refs/heads/main")), { mode: "none", tag: "", epoch: "" });
  assert.equal(decideRelease(push("refs/heads/v1.2.3")), { mode: "none", tag: "", epoch: "" });
  assert.equal(decideRelease(pull("release/v1.2.3", "o/r")), { mode: "rehearse", tag: "v1.2.3", epoch: "" });
  assert.equal(decideRelease(pull("release/v1.2.3", "fork/r")), { mode: "none", tag: "", epoch: "" });
  assert.equal(decideRelease(pull("release/v1.2.3", null)), { mode: "none", tag: "", epoch: "" });
  assert.equal(decideRelease(pull("fix/v1.2.3", "o/r")), { mode: "none", tag: "", epoch: "" });
  assert.equal(decideRelease({ name: "schedule", ref: "refs/heads/main", payload: {} }), {
    mode: "none",
    tag: "",
    epoch: "",
  });
  assert.equal(decideRelease({ name: "pull_request", ref: "", payload: {} }), { mode: "none", tag: "", epoch: "" });
});

test("should refuse a tag outside the grammar", async () => {
  const { code, stdout, stderr } = await script("release-gate.ts", [], {
    env: { GITHUB_EVENT_NAME: "push", GITHUB_REF: "refs/tags/v1.2.3-beta\x1b[2J" },
  });
  assert.is(
    stderr,
    "error: the pushed tag is outside the grammar\n  expected: vX.Y.Z or vX.Y.Z-rc.N\n  got:      v1.2.3-beta\\x1b[2J\n  fix:      delete it and push one that fits\n",
  );
  assert.is(stdout, "");
  assert.is(code, 2);
});

test("should hand the decision on as the step's outputs", async () => {
  const folder = temporaryFolder();
  const output = join(folder, "output");
  const event = join(folder, "event.json");
  mkdirSync(folder, { recursive: true });
  writeFileSync(event, JSON.stringify(pull("release/v1.2.3", "o/r").payload));
  const { code, stdout } = await script("release-gate.ts", [], {
    env: {
      GITHUB_EVENT_NAME: "pull_request",
      GITHUB_REF: "refs/pull/1/merge",
      GITHUB_EVENT_PATH: event,
      GITHUB_OUTPUT: output,
    },
  });
  assert.is(stdout, '{"mode":"rehearse","tag":"v1.2.3","epoch":""}\n');
  assert.is(readFileSync(output, "utf8"), "mode=rehearse\ntag=v1.2.3\nepoch=\n");
  assert.is(code, 0);
});

test("should write the digests of container images beside their tags, when the bytes have them", async () => {
  const index = '{"manifests": []}';
  const sha256 = createHash("sha256").update(index).digest("hex");
  let said = `sha256:${sha256}`;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization ?? ""}`);
    if (request.url?.startsWith("/token")) return void response.end('{"token": "t"}');
    response.writeHead(200, { "docker-content-digest": said }).end(index);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const digestOf = (name: string, tag: string) =>
    indexDigest({ registry, tokens: `${registry}/token?service=x` }, name, tag);
  try {
    const text = readFileSync(join(WORKFLOW_FOLDER, "ci.yml"), "utf8");
    const image = /^ {4}container: (\S+?)(@\S+)?$/m;
    const tag = image.exec(text)?.[1] ?? "";
    const pinned = await pinImages(text, digestOf);
    assert.is(pinned, text.replace(image, `    container: ${tag}@sha256:${sha256}`));
    assert.equal(asked, [
      "/token?service=x&scope=repository:library/node:pull ",
      `/v2/library/node/manifests/${tag.slice(5)} Bearer t`,
    ]);
    assert.is(await pinImages(pinned.replace(sha256, "0".repeat(64)), digestOf), pinned);
    said = `sha256:${"0".repeat(64)}`;
    const { exitCode, problems } = await failureOf(() => pinImages(text, digestOf));
    assert.is(exitCode, 3);
    assert.is(problems[0]?.what, `${new URL(registry).host} gives no index of ${tag}`);
    assert.is(problems[0]?.got, said);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test.run();
