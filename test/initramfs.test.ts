import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { archive, type Entry, initramfs } from "../scripts/lib/boot/initramfs.ts";
import { lacking, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("initramfs");
const cpio = lacking({ programs: ["cpio"] });

/** What GNU cpio makes of a folder's entries, owned by root and with inodes counted from 0. */
async function byCpio(folder: string, names: readonly string[]): Promise<Buffer> {
  const output = join(temporaryFolder("cpio"), "archive");
  const { code, stderr } = await runProgram(
    ["cpio", "-o", "-H", "newc", "--reproducible", "--quiet", "-R", "0:0", "-O", output],
    { cwd: folder, input: names.map((name) => `${name}\n`).join("") },
  );
  assert.is(code, 0, stderr);
  return fs.readFileSync(output);
}

testUnless(
  test,
  lacking({ root: true, programs: ["cpio", "mknod"] }),
  "should be byte for byte what cpio makes",
  async () => {
    const folder = temporaryFolder();
    const init = fs.readFileSync("/bin/sh");
    fs.mkdirSync(join(folder, "dev"));
    const devices = { "dev/console": ["5", "1"], "dev/kmsg": ["1", "11"] };
    for (const [name, numbers] of Object.entries(devices)) {
      assert.is((await runProgram(["mknod", "-m", "600", join(folder, name), "c", ...numbers])).code, 0);
    }
    fs.writeFileSync(join(folder, "init"), init);
    fs.chmodSync(join(folder, "init"), 0o755);
    fs.chmodSync(join(folder, "dev"), 0o755);
    for (const name of ["init", ...Object.keys(devices), "dev"]) fs.utimesSync(join(folder, name), 0, 0);
    const expected = await byCpio(folder, ["dev", ...Object.keys(devices), "init"]);
    assert.ok(initramfs(init).equals(expected));
  },
);

testUnless(test, cpio, "should pad names and contents of every length as cpio does", async () => {
  const folder = temporaryFolder();
  const entries: Entry[] = [];
  for (let length = 0; length < 9; length++) {
    entries.push({ name: "n".repeat(length + 1), mode: 0o100640, content: Buffer.alloc(length, 0x61 + length) });
  }
  entries.push({ name: "sub", mode: 0o040700 }, { name: "sub/é", mode: 0o100600, content: Buffer.alloc(511) });
  for (const { name, mode, content } of entries) {
    const path = join(folder, name);
    if (content === undefined) fs.mkdirSync(path);
    else fs.writeFileSync(path, content);
    fs.chmodSync(path, mode & 0o7777);
  }
  for (const { name } of entries) fs.utimesSync(join(folder, name), 0, 0);
  const names = entries.map(({ name }) => name);
  for (let count = 0; count <= names.length; count++) {
    const expected = await byCpio(folder, names.slice(0, count));
    assert.ok(archive(entries.slice(0, count)).equals(expected), `${count} entries`);
  }
});

testUnless(test, cpio, "should hold /init, /dev/console and /dev/kmsg, as cpio lists and unpacks them", async () => {
  const folder = temporaryFolder();
  const init = Buffer.from("#!/bin/true\n");
  const path = join(folder, "archive");
  fs.writeFileSync(path, initramfs(init));
  const listed = await runProgram(["cpio", "-itvn", "--quiet", "-I", path], { env: { LC_ALL: "C", TZ: "UTC" } });
  assert.is(
    listed.stdout.replaceAll(/ +/g, " "),
    "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev\ncrw------- 1 0 0 5, 1 Jan 1 1970 dev/console\ncrw------- 1 0 0 1, 11 Jan 1 1970 dev/kmsg\n-rwxr-xr-x 1 0 0 12 Jan 1 1970 init\n",
  );
  const unpacked = await runProgram(["cpio", "-i", "--quiet", "-I", path, "init"], { cwd: dirname(path) });
  assert.is(unpacked.code, 0, unpacked.stderr);
  assert.equal(fs.readFileSync(join(folder, "init")), init);
});

test.run();
