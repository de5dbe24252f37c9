import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { RELEASE_ASSETS, SUMS } from "../scripts/lib/contract.ts";
import { staleDocs } from "../scripts/lib/dev/docs.ts";
import { messagesOf } from "../scripts/lib/dev/messages.ts";
import { digestFile } from "../scripts/lib/hash.ts";
import { KNOBS } from "../scripts/lib/knobs.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { formatSums } from "../scripts/lib/trust/sums.ts";
import { startGitHub } from "./github/server.ts";
import { cleanEnvironment, isDeno, lacking, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("docs");
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "docs/bench/README.md",
  ...fs
    .readdirSync(join(PROJECT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const text = (page: string): string => fs.readFileSync(join(PROJECT, page), "utf8");
const MAKEFILE = text("Makefile");
const VERBS = [...MAKEFILE.matchAll(/^([a-z][a-z0-9-]*):.* ## /gm)].map(([, verb]) => verb);

/** The lines of a page's `sh` blocks that are commands. docs/packaging.md's block is a recipe, which another test executes. */
const commands = (page: string): string[] =>
  page === "docs/packaging.md"
    ? []
    : [...text(page).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => block.trim().split("\n"));

/** How a line begins that a reader would type. */
const TYPED =
  /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:make|node|deno|npm|npx|cargo|rustup|apt-get|curl|git|sh|eval|export|docker|qemu-\S+) /;

/** Commands that are long, and the test file that executes just them. */
const ELSEWHERE: Record<string, string> = {
  "make test": "run.ts",
  "make lint": "lint.test.ts",
  "make rehearse FAULTS=1": "rehearse.test.ts",
  "make rehearse": "rehearse.test.ts",
  "make preflight BOOT=1": "preflight.test.ts",
  "make boot": "boot.test.ts",
};

test("should have every command in a block that is executed", () => {
  const loose = PAGES.flatMap((page) => {
    // What is in other blocks is output or a recipe, of which the one in packaging.md is executed by its own test.
    const rest = text(page).replace(/^```(?:sh|make|spec)\n[\s\S]*?^```$/gm, "");
    const typed = rest.split("\n").filter((line) => TYPED.test(line.replace(/^ +/, "")) && /^(?: {4}|\$ )/.test(line));
    return typed.map((line) => `${page}: ${line}`).filter((line) => !ELSEWHERE[line.replace(/^.*\$ /, "")]);
  });
  assert.equal(loose, []);
});

test("should be what the code makes of them", async () => {
  assert.equal(
    (await staleDocs()).map(({ file }) => file),
    [],
  );
});

test("should link to what is there", () => {
  for (const page of PAGES) {
    for (const [, target = ""] of text(page).matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)) {
      assert.ok(fs.existsSync(join(PROJECT, dirname(page), target)), `${page} links to ${target}`);
    }
  }
});

test("should name no verb and no knob that is not there", () => {
  for (const page of PAGES) {
    const inline = [...text(page).matchAll(/`(?:[A-Z_]+=\S+ )*make ((?:-s )?[a-z][^`\n]*)`/g)].map(
      ([, words = ""]) => words,
    );
    const typed = commands(page).flatMap((line) => /\bmake ((?:-s )?[a-z][^")]*)/.exec(line)?.[1] ?? []);
    for (const command of [...inline, ...typed]) {
      const words = command
        .replace(/\s#.*/, "")
        .split(/\s+/)
        .filter((word) => word !== "-s" && word !== "…");
      for (const word of words) {
        if (/^[a-z][a-z0-9-]*$/.test(word) && words[0] === word)
          assert.ok(VERBS.includes(word), `${page}: make ${word}`);
        const [, knob] = /^([A-Za-z0-9_]+)=/.exec(word) ?? [];
        if (knob !== undefined && knob !== "RUNTIME" && knob !== "VAR") assert.ok(knob in KNOBS, `${page}: ${knob}`);
      }
    }
  }
});

testUnless(
  test,
  lacking({ programs: ["bash", "cargo", "dpkg-buildpackage", "git"] }),
  "should hold only commands that work",
  async () => {
    const files = await releaseFiles();
    const github = await startGitHub({ tls: true });
    try {
      const release = temporaryFolder("release");
      const names = Object.entries(files).map(([target, path]) => ({ name: `fastboop-stage0-${target}`, path }));
      fs.writeFileSync(
        join(release, SUMS),
        formatSums(names.map(({ name, path }): [string, string] => [name, digestFile(path).sha256])),
      );
      assert.equal(names.map(({ name }) => name).sort(), [...RELEASE_ASSETS].sort());
      const assets = [
        { name: SUMS, file: join(release, SUMS) },
        ...names.map(({ name, path }) => ({ name, file: path })),
      ];
      // One that a command names, and the one of the example workspace's version.
      for (const tag of ["v0.0.1-rc.7", "v0.1.0"]) await github.addRelease({ tag, assets });

      // A clone beside fastboop's repository, as a newcomer has it.
      const home = temporaryFolder("newcomer");
      const clone = join(home, "stage0-distribution");
      const tracked = await runProgram(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
      for (const name of tracked.stdout
        .split("\0")
        .filter((path) => path !== "" && fs.existsSync(join(PROJECT, path)))) {
        fs.cpSync(join(PROJECT, name), join(clone, name), { preserveTimestamps: true });
      }
      for (const name of ["node_modules", "ci/tools/node_modules"])
        fs.symlinkSync(join(PROJECT, name), join(clone, name));
      fs.cpSync(join(clone, "test", "workspace"), join(home, "fastboop"), { recursive: true });
      fs.mkdirSync(join(home, "release"));
      for (const { name, path } of names) fs.copyFileSync(path, join(home, "release", name));
      const env = {
        ...cleanEnvironment(),
        RUNTIME: isDeno ? "deno" : "node",
        FASTBOOP_STAGE0_TRUST: "sums",
        GITHUB_SERVER_URL: github.server,
        GITHUB_API_URL: github.api,
        NODE_EXTRA_CA_CERTS: github.caFile,
        XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? "", ".cache"),
      };
      for (const page of PAGES) {
        const lines = commands(page).filter((line) => !(line in ELSEWHERE));
        if (lines.length === 0) continue;
        const { code, stdout, stderr } = await runProgram(["bash", "--norc", "-eu", "-c", lines.join("\n")], {
          cwd: clone,
          env,
        });
        assert.is(code, 0, `${page}: ${stdout}${stderr}`);
      }
    } finally {
      await github.close();
    }
  },
);

test("should leave long commands to a test that executes them", () => {
  const all = PAGES.flatMap(commands);
  for (const [command, file] of Object.entries(ELSEWHERE)) {
    assert.ok(
      all.includes(command) || PAGES.some((page) => text(page).includes(command)),
      `${command} stands in no page`,
    );
    const words = command.split(" ").slice(1);
    const source = fs.readFileSync(join(PROJECT, "test", file), "utf8");
    for (const word of words)
      if (file !== "run.ts") assert.ok(source.includes(word.split("=")[0] ?? ""), `${file} does not run ${command}`);
  }
});

test("should find each message in the sources with the remedy that belongs to it", () => {
  const source = [
    'throw usageFailure({ what: "no release is named", fix: "TAG=vX.Y.Z" });',
    'const a = { what: `the ${size(x)} file { of ${b ? `nested ${c}` : "}"} is gone` };',
    'const b = { what: "a \\"quoted\\" one", expected: { fix: 1 }, fix };',
  ].join("\n");
  assert.equal(messagesOf(source), [
    { what: "no release is named", fix: "TAG=vX.Y.Z" },
    { what: "the … file { of … is gone", fix: undefined },
    { what: 'a "quoted" one', fix: undefined },
  ]);
});

test.run();
