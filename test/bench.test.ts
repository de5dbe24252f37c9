import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { fetchSettings } from "../ci/dev/lib/bench/fetch.ts";
import { MIB, startWeb, writeElf, writeRelease } from "../ci/dev/lib/bench/fixtures.ts";
import { panels } from "../ci/dev/lib/bench/growth.ts";
import { enclosing, type Plot, svg } from "../ci/dev/lib/bench/plot.ts";
import { faster, page, type Results, time, verdict } from "../ci/dev/lib/bench/report.ts";
import { benchEnvironment, type Comparison, measure, type Result, type Row, timesIn } from "../ci/dev/lib/bench.ts";
import { assetName, DEFAULT_TARGET, findTarget } from "../scripts/lib/contract.ts";
import { inspect } from "../scripts/lib/gate.ts";
import { digestFile } from "../scripts/lib/hash.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import {
  devScript,
  failureOf,
  lacking,
  runProgram,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";

const test = suite("bench");
const ASSET = assetName(DEFAULT_TARGET);
const measuring = lacking({ programs: ["hyperfine", "time"] });

const row = (name: string, median: number | undefined, more: Partial<Row> = {}): Row => ({
  name,
  ours: false,
  floor: false,
  ...(median === undefined ? {} : { median, least: median, most: median, cpu: median / 2, memory: MIB }),
  ...more,
});
const result = (rows: Row[], more: Partial<Result> = {}): Result => ({
  title: "A race",
  runs: 3,
  rows,
  aims: [],
  notes: [],
  ...more,
});

test("should give times in the unit that leaves few digits", () => {
  assert.equal([0.0042, 0.0123, 0.5, 0.9994, 1, 12.345].map(time), [
    "4.2 ms",
    "12 ms",
    "500 ms",
    "999 ms",
    "1.00 s",
    "12.35 s",
  ]);
});

test("should say of every aim whether it is met, to the border", () => {
  const rows = [row("ours", 0.5, { ours: true }), row("other", 0.4), row("absent", undefined)];
  const of = (aim: object): string | undefined => verdict({ entrant: "ours", ...aim }, rows);
  assert.is(
    of({ against: "other", times: 1.25 }),
    "Aim: ours takes at most 1.25 times what other takes. It takes 1.25 times: met.",
  );
  assert.is(
    of({ against: "other", times: 1.2 }),
    "Aim: ours takes at most 1.2 times what other takes. It takes 1.25 times: **missed**.",
  );
  assert.is(
    of({ against: "other", above: 0.35 }),
    "Aim: ours takes at most 350 ms more than other. It takes 100 ms more: met.",
  );
  assert.is(
    of({ against: "other", above: 0.05 }),
    "Aim: ours takes at most 50 ms more than other. It takes 100 ms more: **missed**.",
  );
  assert.is(of({ seconds: 0.5 }), "Aim: ours takes at most 500 ms. It takes 500 ms: met.");
  assert.is(of({ seconds: 0.4 }), "Aim: ours takes at most 400 ms. It takes 500 ms: **missed**.");
  assert.is(of({ against: "absent", times: 1 }), undefined);
});

test("should call a tool faster that is, and neither our own nor what does nothing", () => {
  const rows = [
    row("ours", 1, { ours: true }),
    row("quick", 0.9),
    row("even", 0.96),
    row("slow", 2),
    row("nothing", 0.1, { floor: true }),
    row("mine", 0.1, { ours: true }),
    row("absent", undefined),
  ];
  assert.equal(
    faster(result(rows)).map(({ name }) => name),
    ["quick"],
  );
});

test("should lay the page out from what was recorded", () => {
  const rows = [
    row("ours", 0.5, { ours: true }),
    row("quick", 0.25),
    row("absent", undefined, { missing: "needs gh" }),
  ];
  const plot: Plot = { title: "T", description: "It grows.", xLabel: "x", xTicks: [], panels: [] };
  const results: Results = {
    machine: "a machine",
    versions: { node: "20.1", gh: "2" },
    groups: {
      growth: {
        date: "2026-01-02",
        results: [result([row("ours", 1, { ours: true })], { title: "1 file" })],
        plots: { "a.svg": plot },
      },
      sums: {
        date: "2026-01-01",
        results: [
          result(rows, { aims: [{ entrant: "ours", seconds: 1 }], notes: ["It starts sooner."] }),
          result([row("ours", 2, { ours: true })]),
        ],
        plots: {},
      },
    },
  };
  const [, after = ""] = page(results).split("the largest process.\n");
  assert.is(
    after,
    `
Machine: a machine.

Versions: node 20.1, gh 2.

## Checksums

Measured on 2026-01-01.

### A race

| 3 runs each | median | fastest to slowest | processor | memory | ours ÷ it |
|---|---|---|---|---|---|
| ours | 500 ms | 500 ms to 500 ms | 250 ms | 1.0 MiB | 1.00 |
| quick | 250 ms | 250 ms to 250 ms | 125 ms | 1.0 MiB | 2.00, it is faster |
| absent | needs gh |  |  |  |  |

Aim: ours takes at most 1.00 s. It takes 500 ms: met.

It starts sooner.

### A race

| 3 runs each | median | fastest to slowest | processor | memory |
|---|---|---|---|---|
| ours | 2.00 s | 2.00 s to 2.00 s | 1.00 s | 1.0 MiB |

## Growth

Measured on 2026-01-02.

![It grows.](a.svg)

| median and memory | ours |
|---|---|
| 1 file | 1.00 s, 1.0 MiB |
`,
  );
});

const RECORDED = join(PROJECT, "docs", "bench");
test("should have a page and plots that are what was recorded, with a reason wherever another tool is faster", () => {
  const results = JSON.parse(readFileSync(join(RECORDED, "results.json"), "utf8")) as Results;
  assert.is(readFileSync(join(RECORDED, "README.md"), "utf8"), page(results));
  for (const { results: measured, plots } of Object.values(results.groups)) {
    for (const [file, plot] of Object.entries(plots))
      assert.is(readFileSync(join(RECORDED, file), "utf8"), svg(plot), file);
    if (Object.keys(plots).length > 0) continue;
    for (const one of measured) assert.ok(faster(one).length === 0 || one.notes.length > 0, one.title);
  }
});

test("should place points on logarithmic axes, between ticks that enclose them", () => {
  const ticks = [1, 10, 100, 1000].map((value) => [value, `${value}`] as const);
  const values = (list: readonly (readonly [number, string])[]): number[] => list.map(([value]) => value);
  assert.equal(values(enclosing(ticks, [11, 20])), [10, 100]);
  assert.equal(values(enclosing(ticks, [10, 100])), [10, 100]);
  assert.equal(values(enclosing(ticks, [0.5, 5000])), [1, 10, 100, 1000]);
  const text = svg({
    title: "A <plot>",
    description: "It & that.",
    xLabel: "x",
    xTicks: ticks.slice(0, 3),
    panels: [
      {
        title: "y",
        ticks,
        series: [
          {
            name: "ours & mine",
            ours: true,
            points: [
              { x: 1, y: 1 },
              { x: 10, y: 10 },
              { x: 100, y: 100 },
            ],
          },
        ],
      },
    ],
  });
  assert.match(text, '<path class="line c0 ours" stroke-dasharray="" d="M72 344L252 214L432 84"/>');
  assert.match(text, '<title id="title">A &lt;plot&gt;</title>');
  assert.match(text, '<desc id="description">It &amp; that.</desc>');
  assert.match(text, ">ours &amp; mine</text>");
});

test("should draw what was measured, and leave out what was not", () => {
  const measured = [
    { x: 1, rows: [row("ours", 2, { ours: true, memory: 5 }), row("other", undefined)] },
    { x: 2, rows: [row("ours", 3, { ours: true, memory: 6 }), row("other", 1, { memory: 7 })] },
  ];
  assert.equal(
    panels(measured).map(({ series }) => series),
    [
      [
        {
          name: "ours",
          points: [
            { x: 1, y: 2 },
            { x: 2, y: 3 },
          ],
          ours: true,
        },
        { name: "other", points: [{ x: 2, y: 1 }] },
      ],
      [
        {
          name: "ours",
          points: [
            { x: 1, y: 5 },
            { x: 2, y: 6 },
          ],
          ours: true,
        },
        { name: "other", points: [{ x: 2, y: 7 }] },
      ],
    ],
  );
});

test("should read medians and extremes from what hyperfine exports", () => {
  const json =
    '{"results": [{"command": "a", "mean": 9, "median": 2, "min": 1, "max": 3, "user": 0.5, "system": 0.25, "times": [1, 2, 3]}]}';
  assert.equal([...timesIn(json)], [["a", { median: 2, least: 1, most: 3, cpu: 0.75 }]]);
});

const nothingLacks = (): undefined => undefined;
const comparison = (entrants: Comparison["entrants"]): Comparison => ({ title: "A race", runs: 2, entrants });

testUnless(test, measuring, "should measure time and memory, and tell of peers that can't run", async () => {
  const folder = temporaryFolder();
  const log = join(folder, "log");
  const { rows, runs } = await measure(
    {
      ...comparison([
        {
          name: "it's ours",
          command: ["sh", "-c", 'echo "$0 $WORD" >>"$1"', "it's", log],
          prepare: ["sh", "-c", 'echo prepared >>"$0"', log],
          ours: true,
        },
        { name: "sleeps", command: ["sleep", "0.05"] },
        { name: "lacks", command: ["true"], needs: ["nowhere"] },
        { name: "fails", command: ["sh", "-c", "echo why >&2; exit 7"] },
      ]),
      env: { WORD: "two words" },
    },
    (needs) => (needs.length > 0 ? needs.join() : undefined),
    folder,
  );
  assert.is(runs, 2);
  assert.equal(
    rows.map(({ name, ours, missing }) => [name, ours, missing]),
    [
      ["it's ours", true, undefined],
      ["sleeps", false, undefined],
      ["lacks", false, "needs nowhere"],
      ["fails", false, "failed: why"],
    ],
  );
  const [ours, sleeps, , fails] = rows;
  assert.ok((sleeps?.least ?? 0) >= 0.05 && (sleeps?.median ?? 0) >= (sleeps?.least ?? 1));
  assert.ok((ours?.memory ?? 0) > 100_000);
  assert.is(fails?.median, undefined);
  // One run for the memory, then two that are timed, each prepared.
  assert.is(readFileSync(log, "utf8"), "prepared\nit's two words\n".repeat(3));
});

testUnless(test, measuring, "should measure a command with more arguments than hyperfine could be given", async () => {
  const many = Array.from({ length: 20_000 }, () => "argument");
  const enough = ["sh", "-c", "test $# -eq 20000", "sh", ...many];
  const entrants = [{ name: "ours", command: enough, ours: true as const }];
  const { rows } = await measure(comparison(entrants), nothingLacks, temporaryFolder());
  assert.ok((rows[0]?.median ?? 0) > 0);
});

testUnless(test, measuring, "should not go on when a command of our own fails", async () => {
  const entrants = [{ name: "ours", command: ["sh", "-c", "echo no >&2; exit 3"], ours: true as const }];
  const { exitCode, problems } = await failureOf(() => measure(comparison(entrants), nothingLacks, temporaryFolder()));
  assert.is(exitCode, 3);
  assert.equal(problems, [
    { what: "a measured command ended with exit code 3", got: "no", fix: "try it: 'sh' '-c' 'echo no >&2; exit 3'" },
  ]);
});

test("should measure without the knobs of whoever started it, nor the certificates that node reads at its start", () => {
  const certificates = process.env.NODE_EXTRA_CA_CERTS;
  Object.assign(process.env, { FASTBOOP_STAGE0_TAG: "v9.9.9", NODE_EXTRA_CA_CERTS: "/ca.pem" });
  try {
    const environment = benchEnvironment({ DIST: "here" });
    assert.equal(
      [environment.FASTBOOP_STAGE0_TAG, environment.NODE_EXTRA_CA_CERTS, environment.DIST, environment.PATH],
      [undefined, undefined, "here", process.env.PATH],
    );
  } finally {
    delete process.env.FASTBOOP_STAGE0_TAG;
    delete process.env.NODE_EXTRA_CA_CERTS;
    if (certificates !== undefined) process.env.NODE_EXTRA_CA_CERTS = certificates;
  }
});

test("should make executables of any size that the gate passes", () => {
  const folder = temporaryFolder();
  const target = findTarget("aarch64-unknown-linux-musl");
  for (const [name, size, filler] of [
    ["random", 3 * MIB + 7, "random"],
    ["hole", 5 * 1024 * MIB, "hole"],
  ] as const) {
    const path = join(folder, name);
    writeElf(path, size, filler);
    const { ok, findings, size: judged } = inspect(path, { target, maxSize: 4 * MIB });
    assert.equal([judged, ok], [size, name === "random"]);
    assert.equal(
      findings.map(({ rule }) => rule),
      name === "random" ? ["relro"] : ["size", "relro"],
    );
  }
  assert.ok(statSync(join(folder, "hole")).blocks < 100);
});

testUnless(
  test,
  lacking({ programs: ["nginx", "openssl", "curl", "sha256sum"] }),
  "should serve releases as GitHub does, and count the requests",
  async () => {
    const folder = temporaryFolder();
    const sha256 = writeRelease(join(folder, "releases"), "v0.0.1", 100_000, "random");
    const web = await startWeb(join(folder, "releases"), join(folder, "web"));
    try {
      const before = await web.requests();
      const url = `${web.origin}/samcday/fastboop/releases/download/v0.0.1/${ASSET}`;
      const get = 'curl -fsS -w \'%{num_redirects}\' -L --cacert "$1" -o file "$2" && sha256sum file';
      const { stdout, stderr } = await runProgram(["sh", "-c", get, "sh", web.caFile, url], { cwd: folder });
      assert.equal([stdout, stderr], [`1${sha256}  file\n`, ""]);
      assert.is((await web.requests()) - before, 2);
      const fetched = await script("fetch-stage0.ts", [], { env: fetchSettings(web, folder, "v0.0.1") });
      assert.equal([fetched.code, fetched.stdout], [0, `${join(folder, "out", ASSET)}\n`], fetched.stderr);
      assert.is(digestFile(join(folder, "out", ASSET)).sha256, sha256);
    } finally {
      await web.close();
    }
  },
);

test("should refuse a group that there is not, and a number of runs that is none", async () => {
  const outcome = async (...args: string[]) => {
    const { code, stdout, stderr } = await devScript("bench.ts", args);
    return [code, stdout, stderr];
  };
  assert.equal(await outcome("sum"), [
    2,
    "",
    "error: no such group\n  expected: preflight, sums, fetch, startup, build, boot, publish, package, growth\n  got:      sum\n",
  ]);
  assert.equal(await outcome("--runs", "0"), [2, "", "error: --runs is not a number of runs\n  got:      0\n"]);
});

testUnless(
  test,
  measuring ?? lacking({ programs: ["cargo"] }),
  "should measure a group and write page and data",
  async () => {
    const out = join(temporaryFolder(), "out");
    const { code, stdout, stderr } = await devScript("bench.ts", ["startup", "--runs", "2", "--out", out]);
    assert.equal([code, stdout], [0, `${out}/README.md\n`], stderr);
    const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8")) as Results;
    assert.equal(Object.keys(results.groups), ["startup"]);
    const [start] = results.groups.startup?.results ?? [];
    assert.is(start?.rows.length, 12);
    for (const { name, median, memory } of start?.rows ?? []) assert.ok((median ?? 0) > 0 && (memory ?? 0) > MIB, name);
    assert.is(readFileSync(join(out, "README.md"), "utf8"), page(results));
    assert.ok(!existsSync(join(out, "size.svg")));
  },
);

test.run();
