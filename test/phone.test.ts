/** The verdict on a phone's boot, held against the console of a real one: fastboop's head, booted by its unmodified CLI. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { FileReport } from "../scripts/lib/gate/report.ts";
import { writeTestResult } from "../scripts/lib/gate/test-result.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { answerTo, FAULTS } from "../scripts/lib/phone/faults.ts";
import { htmlReport } from "../scripts/lib/phone/report-html.ts";
import { STAGES } from "../scripts/lib/phone/stages.ts";
import { type Judgement, judge, lastLines } from "../scripts/lib/phone/verdict.ts";
import { assertRendered } from "./lib/browser.ts";
import { lacking, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("phone, its verdict");
const consoleOf = (name: string): string[] =>
  readFileSync(join(PROJECT, "test", "phone", `${name}.log`), "utf8").split(/\r?\n/);
const GOOD = consoleOf("good");
const ROOTFS = {
  nonce: "42c493c6aeb6475d762d415cdf99f891",
  sha256: "6854799d4d5cb18b057ee40023b0025ec0578451384d3db865f7b9c652e998bc",
};
const verdict = (lines: readonly string[], rootfs: typeof ROOTFS | null = ROOTFS): Judgement =>
  judge(lines, {
    path: "stage0",
    limitMs: 300_000,
    timedOut: false,
    qemu: "exit code 0",
    ...(rootfs === null ? {} : { rootfs }),
  });
const good = verdict(GOOD);

test("should find each stage of a boot that went well, in order", () => {
  assert.equal([good.ok, good.exitCode, good.failedAt], [true, 0, undefined]);
  assert.is(good.outcome, "booted the root file system and powered off after 42.1 s, 13.0 MB/s over the cable");
  assert.is(good.throughput, 13_046_047);
  assert.equal(
    good.stages.map(({ id }) => id),
    STAGES.map(({ id }) => id),
  );
  const times = good.stages.map(({ seconds }) => seconds ?? Number.NaN);
  assert.ok(times.every((time) => time > 0));
});

/** The console up to a stage, without the line that proves it. */
function before(id: string): string[] {
  const { proof, seconds } = good.stages.find((stage) => stage.id === id) ?? {};
  const stamp = (seconds ?? 0).toFixed(6);
  return GOOD.slice(
    0,
    GOOD.findIndex((line) => line.includes(stamp) && line.endsWith(proof ?? "")),
  );
}

for (const { id, name } of STAGES) {
  test(`should name the stage when a boot does not reach "${name}"`, () => {
    const cut = verdict(before(id));
    // One line proves that the bootloader was found and what it was asked first.
    assert.equal([cut.ok, cut.failedAt], [false, id === "probed" ? "bootloader" : id]);
    // Up to the image's parts nothing of the artifact has run.
    const early = ["bootloader", "probed", "received", "parts"].includes(id);
    assert.is(cut.exitCode, early ? 3 : 1);
    assert.is(cut.problem?.what, cut.outcome);
  });
}

// Booted with the small stage0 of test/phone/stage0, which stopped before each; lines that prove nothing are left out.
for (const name of ["modules", "controller", "gadget", "enumerated", "block", "mounted", "switched"]) {
  test(`should tell of a stage0 that stopped before the stage "${name}"`, () => {
    const { ok, exitCode, failedAt, problem, signature } = verdict(consoleOf(join("stops", name)));
    assert.equal([ok, exitCode, failedAt, signature], [false, 1, name, undefined]);
    const said = name === "enumerated" ? "timed out waiting for /dev/ublkb0" : `stops before ${name}`;
    assert.match(
      problem?.got ?? "",
      `Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100; stage0 said last: ERROR fastboop_stage0: ${said}; fastboop said last: `,
    );
  });
}

/** The console with one text in place of another. */
function changed(from: string | RegExp, to: string): Judgement {
  const lines = GOOD.map((line) => line.replace(from, to));
  assert.is.not(lines.join("\n"), GOOD.join("\n"));
  return verdict(lines);
}

test("should not take a wrong nonce, digest, part or identity for the right one", () => {
  for (const [from, to, id, what] of [
    [ROOTFS.nonce, "0".repeat(32), "nonce", "the root file system is not that of this boot"],
    [ROOTFS.sha256, "0".repeat(64), "data", "the data did not come over the cable as it is"],
    [/bootloader: \/init .*/, "bootloader: /init differs", "parts", "the boot image's /init is not what went in"],
    [/setting smoo\.product=.*/, "setting smoo.product=0xbeef", "enumerated", "the gadget has another USB identity"],
  ] as const) {
    const { ok, exitCode, failedAt, outcome } = changed(from, to);
    assert.equal([ok, exitCode, failedAt, outcome], [false, 1, id, what]);
  }
});

test("should know the causes that were seen before", () => {
  const openable = verdict(consoleOf("race"));
  assert.equal([openable.failedAt, openable.signature?.id, openable.exitCode], ["mounted", "not-openable", 1]);
  assert.is(
    openable.problem?.got,
    "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100; stage0 said last: 2: No such device or address (os error 6); fastboop said last: cli: [21:21:47] smoo gadget not ready: NotReady",
  );
  const number = verdict(consoleOf("wrong-number"));
  assert.equal([number.failedAt, number.signature?.id, number.exitCode], ["block", "wrong-number", 1]);
  assert.is(
    number.problem?.what,
    "stage0 got no block device: the block device came under another number than 0, which stage0 does not look for",
  );
  assert.is(
    number.problem?.got,
    "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100; stage0 said last: ERROR fastboop_stage0: pid1: fatal timeout waiting for /dev/ublkb0 after 30s; fastboop said last: cli: [05:20:44] smoo gadget not ready: NotReady",
  );
  const erofs = "[   41.0] WARN fastboop_stage0: module load failed for erofs: ";
  for (const [id, stage, ...lines] of [
    ["no-settings", "settings", "[   41.0] ERROR fastboop_stage0: missing required stage0.rootfs setting"],
    ["no-controller", "controller", "[   41.0] ERROR fastboop_stage0: pid1: fatal UDC not ready after 15s"],
    [
      "no-crc32c",
      "mounted",
      "[   41.0] WARN fastboop_stage0: pid1: module /lib/modules/6/libcrc32c.ko.xz load failed: No such file",
      "    0: mount erofs lower",
    ],
    ["no-crc32c", "mounted", "[   41.0] JBD2: Cannot load crc32c driver.", "    0: mount ext4 lower"],
    // Another cause, which is not known.
    [undefined, "mounted", `${erofs}module erofs not found`, "    0: mount erofs lower"],
  ] as const) {
    const { failedAt, signature } = verdict([...before(stage), ...lines]);
    assert.equal([failedAt, signature?.id], [stage, id]);
  }
});

test("should show of a console what led to a panic, not the kernel's state after it", () => {
  const lines = lastLines(consoleOf("wrong-number"));
  assert.is(lines.length, 24);
  assert.is(
    lines.at(-1),
    "   [ timed out wait   70.435514] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",
  );
  assert.equal(lastLines(["a", "b"]), ["a", "b"]);
});

test("should judge another architecture's boot by the same words", () => {
  const rootfs = {
    nonce: "b18cd03cd5a84cd1cb7e79fa3fa0d9c7",
    sha256: "c9ba46739848b2a1f7318e3d1672cdb2fe54ba033cba72d2f6d4a84fe1384b98",
  };
  const { ok, outcome, stages } = verdict(consoleOf("good-aarch64"), rootfs);
  assert.equal(
    [ok, outcome],
    [true, "booted the root file system and powered off after 191.2 s, 6.8 MB/s over the cable"],
  );
  assert.equal(
    stages.map(({ id }) => id),
    STAGES.map(({ id }) => id),
  );
});

test("should want no more than the init of a root file system of the user's", () => {
  const { ok, outcome } = verdict(GOOD, null);
  assert.ok(ok);
  assert.match(outcome, /^reached the root file system's init after /);
});

test("should say how the machine ended when it said nothing", () => {
  const { ok, exitCode, failedAt, problem } = verdict([]);
  assert.equal([ok, exitCode, failedAt], [false, 3, "bootloader"]);
  assert.match(problem?.got ?? "", "exit code 0");
  const unable = verdict([
    ...before("bootloader"),
    "[   40.000000] beside: fastboop can't be started: Exec format error",
  ]);
  assert.equal([unable.exitCode, unable.failedAt], [3, "bootloader"]);
  assert.match(unable.problem?.got ?? "", /^beside: fastboop can't be started: Exec format error/);
});

test("should tell what came of a fault from what had to", () => {
  const answer = (id: string, lines: readonly string[]) => {
    const fault = FAULTS.find((one) => one.id === id);
    if (fault === undefined) throw new Error(id);
    return answerTo(fault, verdict(lines), lines);
  };
  const refused = [...before("received"), "[   40.000000] beside: fastboop ended with exit code 1"];
  const ended =
    'expected an end at "received", and a line like ^\\[[^\\]]*\\] beside: fastboop ended with (?!exit code 0$)';
  const acm = "[   40.000000] beside: /dev/ttyACM0 says ";
  const lost = "[   40.000000] beside: fastboop started again";
  const got = "the machine stopped without a word; stage0 said last: INFO";
  for (const [id, lines, right, outcome] of [
    ["ext4", GOOD, true, "ext4: all stages passed"],
    ["ext4", consoleOf("race"), false, /^ext4: the root file system was not mounted: .*, expected all stages$/],
    ["product", refused, true, "a bootloader of another product: no whole boot image was sent"],
    ["product", before("received"), false, `a bootloader of another product: no whole boot image was sent, ${ended}`],
    ["serial", [...GOOD, `${acm}"[    0.000000] Linux"`], true, "--serial: all stages passed"],
    [
      "serial",
      [...GOOD, `${acm}"login:"`],
      false,
      /^--serial: all stages passed, expected all stages, and a line like /,
    ],
    ["damaged", GOOD, false, 'a damaged block of the data: all stages passed, expected an end at "data"'],
    [
      "restart-cli",
      GOOD,
      false,
      /: all stages passed, expected upstream's answer, and a line like beside: fastboop started again$/,
    ],
    [
      "restart-cli",
      [...before("data"), lost],
      true,
      new RegExp(`started again: the data was not read to its end; ${got}`),
    ],
  ] as const) {
    const told = answer(id, lines);
    assert.is(told.right, right, told.outcome);
    if (typeof outcome === "string") assert.is(told.outcome, outcome);
    else assert.match(told.outcome, outcome);
    assert.is(told.finding !== undefined, id === "restart-cli" && right);
    assert.not.match(told.what, "said last");
  }
});

/** A page for boots that ended so, whose consoles are given. */
function pageOf(consoles: readonly (readonly string[])[], path = "dist/stage0"): string {
  const boots = consoles.map((lines, index) => ({
    ...verdict(lines),
    ...{ path, number: index + 1, target: "x86_64-unknown-linux-musl", kernel: "6.12.117+deb12-amd64" },
    ...{ fastboop: "fastboop-cli 0.0.1-rc.21", console: lines.slice(-24), log: "log", milliseconds: 47_000 },
  }));
  return htmlReport(boots, ({ number }) => consoles[number - 1] ?? []);
}

const FAILED = [...before("mounted"), "[   41.900000] <script>alert(1)</script> \x1b[31m"];

test("should show on a page each stage, the lines that led to it, and from where on it went wrong", () => {
  const page = pageOf([GOOD, FAILED]);
  assert.match(page, "<h1>1 of 2 boots failed</h1>");
  assert.match(page, '<span class="pill fail">fail</span> dist/stage0: 1 of 2 boots passed; 1 × ');
  assert.match(page, "<title>root file system mounted failed: 41.90 s</title>");
  assert.match(page, "<title>gadget bound: 37.96 s</title>");
  assert.match(page, "&lt;script&gt;alert(1)&lt;/script&gt; \\x1b[31m\n</pre>");
  const cells = /<code>([^<]*fastboop_stage0: pid1: gadget bound to UDC)<\/code><\/summary><pre>([^<]*)<\/pre>/.exec(
    page,
  );
  const lines = cells?.[2]?.trimEnd().split("\n") ?? [];
  assert.match(lines[0] ?? "", /^\[ +[0-9.]+\] {2}INFO fastboop_stage0: pid1: using fastboot-mimic/);
  assert.ok(lines.at(-1)?.endsWith(cells?.[1] ?? "none"));
});

test("should show of boots with faults what each had to end in", () => {
  const boot = { ...good, path: "dist/stage0", number: 1, target: "x", kernel: "6.12", fastboop: "f", console: [] };
  const faulty = FAULTS.slice(0, 2).map(({ id }) => ({
    ...{ ...boot, log: "log", milliseconds: 1 },
    ...{ fault: id, expected: 'an end at "received"' },
  }));
  const page = htmlReport(faulty, () => []);
  assert.match(
    page,
    '<td><a href="#boot-1">product</a></td><td>an end at &quot;received&quot;</td><td>booted the root',
  );
  assert.match(page, '<a href="#boot-2">fail-boot</a>');
});

test("should show of many boots what took how long", () => {
  const page = pageOf([GOOD, GOOD, FAILED]);
  assert.equal(page.match(/<svg class="strip" /g)?.length, 3);
  const rows = [...page.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, cells = ""]) =>
    cells.replace(/<[^>]*>/g, "|").replace(/\|+/g, "|"),
  );
  const took = (name: string): string | undefined => rows.find((row) => row.startsWith(`|${name}|stage0|`));
  const { stages } = good;
  const at = stages.findIndex(({ id }) => id === "block");
  const seconds = `${((stages[at]?.seconds ?? 0) - (stages[at - 1]?.seconds ?? 0)).toFixed(2)} s`;
  assert.is(took("block device there"), `|block device there|stage0|${seconds}|${seconds}|${seconds}|3|`);
  assert.match(took("root file system mounted") ?? "", /\|2\|$/);
  // One scale for all that are compared.
  const ticks = (consoles: readonly (readonly string[])[]): number =>
    pageOf(consoles).match(/class="tick"/g)?.length ?? 0;
  assert.is(ticks([GOOD, before("gadget")]), 2 * ticks([GOOD]));
});

testUnless(test, lacking({ programs: ["chromium"] }), "should render its page on a phone and on a desk", async () => {
  const pages = [
    [pageOf([GOOD]), "1 boot passed"],
    [pageOf([GOOD, FAILED], `dist/${"long".repeat(60)}`), "1 of 2 boots failed"],
    [pageOf([[]]), "1 of 1 boot failed"],
  ] as const;
  for (const scheme of ["light", "dark"] as const) await assertRendered(pages, [320, 1280], scheme);
});

test("should add what a phone said of a file to the test result with its gate and boots", () => {
  const folder = temporaryFolder("dist");
  process.env.DIST = folder;
  try {
    const file = { ok: true, path: "dist/stage0" } as FileReport;
    writeTestResult(file, [{ name: "booted it", machine: "Linux 6.1, qemu64", passed: true }]);
    writeTestResult({ ...file, ok: false }, [{ name: "booted a phone", machine: "Linux 6.1, a phone", passed: false }]);
  } finally {
    delete process.env.DIST;
  }
  const said = JSON.parse(readFileSync(join(folder, "log", "stage0.test-result.json"), "utf8"));
  assert.equal(
    [said.result, said.passedTests, said.failedTests],
    ["FAILED", ["gate", "booted it"], ["booted a phone"]],
  );
  assert.equal(
    said.configuration.slice(1).map(({ name }: { name: string }) => name),
    ["Linux 6.1, qemu64", "Linux 6.1, a phone"],
  );
});

test.run();
