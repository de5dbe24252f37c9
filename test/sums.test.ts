import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { RELEASE_ASSETS } from "../scripts/lib/contract.ts";
import { type Check, checkList, writeList } from "../scripts/lib/dist.ts";
import type { Problem } from "../scripts/lib/errors.ts";
import { byteName, formatSums, nameText, parseSums, showName } from "../scripts/lib/trust/sums.ts";
import {
  isDeno,
  isRoot,
  lacking,
  make,
  namesIn,
  RUNTIME,
  runProgram,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { type Random, random } from "./lib/random.ts";
import { A, B, LINE, parse } from "./lib/trust.ts";

const test = suite("sums");

const [X86_64 = "", AARCH64 = ""] = RELEASE_ASSETS;
const digest = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");

/** Path of a file whose name is a byte string. */
const at = (folder: string, name: string): Buffer =>
  Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "latin1")]);

/** A folder with both release assets and more files, by name (a byte string) and content. */
function distWith(more: Record<string, string> = {}): string {
  const dist = temporaryFolder();
  for (const [name, content] of Object.entries({ [X86_64]: "x86", [AARCH64]: "arm", ...more })) {
    fs.writeFileSync(at(dist, name), content);
  }
  return dist;
}
const sums = (dist: string, ...args: string[]) => script("sums.ts", args, { env: { DIST: dist } });
const listOf = (dist: string): string => fs.readFileSync(join(dist, "SHA256SUMS"), "latin1");

const entriesOf = (list: string) => {
  const { entries, problems } = parse(list);
  assert.equal(problems, [], JSON.stringify(list));
  return entries;
};

test("should write two spaces, bare names and line feeds, in the order of the bytes", () => {
  const names = ["b", "a", "B", "é", "\u{ffff}", "\u{10000}", "-", "a b", "*x"].map(byteName);
  assert.is(
    formatSums(names.map((name) => [name, A])).toString(),
    ["*x", "-", "B", "a", "a b", "b", "é", "\u{ffff}", "\u{10000}"].map((name) => `${A}  ${name}\n`).join(""),
  );
});

test("should escape line feed, carriage return and backslash as coreutils does", () => {
  assert.is(
    formatSums([
      ["a\nb", A],
      ["c\rd", A],
      ["e\\f", A],
      ["g\\n\n", A],
    ]).toString(),
    `\\${A}  a\\nb\n\\${A}  c\\rd\n\\${A}  e\\\\f\n\\${A}  g\\\\n\\n\n`,
  );
});

test("should read text, binary and BSD lines, escaped or not, and CR LF", () => {
  assert.equal(entriesOf(`${A}  x\n${B} *y\n`), [
    ["x", A],
    ["y", B],
  ]);
  assert.equal(entriesOf(`SHA256 (a) b) = ${A}\n\\SHA256 (c\\nd) = ${B}\n`), [
    ["a) b", A],
    ["c\nd", B],
  ]);
  assert.equal(entriesOf(`\\${A}  a\\\\n\n\\${B} *c\\rd\n`), [
    ["a\\n", A],
    ["c\rd", B],
  ]);
  assert.equal(entriesOf(`${A}  x\r\n${B} *y\r\n`), [
    ["x", A],
    ["y", B],
  ]);
  assert.equal(entriesOf(`${A.toUpperCase()}  x\n`), [["x", A]]);
  assert.equal(entriesOf(`${A}   x \n${B} **y\n`), [
    [" x ", A],
    ["*y", B],
  ]);
  assert.equal(entriesOf(`${A}  a\\b\n${B}  c\rd\n`), [
    ["a\\b", A],
    ["c\rd", B],
  ]);
});

test("should call each kind of line that is none malformed", () => {
  for (const line of [
    "",
    " ",
    A,
    `${A} `,
    `${A}  `,
    `${A} x`,
    `${A}\tx`,
    ` ${A}  x`,
    `${A.slice(1)}  x`,
    `${A}0  x`,
    `g${A.slice(1)}  x`,
    `${"a".repeat(128)}  x`,
    `# ${A}  x`,
    `\\${A}  a\\b`,
    `\\${A}  a\\`,
    `\\\\${A}  x`,
    `MD5 (x) = ${A}`,
    `SHA256 (x) = ${A.slice(1)}`,
    `SHA256 () = ${A}`,
    `SHA256(x)= ${A}`,
    `\xef\xbb\xbf${A}  x`,
    `${A}  x\r`,
  ]) {
    const { entries, problems } = parse(`${B}  y\n${line}\n`);
    assert.equal(entries, [["y", B]]);
    assert.equal(problems, [{ what: "line 2 is malformed", expected: LINE, got: showName(line.slice(0, 120)) }]);
  }
});

test("should refuse names that leave the folder, and the list itself", () => {
  for (const [name, shown] of [
    ["/etc/passwd", '"/etc/passwd"'],
    ["../x", '"../x"'],
    ["..", '".."'],
    [".", '"."'],
    ["./x", '"./x"'],
    ["a/b", '"a/b"'],
    ["a/", '"a/"'],
    ["a\0b", '"a\\x00b"'],
  ] as const) {
    assert.equal(parse(`${B}  y\n${A}  ${name}\n`), {
      entries: [["y", B]],
      problems: [{ what: `line 2 names ${shown}, which is not a bare file name` }],
    });
  }
  assert.equal(parse(`${A} *SHA256SUMS\n`), { entries: [], problems: [{ what: "line 1 names SHA256SUMS itself" }] });
});

test("should refuse an empty list, one that is cut off, and a name that occurs twice", () => {
  assert.equal(parse(""), { entries: [], problems: [{ what: "the list is empty" }] });
  const cutOff = { what: "the last line does not end with a line feed: the list may be cut off" };
  assert.equal(parse(`${A}  x\n${B}  fastboop-sta`).problems, [cutOff]);
  assert.equal(parse(A).problems[0], cutOff);
  for (const second of [`${A}  x`, `${B} *x`, `\\SHA256 (x) = ${B}`]) {
    assert.equal(parse(`${A}  x\n${B}  y\n${second}\n`), {
      entries: [
        ["x", A],
        ["y", B],
      ],
      problems: [{ what: '"x" is on line 1 and again on line 3' }],
    });
  }
});

test("should name every problem of a list, and a run of malformed lines once", () => {
  const page = "<html>\n<body>\n</html>";
  assert.equal(parse(`${page}\n${A}  x\n${A}  x\n${A}  ../y\n\n`), {
    entries: [["x", A]],
    problems: [
      { what: '"x" is on line 4 and again on line 5' },
      { what: 'line 6 names "../y", which is not a bare file name' },
      { what: "lines 1 to 3 are malformed", expected: LINE, got: '"<html>"' },
      { what: "line 7 is malformed", expected: LINE, got: '""' },
    ],
  });
});

test("should read more CR LF lines than a regular expression can repeat", () => {
  const lines = 4 * 1024 * 1024;
  const { problems } = parseSums(Buffer.from("\r\n".repeat(lines)));
  assert.equal(
    problems.map(({ what }) => what),
    [`lines 1 to ${lines} are malformed`],
  );
});

test("should show names safely", () => {
  assert.is(showName(byteName("café")), '"café"');
  assert.is(showName("caf\xe9"), '"caf\\xe9"');
  assert.is(showName("\x1b[31m\n"), '"\\x1b[31m\\n"');
  assert.is(showName(byteName("\u202e")), '"\\u{202e}"');
  assert.is(nameText(byteName("café")), "café");
  assert.is(nameText("caf\xe9"), undefined);
  assert.is(nameText("\xed\xa0\x80"), undefined);
});

/** A byte string that Linux takes as a file name, rich in what lists have to escape. */
function randomName(from: Random, text: boolean): string {
  const length = 1 + from.below(from.pick([3, 12, 100]));
  const pieces = Array.from({ length }, () =>
    from.below(4) === 0
      ? from.pick(["\n", "\r", "\\", "\\n", "\\r", "\\\\", "*", " ", "  ", ") = ", "SHA256 (", A])
      : text
        ? from.pick([
            String.fromCharCode(1 + from.below(127)),
            byteName(String.fromCodePoint(0x80 + from.below(0x700))),
          ])
        : String.fromCharCode(1 + from.below(255)),
  );
  return pieces.join("").replaceAll("/", "-").slice(0, 200);
}
const isName = (name: string): boolean => name !== "." && name !== ".." && name !== "SHA256SUMS";

test("should read back every list of any names that it writes", () => {
  const from = random(5);
  for (let run = 0; run < 500; run++) {
    const names = new Set(Array.from({ length: 1 + from.below(8) }, () => randomName(from, false)).filter(isName));
    const entries = [...names].map((name): [string, string] => [name, from.bytes(32).toString("hex")]);
    if (entries.length === 0) continue;
    const list = formatSums(entries);
    const { entries: read, problems } = parseSums(list);
    assert.equal(problems, [], list.toString("latin1"));
    assert.equal(new Map([...read].sort()), new Map(entries.sort()));
    assert.equal(
      [...read.keys()],
      [...read.keys()].sort((a, b) => Buffer.compare(Buffer.from(a, "latin1"), Buffer.from(b, "latin1"))),
    );
  }
});

test("should never take the bytes of a broken list for a list of other names", () => {
  const from = random(6);
  for (let run = 0; run < 2000; run++) {
    const list = formatSums([
      [randomName(from, false), A],
      [X86_64, B],
    ]);
    for (let flips = 1 + from.below(3); flips > 0; flips--) list[from.below(list.length)] = from.below(256);
    for (const name of parseSums(list).entries.keys()) {
      assert.ok(name !== "" && isName(name) && !/[/\0]/.test(name), JSON.stringify(name));
    }
  }
});

test("should list every regular file but hidden ones, logs, env files and itself", async () => {
  const dist = distWith({
    "fastboop.deb": "deb",
    ".hidden": "",
    "boot.log": "",
    "stage0.env": "",
    [byteName("é")]: "e",
  });
  for (const folder of ["log", "fetched"]) {
    fs.mkdirSync(join(dist, folder));
    fs.writeFileSync(join(dist, folder, "file"), "");
  }
  const list =
    `${digest("arm")}  ${AARCH64}\n${digest("x86")}  ${X86_64}\n` +
    `${digest("deb")}  fastboop.deb\n${digest("e")}  é\n`;
  const { code, stdout, stderr } = await sums(dist);
  assert.is(code, 0);
  assert.is(stdout, `${dist}/SHA256SUMS\n`);
  assert.match(stderr, /^listed 4 files, 10 bytes, [0-9.]+ s\n$/);
  assert.is(fs.readFileSync(join(dist, "SHA256SUMS"), "utf8"), list);
  assert.is(fs.statSync(join(dist, "SHA256SUMS")).mode & 0o7777, 0o644);
  assert.equal(
    namesIn(dist).filter((name) => name.endsWith(".tmp")),
    [],
  );

  const before = fs.statSync(join(dist, "SHA256SUMS"), { bigint: true });
  assert.is((await sums(dist)).code, 0);
  const after = fs.statSync(join(dist, "SHA256SUMS"), { bigint: true });
  assert.equal([after.ino, after.mtimeNs], [before.ino, before.mtimeNs]);

  fs.writeFileSync(join(dist, "fastboop.deb"), "new");
  assert.is((await sums(dist)).code, 0);
  assert.is(fs.readFileSync(join(dist, "SHA256SUMS"), "utf8"), list.replace(digest("deb"), digest("new")));
});

test("should refuse a folder without both release assets, and leave its list as it was", async () => {
  const dist = temporaryFolder();
  fs.writeFileSync(join(dist, "other"), "");
  fs.symlinkSync("other", join(dist, AARCH64));
  fs.writeFileSync(join(dist, "SHA256SUMS"), "as it was");
  const list = join(dist, "SHA256SUMS");
  const { code, stdout, stderr } = await sums(dist);
  assert.equal([code, stdout], [1, ""]);
  assert.is(
    stderr,
    `error: ${list}: the release asset ${X86_64} is missing\n  fix:      make stage0-all\n` +
      `error: ${list}: the release asset ${AARCH64} is a symbolic link\n  fix:      make stage0-all\n`,
  );
  assert.is(listOf(dist), "as it was");
});

test("should leave out what is not a regular file, and say so", async () => {
  const dist = distWith();
  fs.symlinkSync(X86_64, join(dist, "link"));
  assert.is((await runProgram(["mkfifo", join(dist, "fifo")])).code, 0);
  const notes =
    'warning: "fifo" is a special file: no release carries it\n' +
    'warning: "link" is a symbolic link: no release carries it\n';
  const written = await sums(dist);
  assert.is(written.code, 0);
  assert.match(written.stderr, new RegExp(`^${notes}listed 2 files, 6 bytes, [0-9.]+ s\n$`));
  const checked = await sums(dist, "--verify");
  assert.is(checked.code, 0);
  assert.match(checked.stderr, new RegExp(`^${notes}checked 2 files, 6 bytes, [0-9.]+ s\n$`));
});

test("should pass a folder that is as its list says", async () => {
  const dist = distWith({ x: "" });
  await sums(dist);
  const { code, stdout, stderr } = await sums(dist, "--verify");
  assert.equal([code, stdout], [0, `${dist}/SHA256SUMS\n`]);
  assert.match(stderr, /^checked 3 files, 6 bytes, [0-9.]+ s\n$/);
});

test("should report everything that is wrong in one run", async () => {
  const dist = distWith({ right: "right", wrong: "wrong", new: "new" });
  fs.symlinkSync("right", join(dist, "link"));
  fs.mkdirSync(join(dist, "folder"));
  const list = join(dist, "SHA256SUMS");
  fs.writeFileSync(
    list,
    `${digest("x86")}  ${X86_64}\n${digest("right")}  right\n${A}  wrong\n${A}  gone\n${digest("right")}  link\n` +
      `${A}  folder\n\n${A}  ../up\n${A}  wrong\n`,
  );
  const { code, stdout, stderr } = await sums(dist, "--verify");
  assert.equal([code, stdout], [1, ""]);
  const fix = "  fix:      make sums, once you trust what is there\n";
  assert.is(
    stderr,
    `error: ${list}: line 8 names "../up", which is not a bare file name\n${fix}` +
      `error: ${list}: "wrong" is on line 3 and again on line 9\n${fix}` +
      `error: ${list}: line 7 is malformed\n  expected: ${LINE}\n  got:      ""\n${fix}` +
      `error: ${list}: the release asset ${AARCH64} is not listed\n${fix}` +
      `error: ${list}: "wrong" is not the file that was listed\n  expected: ${A}\n  got:      ${digest("wrong")}\n${fix}` +
      `error: ${list}: "gone" is listed and not there\n${fix}` +
      `error: ${list}: "link" is listed and a symbolic link\n${fix}` +
      `error: ${list}: "folder" is listed and a folder\n${fix}` +
      `error: ${list}: "new" is not listed\n${fix}`,
  );
});

test("should fail an empty list, and one for other release assets", async () => {
  const dist = distWith();
  const list = join(dist, "SHA256SUMS");
  const fix = "  fix:      make sums, once you trust what is there\n";
  const unlisted = `error: ${list}: the release asset ${X86_64} is not listed\n${fix}error: ${list}: the release asset ${AARCH64} is not listed\n${fix}`;
  fs.writeFileSync(list, "");
  const empty = await sums(dist, "--verify");
  assert.equal([empty.code, empty.stderr], [1, `error: ${list}: the list is empty\n${fix}${unlisted}`]);
  fs.writeFileSync(join(dist, "other"), "other");
  fs.writeFileSync(list, `${digest("other")}  other\n`);
  const others = await sums(dist, "--verify");
  assert.equal([others.code, others.stderr], [1, unlisted]);
});

test("should say what is missing when there is no folder or no list", async () => {
  const dist = distWith();
  const noList = await sums(dist, "--verify");
  assert.equal(
    [noList.code, noList.stdout, noList.stderr],
    [3, "", `error: ${dist}/SHA256SUMS: there is no list to check against\n  fix:      make sums writes one\n`],
  );
  assert.is((await runProgram(["mkfifo", join(dist, "SHA256SUMS")])).code, 0);
  const fifo = await sums(dist, "--verify");
  assert.equal([fifo.code, fifo.stdout], [3, ""]);
  assert.match(fifo.stderr, `error: ${dist}/SHA256SUMS: can't be read\n`);
  for (const args of [[], ["--verify"]]) {
    const noFolder = await sums(join(dist, "none"), ...args);
    assert.equal(
      [noFolder.code, noFolder.stdout, noFolder.stderr],
      [
        3,
        "",
        `error: ${dist}/none: there is no such folder\n` +
          "  fix:      make stage0-all builds the artifacts; DIST=folder names another folder\n",
      ],
    );
  }
});

test("should print JSON, with the problems in it", async () => {
  const dist = distWith({ [byteName("é\n")]: "" });
  const list = join(dist, "SHA256SUMS");
  const files = [
    { name: AARCH64, size: 3, sha256: digest("arm") },
    { name: X86_64, size: 3, sha256: digest("x86") },
    { name: "é\n", size: 0, sha256: digest("") },
  ];
  const written = await sums(dist, "--json");
  assert.is(written.code, 0);
  assert.equal(JSON.parse(written.stdout), { list, files, problems: [], notes: [] });
  fs.appendFileSync(join(dist, X86_64), "!");
  fs.symlinkSync("x", join(dist, "link"));
  const checked = await sums(dist, "--verify", "--json");
  assert.is(checked.code, 1);
  assert.equal(JSON.parse(checked.stdout), {
    list,
    files: files
      .map((file) => (file.name === X86_64 ? { ...file, size: 4, sha256: digest("x86!") } : file))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    problems: [
      {
        fix: "make sums, once you trust what is there",
        what: `"${X86_64}" is not the file that was listed`,
        expected: digest("x86"),
        got: digest("x86!"),
      },
    ],
    notes: [{ what: '"link" is a symbolic link: no release carries it' }],
  });
});

test("should work from make, with a relative DIST of a strange name", async () => {
  const dist = distWith();
  const strange = join(dirname(dist), "it's a $(dist) dir é");
  fs.rmSync(strange, { recursive: true, force: true });
  fs.renameSync(dist, strange);
  try {
    const settings = { cwd: dirname(strange), env: { DIST: "it's a $(dist) dir é" } };
    const written = await make(["sums"], settings);
    assert.equal([written.code, written.stdout], [0, `${strange}/SHA256SUMS\n`], written.stderr);
    const checked = await make(["verify-sums"], settings);
    assert.equal([checked.code, checked.stdout], [0, `${strange}/SHA256SUMS\n`], checked.stderr);
  } finally {
    fs.rmSync(strange, { recursive: true, force: true });
  }
});

test("should list a name that is not UTF-8, or fail where the runtime can't open it", async () => {
  const dist = distWith();
  const made = await runProgram(["sh", "-c", 'printf e >"$(printf "caf\\351")"'], { cwd: dist });
  assert.is(made.code, 0, made.stderr);
  const { code, stdout, stderr } = await sums(dist, "--json");
  if (isDeno) {
    assert.is(code, 3);
    assert.is(
      stderr,
      `error: ${dist}/SHA256SUMS: "caf\u{fffd}" can't be read: no such file or folder\n  fix:      its name may not be UTF-8: use RUNTIME=node\n`,
    );
    assert.not.ok(fs.existsSync(join(dist, "SHA256SUMS")));
  } else {
    assert.is(code, 0);
    assert.is(listOf(dist), `${digest("e")}  caf\xe9\n${digest("arm")}  ${AARCH64}\n${digest("x86")}  ${X86_64}\n`);
    assert.equal(JSON.parse(stdout).files[0], { nameBase64: "Y2Fm6Q==", size: 1, sha256: digest("e") });
    assert.is((await sums(dist, "--verify")).code, 0);
  }
});

testUnless(
  test,
  isRoot ? lacking({ programs: ["setpriv"] }) : undefined,
  "should hash the others when a file can't be read",
  async () => {
    const dist = distWith({ secret: "secret" });
    assert.is((await sums(dist)).code, 0);
    fs.chmodSync(join(dist, "secret"), 0);
    fs.writeFileSync(join(dist, X86_64), "changed");
    // Root reads everything unless these two capabilities are taken away.
    const caps = "-dac_override,-dac_read_search";
    const plain = isRoot ? ["setpriv", "--bounding-set", caps, "--inh-caps", caps] : [];
    const run = (...args: string[]) =>
      runProgram([...plain, ...RUNTIME, "scripts/sums.ts", ...args], { env: { DIST: dist } });
    const unread = `error: ${dist}/SHA256SUMS: "secret" can't be read: permission denied\n  fix:      check its owner, its mode and the disk\n`;
    const before = listOf(dist);
    const written = await run();
    assert.equal([written.code, written.stdout, written.stderr], [3, "", unread]);
    assert.is(listOf(dist), before);
    const checked = await run("--verify");
    assert.equal(
      [checked.code, checked.stderr],
      [
        1,
        `error: ${dist}/SHA256SUMS: "${X86_64}" is not the file that was listed\n  expected: ${digest("x86")}\n` +
          `  got:      ${digest("changed")}\n  fix:      make sums, once you trust what is there\n${unread}`,
      ],
    );
  },
);

/** The tools that read and write lists, and what they can't do. */
const TOOLS: readonly {
  name: string;
  check: readonly string[];
  write: readonly (readonly string[])[];
  /** Names that the tool misreads in the list that coreutils reads. */
  misreads?: RegExp;
  /** Names that it writes in a way that no reader can take back. */
  miswrites?: RegExp;
}[] = [
  {
    name: "sha256sum",
    check: ["sha256sum", "-c", "--strict", "--quiet"],
    write: [["sha256sum"], ["sha256sum", "--binary"], ["sha256sum", "--tag"]],
  },
  {
    name: "shasum",
    check: ["shasum", "-a", "256", "-c", "-q", "--strict"],
    write: [
      ["shasum", "-a", "256"],
      ["shasum", "-a", "256", "--binary"],
      ["shasum", "-a", "256", "--tag"],
    ],
    // It knows \n and \\ only, and takes white space off the end of a line.
    misreads: /\r|\s$/,
    miswrites: /\r$/,
  },
  {
    name: "busybox",
    check: ["busybox", "sha256sum", "-c", "-s"],
    write: [["busybox", "sha256sum"]],
    // It neither escapes nor unescapes.
    misreads: /[\\\r\n]/,
    miswrites: /\n|\r$/,
  },
];

/** A folder of files with random names, beside the release assets. */
function randomDist(seed: number): string {
  const from = random(seed);
  const names = Array.from({ length: 60 }, () => randomName(from, isDeno));
  const kept = names.filter((name) => isName(name) && !/^[.-]|\.(log|env)$/.test(name));
  kept.push("line\nfeed", "carriage\rreturn", "at its end\r", "back\\slash", "*star", " space ");
  return distWith(Object.fromEntries(kept.map((name) => [name, from.bytes(from.below(100)).toString("latin1")])));
}

const troubleOf = ({ problems, unread }: Check): Problem[] => [...problems, ...unread];

for (const [index, { name, check, write, misreads, miswrites }] of TOOLS.entries()) {
  testUnless(test, lacking({ programs: [name] }), `should write lists that ${name} accepts`, async () => {
    const dist = randomDist(20 + index);
    assert.equal(troubleOf(writeList(dist)), []);
    const lines = listOf(dist).split("\n").slice(0, -1);
    const names = [...parseSums(Buffer.from(listOf(dist), "latin1")).entries.keys()];
    const readable = lines.filter((_, index) => !misreads?.test(names[index] ?? ""));
    assert.ok(readable.length > 20 && (misreads === undefined) === (readable.length === lines.length));
    fs.writeFileSync(join(dist, "readable.log"), readable.map((line) => `${line}\n`).join(""), "latin1");
    const { code, stdout, stderr } = await runProgram([...check, "readable.log"], { cwd: dist });
    assert.equal([code, stdout, stderr], [0, "", ""]);

    const first = names[lines.indexOf(readable[0] ?? "")] ?? "";
    fs.appendFileSync(at(dist, first), "!");
    assert.is((await runProgram([...check, "readable.log"], { cwd: dist })).code, 1);
  });

  testUnless(test, lacking({ programs: [name] }), `should accept lists that ${name} writes`, async () => {
    const dist = randomDist(30 + index);
    assert.equal(troubleOf(writeList(dist)), []);
    const names = [...parseSums(Buffer.from(listOf(dist), "latin1")).entries.keys()];
    for (const unfit of names.filter((name) => miswrites?.test(name))) fs.rmSync(at(dist, unfit));
    const kept = names.filter((name) => !miswrites?.test(name)).length;
    assert.ok(kept > 20 && (miswrites === undefined) === (kept === names.length));
    for (const command of write) {
      fs.rmSync(join(dist, "SHA256SUMS"));
      const { code, stderr } = await runProgram(["sh", "-c", 'LC_ALL=C "$@" * >.list', "sh", ...command], {
        cwd: dist,
      });
      assert.equal([code, stderr], [0, ""]);
      fs.renameSync(join(dist, ".list"), join(dist, "SHA256SUMS"));
      const checked = checkList(dist);
      assert.equal(troubleOf(checked), [], command.join(" "));
      assert.is(checked.digests.size, kept);
    }
  });
}

test("should give files the names that GitHub keeps them by, unless two would get one", async () => {
  const dist = distWith({ "fastboop_0.0.1~rc21_amd64.deb": "deb", "a b~c.log": "log", "kept-1.0+2@3.tar.gz": "tar" });
  const renamed = await sums(dist, "--rename");
  assert.equal([renamed.code, renamed.stdout], [0, `${join(dist, "SHA256SUMS")}\n`], renamed.stderr);
  assert.match(
    renamed.stderr,
    /^fastboop_0\.0\.1~rc21_amd64\.deb is now fastboop_0\.0\.1\.rc21_amd64\.deb, as GitHub keeps it\n/,
  );
  const names = [AARCH64, X86_64, "fastboop_0.0.1.rc21_amd64.deb", "kept-1.0+2@3.tar.gz"];
  assert.equal(
    entriesOf(listOf(dist)).map(([name]) => name),
    names,
  );
  assert.equal(namesIn(dist), ["SHA256SUMS", "a b~c.log", ...names]);

  const before = { "x~1.deb": "one", "x.1.deb": "two", "y~~1": "three", "y~1": "four" };
  const two = distWith(before);
  const refused = await sums(two, "--rename");
  assert.is(
    refused.stderr,
    ["x.1.deb", "y.1"]
      .map((name) => {
        const got = name === "y.1" ? "y~~1" : "x~1.deb";
        const fix = "give one of them another name";
        return `error: ${two}: GitHub keeps two files under one name: ${name}\n  got:      ${got}\n  fix:      ${fix}\n`;
      })
      .join(""),
  );
  assert.equal([refused.code, namesIn(two)], [1, [AARCH64, X86_64, ...Object.keys(before)].sort()]);
  assert.is((await sums(two, "--rename", "--verify")).code, 2);
});

test.run();
