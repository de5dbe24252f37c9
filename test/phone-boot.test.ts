/** Emulated phones, booted by the real fastboop of crates.io with a small stage0 of our own (test/phone/stage0). */
import * as fs from "node:fs";
import { basename, join } from "node:path";
import * as assert from "uvu/assert";
import { assetName, FASTBOOP_CLI } from "../scripts/lib/contract.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { STAGES } from "../scripts/lib/phone/stages.ts";
import { lacking, namesIn, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("phone, booted");
const [emulator, TARGET, gcc] =
  process.arch === "arm64"
    ? ["qemu-system-aarch64", "aarch64-unknown-linux-musl", "aarch64-linux-gnu-gcc"]
    : ["qemu-system-x86_64", "x86_64-unknown-linux-musl", "x86_64-linux-gnu-gcc"];
const NEEDS = lacking({ programs: ["cargo", gcc, emulator, "mkfs.erofs", "depmod", "xz", "zstd"] });
const DIST = temporaryFolder("phone");

/** What the stage0 has in its file, before the name of the stage that it must not reach. */
const MARK = "it stops before:";

/** A copy of the stage0 that stops before a stage. */
function stopping(stage: string): string {
  const bytes = fs.readFileSync(join(DIST, assetName(TARGET)));
  const at = bytes.indexOf(MARK);
  assert.ok(at > 0);
  bytes.write(stage, at + MARK.length, "latin1");
  const path = join(DIST, `stops-before-${stage}`);
  fs.writeFileSync(path, bytes, { mode: 0o755 });
  return path;
}

interface Boot {
  path: string;
  ok: boolean;
  exitCode: number;
  failedAt?: string;
  outcome: string;
  fastboop: string;
  problem?: { expected: string; got: string };
  throughput: number | null;
  stages: { id: string; seconds: number | null }[];
}

testUnless(test, NEEDS, "should boot a phone, and name the first stage that a stage0 does not reach", async () => {
  const env = { WORKSPACE: join(PROJECT, "test", "phone"), TARGET, DIST };
  const built = await script("build-stage0.ts", [], { env });
  assert.is(built.code, 0, built.stderr);
  const good = join(DIST, assetName(TARGET));
  const ends = [
    ["settings", "stage0 did not read its settings", '"/init is PID 1"'],
    ["connected", "fastboop did not connect to stage0's gadget", '"enumerated"'],
    ["init", "the root file system's init was not reached", '"root switched"'],
  ] as const;
  const page = join(DIST, "phone.html");
  const files = [good, ...ends.map(([stage]) => stopping(stage))];
  const { code, stdout, stderr } = await script("phone.ts", ["--json", "--html", page, ...files], { env });
  assert.is(code, 1, stderr);
  const { ok, boots }: { ok: boolean; boots: Boot[] } = JSON.parse(stdout);
  assert.is(ok, false);
  assert.equal(
    boots.map((boot) => [boot.path, boot.ok, boot.exitCode, boot.failedAt, boot.fastboop]),
    files.map((path, index) => {
      const end = index === 0 ? [true, 0, undefined] : [false, 1, ends[index - 1]?.[0]];
      return [path, ...end, `${FASTBOOP_CLI.crate} ${FASTBOOP_CLI.version}`];
    }),
    boots.map(({ path, outcome, problem }) => `${basename(path)}: ${outcome}; ${problem?.got}`).join("\n"),
  );
  const [whole, ...stopped] = boots;
  assert.match(whole?.outcome ?? "", /^booted the root file system and powered off after [0-9.]+ s, [0-9.]+ MB\/s/);
  assert.ok((whole?.throughput ?? 0) > 100_000);
  assert.equal(
    whole?.stages.filter(({ seconds }) => seconds !== null).map(({ id }) => id),
    STAGES.map(({ id }) => id),
  );
  for (const [index, [stage, outcome, reached]] of ends.entries()) {
    const boot = stopped[index];
    assert.is(boot?.outcome, outcome);
    assert.ok(boot?.problem?.expected.includes(`, after ${reached} at `), boot?.problem?.expected);
    assert.match(boot?.problem?.got ?? "", /^Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100/);
    const name = STAGES.find(({ id }) => id === stage)?.name;
    assert.ok(stderr.includes(`${boot?.path}: ${outcome}\n  expected: ${name}, after ${reached} at `), stderr);
  }
  assert.match(fs.readFileSync(page, "utf8"), "<h1>3 of 4 boots failed</h1>");
  const consoles = namesIn(join(DIST, "log")).filter((name) => name.startsWith("phone-"));
  assert.is(consoles.length, 4);
});

test.run();
