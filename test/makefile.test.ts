import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { KNOBS } from "../scripts/lib/knobs.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { copyProject, isDeno, make, runProgram, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("Makefile");
const MAKEFILE = readFileSync(join(PROJECT, "Makefile"), "utf8");
const verbs = [...MAKEFILE.matchAll(/^\.PHONY: (.*)$/gm)].flatMap(([, names = ""]) => names.split(" "));

test("should print, without arguments, every verb and every knob with its default", async () => {
  const { code, stdout, stderr } = await make([]);
  assert.is(stderr, "");
  assert.is(code, 0);
  for (const verb of verbs) assert.match(stdout, new RegExp(`^.{9} ${verb} +[A-Z]`, "m"));
  const lines = stdout.trimEnd().split("\n");
  assert.ok(lines.length <= 48 && lines.every((line) => line.length <= 110), "it fits a screen");
  for (const [name, knob] of Object.entries(KNOBS)) {
    if (knob.audience !== "user") continue;
    const shown = "default" in knob && knob.default !== undefined ? `${name}=${knob.default}` : name;
    assert.ok(stdout.split(/\s+/).includes(shown), shown);
  }
});

test("should give every verb a help line of its own", () => {
  assert.ok(verbs.length > 15);
  for (const verb of verbs) assert.match(MAKEFILE, new RegExp(`^${verb}:.* ## [A-Z]`, "m"));
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
  const bad = await make(["help", "TARGET=no-such-verb"]);
  assert.match(bad.stderr, /^error: make has no verb "no-such-verb"\n {2}expected: stage0, stage0-all, /);
  assert.is(bad.code, 2);
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
  for (const name of ["Makefile", "package.json", "package-lock.json", ".npmrc", "scripts/modules.sh"])
    cpSync(join(PROJECT, name), join(folder, name));
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
  // A node that only says that it is another.
  const node = isDeno ? (await runProgram(["sh", "-c", "command -v node"])).stdout.trim() : process.execPath;
  const fake = (version: string): void =>
    writeFileSync(
      join(programs, "node"),
      `#!/bin/sh\nif [ "$1" = --version ]; then echo v${version}; else exec ${node} "$@"; fi\n`,
      { mode: 0o755 },
    );
  for (const version of ["18.20.4", "20.18.0", "20.9.9"]) {
    fake(version);
    const old = [
      "error: node is too old",
      "  expected: Node.js 20.18.1 or later",
      `  got:      v${version}`,
      "  fix:      npm install --global node@22 (as root) puts a newer one beside it; or see https://nodejs.org/en/download",
    ];
    assert.is(await contract(), [...old, ...npm].join("\n"));
  }
  for (const version of ["20.18.1", "21.0.0", "100.2.3"]) {
    fake(version);
    assert.is(await contract(), npm.join("\n"));
  }
});

test("should ask npm for the same oldest node", () => {
  const { engines } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  const [, oldest] = /^oldest=(\S+)/m.exec(readFileSync(join(PROJECT, "scripts", "modules.sh"), "utf8")) ?? [];
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
