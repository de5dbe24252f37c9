/** Folders that can't be used: full, read-only, noexec, not there. Each error names the path and what chooses another. */
import { userInfo } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { cacheDir, folderKnob, PROJECT } from "../scripts/lib/paths.ts";
import {
  failureOf,
  lacking,
  type Outcome,
  RUNTIME,
  runProgram,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { viewing } from "./lib/mounts.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("machine");
const needsMounts = lacking({ root: true, programs: ["unshare", "mount"] });
const NAME = "fastboop-stage0-aarch64-unknown-linux-musl";
let payload: string;
test.before(async () => {
  payload = (await releaseFiles())["aarch64-unknown-linux-musl"];
});

/** Runs a script where a folder is an empty file system of its own. */
async function on(options: string, folder: string, script: string[], env: Record<string, string>): Promise<Outcome> {
  const [name = "", ...args] = script;
  const command = [...RUNTIME, join(PROJECT, "scripts", name), ...args];
  return runProgram(viewing({ fresh: { [folder]: options } }, command), {
    env: { FASTBOOP_STAGE0_EMBED_PATH: payload, ...env },
  });
}

/** What a run said at its end, without the system's own words, which differ between the runtimes. */
const said = ({ code, stdout, stderr }: Outcome): unknown[] => [
  code,
  stdout,
  stderr.slice(stderr.indexOf("error:")).replace(/^( {2}got: {6}).*$/m, "$1…"),
];
const full = (path: string, variable: string): unknown[] => [
  3,
  "",
  `error: ${path}: the disk is full\n  got:      …\n  fix:      free some space and run it again, or choose another place with ${variable}\n`,
];

testUnless(test, needsMounts, "should name the file and the variable when the disk is full", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "usr/lib/fastboop/stage0/stage0-aarch64");
  assert.equal(
    said(await on("size=64k", folder, ["build-stage0.ts"], { DIST: folder })),
    full(join(folder, NAME), "DIST"),
  );
  assert.equal(said(await on("size=64k", folder, ["install.ts"], { DESTDIR: folder })), full(path, "DESTDIR"));
  const prefix = { PREFIX: join(folder, "usr") };
  assert.equal(said(await on("size=64k", folder, ["install.ts"], prefix)), full(path, "PREFIX"));
});

testUnless(test, needsMounts, "should name the file and the variable when nothing may be written", async () => {
  const folder = temporaryFolder();
  assert.equal(said(await on("ro", folder, ["build-stage0.ts"], { DIST: folder })), [
    3,
    "",
    `error: ${join(folder, NAME)}: the file system is read-only\n  got:      …\n  fix:      make it writable, or choose another place with DIST\n`,
  ]);
});

/** Runs a script whose temporary folder is a file system of its own. */
async function withTemporary(options: string, script: string[]): Promise<[TMPDIR: string, said: unknown[]]> {
  const TMPDIR = temporaryFolder();
  return [TMPDIR, said(await on(options, TMPDIR, script, { TMPDIR, DIST: temporaryFolder(), VERSION: "0.0.1" }))];
}

testUnless(test, needsMounts, "should name TMPDIR when no program can be run there, or nothing written", async () => {
  const [noexec, refused] = await withTemporary("noexec", ["package.ts", "deb"]);
  assert.equal(refused, [
    3,
    "",
    `error: ${noexec}: no program can be run in this folder\n  expected: a file system that is not mounted with noexec\n  fix:      set TMPDIR to another folder\n`,
  ]);
  const [readOnly, unwritable] = await withTemporary("ro", ["package.ts", "deb"]);
  assert.equal(unwritable, [
    3,
    "",
    `error: ${readOnly}: the file system is read-only\n  got:      …\n  fix:      make it writable, or choose another place with TMPDIR\n`,
  ]);
});

testUnless(test, needsMounts, "should name TMPDIR when it is full", async () => {
  const [tiny, refused] = await withTemporary("size=4k", ["package.ts", "deb"]);
  // The folder itself, or one of ours in it: what else writes there depends on the runtime.
  assert.equal(
    [...refused.slice(0, 2), String(refused[2]).replace(/(?<=\/stage0-[\w.-]+)\/stage0-[^:/]+/, "")],
    full(tiny, "TMPDIR"),
  );
});

testUnless(test, needsMounts, "should not need TMPDIR where nothing temporary is made", async () => {
  for (const options of ["ro", "noexec", "size=4k"]) {
    assert.equal((await withTemporary(options, ["tag.ts"]))[1], [0, "v0.0.1\n", ""]);
  }
});

test("should name the variable whose folder is the nearest", () => {
  const folder = temporaryFolder();
  const before = process.env.DIST;
  process.env.DIST = folder;
  process.env.OUT = join(folder, "out", "file");
  try {
    assert.is(folderKnob(join(folder, "file")), "DIST");
    assert.is(folderKnob(join(folder, "out")), "OUT");
    assert.is(folderKnob(join(folder, "out", "file")), "OUT");
    assert.is(folderKnob(join(folder, "outer")), "DIST");
    assert.is(folderKnob(cacheDir("kernels")), "FASTBOOP_STAGE0_CACHE");
    assert.is(folderKnob(join(folder, "..", "other")), "TMPDIR");
    assert.is(folderKnob("/nowhere"), undefined);
  } finally {
    delete process.env.OUT;
    if (before === undefined) delete process.env.DIST;
    else process.env.DIST = before;
  }
});

test("should look for the home folder in the system's list when HOME is empty", async () => {
  const before = { ...process.env };
  delete process.env.XDG_CACHE_HOME;
  delete process.env.FASTBOOP_STAGE0_CACHE;
  try {
    for (const home of ["", undefined]) {
      if (home === undefined) delete process.env.HOME;
      else process.env.HOME = home;
      assert.is(cacheDir(), join(userInfo().homedir, ".cache", "stage0-distribution"));
    }
    process.env.HOME = "relative";
    assert.equal((await failureOf(() => cacheDir())).problems, [
      {
        what: "there is no home folder",
        expected: "a whole path in HOME, or this user in the system's list",
        fix: "set HOME, or FASTBOOP_STAGE0_CACHE for the cache alone",
      },
    ]);
  } finally {
    Object.assign(process.env, before);
  }
});

test.run();
