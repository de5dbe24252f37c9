import * as fs from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { Ajv2020 } from "ajv/dist/2020.js";
import { build } from "esbuild";
import * as assert from "uvu/assert";
import { assetName } from "../scripts/lib/contract.ts";
import { checkDist } from "../scripts/lib/gate/preflight.ts";
import { bootPassed } from "../scripts/lib/gate/preflight-boot.ts";
import type { FileReport, Finding } from "../scripts/lib/gate/report.ts";
import { escapeMarkdown, rulesTable } from "../scripts/lib/gate/report-markdown.ts";
import { digestFile } from "../scripts/lib/hash.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { compileAll, PROGRAMS } from "./corpus/compile.ts";
import { tables } from "./corpus/synthetic.ts";
import {
  isDeno,
  lacking,
  make,
  namesIn,
  type Outcome,
  RUNTIME,
  runProgram,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("preflight");

const X86_64 = "x86_64-unknown-linux-musl";
const AARCH64 = "aarch64-unknown-linux-musl";
const [X, A] = [assetName(X86_64), assetName(AARCH64)];
const SCRIPT = [...RUNTIME, join(PROJECT, "scripts", "preflight.ts")];
const rust = lacking({ programs: ["cargo"] });
const compilers = rust ?? lacking({ programs: PROGRAMS });

/** A new folder with copies of files, by the names that they get. */
function folderOf(files: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [name, source] of Object.entries(files)) fs.copyFileSync(source, join(folder, name));
  return folder;
}

/** A folder with both release files, as a build leaves it. */
async function release(): Promise<string> {
  const files = await releaseFiles();
  return folderOf({ [X]: files[X86_64], [A]: files[AARCH64] });
}

/** Runs the gate in a folder. */
const gate = (cwd: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> =>
  script("preflight.ts", args, { cwd, env });

/** The line of a file of which everything is known; size and digest by other means than the gate's. */
async function line(verdict: string, path: string, about: string, file: string): Promise<string> {
  const { size } = fs.statSync(file);
  const short = size < 2 ** 20 ? `${(size / 1024).toFixed(1)} KiB` : `${(size / 2 ** 20).toFixed(1)} MiB`;
  const { stdout } = await runProgram(["sha256sum", file]);
  return `${verdict} ${path}  ${about}  ${size.toLocaleString("en-US")} bytes (${short})  sha256 ${/[0-9a-f]{64}/.exec(stdout)?.[0]}\n`;
}

/** A finding as stderr shows it. */
const shown = (label: string, rule: string, expected: string, got: string, fix: string): string =>
  `${label}: breaks the rule ${rule}\n  expected: ${expected}\n  got:      ${got}\n  fix:      ${fix}\n`;
const UNREADABLE_FIX = "check the path, its owner and its mode, and that nothing is still writing the file";
const unreadable = (path: string, got: string): string =>
  shown(`error: ${path}`, "readable", "a regular file that can be read", got, UNREADABLE_FIX);
const OUTSIDE_FIX = "remove it from the folder, or give it its asset name";
const ABI_FIX = "build it for the target in its name; is it armv7-unknown-linux-musleabi's?";
const MACHINE_FIX = "build it for the target in its name; were two files swapped?";

const schema = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(
  JSON.parse(fs.readFileSync(join(PROJECT, "docs", "preflight.schema.json"), "utf8")),
);
interface Result {
  ok: boolean;
  files: Omit<FileReport, "parts">[];
  findings: Finding[];
}
/** The JSON of a run, valid by its schema. */
function result({ stdout }: Outcome): Result {
  const parsed: unknown = JSON.parse(stdout);
  assert.ok(schema(parsed), JSON.stringify(schema.errors));
  return parsed as Result;
}
const short = (findings: readonly Finding[]): string[] => findings.map(({ rule, got }) => `${rule}: ${got}`);

testUnless(test, rust, "should pass a folder that holds both release assets, in one line each", async () => {
  const folder = await release();
  const lines =
    (await line("ok  ", X, `${X86_64}  static-pie`, join(folder, X))) +
    (await line("ok  ", A, `${AARCH64}  static`, join(folder, A)));
  assert.equal(await gate(folder, [], { DIST: "." }), { code: 0, signal: null, stdout: lines, stderr: "" });
  assert.equal(await gate(folder, [X, A]), { code: 0, signal: null, stdout: lines, stderr: "" });
});

test("should look for the caller's folder, the workspace and cargo's home in a file", async () => {
  const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()];
  const file = join(folder, "file");
  fs.writeFileSync(file, `${folder}/stage0/out`);
  const warned = async (cwd: string, env: Record<string, string>): Promise<boolean> => {
    const { findings = [] } = result(await gate(cwd, ["--json", "--target", X86_64, file], env)).files[0] ?? {};
    return short(findings).includes(`build-paths: "${folder}/stage0/out"`);
  };
  assert.is(await warned(folder, {}), true);
  assert.is(await warned(elsewhere, {}), false);
  assert.is(await warned(elsewhere, { WORKSPACE: folder }), true);
  assert.is(await warned(elsewhere, { CARGO_HOME: folder }), true);
});

testUnless(
  test,
  rust,
  "should check DIST as make's caller means it, and name what is below the caller's folder from there",
  async () => {
    const folder = await release();
    fs.renameSync(join(folder, X), join(folder, "elsewhere"));
    const dist = basename(folder);
    const { code, stdout, stderr } = await make(["preflight", `DIST=${dist}`], { cwd: join(folder, "..") });
    assert.is(stdout, await line("ok  ", `${dist}/${A}`, `${AARCH64}  static`, join(folder, A)));
    assert.is(
      stderr.split("\nmake:")[0],
      shown("error", "release-asset", X, "no such file", "make stage0-all builds every one").trimEnd(),
    );
    // make's own code for a recipe that failed.
    assert.is(code, 2);
    assert.match(stderr, /Error 1\n$/);
  },
);

testUnless(test, rust, "should gate one target's asset alone when TARGET names it, and say so", async () => {
  const folder = await release();
  fs.rmSync(join(folder, X));
  const alone = "TARGET is set: checking its asset only, not the whole release\n";
  assert.equal(await gate(folder, [], { DIST: ".", TARGET: AARCH64 }), {
    code: 0,
    signal: null,
    stdout: await line("ok  ", A, `${AARCH64}  static`, join(folder, A)),
    stderr: alone,
  });
  const absent = await gate(folder, [], { DIST: ".", TARGET: X86_64 });
  assert.is(absent.stderr, alone + unreadable(X, "no such file or folder"));
  assert.is(absent.code, 3);
  // What is named on the command line is what is gated.
  assert.is((await gate(folder, [A], { TARGET: X86_64 })).stderr, "");
});

testUnless(
  test,
  rust,
  "should find the release assets of a named folder one folder down, as downloads lie",
  async () => {
    const folder = await release();
    const at = (path: string): string => join(folder, path);
    for (const [name, artifact] of [
      [X, "fastboop-stage0-x86_64"],
      [A, "deep/er/fastboop-stage0-aarch64"],
    ] as const) {
      fs.mkdirSync(at(`in/${artifact}`), { recursive: true });
      fs.renameSync(at(name), at(`in/${artifact}/${name}`));
    }
    fs.mkdirSync(at("in/web"));
    fs.writeFileSync(at("in/web/index.html"), "");
    const x = `in/fastboop-stage0-x86_64/${X}`;
    const a = `in/deep/er/fastboop-stage0-aarch64/${A}`;
    const lines =
      (await line("ok  ", x, `${X86_64}  static-pie`, at(x))) + (await line("ok  ", a, `${AARCH64}  static`, at(a)));
    assert.equal(await gate(folder, ["in"]), { code: 0, signal: null, stdout: lines, stderr: "" });
    const [only] = lines.split(/(?<=\n)/);
    for (const args of [
      ["--target", X86_64, "in"],
      [`--target=`, x],
    ]) {
      assert.equal(await gate(folder, args), { code: 0, signal: null, stdout: only, stderr: "" });
    }

    fs.mkdirSync(at("in/again"));
    fs.copyFileSync(at(x), at(`in/again/${X}`));
    const twice = await gate(folder, ["in"]);
    const fix = "make stage0-all builds every one";
    assert.is(twice.stderr, shown("error", "release-asset", `one ${X}`, `in/again/${X}, ${x}`, fix));
    assert.is(twice.code, 1);

    // What the folder itself has is all that counts: dist/debug/ has files of the same names.
    fs.copyFileSync(at(a), at(`in/${A}`));
    const missing = await gate(folder, ["in"]);
    assert.equal([missing.code, missing.stderr], [1, shown("error", "release-asset", X, "no such file", fix)]);
    const other = await gate(folder, ["--target", X86_64, "in"]);
    assert.equal([other.code, other.stderr], [1, shown("error", "release-asset", X, "no such file", fix)]);
  },
);

test("should fail a folder without the release assets, and be unable to check one that is not there", async () => {
  const folder = temporaryFolder();
  const absent = (name: string) =>
    shown("error", "release-asset", name, "no such file", "make stage0-all builds every one");
  assert.equal(await gate(folder, [], { DIST: "." }), {
    code: 1,
    signal: null,
    stdout: "",
    stderr: absent(X) + absent(A),
  });
  assert.equal(await gate(folder, [], { DIST: "dist" }), {
    code: 3,
    signal: null,
    stdout: "",
    stderr: shown(
      "error",
      "readable",
      "a folder that can be listed",
      "dist: no such file or folder",
      "make stage0-all builds the release assets into dist/; DIST=folder names another folder",
    ),
  });
  fs.writeFileSync(join(folder, "file"), "");
  const { code, stderr } = await gate(folder, [], { DIST: "file" });
  assert.is(
    stderr,
    shown(
      "error",
      "readable",
      "a folder that can be listed",
      "file: a part of the path is not a folder",
      UNREADABLE_FIX,
    ),
  );
  assert.is(code, 3);
});

testUnless(test, rust, "should see a swap: files under each other's names, and one file under both", async () => {
  const files = await releaseFiles();
  const swapped = folderOf({ [X]: files[AARCH64], [A]: files[X86_64] });
  assert.equal(await gate(swapped, [], { DIST: "." }), {
    code: 1,
    signal: null,
    stdout:
      (await line("FAIL", X, `${X86_64}  static`, files[AARCH64])) +
      (await line("FAIL", A, `${AARCH64}  static-pie`, files[X86_64])),
    stderr:
      shown(`error: ${X}`, "machine", "x86-64", "aarch64", MACHINE_FIX) +
      shown(`error: ${A}`, "machine", "aarch64", "x86-64", MACHINE_FIX),
  });
  const twice = folderOf({ [X]: files[X86_64], [A]: files[X86_64] });
  const outcome = await gate(twice, ["--json"], { DIST: "." });
  const { sha256, buildId } = result(outcome).files[0] ?? {};
  assert.is(outcome.code, 1);
  assert.equal(short(result(outcome).findings), [
    `swap: ${X} and ${A} both have ${sha256}`,
    ...(buildId ? [`swap: ${X} and ${A} both have ${buildId}`] : []),
  ]);
});

testUnless(test, rust, "should let nothing else pass for a stage0 asset", async () => {
  const folder = await release();
  const file = join(folder, A);
  const outsiders = [
    "fastboop-stage0",
    "fastboop-stage0-",
    "fastboop-stage0-riscv64-unknown-linux-musl",
    `${A}.sig`,
    `${A}\n::error::\x1b[31m`,
    assetName("armv7-unknown-linux-musleabi"),
    "FASTBOOP-STAGE0-aarch64",
    "fastboop_stage0-aarch64",
  ];
  for (const name of outsiders) fs.copyFileSync(file, join(folder, name));
  fs.mkdirSync(join(folder, `${X}.d`));
  const harmless = [
    "SHA256SUMS",
    "stage0.env",
    ".fastboop-stage0-x.tmp",
    "fastboop-cli",
    "fastboop-stage0_0.1.0_all.deb",
  ];
  for (const name of harmless) {
    fs.writeFileSync(join(folder, name), "");
  }
  const { code, stdout, stderr } = await gate(folder, [], { DIST: "." });
  const got = (name: string): string => `"${name.replace("\n", "\\n").replace("\x1b", "\\x1b")}"`;
  const wanted = [...outsiders, `${X}.d`]
    .sort()
    .map((name) => shown("error", "unknown-asset", `${X} and ${A}`, got(name), OUTSIDE_FIX));
  assert.is(stderr, wanted.join(""));
  assert.is(stdout.match(/^ok {3}/gm)?.length, 2);
  assert.is(code, 1);
});

testUnless(test, compilers, "should gate what can be built and is not released, and warn of it", async () => {
  const folder = await release();
  const [name, armv7] = ["aarch64-unknown-linux-gnu", "armv7-unknown-linux-musleabihf"].map(assetName) as [
    string,
    string,
  ];
  const warnings = [name, armv7].map((file) =>
    shown(
      "warning",
      "not-released",
      `${X} and ${A}`,
      `"${file}"`,
      "move it out of the folder before a release is made from it",
    ),
  );
  const put = async (file: string, as: string) => fs.copyFileSync(join(await compileAll(), file), join(folder, as));
  await put("a-static", name);
  await put("arm-static", armv7);
  const good = await gate(folder, [], { DIST: "." });
  assert.is(good.stderr, warnings.join(""));
  assert.match(good.stdout, `ok   ${armv7}  armv7-unknown-linux-musleabihf  static  `);
  assert.is(good.code, 0);
  await put("x-static", name);
  await put("arm-soft", armv7);
  const bad = await gate(folder, [], { DIST: "." });
  assert.is(
    bad.stderr,
    shown(`error: ${name}`, "machine", "aarch64", "x86-64", MACHINE_FIX) +
      shown(`error: ${armv7}`, "abi-flags", "e_flags 0x5000400", "0x5000200", ABI_FIX) +
      shown(`warning: ${armv7}`, "relro", "a PT_GNU_RELRO", "none", "link with -z relro") +
      warnings.join(""),
  );
  assert.is(bad.code, 1);
});

testUnless(
  test,
  rust ?? lacking({ root: true, programs: ["setpriv"] }),
  "should not pass what it may not read, be it a file or the folder's list",
  async () => {
    // Root may read everything unless it gives these two capabilities up.
    const humbly = (folder: string, args: string[]) =>
      runProgram(["setpriv", "--bounding-set", "-dac_override,-dac_read_search", ...SCRIPT, ...args], {
        cwd: folder,
        env: { DIST: "." },
      });
    const folder = await release();
    fs.chmodSync(join(folder, A), 0o000);
    const file = await humbly(folder, []);
    assert.is(file.stderr, unreadable(A, "permission denied"));
    assert.is(file.code, 3);
    fs.chmodSync(join(folder, A), 0o755);
    fs.chmodSync(folder, 0o300);
    const list = await humbly(folder, []);
    assert.is(
      list.stderr,
      shown("error", "readable", "a folder that can be listed", ".: permission denied", UNREADABLE_FIX),
    );
    assert.is(list.code, 3);
  },
);

testUnless(
  test,
  compilers,
  "should say all that is wrong in one run, with rule, expectation, fact and fix",
  async () => {
    const dynamic = join(await compileAll(), "x-dynamic-pie");
    const folder = folderOf({ [A]: dynamic });
    assert.equal(await gate(folder, [A, "nothing"]), {
      code: 1,
      signal: null,
      stdout: `${await line("FAIL", A, `${AARCH64}  dynamic`, dynamic)}FAIL nothing\n`,
      stderr:
        shown(`error: ${A}`, "machine", "aarch64", "x86-64", MACHINE_FIX) +
        shown(
          `error: ${A}`,
          "interpreter",
          "no PT_INTERP",
          '"/lib64/ld-linux-x86-64.so.2"',
          "link it statically; Debian's musl-gcc -static-pie silently makes a dynamic file, musl-gcc -static does not",
        ) +
        shown(`error: ${A}`, "needed", "no DT_NEEDED", '"libc.so.6"', "link it statically") +
        unreadable("nothing", "no such file or folder"),
    });
    assert.is((await gate(folder, ["nothing"])).code, 3);
  },
);

testUnless(test, rust, "should take what has no business under an asset's name, and never as a pass", async () => {
  const good = (await releaseFiles())[X86_64];
  const folder = temporaryFolder();
  const at = (name: string): string => {
    fs.mkdirSync(join(folder, name));
    return join(folder, name, X);
  };
  fs.writeFileSync(at("html"), "<!DOCTYPE html>\n<html><title>Sign in</title></html>\n");
  fs.writeFileSync(
    at("lfs"),
    `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 467568\n`,
  );
  fs.writeFileSync(at("gzip"), gzipSync(fs.readFileSync(good)));
  fs.writeFileSync(at("empty"), "");
  fs.mkdirSync(at("folder"));
  await runProgram(["mkfifo", at("fifo")]);
  fs.symlinkSync(X, at("loop"));
  fs.symlinkSync("nowhere", at("dangling"));
  fs.symlinkSync("/dev/zero", at("device"));
  fs.copyFileSync(good, at("sparse"));
  fs.truncateSync(join(folder, "sparse", X), 2 ** 30);
  const cases: [string, string[]][] = [
    ["html", ["elf: an HTML page, probably a server's error or login page saved under this name"]],
    ["lfs", ["elf: a Git LFS pointer: the file itself was not fetched (git lfs pull)"]],
    ["gzip", ["elf: gzip data: unpack it first"]],
    ["empty", ["elf: an empty file"]],
    ["folder", ["readable: a folder"]],
    ["fifo", ["readable: a fifo"]],
    ["loop", ["readable: a loop of symbolic links"]],
    ["dangling", ["readable: no such file or folder"]],
    ["device", ["readable: a device"]],
    ["absent", ["readable: no such file or folder"]],
    ["sparse", ["trailing-bytes: an end at byte 1073741824", "size: 1073741824 bytes"]],
  ];
  const paths = cases.map(([name]) => join(name, X));
  const outcome = await gate(folder, ["--json", ...paths]);
  const { ok, files } = result(outcome);
  assert.is(ok, false);
  assert.equal(
    files.map(({ path, ok, findings }) => [path, ok, short(findings)]),
    cases.map(([name, findings]) => [join(name, X), false, findings]),
  );
  // What is known to be wrong outweighs what could not be read, which alone ends it with 3.
  assert.is(outcome.code, 1);
  const readable = cases.filter(([, [finding]]) => !finding?.startsWith("readable"));
  assert.is(
    (
      await gate(
        folder,
        readable.map(([name]) => join(name, X)),
      )
    ).code,
    1,
  );
  const others = paths.filter((path) => !readable.some(([name]) => path === join(name, X)));
  assert.is((await gate(folder, others)).code, 3);
});

test("should not pass a file that shrinks while it is read", async () => {
  const path = join(temporaryFolder(), X);
  fs.writeFileSync(path, "");
  fs.truncateSync(path, 2 ** 29);
  // The other process makes the file shorter and longer as long as it is there.
  const loop = 'while [ -e "$1" ]; do truncate -c -s -64K "$1"; truncate -c -s +64K "$1"; done';
  const writer = runProgram(["sh", "-c", loop, "sh", path]);
  const outcome = await gate("/", [path], { FASTBOOP_STAGE0_MAX_SIZE: "1G" });
  fs.rmSync(path);
  await writer;
  assert.equal(outcome, {
    code: 3,
    signal: null,
    stdout: `FAIL ${path}  ${X86_64}\n`,
    stderr: shown(
      `error: ${path}`,
      "readable",
      "a file that does not change",
      "it was written to while it was read",
      UNREADABLE_FIX,
    ),
  });
});

testUnless(test, rust, "should give a program the exact name, and a terminal no control character of it", async () => {
  const name = "a\nb\x1b[31m\x7f\x9b\u2028\u202e\u{e0041}<script>###[stop-commands]x.elf";
  const folder = folderOf({ [name]: (await releaseFiles())[X86_64] });
  const raw = /[^\n\x20-\x7e]/;
  const json = await gate(folder, ["--json", "--target", X86_64, name]);
  assert.is(result(json).files[0]?.path, name);
  assert.not.match(json.stdout, raw);
  // A command to GitHub's runner, wherever it is in a line of either stream.
  assert.not.match(json.stdout, "##[");
  const text = await gate(folder, [name], { GITHUB_ACTIONS: "true" });
  const printed = "a\\nb\\x1b[31m\\x7f\\x9b\\u{2028}\\u{202e}\\u{e0041}<script>##\\x23[stop-commands]x.elf";
  assert.is(text.stdout, await line("FAIL", printed, "static-pie", join(folder, name)));
  assert.not.match(text.stderr, raw);
  assert.ok(text.stderr.startsWith(`::error file=${printed}::${printed}: breaks the rule target%0A`));
  const page = await gate(folder, ["--html", "/proc/\x1b\n/page.html", name]);
  assert.is(page.code, 3);
  assert.ok(page.stderr.includes("error: /proc/\\x1b\\n: no such file or folder\n"), page.stderr);
  assert.not.match(page.stderr, raw);
});

testUnless(test, rust, "should take the target of any file from --target, and no target that is not one", async () => {
  const file = (await releaseFiles())[X86_64];
  const folder = folderOf({ stage0: file, [A]: file });
  assert.is(
    (await gate(folder, ["--target", X86_64, "stage0"])).stdout,
    await line("ok  ", "stage0", `${X86_64}  static-pie`, file),
  );
  const contradicted = await gate(folder, ["--target", X86_64, A]);
  assert.is(
    contradicted.stderr,
    shown(`error: ${A}`, "target", AARCH64, X86_64, "give the file its asset name, or name the target"),
  );
  assert.is(contradicted.code, 1);
  const known =
    `${X86_64}, ${AARCH64}, aarch64-alpine-linux-musl, x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu, ` +
    "armv7-unknown-linux-musleabihf";
  const refused = (what: string, got: string): string =>
    `error: ${what}\n  expected: ${known}\n  got:      "${got}"\n  fix:      set --target to one of them\n`;
  for (const [args, message] of [
    [["--target", "mips\x1b", "stage0"], refused("--target names an unknown target", "mips\\x1b")],
    [["--target", X86_64], "error: --target needs the files that it is about\n  fix:      name them\n"],
    [[""], "error: a file name is empty\n  fix:      name a file\n"],
    [["--jsno"], "error: Unknown option '--jsno'\n  fix:      preflight.ts --help lists what it takes\n"],
    [
      ["--\x1b\n##[x]"],
      "error: Unknown option '--\\x1b\\n#\\x23[x]'\n  fix:      preflight.ts --help lists what it takes\n",
    ],
    [
      ["--target", "-x"],
      "error: Option '--target' argument is ambiguous. Did you forget to specify the option argument for '--target'? " +
        "To specify an option argument starting with a dash use '--target=-XYZ'.\n" +
        "  fix:      preflight.ts --help lists what it takes\n",
    ],
  ] as const) {
    assert.equal(await gate(folder, args), { code: 2, signal: null, stdout: "", stderr: message });
  }
});

testUnless(test, rust, "should keep to the size budget that it is given", async () => {
  const folder = await release();
  const { size } = fs.statSync(join(folder, A));
  assert.is((await gate(folder, [A], { FASTBOOP_STAGE0_MAX_SIZE: `${size}` })).code, 0);
  const outcome = await gate(folder, ["--json", A], { FASTBOOP_STAGE0_MAX_SIZE: `${size - 1}` });
  assert.equal(
    [outcome.code, result(outcome).files[0]?.sha256, short(result(outcome).files[0]?.findings ?? [])],
    [1, null, [`size: ${size} bytes`]],
  );
  const { code, stderr } = await gate(folder, [A], { FASTBOOP_STAGE0_MAX_SIZE: "32 megabytes" });
  assert.match(stderr, /^error: the environment variable FASTBOOP_STAGE0_MAX_SIZE does not parse\n/);
  assert.is(code, 2);
});

testUnless(test, rust, "should print JSON with exactly the fields that its schema names", async () => {
  const folder = await release();
  const outcome = await gate(folder, ["--json"], { DIST: "." });
  assert.is(outcome.stderr, "");
  assert.is(outcome.code, 0);
  const { files, ...rest } = result(outcome);
  assert.equal(rest, { ok: true, findings: [] });
  const { stdout: header } = await runProgram(["readelf", "-hW", join(folder, A)]);
  const { stdout: notes } = await runProgram(["readelf", "-nW", join(folder, A)]);
  assert.equal(files[1], {
    path: A,
    asset: A,
    target: AARCH64,
    ok: true,
    type: "EXEC",
    machine: "aarch64",
    linkage: "static",
    interpreter: null,
    needed: [],
    entry: /Entry point address: +(0x[0-9a-f]+)/.exec(header)?.[1],
    alignment: 65536,
    buildId: /Build ID: ([0-9a-f]+)/.exec(notes)?.[1] ?? null,
    stripped: true,
    size: fs.statSync(join(folder, A)).size,
    sha256: (await runProgram(["sha256sum", join(folder, A)])).stdout.slice(0, 64),
    findings: [],
  });
  // The schema is worth something only if it refuses what is not so.
  const [file] = files;
  for (const changed of [
    { ...rest, files: [{ ...file, more: 1 }] },
    { ...rest, files: [{ ...file, sha256: "x" }] },
    { ...rest, files: [{ ...file, linkage: "magic" }] },
    { ...rest, files: [{ ...file, findings: [{ rule: "elf", severity: "fail", expected: "a", got: "b" }] }] },
    { ...rest, files: [Object.fromEntries(Object.entries(file ?? {}).slice(1))] },
    { ok: true, files: [] },
  ]) {
    assert.is(schema(changed), false, JSON.stringify(changed));
  }
});

testUnless(
  test,
  compilers,
  "should annotate findings and add tables to the job summary in GitHub Actions",
  async () => {
    const dynamic = join(await compileAll(), "x-one-page");
    const folder = folderOf({ [A]: dynamic, "50%,a:b|c`<img>_d_": (await releaseFiles())[X86_64] });
    const summary = join(folder, "summary.md");
    fs.writeFileSync(summary, "earlier\n");
    const env = { GITHUB_ACTIONS: "true", GITHUB_STEP_SUMMARY: summary };
    const { code, stdout, stderr } = await gate(folder, ["--target", X86_64, A, "50%,a:b|c`<img>_d_"], env);
    const annotation = `::error file=${A}::${A}: breaks the rule target%0A  expected: ${AARCH64}%0A  got:      ${X86_64}%0A  fix:      give the file its asset name, or name the target\n`;
    assert.is(stderr, annotation);
    assert.is(code, 1);
    const digests = stdout.match(/[0-9a-f]{64}/g) ?? [];
    const kib = (path: string): string => `${(fs.statSync(path).size / 1024).toFixed(1)} KiB`;
    assert.is(
      fs.readFileSync(summary, "utf8"),
      `earlier
### stage0 preflight: fail

| verdict | file | target | linkage | size | sha256 |
| --- | --- | --- | --- | --- | --- |
| **fail** | ${A} | ${X86_64} | static | ${kib(dynamic)} | ${digests[0]} |
| pass | 50%,a:b&#124;c&#96;&#60;img&#62;&#95;d&#95; | ${X86_64} | static-pie | ${kib((await releaseFiles())[X86_64])} | ${digests[1]} |

| file | rule | severity | expected | got | fix |
| --- | --- | --- | --- | --- | --- |
| ${A} | target | fail | ${AARCH64} | ${X86_64} | give the file its asset name, or name the target |

`,
    );
    const colon = await gate(folder, ["50%,a:b|c`<img>_d_"], env);
    assert.match(
      colon.stderr,
      /^::error file=50%25%2Ca%3Ab\|c`<img>_d_::50%25,a:b\|c`<img>_d_: breaks the rule target%0A/m,
    );
  },
);

testUnless(
  test,
  compilers ?? lacking({ programs: ["qemu-system-x86_64"] }),
  "should boot what passes with BOOT=1, and count a boot that fails as a finding",
  async () => {
    const folder = folderOf({ [X]: (await releaseFiles())[X86_64], [A]: join(await compileAll(), "a-dynamic") });
    const good = await gate(folder, [X, A], { BOOT: "1", DIST: "dist", FASTBOOP_STAGE0_BOOT_EXPECT: "pid 1$" });
    assert.is(
      good.stdout,
      (await line("ok  ", X, `${X86_64}  static-pie`, join(folder, X))) +
        (await line("FAIL", A, `${AARCH64}  dynamic`, join(folder, A))),
    );
    assert.match(
      good.stderr,
      new RegExp(`^booted ${X} on Linux [0-9][^ ]+, qemu64: ran as PID 1, printed "fastboop-stage0 `, "m"),
    );
    // Where KVM is, there is one more, on the machine's own processor.
    assert.is(good.stderr.match(/^booted \S+ on \S+ \S+, (?!host:)/gm)?.length, 2);
    assert.is(good.code, 1);
    const logs = namesIn(join(folder, "dist", "log")).filter((name) => !name.endsWith("-host.log"));
    assert.equal(logs, [`boot-${X86_64}-max.log`, `boot-${X86_64}.log`, `${X}.test-result.json`]);

    const silent = await gate(folder, ["--json", X], {
      BOOT: "1",
      DIST: "dist",
      FASTBOOP_STAGE0_BOOT_EXPECT: "nonsense",
    });
    const [file] = result(silent).files;
    assert.is(result(silent).ok, false);
    assert.is(file?.ok, false);
    const [boot] = file?.findings ?? [];
    assert.is(file?.findings.filter(({ got }) => !got.includes(", host; ")).length, 2);
    assert.equal(
      [boot?.rule, boot?.severity, boot?.expected],
      ["boot", "fail", "a line that matches /nonsense/ within 60.0 s"],
    );
    assert.match(
      boot?.got ?? "",
      /^it ran as PID 1 and did not print the expected line; none until it powered the machine off; Linux [0-9][^ ]+, qemu64; console in \/.+\/dist\/log\/boot-x86_64-unknown-linux-musl\.log$/,
    );
    assert.is(silent.code, 1);
  },
);

testUnless(
  test,
  rust ?? lacking({ programs: ["qemu-system-x86_64", "qemu-system-aarch64"] }),
  "should not take the boot of other bytes for a proof of those that it gated",
  async () => {
    const folder = await release();
    const gated = checkDist(folder, { maxSize: 2 ** 25 });
    assert.is(gated.ok, true);
    fs.appendFileSync(join(folder, X), "\n");
    const { ok, findings } = await bootPassed(gated);
    const [before, after] = [gated.files[0]?.sha256, digestFile(join(folder, X)).sha256];
    const got = `${join(folder, X)} changed after it was gated; ${after}`;
    assert.equal([ok, findings.length], [false, 1]);
    assert.equal(findings[0], {
      rule: "boot",
      severity: "fail",
      expected: `sha256 ${before}`,
      got,
      fix: "run it again when nothing writes to the file",
    });
  },
);

testUnless(
  test,
  rust ?? lacking({ programs: ["qemu-system-x86_64"] }),
  "should pass nothing with BOOT=1 when there is no machine to boot in",
  async () => {
    const folder = await release();
    const programs = temporaryFolder();
    fs.symlinkSync(process.execPath, join(programs, basename(process.execPath)));
    const outcome = await gate(folder, ["--json"], { BOOT: "1", DIST: ".", PATH: programs });
    const { ok, files, findings } = result(outcome);
    assert.equal([ok, files.map(({ ok }) => ok)], [false, [true, true]]);
    assert.equal(
      findings.map(({ rule, severity, got }) => [rule, severity, got]),
      [["boot-machine", "fail", "qemu-system-x86_64 and qemu-system-aarch64 are not on PATH"]],
    );
    assert.is(outcome.code, 3);
    const kernel = await gate(folder, [X], { BOOT: "1", KERNEL_x86_64: "/etc/passwd" });
    assert.is(kernel.stdout, "");
    assert.match(kernel.stderr, /^error: \/etc\/passwd: this is no kernel image for x86_64\n/);
    assert.is(kernel.code, 2);
  },
);

test("should leave no markup in untrusted Markdown", () => {
  const text = "[a](http://b) *c* __d__ x86_64 ~~e~~ #1 @f <g> &amp; `h` | \\ ![i] www.j.k $l$";
  assert.is(
    escapeMarkdown(text),
    "&#91;a&#93;(http&#58;//b) &#42;c&#42; &#95;&#95;d&#95;&#95; x86_64 &#126;&#126;e&#126;&#126; &#35;1 &#64;f &#60;g&#62; " +
      "&#38;amp; &#96;h&#96; &#124; &#92; &#33;&#91;i&#93; www&#46;j.k &#36;l&#36;",
  );
});

test("should have the rules in the documentation as they are in the code", () => {
  const doc = fs.readFileSync(join(PROJECT, "docs", "preflight.md"), "utf8");
  const made = /^<!-- made: rules -->\n([\s\S]*)\n<!-- made: end -->$/m.exec(doc)?.[1];
  assert.ok(made === rulesTable(), "make docs writes the table of rules anew");
});

test("should load no more than a plain run needs", async () => {
  const { metafile } = await build({
    entryPoints: [join(PROJECT, "scripts", "preflight.ts")],
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    outdir: "unused",
    write: false,
    metafile: true,
    logLevel: "silent",
    absWorkingDir: PROJECT,
  });
  const loaded = new Set<string>();
  const queue = ["scripts/preflight.ts"];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    if (loaded.has(path)) continue;
    loaded.add(path);
    for (const { kind, path: next, external } of metafile.inputs[path]?.imports ?? []) {
      if (kind !== "import-statement" || next.startsWith("node:")) continue;
      assert.not.ok(external, `${path} loads ${next}`);
      queue.push(next);
    }
  }
  const late = ["html", "boot", "gate/preflight-boot", "gate/report-html", "gate/report-picture"]
    .concat("gate/report-json", "gate/report-markdown")
    .map((name) => `scripts/lib/${name}.ts`);
  for (const path of late) assert.ok(path in metafile.inputs, path);
  assert.equal(
    late.filter((path) => loaded.has(path)),
    [],
  );
  assert.ok(loaded.has("scripts/lib/gate.ts"));
});

// Deno has no way to bound it.
(isDeno ? () => {} : test)("should keep to 150 MiB of memory, whatever the tables claim", async () => {
  const folder = temporaryFolder();
  const hostile = tables({ segments: 60_000, sections: 131_072, shnum: 0 });
  for (let index = 1; index < 131_072; index++)
    hostile.section(index, { type: 1, flags: 2, addr: -index, size: index });
  const files = Array.from({ length: 8 }, (_, index) => join(folder, String(index)));
  for (const file of files) fs.writeFileSync(file, hostile.bytes);
  const peak = join(folder, "peak.cjs");
  fs.writeFileSync(peak, 'process.on("exit", () => process._rawDebug(`peak ${process.resourceUsage().maxRSS}`));');
  const [node = "", ...options] = RUNTIME;
  const command = [node, "--require", peak, ...options, join(PROJECT, "scripts", "preflight.ts")];
  const { code, stderr } = await runProgram([...command, "--html", join(folder, "page"), "--target", X86_64, ...files]);
  assert.is(code, 1);
  const kib = Number(/^peak ([0-9]+)$/m.exec(stderr)?.[1]);
  assert.ok(kib > 30_000 && kib < 150 * 1024, `${kib} KiB`);
});

test("should say that a name has to be UTF-8 where the runtime takes no other", async () => {
  const folder = temporaryFolder();
  fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x61, 0xff])]), "");
  const command = `exec "$@" --target ${X86_64} "$(printf 'a\\377')"`;
  const { code, stderr } = await runProgram(["sh", "-c", command, "sh", ...SCRIPT], { cwd: folder });
  // Deno hands the bytes on as they are, and so finds the empty file.
  const got = isDeno ? "an empty file" : "no such file or folder; a name has to be UTF-8, and this one is not";
  assert.match(stderr, `\n  got:      ${got}\n`);
  assert.is(code, isDeno ? 1 : 3);
});

test.run();
