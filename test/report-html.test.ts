import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { assetName, findTarget, type Target } from "../scripts/lib/contract.ts";
import { type Parts, packParts } from "../scripts/lib/gate/parts.ts";
import { type Preflight, preflightOf } from "../scripts/lib/gate/preflight.ts";
import type { FileReport } from "../scripts/lib/gate/report.ts";
import { htmlReport } from "../scripts/lib/gate/report-html.ts";
import { inspect } from "../scripts/lib/gate.ts";
import { escapeHtml, html } from "../scripts/lib/html.ts";
import { tables } from "./corpus/synthetic.ts";
import { assertRendered, renderPages } from "./lib/browser.ts";
import { lacking, type Outcome, runProgram, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { partsIn } from "./lib/parts.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("report-html");

const X86_64 = "x86_64-unknown-linux-musl";
const AARCH64 = "aarch64-unknown-linux-musl";
const rust = lacking({ programs: ["cargo"] });
const browser = lacking({ programs: ["chromium"] });
const MAX_SIZE = 2 ** 25;

const reportOf = (path: string, target?: Target): FileReport =>
  inspect(path, { maxSize: MAX_SIZE, pack: packParts, target });
const pageOf = (result: Preflight): string => [...htmlReport(result)].join("");
const packed = (parts: Parts): string => JSON.stringify(parts);

test("should escape every value of a template but markup", () => {
  const name = `"><script>alert('1')</script>&amp;\n\u202e`;
  const escaped = "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;\\n\\u{202e}";
  assert.is(escapeHtml(name), escaped);
  assert.is(
    html`<a title="${name}">${[name, 1, 2n, undefined, false, html`<b>${name}</b>`]}</a>`.text,
    `<a title="${escaped}">${escaped}12<b>${escaped}</b></a>`,
  );
});

/** A report in which every text is an attack on the page. */
function hostile(): FileReport {
  const text = `"'><script>alert(1)</script><img src=http://example.org/ onerror=alert(2)></style><!--`;
  return {
    path: `/tmp/${text}/${text}`,
    asset: text,
    target: text,
    ok: false,
    type: text,
    machine: text,
    linkage: "static",
    interpreter: text,
    needed: [text, text],
    entry: "0x10000",
    alignment: 2 ** 63,
    buildId: text,
    stripped: false,
    size: 1000,
    sha256: text,
    findings: [{ rule: text, severity: "fail", expected: text, got: text, fix: text }],
    parts: packed({ more: { segments: 3, sections: 4, bytes: 5 }, ...parts(text) }),
  };
}

/** Lengths and addresses as a damaged file has them: beyond its end, beyond all memory, none at all. */
function parts(text: string): Pick<Parts, "segments" | "sections"> {
  return {
    segments: [
      { type: "LOAD", rights: "RWX", offset: 0, size: 100, address: "0x0", memory: 0, alignment: 0 },
      {
        type: "LOAD",
        rights: "",
        offset: 2 ** 63,
        size: 2 ** 63,
        address: "0xffffffffffffffff",
        memory: 2 ** 64,
        alignment: 1,
      },
      { type: text, rights: "X", offset: 0, size: 0, address: "0x0", memory: 0, alignment: 0 },
    ],
    sections: [
      { name: text, type: text, offset: 0, size: 10, loaded: true },
      { name: "", type: text, offset: 2 ** 63, size: 2 ** 63, loaded: false },
      ...Array.from({ length: 40 }, (_, index) => ({
        name: "x".repeat(200),
        type: "",
        offset: index,
        size: 1,
        loaded: true,
      })),
    ],
  };
}

/** Pages of every kind: whole, damaged, unreadable and hostile files, findings about the set. */
async function pages(): Promise<[name: string, page: string, headline: string][]> {
  const files = await releaseFiles();
  const good = [files[X86_64], files[AARCH64]].map((path) => reportOf(path));
  const target = findTarget(AARCH64);
  const wrong = reportOf(files[X86_64], target);
  const absent = reportOf("/nowhere/file");
  const setFinding = {
    rule: "release-asset",
    severity: "fail",
    expected: assetName(X86_64),
    got: "no such file",
    fix: "make",
  } as const;
  const warning = {
    rule: "relro",
    severity: "warn",
    expected: "a PT_GNU_RELRO",
    got: "none",
    fix: "link with -z relro",
  } as const;
  const warned = good.map((file) => ({ ...file, findings: [warning] }));
  return [
    ["good", pageOf(preflightOf(good, [])), "2 files pass"],
    ["warned", pageOf(preflightOf(warned.slice(1), [])), "1 file passes"],
    ["bad", pageOf(preflightOf([...good, wrong, absent], [])), "2 of 4 files fail"],
    ["hostile", pageOf(preflightOf([hostile()], [{ ...setFinding, got: "<script>" }])), "1 of 1 file fails"],
    ["lacking", pageOf(preflightOf(good, [setFinding])), "2 files pass, the release fails"],
    ["empty", pageOf(preflightOf([], [setFinding])), "The release fails"],
  ];
}

testUnless(
  test,
  rust,
  "should make one file that asks for nothing, under a policy that allows its style sheet alone",
  async () => {
    for (const [name, page] of await pages()) {
      const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? "";
      const hash = createHash("sha256").update(style).digest("base64");
      assert.ok(
        page.includes(
          `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">`,
        ),
        name,
      );
      const tags = page.match(/<[a-z][^>]*>/g) ?? [];
      assert.equal(
        tags.filter((tag) =>
          /^<(script|link|img|iframe|object|embed|base|form)|\s(src|style|on[a-z]+)=|href="(?!#file-)/.test(tag),
        ),
        [],
        name,
      );
      assert.not.match(style, /url\(|@import/);
    }
  },
);

testUnless(test, rust, "should make the same bytes of the same result", async () => {
  assert.equal(await pages(), await pages());
});

test("should draw the longest of more sections than anybody could tell apart, and count all", () => {
  const count = 60_000;
  const patch = tables({ segments: 600, sections: count });
  for (let index = 1; index < count; index++) patch.section(index, { type: 1, size: index });
  const path = join(temporaryFolder(), "file");
  fs.writeFileSync(path, patch.bytes);
  const report = reportOf(path);
  const { segments, sections, more } = partsIn(report.parts);
  assert.equal([segments.length, sections.length], [128, 500]);
  assert.equal(
    sections.map(({ size }) => size),
    Array.from({ length: 500 }, (_, index) => count - 1 - index),
  );
  const left = count - 501;
  assert.equal(more, { segments: 472, sections: left, bytes: (left * (left + 1)) / 2 });
  const page = pageOf(preflightOf([report], []));
  assert.match(page, "59999 sections in 3.7 MiB, to scale");
  assert.match(page, "<code>(no name)</code>");
  assert.match(page, "<span>59987 more</span>");
  assert.match(page, "<summary>600 program headers</summary>");
  assert.match(page, "<p>and 472 more</p>");
});

testUnless(test, browser, "should see in the browser what is wrong with a page", async () => {
  const page = `<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src 'none'"><h1>a</h1>
    <script>document.querySelector("h1").textContent = "b"</script><p style="color: red">c</p>`;
  const wide = `<!doctype html><style>p { width: 500px; background: #ccc; color: #999 }</style><h1>d</h1><p>e</p>`;
  const { renderings, console } = await renderPages([page, wide], [400], "light");
  assert.equal(
    renderings.map(({ scrollWidth, scripts, headline, faint }) => [scrollWidth, scripts, headline, faint]),
    [
      [400, 1, "a", []],
      [508, 0, "d", ["e"]],
    ],
  );
  assert.is(console.length, 2);
  assert.match(console[0] ?? "", "violates the following Content Security Policy directive");
});

testUnless(
  test,
  rust ?? browser,
  "should render on a phone and on a desk, light and dark, with nothing to complain of",
  async () => {
    const checked = (await pages()).map(([, page, headline]) => [page, headline] as const);
    const grounds = new Set<string>();
    for (const scheme of ["light", "dark"] as const) {
      for (const { ground } of await assertRendered(checked, [320, 390, 1280], scheme)) grounds.add(ground);
    }
    assert.is(grounds.size, 2);
  },
);

testUnless(test, rust ?? browser, "should draw segments and sections to scale and in their places", async () => {
  const report = reportOf((await releaseFiles())[AARCH64]);
  const { segments, sections } = partsIn(report.parts);
  const page = pageOf(preflightOf([report], []));
  const { renderings } = await renderPages([page], [390, 1280], "light");
  const size = report.size ?? 0;
  const loads = segments.filter(({ type }) => type === "LOAD");
  const low = Math.min(...loads.map(({ address }) => Number(address)));
  const span = Math.max(...loads.map(({ address, memory }) => Number(address) + memory)) - low;
  const inFile = [...loads, ...sections].map((part) => [part.offset / size, part.size / size]);
  const inMemory = loads.flatMap(({ address, size, memory }) => {
    const start = Number(address) - low;
    const filled = [start / span, size / span];
    return memory > size ? [filled, [(start + size) / span, (memory - size) / span]] : [filled];
  });
  assert.is(renderings.length, 2);
  for (const { width, maps } of renderings) {
    assert.is(maps.length, 2);
    for (const [index, wanted] of [inFile, inMemory].entries()) {
      const drawn = maps[index] ?? [];
      assert.is(drawn.length, wanted.length);
      for (const [block, [from = 0, length = 0]] of wanted.entries()) {
        const { start = 0, share = 0, visible } = drawn[block] ?? {};
        const about = `${width}: block ${block} of picture ${index} from ${start}, ${share} wide, for ${from}, ${length}`;
        // What is too thin to be seen is drawn as thin as can be seen, and inside the picture.
        assert.ok(Math.abs(share - Math.max(length, 0.003)) < 0.0005, about);
        assert.ok(Math.abs(start - Math.min(from, 1 - share)) < 0.0005, about);
        assert.is(visible, true, about);
      }
    }
  }
});

testUnless(test, rust, "should write a page over a page and over nothing else", async () => {
  const file = (await releaseFiles())[X86_64];
  const folder = temporaryFolder();
  const name = assetName(X86_64);
  fs.copyFileSync(file, join(folder, name));
  const run = (page: string): Promise<Outcome> => script("preflight.ts", ["--html", page, name], { cwd: folder });
  const refused = (page: string, got: string): Outcome => ({
    code: 2,
    signal: null,
    stdout: "",
    stderr: `error: ${page}: the page can't be written there\n  expected: a new file, or an earlier page\n  got:      ${got}\n  fix:      name another file\n`,
  });
  assert.equal(await run(name), refused(name, "a file that is no page"));
  assert.ok(fs.readFileSync(join(folder, name)).equals(fs.readFileSync(file)));
  assert.equal(await run("."), refused(".", "no regular file"));
  assert.equal(await run("/dev/stdout"), refused("/dev/stdout", "no regular file"));
  await runProgram(["mkfifo", join(folder, "fifo")]);
  assert.equal(await run("fifo"), refused("fifo", "no regular file"));
  assert.equal(await run(""), {
    ...refused("", "an empty name"),
    stderr: refused("", "an empty name").stderr.replace(": :", ":"),
  });
  for (const page of ["new/page.html", "new/page.html", join(folder, "absolute.html")]) {
    const { code, stderr } = await run(page);
    assert.is(stderr, "");
    assert.is(code, 0);
  }
  const report = { ...reportOf(join(folder, name)), path: name };
  assert.is(fs.readFileSync(join(folder, "new/page.html"), "utf8"), pageOf(preflightOf([report], [])));
  const below = await run(`${name}/page.html`);
  assert.match(
    below.stderr,
    new RegExp(`^error: ${join(folder, name)}(/page.html)?: a part of the path is not a folder\n`),
  );
  assert.is(below.code, 3);
});

testUnless(test, rust, "should write the page of a run that fails, too", async () => {
  const folder = temporaryFolder();
  const name = assetName(AARCH64);
  fs.copyFileSync((await releaseFiles())[X86_64], join(folder, name));
  const { code } = await script("preflight.ts", ["--html", "page.html", "--json", name, "nothing"], { cwd: folder });
  assert.is(code, 1);
  assert.match(fs.readFileSync(join(folder, "page.html"), "utf8"), "<h1>2 of 2 files fail</h1>");
});

test.run();
