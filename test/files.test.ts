import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { makeFolder, writeAtomic, writeText } from "../scripts/lib/files.ts";
import { namesIn, runProgram, script, suite, temporaryFolder } from "./lib/harness.ts";

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

test.run();
