/**
 * Mutations of real files: whatever they hold, the reader ends with a result or a typed error, and no file passes the
 * gate that readelf shows to break a rule of it. The seed is fixed, so what fails fails again.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { findTarget, type Target } from "../scripts/lib/contract.ts";
import { bufferSource } from "../scripts/lib/elf/bytes.ts";
import { readElf } from "../scripts/lib/elf.ts";
import { applyRules } from "../scripts/lib/gate.ts";
import { type Built, compileAll, PROGRAMS } from "./corpus/compile.ts";
import { AARCH64, ARMV7, X86_64 } from "./corpus/entry.ts";
import { type Base, mutate } from "./corpus/mutate.ts";
import { lacking, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { random } from "./lib/random.ts";
import { readelf, violations } from "./lib/readelf.ts";

const test = suite("fuzz");

const INPUTS = 200_000;
const SEED = 20_261_122;
/** Far above what the inputs take; only an input that hangs the reader reaches it. */
const LIMIT_MS = 15 * 60_000;
/** Far above what the slowest input takes, on a machine that has other work too. */
const SLOWEST_MS = 10_000;
const BATCH = 400;

const BASES: readonly Built[] = [
  "x-bare",
  "x-bare-pie",
  "x-bare-relro",
  "x-musl",
  "x-musl-pie",
  "x-dynamic",
  "x-library-alone",
  "a-bare",
  "a-bare-pie",
  "a-static",
  "arm-bare",
  "arm-bare-a32",
  "arm-static",
  "arm-dynamic",
  "mips-dynamic",
  "ppc64-dynamic",
];

interface Waiting {
  path: string;
  size: number;
  target: Target;
  story: string;
}

/** Passing files that wait for readelf. */
class Passed {
  readonly #folder = temporaryFolder("fuzz");
  readonly #wrong: string[] = [];
  #checking: Promise<void> = Promise.resolve();
  #waiting: Waiting[] = [];
  count = 0;

  async add(bytes: Buffer, target: Target, story: string): Promise<void> {
    const path = join(this.#folder, String(this.count));
    this.count += 1;
    fs.writeFileSync(path, bytes);
    this.#waiting.push({ path, size: bytes.length, target, story });
    if (this.#waiting.length < BATCH) return;
    // readelf looks at one batch while the next one is made.
    await this.#checking;
    this.#checking = this.#check(this.#waiting.splice(0));
  }

  /** Everything that passed and should not have. */
  async verdict(): Promise<string[]> {
    await this.#checking;
    await this.#check(this.#waiting.splice(0));
    return this.#wrong;
  }

  async #check(batch: Waiting[]): Promise<void> {
    const { views } = await readelf(batch.map(({ path }) => path));
    for (const { path, size, target, story } of batch) {
      const view = views.get(path);
      const broken = view === undefined ? ["no ELF file"] : violations(view, size, target);
      if (broken.length > 0) this.#wrong.push(`${story}: ${broken.join(", ")}`);
      fs.rmSync(path);
    }
  }
}

testUnless(
  test,
  lacking({ programs: PROGRAMS }),
  `should neither crash, hang nor pass a wrong file in ${INPUTS.toLocaleString("en-US")} mutations`,
  async () => {
    const folder = await compileAll();
    const bases: Base[] = BASES.map((name) => ({ name, bytes: fs.readFileSync(join(folder, name)) }));
    const targets = [X86_64, AARCH64, ARMV7].map(findTarget).filter((target) => target !== undefined);
    const next = random(SEED);
    const passed = new Passed();
    const outcomes = new Set<string>();
    const start = performance.now();
    for (let input = 0; input < INPUTS; input++) {
      const { bytes, story } = mutate(bases, next);
      const before = performance.now();
      const read = readElf(bufferSource(bytes));
      const target = targets.find(({ elf }) => elf.machine === read.elf?.header.machine) ?? targets[0];
      const paths = { count: 0, examples: [] };
      const findings = applyRules({ read, size: bytes.length, maxSize: 2 ** 25, target, named: undefined, paths });
      const took = performance.now() - before;
      assert.ok(took < SLOWEST_MS, `input ${input} took ${took} ms: ${story}`);
      assert.ok(before - start < LIMIT_MS, `${input} inputs took ${before - start} ms`);
      const failed = findings.find(({ severity }) => severity === "fail")?.rule ?? "passed";
      outcomes.add(failed);
      if (failed === "passed" && target !== undefined) await passed.add(bytes, target, `input ${input}, ${story}`);
    }
    assert.equal(await passed.verdict(), []);
    // Mutations that all break alike, or none of which passes, would prove nothing.
    assert.ok(passed.count > 5000, `${passed.count} passed`);
    assert.ok(outcomes.size > 25, [...outcomes].join(", "));
  },
);

test.run();
