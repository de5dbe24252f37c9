import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { KNOBS } from "../scripts/lib/knobs.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { copyProject, isDeno, make, runProgram, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("Makefile");
const LOADER = join(PROJECT, "scripts/lib/typescript.cjs");
const MAKEFILE = readFileSync(join(PROJECT, "Makefile"), "utf8");
const verbs = [...MAKEFILE.matchAll(/^([a-z][a-z0-9-]*):.* ## /gm)].map(([, verb = ""]) => verb);

test("should print the user's verbs on one screen, without arguments", async () => {
  const { code, stdout, stderr } = await make([]);
  assert.is(stderr, "");
  assert.is(code, 0);
  const lines = stdout.trimEnd().split("\n");
  assert.ok(lines.length <= 24 && lines.every((line) => line.length <= 110), "it fits a screen");
  for (const verb of ["stage0", "preflight", "rehearse", "test", "publish", "fetch-stage0", "package-deb", "clean"])
    assert.match(stdout, new RegExp(`^.{7} ${verb} +[A-Z]`, "m"));
  assert.match(lines[0] ?? "", /make help TARGET=VERB .*make help-dev$/);
});

test("should print the other verbs and every knob with its default for developers", async () => {
  const user = await make(["help"]);
  const { code, stdout, stderr } = await make(["help-dev"]);
  assert.is(stderr, "");
  assert.is(code, 0);
  for (const verb of verbs) {
    const shown = new RegExp(`^.{7} ${verb} +[A-Z]`, "m");
    assert.is(Number(shown.test(stdout)) + Number(shown.test(user.stdout)), 1, verb);
  }
  for (const verb of ["lint", "docs", "format", "bench", "mutate", "bundle", "release-gate"])
    assert.match(stdout, new RegExp(`^.{7} ${verb} +[A-Z]`, "m"));
  assert.ok(stdout.split("\n").every((line) => line.length <= 110));
  for (const [name, knob] of Object.entries(KNOBS)) {
    if (knob.audience !== "user") continue;
    const shown = "default" in knob && knob.default !== undefined ? `${name}=${knob.default}` : name;
    assert.ok(stdout.split(/\s+/).includes(shown), shown);
  }
});

test("should know each verb that has a help line, and no other", async () => {
  assert.ok(verbs.length > 30);
  const { stdout } = await runProgram(["make", "-npq", "-C", PROJECT, "help"]);
  const [, known = ""] = /^verbs := (.*)$/m.exec(stdout) ?? [];
  assert.equal(known.split(" ").sort(), [...verbs].sort());
});

test("should call one script in each recipe, in one line", () => {
  const recipes = MAKEFILE.split("\n").filter((line) => line.startsWith("\t"));
  assert.ok(recipes.length >= verbs.length - 2);
  for (const recipe of recipes) assert.ok(recipe.startsWith("\t@") && !recipe.endsWith("\\"), recipe);
});

test("should print the details of a verb, and refuse one that it does not have", async () => {
  const good = await make(["help", "TARGET=contract"]);
  assert.match(good.stdout, /^make contract: Print the distribution contract as JSON\n\nusage: contract\.ts /);
  assert.is(good.code, 0);
  // A contributors' script.
  assert.match((await make(["help", "TARGET=bundle"])).stdout, /^make bundle: [^\n]*\n\nusage: bundle\.ts /);
  const bad = await make(["help", "TARGET=no-such-verb"]);
  assert.match(bad.stderr, /^error: make has no verb "no-such-verb"\n {2}expected: stage0, stage0-all, /);
  assert.is(bad.code, 2);
});

test("should refuse a goal that is no verb, a file too, and tell the nearest verbs and how files are named", async () => {
  const how =
    "Files are named to the scripts, as in scripts/preflight.ts FILE, and dist/fastboop-stage0-TARGET to be built";
  for (const [goals, told] of [
    [["preflight", "README.md"], 'there is no verb "README.md"; make help lists the verbs'],
    [["scripts"], 'there is no verb "scripts"; make help lists the verbs'],
    [["package.json"], 'there is no verb "package.json"; make help lists the verbs'],
    [
      ["stage"],
      'there is no verb "stage", the nearest are stage0, stage0-all, stage0-env, fetch-stage0, tag; make help',
    ],
    [["prefligth"], 'there is no verb "prefligth", the nearest are preflight; make help lists the verbs'],
    [["zzzzzzzz", "stage0"], 'there is no verb "zzzzzzzz"; make help lists the verbs'],
    [["contract README.md"], 'there is no verb "README.md"; make help lists the verbs'],
  ] as const) {
    const { code, stdout, stderr } = await make(goals);
    assert.match(stderr, told);
    assert.match(stderr, new RegExp(`${how}\\.  Stop\\.\\n$`));
    assert.is(stdout, "", "nothing was run");
    assert.is(code, 2);
  }
});

test("should take an artifact of dist/ for a goal", async () => {
  const { code, stderr } = await make(["dist/fastboop-stage0-armv7-unknown-linux-musleabi", "TARGET=x"]);
  assert.match(stderr, /error: TARGET names an unknown target\n.*\n {2}got: {6}"armv7-unknown-linux-musleabi"\n/);
  assert.is(code, 2);
});

/** Programs in place of node and rm that only write down when they start and end. @param failing a script that fails */
function recording(failing = ""): { env: Record<string, string>; seen: () => string } {
  const folder = temporaryFolder();
  const log = join(folder, "log");
  const program = `#!/bin/sh
while [ $# -gt 0 ]; do case $1 in scripts/*.ts | ci/dev/*.ts | dist) break ;; esac; shift; done
name=$(basename "$1" .ts); case $2 in --*) name=$name$2 ;; esac
echo "start $name" >>"${log}"; sleep 0.2; echo "end $name" >>"${log}"; [ "$name" != "${failing}" ]
`;
  for (const name of ["node", "rm"]) writeFileSync(join(folder, name), program, { mode: 0o755 });
  return {
    env: { PATH: `${folder}:${process.env.PATH}`, RUNTIME: "node" },
    // A script that ran alone stands as its name, all else as it was written down.
    seen: () =>
      readFileSync(log, "utf8")
        .replace(/start (\S+)\nend \1\n/g, "$1 ")
        .trim(),
  };
}

test("should run what writes before what reads it, in whatever order it is asked for, and under -j", async () => {
  const project = copyProject(temporaryFolder());
  for (const [goals, expected] of [
    ["stage0-all preflight sums", "build-stage0--all preflight sums"],
    ["sums preflight stage0-all", "build-stage0--all preflight sums"],
    ["recipes-check recipes lock", "lock recipes recipes--check"],
    ["package-deb fetch-stage0 lock", "lock fetch-stage0 package"],
    ["publish verify-sums sums bundle", "bundle sums sums--verify publish-stage0"],
    ["workflows-check install-workflows", "install-workflows install-workflows--check"],
    ["recipes-check docs", "docs recipes--check"],
    ["preflight dist/fastboop-stage0-x86_64-unknown-linux-musl", "build-stage0 preflight"],
    ["clean stage0 sums", "dist build-stage0 sums"],
    ["stage0 clean sums", "dist build-stage0 sums"],
    ["stage0 sums clean", "build-stage0 sums dist"],
  ] as const) {
    const { env, seen } = recording();
    const { code, stderr } = await runProgram(["make", "-s", "-j8", "-C", project, ...goals.split(" ")], { env });
    assert.is(code, 0, stderr);
    assert.is(seen(), expected, goals);
  }
});

test("should publish nothing when the gate fails, with -j and -k too", async () => {
  const project = copyProject(temporaryFolder());
  const { env, seen } = recording("preflight");
  const { code } = await runProgram(["make", "-s", "-k", "-j8", "-C", project, "publish", "preflight"], { env });
  assert.is(code, 2);
  assert.is(seen(), "preflight");
});

test("should refuse to clean another folder, and name it", async () => {
  const project = copyProject(temporaryFolder());
  mkdirSync(join(project, "dist"));
  for (const [args, env] of [
    [["DIST=/x $(y)"], {}],
    [[], { DIST: "/x $(y)" }],
  ] as const) {
    const { code, stderr } = await runProgram(["make", "-s", "-C", project, "clean", ...args], { env });
    assert.match(
      stderr,
      'clean removes dist/ in the project, not "/x $(y)": remove that yourself, and unset DIST.  Stop.',
    );
    assert.is(code, 2);
    assert.ok(existsSync(join(project, "dist")));
  }
  const misspelled = await runProgram(["make", "-s", "-C", project, "clean", "DITS=/x"]);
  assert.match(misspelled.stderr, "clean reads no variable, and got DITS\n");
  assert.is(misspelled.code, 0);
  assert.not(existsSync(join(project, "dist")));
});

test("should say that a variable is misspelled, and name what others pass", async () => {
  const version = "VERSION=v0.0.1";
  for (const [given, meant] of [
    ["TRAGET=x", "TARGET"],
    ["boot=1", "BOOT"],
    ["prefix=/", "PREFIX"],
    ["DITS=x", "DIST"],
    ["FASTBOOP_STAGE0_SHA265=0", "FASTBOOP_STAGE0_SHA256"],
    ["runtime=x", "RUNTIME"],
  ] as const) {
    const { code, stdout, stderr } = await make(["tag", version, given]);
    const [name] = given.split("=");
    const told = `error: nothing reads the variable ${name}\n  expected: ${meant}\n  fix:      set ${meant} instead\n`;
    assert.is(stderr.replace(/^make: .*\n/m, ""), told);
    assert.is(stdout, "");
    assert.is(code, 2);
  }
  // What debhelper and rpm pass to every make.
  const passed = ["INSTALL=install -p", "V=1", "VERBOSE=1", "CC=gcc", "CXX=g++", "AM_UPDATE_INFO_DIR=no", "LANG=C"];
  const { code, stdout, stderr } = await make(["tag", version, ...passed, "DESTDIR=/x", "PREFIX=/usr"]);
  assert.is(
    stderr,
    "no knobs of this project, only handed on: AM_UPDATE_INFO_DIR, CC, CXX, INSTALL, LANG, V, VERBOSE\n",
  );
  assert.is(stdout, "v0.0.1\n");
  assert.is(code, 0);
});

test("should execute no value, from the environment or the command line, and no goal", async () => {
  const mark = join(temporaryFolder(), "executed");
  const value = `$(shell touch ${mark})`;
  // Deno makes folders below the home folder.
  const known = Object.keys(KNOBS).filter((name) => name !== "HOME" && name !== "XDG_CACHE_HOME");
  const names = [...known, "VPATH", "PWD", "CARGO_MANIFEST_DIR", "OTHER", "name", "given"];
  const env = Object.fromEntries(names.map((name) => [name, value]));
  const needed = { VERSION: "v0.0.1", FORMAT: "", RUNTIME: "", PWD: PROJECT };
  const inherited = await make(["tag"], { env: { ...env, ...needed } });
  assert.is(inherited.stdout, "v0.0.1\n", inherited.stderr);
  for (const verb of ["clean", "help"]) await make([verb], { env });
  for (const given of [names.filter((name) => name !== "RUNTIME"), ["RUNTIME"], ["TARGET", "help"]])
    assert.is((await make(["tag", ...given.map((name) => (name in env ? `${name}=${value}` : name))])).code, 2);
  for (const goal of [
    value,
    `x';touch ${mark};'`,
    `dist/fastboop-stage0-${value}`,
    `dist/fastboop-stage0-';touch ${mark};'`,
  ])
    assert.is((await make([goal])).code, 2);
  assert.not(existsSync(mark));
});

test("should hand on every value as it is", async () => {
  const value = "a $b $(c) ${d} `e` 'f' \"g\" \\h #i\nj\t%k";
  for (const outcome of [await make(["tag", `VERSION=${value}`]), await make(["tag"], { env: { VERSION: value } })]) {
    assert.match(outcome.stderr, `"${value.replace("\n", "\\n").replace("\t", "\\x09")}"`);
    assert.is(outcome.code, 2);
  }
});

test("should say which runtimes there are when given another", async () => {
  const { code, stdout, stderr } = await runProgram(["make", "-s", "-C", PROJECT, "contract", "RUNTIME=bun"]);
  assert.match(stderr, /RUNTIME is "bun", it takes node or deno\. {2}Stop\.$/m);
  assert.is(stdout, "");
  assert.is(code, 2);
});

test("should be quiet and work from elsewhere and in a folder with spaces, quotes and a dollar sign", async () => {
  const folder = copyProject(join(temporaryFolder(), 'it\'s a "folder" of $HOME'));
  for (const [command, cwd] of [
    [["make", "contract"], folder],
    [["make", "-s", "-C", folder, "contract"], temporaryFolder()],
    [["make", "-s", "-j8", "-C", folder, "contract"], temporaryFolder()],
  ] as const) {
    const { code, stdout, stderr } = await runProgram(command, { cwd });
    assert.is(stderr, "");
    assert.is(JSON.parse(stdout).package, "fastboop-stage0");
    assert.is(code, 0);
  }
});

test("should resolve relative paths against the folder in which make was called", async () => {
  const cwd = temporaryFolder("make $HOME");
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out", "fastboop-stage0-x86_64-unknown-linux-musl"), "<html>");
  const { stderr } = await make(["preflight", "DIST=out"], { cwd });
  assert.match(stderr, /HTML/);
});

test("should install node_modules when it is missing or older than the lock file", async () => {
  const dry = async (folder: string) => (await runProgram(["make", "-n", "-C", folder, "contract"])).stdout;
  const folder = temporaryFolder();
  for (const name of ["Makefile", "package.json", "package-lock.json"]) cpSync(join(PROJECT, name), join(folder, name));
  assert.match(await dry(folder), /\bmodules\.sh \. /);
  mkdirSync(join(folder, "node_modules"));
  writeFileSync(join(folder, "node_modules", ".package-lock.json"), "{}");
  assert.not.match(await dry(folder), /modules\.sh/);
  writeFileSync(join(folder, "package-lock.json"), "{}");
  await runProgram(["touch", "-d", "1 hour ago", join(folder, "node_modules", ".package-lock.json")]);
  assert.match(await dry(folder), /\bmodules\.sh \. /);
});

/** A folder with what make needs to install the modules, and nothing installed. */
function uninstalled(): string {
  const folder = temporaryFolder();
  for (const name of ["Makefile", "package.json", "package-lock.json", ".npmrc", "scripts/modules.sh", "scripts/lib"])
    cpSync(join(PROJECT, name), join(folder, name), { recursive: true });
  return folder;
}

test("should say once why node_modules can't be installed, and not on stdout", async () => {
  const env = {
    npm_config_registry: "http://127.0.0.1:1",
    npm_config_cache: temporaryFolder(),
    npm_config_fetch_retries: "0",
  };
  const { code, stdout, stderr } = await runProgram(["make", "-s", "-C", uninstalled(), "contract"], { env });
  assert.match(
    stderr,
    new RegExp(
      [
        "^npm: installing what ./package.json names",
        "error: npm can't install the modules",
        "  expected: those that ./package.json names",
        "  got:      code ECONNREFUSED\\n(            .*\\n)+" +
          "  fix:      check the network, and npm's registry, proxy and cafile \\(npm config list\\); then run it again",
        "make: \\*\\*\\* \\[Makefile:\\d+: node_modules/.package-lock.json\\] Error 3\\n$",
      ].join("\n"),
    ),
  );
  assert.is(stdout, "");
  assert.is(code, 2);
});

test("should say what node and npm have to be, both at once", async () => {
  const programs = temporaryFolder();
  for (const name of ["make", "sh", "awk", "sed"]) {
    const { stdout } = await runProgram(["sh", "-c", `command -v ${name}`]);
    symlinkSync(stdout.trim(), join(programs, name));
  }
  const contract = async (): Promise<string> => {
    const { code, stderr } = await runProgram(["make", "-s", "-C", uninstalled(), "contract"], {
      env: { PATH: programs },
    });
    assert.is(code, 2);
    return stderr.replace(/^make: .*\n/m, "");
  };
  const npm = [
    "error: npm is not on PATH",
    "  expected: npm, which installs the modules",
    "  got:      none",
    "  fix:      install your system's package npm (nodejs-npm on Fedora), or Node.js from https://nodejs.org/en/download, which brings it",
    "",
  ];
  const none = [
    "error: node is not on PATH",
    "  expected: Node.js 20.18.1 or later",
    "  got:      none",
    "  fix:      install your system's package nodejs if it is new enough, else take it from https://nodejs.org/en/download",
  ];
  assert.is(await contract(), [...none, ...npm].join("\n"));
  const node = isDeno ? (await runProgram(["sh", "-c", "command -v node"])).stdout.trim() : process.execPath;
  // A node that only says that it is another.
  const fake = (version: string): void => {
    const preload = join(programs, "preload.cjs");
    writeFileSync(preload, `Object.defineProperty(process, "versions", { value: { node: "${version}" } });\n`);
    writeFileSync(join(programs, "node"), `#!/bin/sh\nexec ${node} --require ${preload} "$@"\n`, { mode: 0o755 });
  };
  for (const version of ["18.20.4", "20.18.0", "20.9.9"]) {
    fake(version);
    const old = [
      "error: node is too old",
      "  expected: Node.js 20.18.1 or later",
      `  got:      v${version}`,
      "  fix:      npm install --global node@22 (as root) puts a newer one beside it; or see https://nodejs.org/en/download",
    ];
    assert.is(await contract(), [...old, ...npm].join("\n"));
    // Where a newer one has installed the modules.
    const started = await runProgram([join(programs, "node"), "--require", LOADER, join(PROJECT, "scripts/tag.ts")]);
    assert.equal({ ...started }, { code: 3, signal: null, stdout: "", stderr: [...old, ""].join("\n") });
  }
  for (const version of ["20.18.1", "21.0.0", "100.2.3"]) {
    fake(version);
    assert.is(await contract(), npm.join("\n"));
  }
});

test("should pass on no home folder in place of an empty one", async () => {
  const folder = copyProject(temporaryFolder());
  writeFileSync(join(folder, "scripts", "contract.ts"), 'process.stdout.write(String("HOME" in process.env));\n');
  const command = ["make", "-s", "-C", folder, "contract"];
  assert.is((await runProgram(command, { env: { HOME: "" } })).stdout, "false");
  assert.is((await runProgram(command, { env: { HOME: folder } })).stdout, "true");
});

test("should ask npm for the same oldest node", () => {
  const { engines } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  const [, oldest] =
    /^const OLDEST = "(.+)"/m.exec(readFileSync(join(PROJECT, "scripts/lib/node-version.cjs"), "utf8")) ?? [];
  assert.is(engines.node, `>=${oldest}`);
});

test("should bring the tools that tests use under either runtime", async () => {
  const folder = temporaryFolder();
  for (const name of ["Makefile", "package.json", "package-lock.json", "ci/tools/package.json"])
    cpSync(join(PROJECT, name), join(folder, name));
  for (const runtime of ["node", "deno"]) {
    const { stdout } = await runProgram(["make", "-n", "-C", folder, "test", `RUNTIME=${runtime}`]);
    assert.match(stdout, /\bmodules\.sh ci\/tools /, runtime);
  }
});

test.run();
