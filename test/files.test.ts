import { once } from "node:events";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import * as assert from "uvu/assert";
import {
  checkWritable,
  isUnchanged,
  MAX_IN_MEMORY,
  makeFolder,
  type OpenFile,
  openRegular,
  readRegular,
  readSmall,
  writeAtomic,
  writeText,
} from "../scripts/lib/files.ts";
import { failureOf, lacking, namesIn, runProgram, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("files");

test("should make a folder and those above it, and be content with those that are there", () => {
  const folder = join(temporaryFolder(), "a", "b", "c");
  makeFolder(folder);
  makeFolder(folder);
  assert.ok(fs.statSync(folder).isDirectory());
  const file = join(folder, "file");
  fs.writeFileSync(file, "");
  assert.throws(() => makeFolder(file), /^ENOTDIR/);
  assert.throws(() => makeFolder(join(file, "below")), /^ENOTDIR/);
});

test("should see that a result has no place before anything is done for it", async () => {
  const file = join(temporaryFolder(), "file");
  fs.writeFileSync(file, "");
  const elsewhere = { DIST: join(file, "dist"), TAG: "v0.0.1", FASTBOOP_STAGE0_OFFLINE: "1" };
  for (const [name, ...args] of [
    ["fetch-stage0.ts"],
    ["fetch-kit.ts"],
    ["package.ts", "deb"],
    ["boot-stage0.ts", "--target", "x86_64-unknown-linux-musl", file],
  ] as const) {
    const { code, stdout, stderr } = await script(name, args, { env: elsewhere });
    assert.match(
      stderr,
      new RegExp(
        `error: ${elsewhere.DIST}: a part of the path is not a folder\n  got:      (ENOTDIR: n|N)ot a directory`,
      ),
      name,
    );
    assert.match(stderr, "\n  fix:      check the path, or choose another place with DIST\n", name);
    assert.is(stderr.split("error: ").length, 2, name);
    assert.equal([code, stdout], [3, ""], name);
  }
  const out = { OUT: temporaryFolder(), TAG: "v0.0.1", FASTBOOP_STAGE0_OFFLINE: "1" };
  const { code, stderr } = await script("fetch-kit.ts", [], { env: out });
  assert.match(stderr, `error: OUT is a folder\n`);
  assert.match(stderr, `fix:      OUT=${out.OUT}/stage0-kit.tar\n`);
  assert.is(code, 2);
});

testUnless(test, lacking({ root: true }), "should take another user's folder for one that root can write to", () => {
  const folder = temporaryFolder();
  fs.chownSync(folder, 12_345, 12_345);
  checkWritable(join(folder, "new"));
});

test("should end where the file system takes no folder", async () => {
  assert.throws(() => makeFolder("/proc/stage0/below"), /ENOENT|No such file/);
  const { code, stderr } = await script("sums.ts", [], { env: { DIST: "/proc/stage0" } });
  assert.is(code, 3, stderr);
});

test("should leave nothing behind, and the final name alone, when writing fails", () => {
  const path = join(temporaryFolder(), "file");
  writeText(path, "before");
  assert.throws(
    () =>
      writeAtomic(path, 0o644, (fd) => {
        fs.writeSync(fd, "half");
        throw new Error("in the middle");
      }),
    "in the middle",
  );
  assert.is(fs.readFileSync(path, "utf8"), "before");
  assert.equal(namesIn(join(path, "..")), ["file"]);
});

test("should keep a file that is the same, and give one that is not its bytes and mode whatever the umask", async () => {
  const path = join(temporaryFolder(), "file");
  writeText(path, "one", 0o755);
  assert.is(fs.statSync(path).mode & 0o7777, 0o755);
  const before = fs.statSync(path);
  fs.utimesSync(path, 1, 2);
  writeText(path, "one", 0o755);
  assert.is(fs.statSync(path).ino, before.ino);
  assert.is(fs.statSync(path).mtimeMs, 2000);
  writeText(path, "two", 0o755);
  assert.is.not(fs.statSync(path).ino, before.ino);
  assert.is(fs.readFileSync(path, "utf8"), "two");
  assert.is((await runProgram(["find", path, "-perm", "755"])).stdout, `${path}\n`);
});

test("should open nothing but regular files, and say what else there is", async () => {
  const at = (name: string): string => join(folder, name);
  const folder = temporaryFolder();
  assert.is((await runProgram(["mkfifo", at("fifo")])).code, 0);
  const server = createServer().listen(at("socket"));
  await once(server, "listening");
  const found = [".", "fifo", "socket", "/dev/null"].map((name) => openRegular(resolve(folder, name)));
  server.close();
  const kinds = ["a folder", "a fifo", "a socket", "a device"];
  assert.equal(
    found,
    kinds.map((reason) => ({ reason })),
  );

  fs.writeFileSync(at("file"), "content");
  fs.symlinkSync("file", at("link"));
  fs.symlinkSync("nowhere", at("broken"));
  fs.symlinkSync("circle", at("circle"));
  assert.throws(() => openRegular(at("link"), { follow: false }), /ELOOP|os error 40/);
  assert.throws(() => openRegular(at("nothing")), /ENOENT|os error 2/);
  assert.equal(readRegular(at("link"), 4), { bytes: Buffer.from("cont"), size: 7 });
  assert.equal(readRegular(at("file"), 99), { bytes: Buffer.from("content"), size: 7 });
  const large = Buffer.alloc(100_000, "0123456789");
  fs.writeFileSync(at("large"), large);
  assert.equal(readRegular(at("large"), 200_000), { bytes: large, size: 100_000 });
  const words = ["nothing", "broken", "circle", "file/x"].map((name) => readRegular(at(name), 1));
  assert.equal(words, [
    { reason: "no such file or folder" },
    { reason: "a symbolic link that leads nowhere" },
    { reason: "a loop of symbolic links" },
    { reason: "a part of the path is not a folder" },
  ]);
});

test("should read no small file that is larger, or something else", async () => {
  const path = join(temporaryFolder(), "file");
  fs.writeFileSync(path, "text");
  assert.is(readSmall(path).toString(), "text");
  fs.truncateSync(path, MAX_IN_MEMORY);
  assert.is(readSmall(path).length, MAX_IN_MEMORY);
  const expected = "a regular file of at most 4194304 bytes";
  const problems = (file: string, got: string) => [{ what: "can't be read", expected, got, file }];
  fs.truncateSync(path, MAX_IN_MEMORY + 1);
  const large = await failureOf(() => readSmall(path));
  assert.equal(large.problems, problems(path, "4194305 bytes"));
  assert.is((await runProgram(["mkfifo", `${path}.fifo`])).code, 0);
  const fifo = await failureOf(() => readSmall(`${path}.fifo`));
  assert.equal(fifo.problems, problems(`${path}.fifo`, "a fifo"));
  assert.equal([large.exitCode, fifo.exitCode], [3, 3]);
});

test("should see that an open file was written to", () => {
  const path = join(temporaryFolder(), "file");
  fs.writeFileSync(path, "before");
  const file = openRegular(path) as OpenFile;
  assert.is(isUnchanged(file), true);
  fs.writeFileSync(path, "after!");
  assert.is(isUnchanged(file), false);
  fs.closeSync(file.fd);
});

test.run();
