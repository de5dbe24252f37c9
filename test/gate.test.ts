import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { assetName, findTarget, type Target } from "../scripts/lib/contract.ts";
import { readContent } from "../scripts/lib/gate/content.ts";
import { packParts } from "../scripts/lib/gate/parts.ts";
import type { FileReport, Finding } from "../scripts/lib/gate/report.ts";
import { RULES, ruleById } from "../scripts/lib/gate/rules.ts";
import { crossCheck, exitCodeFor, inspect } from "../scripts/lib/gate.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { commandOf, compileAll, PROGRAMS } from "./corpus/compile.ts";
import { AARCH64, ARMV7, X86_64 } from "./corpus/entry.ts";
import { corpus, ENTRIES } from "./corpus/index.ts";
import { Patch, TYPES } from "./corpus/patch.ts";
import { lacking, RUNTIME, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { partsIn } from "./lib/parts.ts";
import { until } from "./lib/processes.ts";
import { type PUBLISHED, published } from "./lib/published.ts";
import { random } from "./lib/random.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("gate");
const compilers = lacking({ programs: PROGRAMS });
const BUDGET = 32 * 2 ** 20;

function target(triple: string): Target {
  const found = findTarget(triple);
  if (found === undefined) throw new Error(`no such target: ${triple}`);
  return found;
}

/** The findings as rule and what the file has. */
const short = (findings: readonly Finding[]): [string, string][] => findings.map(({ rule, got }) => [rule, got]);

const same = (given: readonly [string, string][], wanted: readonly (readonly [string, string | RegExp])[]): boolean =>
  given.length === wanted.length &&
  given.every(([rule, got], i) => {
    const [wantedRule, pattern] = wanted[i] ?? [];
    return rule === wantedRule && (pattern instanceof RegExp ? pattern.test(got) : pattern === got);
  });

/** The rules that only warn, and what the others expect: written down once more, so that no slip changes them. */
const WARNINGS = new Set([
  "sections",
  "recent-relocations",
  "stack-rights",
  "relro",
  "stripped",
  "build-paths",
  "not-released",
]);
const EXPECTED: Record<string, RegExp> = {
  elf: /^an ELF file$/,
  "elf-header":
    /^(EI_CLASS and EI_DATA of 1 or 2|a file header of (52|64) bytes|e_ehsize (52|64)|EI_VERSION 1|e_version 1)$/,
  class: /^(32|64) bits$/,
  "byte-order": /^little-endian$/,
  machine: /^(x86-64|aarch64|arm)$/,
  "abi-flags": /^e_flags 0x(0|5000400)$/,
  type: /^ET_EXEC, or ET_DYN with DF_1_PIE$/,
  "os-abi": /^(EI_OSABI 0 or 3|notes of Linux)$/,
  "instruction-set": /^the baseline x86-64$/,
  interpreter: /^no (PT_INTERP|\.interp section)$/,
  needed: /^no DT_NEEDED$/,
  "program-headers":
    /^(entries of (32|56) bytes|the table inside the file's [0-9]+ bytes|at most 149796 entries|at most 4096 bytes of program headers)$/,
  "section-headers":
    /^(entries of (40|64) bytes|the table inside the file's [0-9]+ bytes|at most 131072 entries|e_shoff of the table that e_shnum counts|a string table inside the file at e_shstrndx)$/,
  "segment-bounds": /^segments inside the file's [0-9]+ bytes$/,
  "section-bounds": /^sections inside the file's [0-9]+ bytes$/,
  load: /^at least one PT_LOAD$/,
  "load-size": /^(p_filesz of at most p_memsz|at most 1073741824 bytes of memory)$/,
  "load-rights":
    /^(PT_LOADs with R|W for PT_LOADs with zeros behind their bytes|sections of zeros behind the bytes of their PT_LOAD)$/,
  "load-alignment": /^a power of two as p_align, and p_vaddr equal to p_offset modulo it$/,
  "page-size": /^p_align of at least 0x10000$/,
  "load-order": /^PT_LOADs in pages of their own, ascending$/,
  "load-address":
    /^PT_LOADs (that end at 0x(40000000|4000000000|400000000000) or below|of an ET_EXEC that begin at 0x10000 or above)$/,
  entry: /^an address in (an executable PT_LOAD|a section of code \(SHF_EXECINSTR\))$/,
  "headers-loaded": /^(the program header table in the first PT_LOAD|PT_PHDR at e_phoff)$/,
  "segment-loaded": /^(bytes of a PT_LOAD at the same addresses|one PT_TLS)$/,
  "section-loaded":
    /^(segments that hold every section of the memory image|a PT_TLS of the sections of thread-local storage|a PT_GNU_RELRO that leaves variables writable)$/,
  dynamic:
    /^(one PT_DYNAMIC|a PT_DYNAMIC for the section of type SHT_DYNAMIC|the section inside the file's [0-9]+ bytes|a DT_NULL at the end of the section|every name inside the string table of DT_STRTAB)$/,
  relocations:
    /^(tables of relocations in memory|every section of relocations in such a table|the entries of the machine's tables of relocations|a count of the relative relocations that a table begins with|a DT_SYMTAB that is a symbol table in memory|at most 33554432 bytes of relocations)$/,
  "relocation-types":
    /^(relocations that start-up code applies|relocations of memory that can be written|no DT_ANDROID_\*|no DT_RELR)$/,
  notes:
    /^(at most 65536 bytes of notes|the notes inside the file's [0-9]+ bytes|notes that end where their segment ends|at most 1024 bytes of PT_GNU_PROPERTY|one note of ascending properties in PT_GNU_PROPERTY)$/,
  "executable-stack": /^a stack without X$/,
  "write-execute": /^PT_LOADs with W or X, not both$/,
  "text-relocations": /^no text relocations$/,
  "run-path": /^no DT_RPATH, no DT_RUNPATH$/,
  "trailing-bytes": /^an end at byte [0-9]+$/,
  sections: /^a section header table$/,
  "recent-relocations": /^no DT_RELR$/,
  "stack-rights": /^a PT_GNU_STACK$/,
  relro: /^a PT_GNU_RELRO$/,
  stripped: /^a stripped file$/,
  "build-paths": /^no build path$/,
};

function checkWords({ rule, severity, expected, fix }: Finding, name: string): void {
  assert.is(severity, WARNINGS.has(rule) ? "warn" : "fail", `${name}: ${rule}`);
  assert.match(expected, EXPECTED[rule] ?? /^$/, `${name}: ${rule}`);
  assert.is(fix, RULES.find(({ id }) => id === rule)?.fix, `${name}: ${rule}`);
}

testUnless(test, compilers, `should find exactly what is wrong with each of ${ENTRIES.length} files`, async () => {
  assert.ok(ENTRIES.length >= 60);
  const { bytesOf } = await corpus();
  const path = join(temporaryFolder(), "file");
  for (const entry of ENTRIES) {
    fs.writeFileSync(path, bytesOf(entry));
    const report = inspect(path, { target: target(entry.target ?? X86_64), maxSize: BUDGET });
    const given = short(report.findings);
    assert.ok(same(given, entry.findings), `${entry.name}: ${given.map((pair) => pair.join(": ")).join("; ")}`);
    for (const finding of report.findings) checkWords(finding, entry.name);
    assert.is(
      report.ok,
      report.findings.every(({ rule }) => WARNINGS.has(rule)),
      entry.name,
    );
  }
});

testUnless(
  test,
  compilers ?? lacking({ programs: ["file"] }),
  "should refuse what `file | grep static` takes, as many files of the corpus as the README says",
  async () => {
    const { bytesOf } = await corpus();
    const folder = temporaryFolder();
    const wrong = ENTRIES.filter(({ findings }) => findings.some(([rule]) => !WARNINGS.has(rule)));
    for (const [index, entry] of wrong.entries()) fs.writeFileSync(join(folder, String(index)), bytesOf(entry));
    const { stdout } = await runProgram(["file", "-b", ...wrong.map((_, index) => String(index))], { cwd: folder });
    const words = stdout.trimEnd().split("\n");
    assert.is(words.length, wrong.length);
    const taken = words.filter((line) => line.includes("static"));
    const readme = fs.readFileSync(join(PROJECT, "README.md"), "utf8");
    assert.match(readme, `\`file \\| grep static\` takes ${taken.length} of ${wrong.length} wrong files`);
  },
);

test("should have a file in the corpus for every rule that a file's content can break", () => {
  const elsewhere = new Set(["readable", "target", "size"]);
  const broken = new Set(ENTRIES.flatMap(({ findings }) => findings.map(([rule]) => rule)));
  assert.equal(
    RULES.filter(({ check, id }) => check !== undefined && !elsewhere.has(id) && !broken.has(id)).map(({ id }) => id),
    [],
  );
});

test("should have in the corpus what each command makes with which a rule's defect was seen", () => {
  const told = RULES.filter(({ seen }) => seen !== undefined);
  assert.ok(told.length >= 24);
  for (const { id, seen } of told) {
    const made = ENTRIES.filter(({ made }) => made !== undefined && commandOf(made) === seen);
    assert.ok(
      made.some(({ findings }) => findings.some(([rule]) => rule === id)),
      `${id}: ${seen}`,
    );
  }
});

testUnless(
  test,
  compilers ?? lacking({ root: true, programs: ["chroot", "qemu-aarch64-static", "qemu-arm-static"] }),
  "should pass only files that start in an empty root",
  async () => {
    const { bytesOf } = await corpus();
    const root = temporaryFolder();
    const path = join(root, "init");
    const starts = async (triple: string): Promise<boolean> => {
      const start = triple.startsWith("x86_64-") ? ["/init"] : [`/${triple}`, "/init"];
      return (await runProgram(["chroot", root, ...start], { cwd: "/" })).code === 0;
    };
    for (const triple of [AARCH64, ARMV7]) {
      const qemu = `qemu-${target(triple).arch}-static`;
      const { stdout } = await runProgram(["sh", "-c", `command -v ${qemu}`]);
      fs.copyFileSync(stdout.trim(), join(root, triple));
    }
    let passed = 0;
    for (const entry of ENTRIES) {
      const triple = entry.target ?? X86_64;
      fs.writeFileSync(path, bytesOf(entry), { mode: 0o755 });
      const { ok } = inspect(path, { target: target(triple), maxSize: BUDGET });
      if (ok) passed += 1;
      if (ok || entry.crashes) assert.is(await starts(triple), ok, entry.name);
      fs.rmSync(path);
    }
    assert.ok(passed >= 30, String(passed));
  },
);

const SOFT_FLOAT = "@sentry/cli-linux-arm@2.58.2";
const PUBLISHED_FINDINGS: Record<
  Exclude<keyof typeof PUBLISHED, typeof SOFT_FLOAT>,
  { triple: string; linkage: string; rules: string[] }
> = {
  "@rumdl/cli-linux-arm64-musl@0.2.22": { triple: AARCH64, linkage: "static", rules: ["build-paths"] },
  "@rumdl/cli-linux-x64-musl@0.2.68": { triple: X86_64, linkage: "static", rules: ["build-paths"] },
  "@esbuild/linux-arm64@0.28.2": { triple: AARCH64, linkage: "static", rules: ["relro"] },
};
testUnless(
  test,
  lacking({ programs: ["npm", "tar"] }),
  "should pass static executables that others published",
  async () => {
    for (const [name, { triple, linkage, rules }] of Object.entries(PUBLISHED_FINDINGS)) {
      const path = await published(name as keyof typeof PUBLISHED);
      const report = inspect(path, { target: target(triple), maxSize: BUDGET });
      assert.equal([report.ok, report.linkage, report.findings.map(({ rule }) => rule)], [true, linkage, rules], name);
      const paths = report.findings.find(({ rule }) => rule === "build-paths")?.got;
      if (paths !== undefined) assert.match(paths, /^"\/home\/runner\/[^"]+", "[^"]+", "[^"]+" and 4[0-9]{2} more$/);
      const other = target(triple === AARCH64 ? X86_64 : AARCH64);
      const swapped = inspect(path, { target: other, maxSize: BUDGET }).findings;
      assert.ok(
        swapped.some(({ rule, severity }) => rule === "machine" && severity === "fail"),
        name,
      );
    }
  },
);

// Built for armv7-unknown-linux-musleabi: static, for the right machine, and another target's all the same.
testUnless(
  test,
  lacking({ programs: ["npm", "tar"] }),
  "should refuse for armv7 what others published for soft floats",
  async () => {
    const report = inspect(await published(SOFT_FLOAT), { target: target(ARMV7), maxSize: BUDGET });
    assert.equal([report.ok, report.linkage, report.machine], [false, "static", "arm"]);
    assert.equal(
      report.findings.map(({ rule, got }) => [rule, got.slice(0, 18)]),
      [
        ["abi-flags", "0x5000200"],
        ["stripped", ".symtab, .strtab: "],
        ["build-paths", '"/root/.cargo/regi'],
      ],
    );
  },
);

testUnless(test, lacking({ programs: ["cargo"] }), "should find nothing wrong with the release files", async () => {
  const reports = Object.values(await releaseFiles()).map((path) => inspect(path, { maxSize: BUDGET }));
  assert.equal(
    reports.map(({ target, linkage, machine, alignment, findings }) => ({
      target,
      linkage,
      machine,
      alignment,
      findings,
    })),
    [
      { target: X86_64, linkage: "static-pie", machine: "x86-64", alignment: 4096, findings: [] },
      { target: AARCH64, linkage: "static", machine: "aarch64", alignment: 65536, findings: [] },
    ],
  );
  assert.equal(crossCheck(reports), []);
});

testUnless(test, compilers, "should see through a path that holds the words of file(1)", async () => {
  const path = join(temporaryFolder(), "statically linked, static-pie linked");
  fs.copyFileSync(join(await compileAll(), "x-dynamic"), path);
  assert.is(inspect(path, { target: target(X86_64), maxSize: BUDGET }).ok, false);
});

testUnless(test, compilers, "should report all that it knows of a file", async () => {
  const folder = temporaryFolder();
  const path = join(folder, assetName(X86_64));
  fs.copyFileSync(join(await compileAll(), "x-bare"), path);
  const { stdout: sum } = await runProgram(["sha256sum", path]);
  const { stdout: notes } = await runProgram(["readelf", "-n", path]);
  const { parts, ...report } = inspect(path, { maxSize: BUDGET, pack: packParts });
  assert.is(inspect(path, { maxSize: BUDGET }).parts, null);
  const { segments, sections, more } = partsIn(parts);
  assert.equal(more, { segments: 0, sections: 0, bytes: 0 });
  assert.equal(report, {
    path,
    asset: "fastboop-stage0-x86_64-unknown-linux-musl",
    target: "x86_64-unknown-linux-musl",
    ok: true,
    type: "EXEC",
    machine: "x86-64",
    linkage: "static",
    interpreter: null,
    needed: [],
    entry: "0x401000",
    alignment: 4096,
    buildId: /Build ID: ([0-9a-f]+)/.exec(notes)?.[1] ?? "none",
    stripped: true,
    size: fs.statSync(path).size,
    sha256: sum.slice(0, 64),
    findings: [
      {
        rule: "relro",
        severity: "warn",
        expected: "a PT_GNU_RELRO",
        got: "none",
        fix: "link with -z relro",
      },
    ],
  });
  assert.equal(
    segments.map(({ type, rights, address }) => [type, rights, address]),
    [
      ["LOAD", "R", "0x400000"],
      ["LOAD", "RX", "0x401000"],
      ["LOAD", "R", "0x402000"],
      ["LOAD", "RW", "0x403000"],
      ["NOTE", "R", "0x400190"],
      ["GNU_STACK", "RW", "0x0"],
    ],
  );
  assert.equal(segments[1], {
    type: "LOAD",
    rights: "RX",
    offset: 4096,
    size: segments[1]?.size,
    address: "0x401000",
    memory: segments[1]?.size,
    alignment: 4096,
  });
  assert.equal(sections[0], { name: ".note.gnu.build-id", type: "NOTE", offset: 400, size: 36, loaded: true });
  assert.equal(JSON.parse(JSON.stringify(report)), report);
});

testUnless(test, compilers, "should take nothing of a file to the terminal that is not printable", async () => {
  const patch = new Patch(fs.readFileSync(join(await compileAll(), "x-dynamic")));
  patch.bytes.write("/\x1b[2J\n::error::\0", Number(patch.getSegment(TYPES.INTERP, "offset")));
  const path = join(temporaryFolder(), "a\nname\x1b[31m");
  fs.writeFileSync(path, patch.bytes);
  const report = inspect(path, { target: target(X86_64), maxSize: BUDGET });
  assert.is(report.path, path);
  assert.is(report.interpreter, "/\\x1b[2J\\n::error::");
  assert.is(report.findings[0]?.got, '"/\\x1b[2J\\n::error::"');
});

testUnless(test, compilers, "should take the target from the name, and no other than the name's", async () => {
  const bytes = fs.readFileSync(join(await compileAll(), "x-static"));
  const targetFinding = (name: string, given?: string): [string | null, string[] | undefined] => {
    const path = join(temporaryFolder(), name);
    fs.writeFileSync(path, bytes);
    const report = inspect(path, { maxSize: BUDGET, ...(given === undefined ? {} : { target: target(given) }) });
    const finding = report.findings.find(({ rule }) => rule === "target");
    return [report.target, finding && [finding.expected, finding.got]];
  };
  const neither = "an asset name such as fastboop-stage0-aarch64-unknown-linux-musl, or a target";
  assert.equal(targetFinding(assetName(X86_64)), [X86_64, undefined]);
  assert.equal(targetFinding("anything", X86_64), [X86_64, undefined]);
  assert.equal(targetFinding("anything"), [null, [neither, "neither"]]);
  assert.equal(targetFinding(assetName(AARCH64), X86_64), [X86_64, [AARCH64, X86_64]]);
  assert.equal(targetFinding(assetName(ARMV7)), [ARMV7, undefined]);
});

testUnless(
  test,
  compilers,
  "should keep to the size budget to the byte, and read no more than the headers beyond it",
  async () => {
    const path = join(await compileAll(), "x-static");
    const { size } = fs.statSync(path);
    const within = inspect(path, { target: target(X86_64), maxSize: size });
    assert.equal([within.ok, within.findings, within.sha256?.length], [true, [], 64]);
    const beyond = inspect(path, { target: target(X86_64), maxSize: size - 1 });
    assert.equal(short(beyond.findings), [["size", `${size} bytes`]]);
    assert.equal([beyond.ok, beyond.sha256, beyond.linkage], [false, null, "static"]);
  },
);

testUnless(test, compilers, "should judge a sparse file of 1 GiB by its headers", async () => {
  const path = join(temporaryFolder(), assetName(X86_64));
  fs.copyFileSync(join(await compileAll(), "x-static"), path);
  const { size } = fs.statSync(path);
  fs.truncateSync(path, 2 ** 30);
  const report = inspect(path, { maxSize: BUDGET });
  assert.equal(short(report.findings), [
    ["trailing-bytes", "an end at byte 1073741824"],
    ["size", "1073741824 bytes"],
  ]);
  assert.is(report.findings[0]?.expected, `an end at byte ${size}`);
});

/** What the gate says of a path that can't be read, in short. */
function unreadable(path: string): [boolean, string[][], number] {
  const report = inspect(path, { target: target(X86_64), maxSize: BUDGET });
  return [
    report.ok,
    report.findings.map(({ rule, severity, expected, got }) => [rule, severity, expected, got]),
    exitCodeFor(report.findings),
  ];
}
const notRead = (got: string): ReturnType<typeof unreadable> => [
  false,
  [["readable", "fail", "a regular file that can be read", got]],
  3,
];

test("should say of every path that it can't read why, without waiting for anything", async () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  fs.writeFileSync(at("file"), "");
  fs.symlinkSync("loop", at("loop"));
  fs.symlinkSync("nowhere", at("dangling"));
  assert.is((await runProgram(["mkfifo", at("fifo")])).code, 0);
  assert.equal(unreadable(at("absent")), notRead("no such file or folder"));
  assert.equal(unreadable(at("dangling")), notRead("no such file or folder"));
  assert.equal(unreadable(at("loop")), notRead("a loop of symbolic links"));
  assert.equal(unreadable(at("file/below")), notRead("a part of the path is not a folder"));
  assert.equal(unreadable(at("x".repeat(256))), notRead("a name that is too long"));
  assert.equal(unreadable(folder), notRead("a folder"));
  assert.equal(unreadable(at("fifo")), notRead("a fifo"));
  assert.equal(unreadable("/dev/zero"), notRead("a device"));
  assert.equal(unreadable("/dev/null"), notRead("a device"));
});

testUnless(test, lacking({ root: true, programs: ["setpriv"] }), "should say that it may not read a file", async () => {
  const folder = temporaryFolder();
  const [path, program] = [join(folder, "secret"), join(folder, "inspect.mts")];
  fs.writeFileSync(path, "");
  fs.chmodSync(path, 0o000);
  fs.writeFileSync(
    program,
    `import { inspect } from ${JSON.stringify(join(PROJECT, "scripts/lib/gate.ts"))};
      console.log(JSON.stringify(inspect(process.argv[2], { maxSize: 1 }).findings));`,
  );
  // Root may read everything unless it gives these two capabilities up.
  const humbly = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];
  const { stdout, stderr } = await runProgram([...humbly, ...RUNTIME, program, path]);
  assert.is(stderr, "");
  assert.equal(short(JSON.parse(stdout)), [["readable", "permission denied"]]);
});

testUnless(test, compilers, "should follow a link to a good file", async () => {
  const path = join(temporaryFolder(), assetName(X86_64));
  fs.symlinkSync(join(await compileAll(), "x-static"), path);
  assert.equal(inspect(path, { maxSize: BUDGET }).findings, []);
});

test("should not pass a file that is written to while it is read", async () => {
  const path = join(temporaryFolder(), "file");
  const fd = fs.openSync(path, "w");
  // Zeros that take no room, and so long to read that the other process has its turn meanwhile.
  fs.ftruncateSync(fd, 2 ** 29);
  fs.closeSync(fd);
  // The other process makes the file one byte longer and shorter as long as it is there.
  const loop = 'while [ -e "$1" ]; do truncate -c -s +1 "$1"; truncate -c -s -1 "$1"; done';
  const writer = runProgram(["sh", "-c", loop, "sh", path]);
  const started = fs.statSync(path).mtimeMs;
  await until(() => fs.statSync(path).mtimeMs !== started);
  const { findings } = inspect(path, { target: target(X86_64), maxSize: 2 ** 30 });
  fs.rmSync(path);
  await writer;
  assert.equal(short(findings), [["readable", "it was written to while it was read"]]);
});

testUnless(test, compilers, "should say how many bytes strip would save, as strip does", async () => {
  const folder = await compileAll();
  const [before, after] = ["x-static-symbols", "x-strip-debug"].map((name) => fs.statSync(join(folder, name)).size);
  const expected = { target: target(X86_64), maxSize: BUDGET, pack: packParts };
  const report = inspect(join(folder, "x-static-symbols"), expected);
  assert.is(report.stripped, false);
  const saved = Number(/save ([0-9]+) bytes/.exec(report.findings[0]?.got ?? "")?.[1]);
  const removed = partsIn(report.parts).sections.filter(({ name }) => /^\.(debug_.*|symtab|strtab)$/.test(name));
  assert.is(
    saved,
    removed.reduce((sum, { size }) => sum + size, 0),
  );
  // strip takes the headers and names of what it removes, too.
  const headers = (before ?? 0) - (after ?? 0) - saved;
  assert.ok(headers > 0 && headers < 1024, `${headers}`);
});

/** Writes a file and reads it as the gate does. */
function contentOf(bytes: Buffer, folders?: readonly string[]) {
  const path = join(temporaryFolder(), "content");
  fs.writeFileSync(path, bytes);
  const fd = fs.openSync(path, "r");
  const content = readContent(fd, folders);
  fs.closeSync(fd);
  return content;
}

test("should find a build path wherever the pieces of a file meet", () => {
  const piece = 64 * 1024;
  for (let at = piece - 140; at <= piece + 10; at++) {
    const bytes = Buffer.alloc(piece * 2 + 500, 1);
    bytes.write("/root/.cargo/registry/src/lib.rs", at);
    bytes.write("/Users/a/b", bytes.length - 10);
    assert.equal(
      contentOf(bytes).paths,
      { count: 2, examples: ["/root/.cargo/registry/src/lib.rs", "/Users/a/b"] },
      String(at),
    );
  }
});

test("should find as many build paths as strings and grep do", async () => {
  const next = random(20_261_122);
  const parts = ["/home/", "/Users/", "/root/.cargo/", "x", "\t", "\0", "\x80", "ab c", '"', "/home", "/root/"];
  const bytes = Buffer.from(Array.from({ length: 60_000 }, () => next.pick(parts)).join(""), "latin1");
  const path = join(temporaryFolder(), "paths");
  fs.writeFileSync(path, bytes);
  const { stdout } = await runProgram([
    "sh",
    "-c",
    `strings -a -n8 "$1" | grep -aoE '/home/|/Users/|/root/\\.cargo/' | wc -l`,
    "sh",
    path,
  ]);
  const { paths, sha256, size } = contentOf(bytes);
  assert.is(paths.count, Number(stdout));
  assert.ok(paths.count > 1000);
  assert.is(size, bytes.length);
  assert.is(sha256, (await runProgram(["sha256sum", path])).stdout.slice(0, 64));
});

test("should count what it does not list, and cut what is long", () => {
  const long = `/home/${"x".repeat(300)}`;
  const text = [long, "/home/a/1", "/home/a/1", "/home/b/2 tail", '/home/c/3"tail', "/home/", "/home/x"].join("\0");
  assert.equal(contentOf(Buffer.from(text)).paths, {
    count: 5,
    examples: [long.slice(0, 120), "/home/a/1", "/home/b/2"],
  });
});

test("should know by their folders what CI systems and images build, and what lies below the folder of a build", () => {
  const found = (text: string, folders?: readonly string[]): number =>
    contentOf(Buffer.from(`\0${text}\0`), folders).paths.count;
  const built = [
    "/root/.rustup/toolchains/stable",
    "/usr/local/cargo/registry",
    "/__w/project/project",
    "/github/workspace/out",
    "/tmp/build/stage0/lib.rsassertion failed",
    "/var/tmp/stage0/hello.c",
    "/builds/group/project/target/out/a.h",
    "/opt/hostedtoolcache/go/src/fmt",
    "/workspaces/stage0/boot.S:1",
    "/root/project/main.cc",
  ];
  const named = [
    ...["/tmp/ssh-XXXXXXXX", "/tmp/.X11-unix/X0", "/tmp/video.h264", "/opt/local/lib", "/root/.profile"],
    ...["/builds/{id}:retry", "/workspaces/shared", "/usr/src/rustc-1.85.0/library/std/src/io.rs"],
    ...["/usr/local/lib/x.rs", "/rustc/0123/library/core/src/str.rs", "src/main.rs", "/workspace/stage0/src/main.rs"],
  ];
  for (const text of built) assert.is(found(text), 1, text);
  for (const text of named) assert.is(found(text), 0, text);
  const folder = "/srv/a+b (1)/späte";
  assert.is(found(`${folder}/stage0`), 0);
  assert.is(found(`${folder}/stage0`, [folder]), 1);
  assert.is(found("/srv/aab (1)/späte/stage0", [folder]), 0);
  assert.is(found("/srv/source/stage0, /var/lib/ci/stage0", ["/srv/source", "/var/lib/ci"]), 2);
  // Programs have paths below these whoever builds them.
  const plain = ["/", "/usr", "/srv", "/usr/share", "/var/lib", "/etc/ssl"];
  assert.is(found("/usr/share/zoneinfo, /var/lib/dbus, /srv/file, /etc/ssl/certs", plain), 0);
});

/** A report with nothing but what the cross check looks at. */
const reportOf = (path: string, triple: string | null, sha256: string | null, buildId: string | null): FileReport => ({
  ...inspect("/nowhere/file", { maxSize: 1 }),
  path,
  target: triple,
  sha256,
  buildId,
});

test("should see two targets' files with one digest or one build id as a swap", () => {
  const a = reportOf("a\n", X86_64, "11", "aa");
  assert.equal(crossCheck([a, reportOf("b", AARCH64, "11", null)]), [
    {
      rule: "swap",
      severity: "fail",
      expected: "a digest of its own for every target",
      got: "a\\n and b both have 11",
      fix: "build or download both again, each under its own name",
    },
  ]);
  assert.equal(short(crossCheck([a, reportOf("b", AARCH64, "22", "aa")])), [["swap", "a\\n and b both have aa"]]);
  assert.is(crossCheck([a, reportOf("b", AARCH64, "11", "aa")]).length, 2);
  assert.is(crossCheck([a, reportOf("b", "third", "11", "x"), reportOf("c", AARCH64, "11", "y")]).length, 2);
  assert.equal(crossCheck([a, reportOf("b", AARCH64, "22", "bb")]), []);
  assert.equal(crossCheck([a, reportOf("the same again", X86_64, "11", "aa")]), []);
  assert.equal(crossCheck([a, reportOf("of no target", null, "11", "aa")]), []);
  assert.equal(crossCheck([reportOf("a", X86_64, null, null), reportOf("b", AARCH64, null, null)]), []);
});

test("should end with 1 for a file that is wrong, with 3 for one that was not read, with 0 for warnings", () => {
  const finding = (rule: string, severity: "fail" | "warn"): Finding => ({
    rule,
    severity,
    expected: "",
    got: "",
    fix: "",
  });
  assert.is(exitCodeFor([]), 0);
  assert.is(exitCodeFor([finding("relro", "warn")]), 0);
  assert.is(exitCodeFor([finding("readable", "fail"), finding("relro", "warn")]), 3);
  assert.is(exitCodeFor([finding("readable", "fail"), finding("machine", "fail")]), 1);
  assert.is(exitCodeFor([finding("machine", "fail")]), 1);
});

test("should know its rules by their ids", () => {
  for (const rule of RULES) assert.is(ruleById(rule.id), rule);
  assert.throws(() => ruleById("no-such-rule"), /^no rule has the id no-such-rule$/);
});

test("should give every rule an id of its own, a severity, and words for all that the documentation shows", () => {
  assert.is(new Set(RULES.map(({ id }) => id)).size, RULES.length);
  assert.equal(
    RULES.filter(({ severity }) => severity === "warn").map(({ id }) => id),
    [...WARNINGS],
  );
  for (const { id, demands, why, fix } of RULES) {
    assert.match(id, /^[a-z]+(-[a-z]+)*$/);
    for (const text of [demands, why, fix]) assert.match(text, /^[^|\n]{10,200}[^.]$/, id);
  }
});

test.run();
