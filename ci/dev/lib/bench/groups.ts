/** The groups of comparisons: what is measured, against which tools, with which aim. */
import * as fs from "node:fs";
import { join } from "node:path";
import { assetName, DEFAULT_TARGET, RELEASE_ASSETS } from "../../../../scripts/lib/contract.ts";
import { PROJECT } from "../../../../scripts/lib/paths.ts";
import { copyWorkspace } from "../../../../test/lib/harness.ts";
import type { Comparison, Entrant, Result } from "../bench.ts";
import { benchEnvironment, once } from "../bench.ts";
import { MIB, writeElf } from "./fixtures.ts";
import { DENO, NODE24 } from "./machine.ts";
import type { Plot } from "./plot.ts";

/** What the groups are given. */
export interface Bench {
  /** A folder of the group's own. */
  folder: string;
  /** A folder with the two release files, really built. */
  release: string;
  /** A folder with the bundled tools. */
  tools: string;
  /** Timed runs: those that are usual for the comparison, unless the user wants another number. */
  runs(usual: number): number;
  measure(comparison: Comparison): Promise<Result>;
}

interface Measured {
  results: Result[];
  /** By file name. */
  plots?: Record<string, Plot>;
}
export type Group = (bench: Bench) => Promise<Measured>;

const SCRIPTS = join(PROJECT, "scripts");
const LOADER = join(SCRIPTS, "lib", "typescript.cjs");
export const node = (script: string, ...args: string[]): string[] => [
  "node",
  "--require",
  LOADER,
  join(SCRIPTS, script),
  ...args,
];
const deno = (script: string, ...args: string[]): string[] => [
  DENO,
  "run",
  "-A",
  "--quiet",
  join(SCRIPTS, script),
  ...args,
];
/** A shell command; the arguments are "$@" in it. */
export const sh = (text: string, ...args: string[]): string[] => ["sh", "-c", text, "sh", ...args];
export const removal = (...paths: string[]): string[] => ["rm", "-rf", ...paths];

/** ci/node24 has put one there, but on other processors than x86_64. */
const hasNode24 = (): boolean => fs.existsSync(NODE24);
const underNode24 = (name: string, script: string, ...args: readonly string[]): Entrant[] =>
  hasNode24()
    ? [{ name: `${name}, Node 24`, command: [NODE24, "--require", LOADER, join(SCRIPTS, script), ...args], ours: true }]
    : [];

/** A script under node, under Node 24, bundled and under Deno. */
export const threeWays = (tool: string, tools: string, args: readonly string[]): Entrant[] => [
  { name: `${tool}, node`, command: node(`${tool}.ts`, ...args), ours: true },
  ...underNode24(tool, `${tool}.ts`, ...args),
  { name: `${tool}, bundled`, command: ["node", join(tools, `${tool}.mjs`), ...args], ours: true },
  { name: `${tool}, Deno`, command: deno(`${tool}.ts`, ...args), ours: true },
];

/** What node takes for nothing. */
const EMPTY = "node -e 0";
const EMPTY_24 = "Node 24 -e 0";
/** Scripts that do nothing, in a folder of their own. */
function emptyScripts(folder: string): { node: string[]; deno: string[] } {
  const place = join(folder, "empty");
  fs.mkdirSync(place, { recursive: true });
  fs.writeFileSync(join(place, "package.json"), '{"type": "module"}');
  for (const name of ["empty.ts", "empty.mjs"]) fs.writeFileSync(join(place, name), "export {};\n");
  const [ts, mjs] = [join(place, "empty.ts"), join(place, "empty.mjs")];
  return { node: ["node", mjs], deno: [DENO, "run", "-A", "--quiet", ts] };
}
/** What the runtime takes, under node and under Node 24. */
const floors = (names: readonly [string, string], ...args: string[]): Entrant[] => [
  { name: names[0], command: ["node", ...args], floor: true },
  ...(hasNode24() ? [{ name: names[1], command: [NODE24, ...args], floor: true as const }] : []),
];
export const emptyNode = (): Entrant[] => floors([EMPTY, EMPTY_24], "-e", "0");

/** A script that does the work and nothing else. */
export function bareScript(what: string, file: string, text: string, ...args: string[]): Entrant[] {
  fs.writeFileSync(file, text);
  return floors([`${what}, node`, `${what}, Node 24`], file, ...args);
}

const DIGESTS = `const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
for (const path of process.argv.slice(2)) console.log(createHash("sha256").update(readFileSync(path)).digest("hex"), path);
`;

export const againstEmpty = (tool: string) => [
  { entrant: `${tool}, node`, against: EMPTY, times: 1.5 },
  { entrant: `${tool}, Node 24`, against: EMPTY_24, times: 2.2 },
];

const INSPECT = 'file "$@" && readelf -hldSW "$@" && sha256sum "$@"';
const EACH = 'for path; do file "$path" && readelf -hldSW "$path"; done';
const checksec = (...paths: string[]): Entrant => ({
  name: "checksec",
  command: sh('for path; do checksec --file="$path"; done', ...paths),
  needs: ["checksec"],
});

export const preflight: Group = async ({ folder, release, tools, runs, measure }) => {
  const pair = RELEASE_ASSETS.map((name) => join(release, name));
  const empty = emptyScripts(folder);
  const two = await measure({
    title: "Preflight of the two release files",
    env: { DIST: release },
    runs: runs(20),
    entrants: [
      ...threeWays("preflight", tools, []),
      ...emptyNode(),
      ...bareScript("the digests alone", join(folder, "digests.cjs"), DIGESTS, ...pair),
      { name: "empty script, Deno", command: empty.deno, floor: true },
      { name: "file, readelf -hldSW, sha256sum", command: sh(INSPECT, ...pair), needs: ["file", "readelf"] },
      checksec(...pair),
    ],
    aims: againstEmpty("preflight"),
    notes: [
      "`file`, `readelf` and `sha256sum` print what they see and judge nothing. They start in a few milliseconds; the rest is what node itself takes, and the first run of each function. The digests alone are a script of three lines: what it takes beyond `node -e 0`, the most of it to load node:crypto, leaves little of the aims to the gate.",
    ],
  });

  const many = Array.from({ length: 100 }, (_, number) => join(folder, "many", `stage0-${number}`));
  fs.mkdirSync(join(folder, "many"));
  for (const path of many) fs.linkSync(copyOnce(pair[0] ?? "", join(folder, "many", "original")), path);
  const args = ["--target", "x86_64-unknown-linux-musl", ...many];
  const hundred = await measure({
    title: "Preflight of 100 files in one run",
    runs: runs(10),
    entrants: [
      ...threeWays("preflight", tools, args),
      ...bareScript("the digests alone", join(folder, "digests.cjs"), DIGESTS, ...many),
      {
        name: "file and readelf -hldSW, a process for each file",
        command: sh(EACH, ...many),
        needs: ["file", "readelf"],
      },
      {
        name: "file, readelf -hldSW, sha256sum, a process each for all",
        command: sh(INSPECT, ...many),
        needs: ["file", "readelf"],
      },
      { name: "openssl dgst -sha256", command: ["openssl", "dgst", "-sha256", ...many], needs: ["openssl"] },
      checksec(...many),
    ],
    aims: [{ entrant: "preflight, Node 24", against: "file and readelf -hldSW, a process for each file", times: 0.5 }],
    notes: [
      "preflight reads every byte of every file, for the digest and the build paths; `file` and `readelf` read headers and start in 2 ms. Node's start and the digests alone take most of the aim's time. From where the lines cross in the plot under Growth, preflight is ahead.",
    ],
  });

  const large = join(folder, "large");
  writeElf(large, 1024 * MIB, "random");
  const judged = ["--target", DEFAULT_TARGET, large];
  const refuses = (command: readonly string[]): string[] => sh('"$@"; [ $? = 1 ]', ...command);
  const refused = await measure({
    title: "Preflight of a file of 1 GiB, which is over the size budget: headers only",
    runs: runs(10),
    entrants: [
      { name: "preflight, node", command: refuses(node("preflight.ts", ...judged)), ours: true },
      { name: "preflight, Deno", command: refuses(deno("preflight.ts", ...judged)), ours: true },
      { name: "file and readelf -hldSW", command: sh(EACH, large), needs: ["file", "readelf"] },
      checksec(large),
    ],
    notes: [
      "Headers take either side a few milliseconds, whatever the size of the file. The rest is the start of node.",
    ],
  });
  const passed = await measure({
    title: "Preflight of a file of 1 GiB within the budget: headers, digest and build paths",
    env: { FASTBOOP_STAGE0_MAX_SIZE: "2GiB" },
    runs: runs(4),
    entrants: [
      ...threeWays("preflight", tools, judged),
      { name: "file, readelf -hldSW, sha256sum", command: sh(INSPECT, large), needs: ["file", "readelf"] },
      {
        name: "file, readelf -hldSW, openssl dgst",
        command: sh('file "$@" && readelf -hldSW "$@" && openssl dgst -sha256 "$@"', large),
        needs: ["file", "readelf", "openssl"],
      },
      checksec(large),
    ],
    aims: [{ entrant: "preflight, node", against: "file, readelf -hldSW, openssl dgst", times: 1.3 }],
    notes: [
      "Beside the digest preflight looks for build paths in every byte, as `strings | grep` would; the others do not. checksec reads headers alone.",
    ],
  });
  return { results: [two, hundred, refused, passed] };
};

/** A copy that links can be made to, whatever file system the original is on. */
function copyOnce(from: string, to: string): string {
  if (!fs.existsSync(to)) fs.copyFileSync(from, to);
  return to;
}

export const sums: Group = async ({ folder, release, tools, runs, measure }) => {
  const dist = join(folder, "dist");
  const [small = "", large = ""] = RELEASE_ASSETS;
  fs.mkdirSync(dist);
  fs.copyFileSync(join(release, small), join(dist, small));
  writeElf(join(dist, large), 1024 * MIB, "random");
  const files = RELEASE_ASSETS.map((name) => join(dist, name));
  return {
    results: [
      await measure({
        title: "SHA256SUMS over a release file and one of 1 GiB",
        env: { DIST: dist },
        runs: runs(5),
        entrants: [
          ...threeWays("sums", tools, []),
          { name: "sha256sum", command: ["sha256sum", ...files] },
          { name: "openssl dgst -sha256", command: ["openssl", "dgst", "-sha256", ...files], needs: ["openssl"] },
        ],
        aims: [
          { entrant: "sums, node", against: "sha256sum", times: 0.35 },
          { entrant: "sums, node", against: "openssl dgst -sha256", times: 1.2 },
        ],
        notes: [
          "Node hashes with OpenSSL's code, which uses the processor's SHA instructions; what sums takes beyond `openssl` is the start of node.",
        ],
      }),
    ],
  };
};

export const startup: Group = async ({ folder, tools, runs, measure }) => {
  const empty = emptyScripts(folder);
  return {
    results: [
      await measure({
        title: "Start-up",
        env: { VERSION: "1.2.3" },
        runs: runs(15),
        entrants: [
          { name: "fetch-stage0 --help, node", command: node("fetch-stage0.ts", "--help"), ours: true },
          {
            name: "fetch-stage0 --help, bundled",
            command: ["node", join(tools, "fetch-stage0.mjs"), "--help"],
            ours: true,
          },
          { name: "fetch-stage0 --help, Deno", command: deno("fetch-stage0.ts", "--help"), ours: true },
          { name: "preflight --help, node", command: node("preflight.ts", "--help"), ours: true },
          { name: "sums --help, node", command: node("sums.ts", "--help"), ours: true },
          { name: "tag, node", command: node("tag.ts"), ours: true },
          ...underNode24("tag", "tag.ts"),
          { name: "make -s tag", command: ["make", "-s", "-C", PROJECT, "tag"], ours: true },
          { name: "empty script, node", command: empty.node, floor: true },
          ...emptyNode(),
          { name: "empty script, Deno", command: empty.deno, floor: true },
        ],
        aims: [{ entrant: "make -s tag", against: "tag, node", above: 0.015 }],
        notes: [
          "A script is one file of JavaScript with its packages, made at its first run, and what V8 compiled of it in a run is kept for the next. Of the bundled tools, which a release carries, nothing is kept.",
        ],
      }),
    ],
  };
};

export const build: Group = async ({ folder, runs, measure }) => {
  const workspace = copyWorkspace(join(folder, "workspace"));
  const target = join(workspace, "target");
  const dist = join(folder, "dist");
  const env = { WORKSPACE: workspace, DIST: dist };
  await once(node("build-stage0.ts"), benchEnvironment(env), folder);
  // The log begins with the command, for a person to repeat.
  const [first = ""] = fs.readFileSync(join(dist, "log", `stage0-${DEFAULT_TARGET}.log`), "utf8").split("\n");
  const bare: Entrant = { name: "the bare cargo command", command: sh(first.replace(/^\+ /, "")), needs: ["cargo"] };
  const fresh = (entrant: Entrant): Entrant => ({ ...entrant, prepare: removal(target) });
  const [ours, ...others]: Entrant[] = [
    { name: "build-stage0, node", command: node("build-stage0.ts"), ours: true },
    ...underNode24("build-stage0", "build-stage0.ts"),
    { name: "make -s stage0", command: ["make", "-s", "-C", PROJECT, "stage0"], ours: true },
    { name: "build-stage0, Deno", command: deno("build-stage0.ts"), ours: true },
  ];
  const unchanged = await measure({
    title: "stage0 when nothing has changed",
    env,
    runs: runs(10),
    entrants: [...(ours === undefined ? [] : [ours]), ...others, bare],
    aims: [{ entrant: "build-stage0, Node 24", against: bare.name, above: 0.12 }],
    notes: [
      "Cargo alone neither asks whether the target's standard library is there, nor looks at what it built, nor brings it to dist/. All that happens while cargo runs, as far as it can; the rest is the start of node.",
    ],
  });
  const anew = await measure({
    title: "stage0 built anew",
    env,
    runs: runs(4),
    entrants: [...(ours === undefined ? [] : [fresh(ours)]), fresh(bare)],
    notes: ["What is added to cargo's time is the same as when nothing has changed, and the copy to dist/."],
  });
  return { results: [unchanged, anew] };
};

export const boot: Group = async ({ folder, release, runs, measure }) => ({
  results: [
    await measure({
      title: "Boots of both targets at once",
      env: { DIST: copyFolder(release, join(folder, "dist")) },
      runs: runs(3),
      entrants: [
        {
          name: "boot-stage0, node",
          command: node("boot-stage0.ts"),
          ours: true,
          needs: ["qemu-system-aarch64", "qemu-system-x86_64"],
        },
      ],
      aims: [{ entrant: "boot-stage0, node", seconds: 6 }],
    }),
  ],
});

/** The console logs and packages are written beside the release files, which other groups share. */
function copyFolder(from: string, to: string): string {
  fs.cpSync(from, to, { recursive: true });
  return to;
}

export const packages: Group = async ({ folder, release, runs, measure }) => {
  const needs = {
    deb: ["dpkg-buildpackage", "dh"],
    rpm: ["rpmbuild", "rpm2cpio", "cpio"],
    apk: ["abuild"],
  };
  return {
    results: [
      await measure({
        title: "Packages, built and unpacked again",
        env: {
          FASTBOOP_STAGE0_EMBED_PATH: join(release, assetName(DEFAULT_TARGET)),
          DIST: join(folder, "dist"),
          TAG: "v0.0.1",
        },
        runs: runs(3),
        entrants: Object.entries(needs).map(([kind, programs]) => ({
          name: `package-${kind}`,
          command: node("package.ts", kind),
          ours: true,
          needs: programs,
        })),
        notes: ["abuild runs on Alpine only."],
      }),
    ],
  };
};
