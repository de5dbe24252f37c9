import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { bufferSource } from "../scripts/lib/elf/bytes.ts";
import { strip } from "../scripts/lib/elf/strip.ts";
import { readElf } from "../scripts/lib/elf.ts";
import { lacking, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("strip");

const SOURCE = '#include <stdio.h>\nint main(void) { puts("it runs"); return 0; }\n';
/** A compiler, its flags, the strip of its binutils, and what runs its programs. */
const CASES: readonly [name: string, compiler: string, flags: string[], tool: string, runner: string[]][] = [
  ["x86_64, static", "gcc", ["-static"], "strip", []],
  ["x86_64, static-pie", "gcc", ["-static-pie"], "strip", []],
  ["x86_64, musl", "musl-gcc", ["-static"], "strip", []],
  ["x86_64, dynamic", "gcc", [], "strip", []],
  ["aarch64", "aarch64-linux-gnu-gcc", ["-static"], "aarch64-linux-gnu-strip", ["qemu-aarch64-static"]],
  ["armv7", "arm-linux-gnueabihf-gcc", ["-static"], "arm-linux-gnueabihf-strip", ["qemu-arm-static"]],
  // Big-endian; nothing here runs it.
  ["ppc64", "powerpc64-linux-gnu-gcc", ["-static"], "powerpc64-linux-gnu-strip", ["true"]],
  ["mips", "mips-linux-gnu-gcc", ["-static"], "mips-linux-gnu-strip", ["true"]],
];

function stripped(path: string): Buffer {
  const bytes = fs.readFileSync(path);
  const { elf, error } = readElf(bufferSource(bytes));
  if (error !== undefined) throw new Error(error.got);
  return strip(bytes, elf);
}

/** What readelf says of a file, without the size of the names' table: GNU's shares the ends of names. */
async function sections(path: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram(["readelf", "--wide", "--sections", "--segments", "--notes", path]);
  assert.equal([code, stderr], [0, ""]);
  return stdout
    .replace(/^.*\.shstrtab.*$/m, "")
    .replaceAll(path, "FILE")
    .replace(/starting at offset 0x[0-9a-f]+/, "");
}

for (const [name, compiler, flags, tool, runner] of CASES) {
  const reason = lacking({ programs: [compiler, tool, ...runner, "readelf"] });
  testUnless(test, reason, `should leave of ${name} what the standard tool leaves`, async () => {
    const folder = temporaryFolder("strip");
    const [source, whole, theirs, ours] = ["a.c", "whole", "theirs", "ours"].map((file) => join(folder, file)) as [
      string,
      string,
      string,
      string,
    ];
    fs.writeFileSync(source, SOURCE);
    const { code, stderr } = await runProgram([compiler, ...flags, "-g", "-O1", "-o", whole, source]);
    assert.is(code, 0, stderr);
    assert.is((await runProgram([tool, "-o", theirs, whole])).code, 0);
    fs.writeFileSync(ours, stripped(whole), { mode: 0o755 });
    assert.is(await sections(ours), await sections(theirs));
    const size = (path: string): number => fs.statSync(path).size;
    assert.ok(size(ours) < size(whole));
    assert.ok(Math.abs(size(ours) - size(theirs)) < 64, `${size(ours)} and ${size(theirs)} bytes`);
    assert.equal(stripped(ours), fs.readFileSync(ours), "a stripped file stays as it is");
    if (runner[0] === "true") return;
    const { stdout } = await runProgram([...runner, ours]);
    assert.is(stdout, "it runs\n");
  });
}

test.run();
