import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PROJECT } from "../scripts/lib/paths.ts";
import { snapshot, writeTree } from "./lib/crate.ts";
import {
  envLines,
  isRoot,
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
import { type ReleaseFiles, releaseFiles } from "./lib/release.ts";

const AARCH64 = "aarch64-unknown-linux-musl";
const X86_64 = "x86_64-unknown-linux-musl";
const NAME = `fastboop-stage0-${AARCH64}`;
const WANTED = "a 64-bit little-endian ELF file for aarch64, as aarch64-unknown-linux-musl is";
const FIX = "set FASTBOOP_STAGE0_EMBED_PATH to a stage0 for the target, or unset it to build one";

const test = suite("build-stage0, FASTBOOP_STAGE0_EMBED_PATH");
let built: ReleaseFiles;
test.before(async () => {
  built = await releaseFiles();
});

/** What stderr has to be for one problem with the file. */
const told = (path: string, what: string, expected: string, got: string): string =>
  [
    `takes FASTBOOP_STAGE0_EMBED_PATH: ${path}`,
    `error: ${path}: FASTBOOP_STAGE0_EMBED_PATH ${what}`,
    `  expected: ${expected}`,
    `  got:      ${got}`,
    `  fix:      ${FIX}`,
    "",
  ].join("\n");

/** Runs the script on a prebuilt file, with a folder of artifacts that holds an older one. */
async function refuse(path: string, code: number, stderr: string): Promise<void> {
  const dist = writeTree(temporaryFolder(), { [NAME]: "older", "stage0.env": "older" });
  const before = snapshot(dist);
  const outcome = await script("build-stage0.ts", [], { env: { FASTBOOP_STAGE0_EMBED_PATH: path, DIST: dist } });
  assert.is(outcome.stderr, stderr);
  assert.is(outcome.stdout, "");
  assert.is(outcome.code, code);
  assert.equal(snapshot(dist), before);
}

const unreadable = (path: string, got: string): Promise<void> =>
  refuse(path, 3, told(path, "can't be read", "a regular file", got));

test("should refuse what is no file that can be read", async () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  fs.symlinkSync("nowhere", at("dangling"));
  fs.symlinkSync("loop", at("loop"));
  fs.writeFileSync(at("file"), "");
  const fifo = await runProgram(["mkfifo", at("fifo")]);
  assert.is(fifo.code, 0);
  await unreadable(at("absent"), "no such file or folder");
  await unreadable(folder, "a folder");
  await unreadable(at("dangling"), "a symbolic link that leads nowhere");
  await unreadable(at("loop"), "a loop of symbolic links");
  await unreadable(at("fifo"), "a fifo");
  await unreadable(at("file/below"), "a part of the path is not a folder");
  await unreadable(at("x".repeat(300)), "a name that is too long");
});

test("should refuse what is no stage0 of the target", async () => {
  const folder = temporaryFolder();
  const file = (name: string, content: string | Buffer): string => {
    fs.writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const elf = fs.readFileSync(built[AARCH64]);
  const other = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(elf);
    change(bytes);
    return bytes;
  };
  const no = (path: string, got: string) => refuse(path, 1, told(path, "is no stage0", WANTED, got));
  await no(file("empty", ""), "an empty file");
  await no(file("text", "hello\n"), "text");
  await no(file("magic", "\x7fELF"), "EI_CLASS missing, EI_DATA missing");
  const foreign = (path: string, got: string) => refuse(path, 1, told(path, "is for another machine", WANTED, got));
  await foreign(built[X86_64], "a 64-bit little-endian ELF file for x86-64");
  await foreign(
    file(
      "riscv",
      other((bytes) => bytes.writeUInt16LE(243, 18)),
    ),
    "a 64-bit little-endian ELF file for riscv",
  );
  await foreign(
    file(
      "order",
      other((bytes) => {
        bytes[5] = 2;
        bytes.writeUInt16BE(183, 18);
      }),
    ),
    "a 64-bit big-endian ELF file for aarch64",
  );
});

testUnless(
  test,
  isRoot ? lacking({ programs: ["setpriv"] }) : undefined,
  "should refuse a file that may not be read",
  async () => {
    const folder = temporaryFolder();
    const [path, dist] = [join(folder, "secret"), join(folder, "dist")];
    fs.copyFileSync(built[AARCH64], path);
    fs.chmodSync(path, 0);
    const lost = "-dac_override,-dac_read_search";
    const asAnyone = isRoot ? ["setpriv", `--bounding-set=${lost}`, `--inh-caps=${lost}`] : [];
    const { code, stdout, stderr } = await runProgram(
      [...asAnyone, ...RUNTIME, join(PROJECT, "scripts", "build-stage0.ts")],
      { env: { FASTBOOP_STAGE0_EMBED_PATH: path, DIST: dist } },
    );
    assert.is(stderr, told(path, "can't be read", "a regular file", "permission denied"));
    assert.is(stdout, "");
    assert.is(code, 3);
    assert.not.ok(fs.existsSync(dist));
  },
);

/** stderr after a file was taken. */
const taken = (path: string, sha256: string, unchanged = ""): string =>
  [
    `takes FASTBOOP_STAGE0_EMBED_PATH: ${path}`,
    `${NAME}: ${sizeOf(built[AARCH64])}, static${unchanged}`,
    `sha256 ${sha256}`,
    "",
  ].join("\n");

function sizeOf(path: string): string {
  const { size } = fs.statSync(path);
  return `${size.toLocaleString("en-US")} bytes (${(size / 1024).toFixed(1)} KiB)`;
}

async function sha256sum(path: string): Promise<string> {
  const { stdout } = await runProgram(["sha256sum", path]);
  return stdout.slice(0, 64);
}

test("should copy the file with mode 0755, and leave an identical one untouched", async () => {
  const folder = temporaryFolder();
  const dist = join(folder, "dist");
  const source = join(folder, "given");
  fs.copyFileSync(built[AARCH64], source);
  fs.chmodSync(source, 0o600);
  fs.symlinkSync("given", join(folder, "link"));
  const sum = await sha256sum(source);
  const env = { FASTBOOP_STAGE0_EMBED_PATH: join(folder, "link"), DIST: dist };
  const first = await script("build-stage0.ts", [], { env });
  const artifact = join(dist, NAME);
  assert.equal(first, { code: 0, signal: null, stdout: `${artifact}\n`, stderr: taken(join(folder, "link"), sum) });
  assert.ok(fs.readFileSync(artifact).equals(fs.readFileSync(source)));
  const status = fs.lstatSync(artifact);
  assert.is(status.mode & 0o7777, 0o755);
  assert.ok(status.isFile());
  assert.is(status.nlink, 1);
  assert.is(fs.readFileSync(join(dist, "stage0.env"), "utf8"), envLines(artifact));
  const before = snapshot(dist);
  const second = await script("build-stage0.ts", [], { env });
  assert.is(second.stderr, taken(join(folder, "link"), sum, ", unchanged"));
  assert.equal(snapshot(dist), before);
  assert.equal(Object.keys(before ?? {}), [NAME, "stage0.env"]);
});

test("should replace an artifact whose bytes or mode differ, and a link by a file", async () => {
  const dist = temporaryFolder();
  const artifact = join(dist, NAME);
  const env = { FASTBOOP_STAGE0_EMBED_PATH: built[AARCH64], DIST: dist };
  const differ: (() => void)[] = [
    () => fs.writeFileSync(artifact, Buffer.alloc(fs.statSync(built[AARCH64]).size)),
    () => fs.chmodSync(artifact, 0o700),
    () => {
      fs.rmSync(artifact);
      fs.symlinkSync(built[AARCH64], artifact);
    },
  ];
  for (const change of differ) {
    change();
    const { code } = await script("build-stage0.ts", [], { env });
    assert.is(code, 0);
    assert.is(fs.lstatSync(artifact).mode & 0o177777, 0o100755);
    assert.is(await sha256sum(artifact), await sha256sum(built[AARCH64]));
  }
});

test("should name the path that the system refuses, as text alone", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "\x1b[31mred");
  fs.writeFileSync(file, "");
  const env = { FASTBOOP_STAGE0_EMBED_PATH: built[AARCH64] };
  const refused = async (dist: string): Promise<string[]> => {
    const { code, stdout, stderr } = await script("build-stage0.ts", [], { env: { ...env, DIST: dist } });
    assert.equal([code, stdout], [3, ""]);
    return stderr.split("\n").slice(1, -1);
  };
  assert.equal(await refused(file), [
    `error: ${folder}/\\x1b[31mred/${NAME}: a part of the path is not a folder`,
    "  got:      ENOTDIR: not a directory, lstat 'the path'",
    "  fix:      check the path, or choose another place with DIST",
  ]);
  fs.mkdirSync(join(folder, "dist", NAME), { recursive: true });
  const [what, got, fix] = await refused(join(folder, "dist"));
  assert.is(what, `error: ${join(folder, "dist", NAME)}: the path is a folder`);
  assert.match(got ?? "", / -> 'the path'$/);
  assert.is(fix, "  fix:      name a file, or choose another place with DIST");
  assert.equal(namesIn(join(folder, "dist")), [NAME]);
});

test("should say that the artifact itself is no source to build from", async () => {
  const dist = temporaryFolder();
  const artifact = join(dist, NAME);
  fs.copyFileSync(built[AARCH64], artifact);
  fs.chmodSync(artifact, 0o755);
  const before = snapshot(dist)?.[NAME];
  const { code, stderr } = await script("build-stage0.ts", [], {
    env: { FASTBOOP_STAGE0_EMBED_PATH: artifact, DIST: dist },
  });
  assert.match(stderr, "FASTBOOP_STAGE0_EMBED_PATH is the artifact itself, so nothing is built; unset it to build\n");
  assert.is(code, 0);
  assert.is(snapshot(dist)?.[NAME], before);
});

test("should count relative paths from the folder in which make was called", async () => {
  const folder = join(temporaryFolder(), "a b'c\"d$e\\f");
  fs.mkdirSync(folder);
  fs.copyFileSync(built[AARCH64], join(folder, "-given $HOME"));
  const artifact = join(folder, "out $x", NAME);
  const settings = { cwd: folder, env: { PWD: folder } };
  const byVariable = await make(["stage0"], {
    ...settings,
    env: { ...settings.env, FASTBOOP_STAGE0_EMBED_PATH: "-given $HOME", DIST: "out $x" },
  });
  assert.is(byVariable.stdout, `${artifact}\n`, byVariable.stderr);
  const byArgument = await make(["stage0-env", "FASTBOOP_STAGE0_EMBED_PATH=-given $HOME", "DIST=out $x"], settings);
  assert.is(byArgument.stderr.split("\n")[1], `${NAME}: ${sizeOf(built[AARCH64])}, static, unchanged`);
  // What sh makes of the line is the path.
  const read = await runProgram(["sh", "-c", `${byArgument.stdout}printf %s "$FASTBOOP_STAGE0_EMBED_PATH"`]);
  assert.is(read.stdout, artifact);
});

test("should hand the path on in GitHub Actions, and only when all went well", async () => {
  const folder = temporaryFolder();
  const [dist, variables] = [join(folder, "dist"), join(folder, "env")];
  fs.writeFileSync(variables, "BEFORE=1\n");
  const env = { DIST: dist, GITHUB_ENV: variables };
  const run = (path: string): Promise<Outcome> =>
    script("build-stage0.ts", [], { env: { ...env, FASTBOOP_STAGE0_EMBED_PATH: path } });
  assert.is((await run(join(folder, "absent"))).code, 3);
  assert.is(fs.readFileSync(variables, "utf8"), "BEFORE=1\n");
  assert.is((await run(built[AARCH64])).code, 0);
  assert.is(fs.readFileSync(variables, "utf8"), `BEFORE=1\n${envLines(join(dist, NAME))}`);
});

test("should refuse a folder of artifacts that no NAME=value file can name", async () => {
  const dist = join(temporaryFolder(), "a\nb");
  const { code, stdout, stderr } = await script("build-stage0.ts", [], {
    env: { FASTBOOP_STAGE0_EMBED_PATH: built[AARCH64], DIST: dist },
  });
  assert.is(
    stderr,
    [
      "error: the artifact's path holds a line break, so no NAME=value file can name it",
      `  got:      ${dist.replace("\n", "\\n")}`,
      "  fix:      set DIST or OUT to a folder without one",
      "",
    ].join("\n"),
  );
  assert.is(stdout, "");
  assert.is(code, 2);
  assert.not.ok(fs.existsSync(dist));
});

test("should refuse one prebuilt file for every target", async () => {
  const { code, stderr } = await script("build-stage0.ts", ["--all"], {
    env: { FASTBOOP_STAGE0_EMBED_PATH: built[AARCH64], DIST: temporaryFolder() },
  });
  assert.is(
    stderr,
    "error: FASTBOOP_STAGE0_EMBED_PATH is one file, and every release target is to be built\n" +
      "  fix:      unset it, or build one target\n",
  );
  assert.is(code, 2);
});

const TAKES =
  "x86_64-unknown-linux-musl, aarch64-unknown-linux-musl, aarch64-alpine-linux-musl, " +
  "x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu, armv7-unknown-linux-musleabihf";

test("should refuse targets that are unknown, whichever variable names them", async () => {
  const refused = async (variable: string, target: string, what: string): Promise<void> => {
    const dist = join(temporaryFolder(), "dist");
    const { code, stderr } = await script("build-stage0.ts", [], { env: { [variable]: target, DIST: dist } });
    assert.is(
      stderr,
      `error: ${what}\n  expected: ${TAKES}\n  got:      "${target}"\n  fix:      set ${variable} to one of them\n`,
    );
    assert.is(code, 2);
    assert.not.ok(fs.existsSync(dist));
  };
  await refused("TARGET", "mips-unknown-linux-musl", "TARGET names an unknown target");
  await refused("FASTBOOP_STAGE0_TARGET", "--help", "FASTBOOP_STAGE0_TARGET names an unknown target");
});

test("should prefer TARGET to FASTBOOP_STAGE0_TARGET", async () => {
  const dist = temporaryFolder();
  const { stdout } = await script("build-stage0.ts", [], {
    env: {
      FASTBOOP_STAGE0_EMBED_PATH: built[X86_64],
      TARGET: X86_64,
      FASTBOOP_STAGE0_TARGET: AARCH64,
      DIST: dist,
    },
  });
  assert.is(stdout, `${join(dist, `fastboop-stage0-${X86_64}`)}\n`);
});

testUnless(
  test,
  lacking({ root: true, programs: ["mount", "umount"] }),
  "should keep the older artifact when the disk is full",
  async () => {
    const dist = temporaryFolder();
    assert.is((await runProgram(["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", dist])).code, 0);
    try {
      const older = fs.readFileSync(built[AARCH64]);
      older[older.length - 1] = 1 + (older[older.length - 1] ?? 0);
      fs.writeFileSync(join(dist, NAME), older);
      const before = snapshot(dist);
      const { code, stdout, stderr } = await script("build-stage0.ts", [], {
        env: { FASTBOOP_STAGE0_EMBED_PATH: built[AARCH64], DIST: dist },
      });
      const [source, what, got, ...rest] = stderr.split("\n");
      assert.is(source, `takes FASTBOOP_STAGE0_EMBED_PATH: ${built[AARCH64]}`);
      assert.is(what, `error: ${join(dist, NAME)}: the disk is full`);
      assert.match(got ?? "", /^ {2}got: {6}.*no space left on device/i);
      assert.equal(rest, ["  fix:      free some space and run it again, or choose another place with DIST", ""]);
      assert.is(stdout, "");
      assert.is(code, 3);
      assert.equal(snapshot(dist), before);
    } finally {
      await runProgram(["umount", dist]);
    }
  },
);

test.run();
