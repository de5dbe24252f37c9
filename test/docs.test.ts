import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { staleDocs } from "../ci/dev/lib/docs.ts";
import { messagesOf } from "../ci/dev/lib/messages.ts";
import { RELEASE_ASSETS, SUMS } from "../scripts/lib/contract.ts";
import { digestFile } from "../scripts/lib/hash.ts";
import { KNOBS } from "../scripts/lib/knobs.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { formatSums } from "../scripts/lib/trust/sums.ts";
import { startGitHub } from "./github/server.ts";
import {
  cleanEnvironment,
  copyProject,
  copyWorkspace,
  isDeno,
  lacking,
  make,
  runProgram,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("docs");
const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "docs/bench/README.md",
  ...fs
    .readdirSync(join(PROJECT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const text = (page: string): string => fs.readFileSync(join(PROJECT, page), "utf8");
const MAKEFILE = text("Makefile");
const VERBS = [...MAKEFILE.matchAll(/^([a-z][a-z0-9-]*):.* ## /gm)].map(([, verb]) => verb);

/** The last part of docs/packaging.md holds snippets of recipes, which packaging-docs.test.ts executes. */
const withoutSnippets = (page: string): string =>
  page === "docs/packaging.md" ? text(page).replace(/^## A package of the whole program$[\s\S]*/m, "") : text(page);

/** The lines of a page's `sh` blocks: commands. */
const commands = (page: string): string[] =>
  [...withoutSnippets(page).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) =>
    block.trim().split("\n"),
  );

/** The lines of a page's other blocks, fenced or indented, that a reader would type. */
function loose(page: string): string[] {
  const rest = page.replace(/^```sh\n[\s\S]*?^```$/gm, "");
  const fence = /^ *(```|~~~).*\n([\s\S]*?)^ *\1/gm;
  const fenced = [...rest.matchAll(fence)].flatMap(([, , block = ""]) => block.split("\n"));
  const indented = rest
    .replace(fence, "")
    .split("\n")
    .filter((line) => /^(?: {4}|\t|\$ )/.test(line));
  return [...fenced, ...indented].map((line) => line.trim()).filter((line) => TYPED.test(line));
}

/** The anchors that GitHub gives a page's headings. */
const anchors = (page: string): string[] =>
  [...text(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );

/** How a line begins that a reader would type. */
const TYPED =
  /^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:make|node|deno|npm|npx|cargo|rustup|apt-get|curl|git|sh|eval|export|docker|qemu-\S+) (?=[-\w."$/])/;

/** Commands that are long or change the machine, and the file that executes just them. */
const ELSEWHERE: Record<string, string> = {
  "apt-get update && apt-get install -y --no-install-recommends ca-certificates cargo git make npm":
    "../ci/minimal-root",
  "npm install --global node@20": "../ci/minimal-root",
  "make test": "run.ts",
  "make lint": "lint.test.ts",
  "make rehearse FAULTS=1": "rehearse.test.ts",
  "make rehearse": "rehearse.test.ts",
  "make preflight BOOT=1": "docs.test.ts",
  "make boot": "boot.test.ts",
};

test("should have every command in a block that is executed", () => {
  const found = PAGES.flatMap((page) => loose(withoutSnippets(page)).map((line) => `${page}: ${line}`));
  assert.equal(
    found.filter((line) => !ELSEWHERE[line.replace(/^.*\$ /, "")]),
    [],
  );
});

test("should find a command in a block of any kind", () => {
  const kinds = ["```bash\nmake a\n```", "```\nmake b\n```", "~~~sh\nmake c\n~~~", "- x\n  ```sh\n  make d\n  ```"];
  const page = ["text", ...kinds, "    CI=1 make e", "```console\n$ make f\nmake: done\n```", "```sh\nmake g\n```", ""];
  assert.equal(loose(page.join("\n")), ["make a", "make b", "make c", "make d", "$ make f", "CI=1 make e"]);
});

test("should be what the code makes of them", async () => {
  assert.equal(
    (await staleDocs()).map(({ file }) => file),
    [],
  );
});

test("should link to what is there", () => {
  for (const page of [...PAGES, "test/github/README.md"]) {
    for (const [, link = ""] of text(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [target = "", anchor] = link.split("#");
      const path = target === "" ? page : join(dirname(page), target);
      assert.ok(fs.existsSync(join(PROJECT, path)), `${page} links to ${link}`);
      if (anchor !== undefined) assert.ok(anchors(path).includes(anchor), `${page} links to ${link}`);
    }
  }
});

test("should name no verb and no knob that is not there", () => {
  for (const page of PAGES) {
    const inline = [...text(page).matchAll(/`(?:[A-Z_]+=\S+ )*make ((?:-s )?[a-z][^`\n]*)`/g)].map(
      ([, words = ""]) => words,
    );
    const typed = commands(page).flatMap(
      (line) => /(?:^|[;&|(] *|=\S* )make ((?:-s )?[a-z][^")]*)/.exec(line)?.[1] ?? [],
    );
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
      const clone = copyProject(join(home, "stage0-distribution"));
      copyWorkspace(join(home, "fastboop"));
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

testUnless(
  test,
  lacking({ programs: ["cargo", "qemu-system-x86_64", "qemu-system-aarch64"] }),
  "should show in the README what one sees",
  async () => {
    const folder = temporaryFolder("seen");
    fs.mkdirSync(join(folder, "dist"));
    for (const [target, path] of Object.entries(await releaseFiles()))
      fs.copyFileSync(path, join(folder, "dist", `fastboop-stage0-${target}`));
    const { code, stdout, stderr } = await make(["preflight", "BOOT=1"], {
      cwd: folder,
      env: { PWD: folder, DIST: "dist" },
    });
    assert.is(code, 0, stderr);
    const booted = [...stderr.matchAll(/^booted .*\n/gm)].join("");
    // Compilers and kernels have versions.
    const plain = (seen: string): string =>
      seen
        .replace(/Linux \S+:/g, "Linux VERSION:")
        .replace(/[0-9,]+ bytes \([^)]+\) {2}sha256 [0-9a-f]{8}\S*/g, "SIZE and DIGEST");
    const [, shown = ""] = /^```console\n\$ make preflight BOOT=1\n([\s\S]*?)^```$/m.exec(text("README.md")) ?? [];
    assert.is(plain(booted + stdout), plain(shown));
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
    // Those read what they run.
    if (/run\.ts|minimal-root/.test(file)) continue;
    for (const word of words) assert.ok(source.includes(word.split("=")[0] ?? ""), `${file} does not run ${command}`);
  }
});

test("should find each message in the sources with the remedy that belongs to it", () => {
  const source = [
    'throw usageFailure({ what: "no release is named", fix: "TAG=vX.Y.Z" });',
    'const a = { what: `the ${size(x)} file { of ${b ? `nested ${c}` : "}"} is gone` };',
    'const b = { what: "a \\"quoted\\" one", expected: { fix: 1 }, fix };',
    'const c = { what: a === "x" ? "one" : b.map(() => "no") ? `two ${d}` : "three", fix: e ? "this" : "that" };',
    "const d = { what: f ? `${f} ${g}` : g }, f = { what: `${h.what} i` }, g = { what, ...h }, i = { what: h.what() };",
    "const j = { what: (host) => `${host} is away`, fix: (host) => { return host; } };",
    'const e = (what: string, g = "default"): void => {};',
  ].join("\n");
  assert.equal(messagesOf(source), [
    { whats: ["no release is named"], fix: "TAG=vX.Y.Z" },
    { whats: ["the … file { of … is gone"], fix: undefined },
    { whats: ['a "quoted" one'], fix: undefined },
    { whats: ["one", "two …", "three"], fix: "this / that" },
    { whats: [], fix: undefined },
    { whats: ["… i"], fix: undefined },
    { whats: ["… is away"], fix: undefined },
  ]);
});

test("should leave out no message", () => {
  const names = ["scripts", "ci/dev"].flatMap((folder) =>
    fs.readdirSync(join(PROJECT, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
  );
  // What Node says of arguments, and what joins several outcomes of a boot.
  assert.equal(
    names
      .filter((name) => name.endsWith(".ts") && messagesOf(text(name)).some(({ whats }) => whats.length === 0))
      .sort(),
    [
      "scripts/lib/cli.ts",
      "scripts/lib/gate/preflight-boot.ts",
      "scripts/lib/phone/faults.ts",
      "scripts/lib/phone/verdict.ts",
    ],
  );
  for (const said of [
    "… names an unknown target",
    "cargo does not exist",
    "… has no release …",
    "lines … to … are malformed",
    "PID 1 was killed by …",
    "stage0 is not an ELF file for aarch64: …",
    'RUNTIME is "…", it takes node or deno',
  ]) {
    assert.ok(text("docs/troubleshooting.md").includes(`\n| ${said} | `), said);
  }
});

test.run();
