/**
 * The gate held against the kernel and the start-up code themselves: headers of small static programs are changed at random,
 * and what the gate still passes has to run as before, in a chroot as nobody. aarch64 runs under qemu-user, which is laxer
 * than Linux about segments, so that it finds less.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { findTarget, type Target } from "../../../scripts/lib/contract.ts";
import { bufferSource } from "../../../scripts/lib/elf/bytes.ts";
import { readElf } from "../../../scripts/lib/elf.ts";
import { applyRules } from "../../../scripts/lib/gate.ts";
import { type Built, compileAll } from "../../../test/corpus/compile.ts";
import { AARCH64, X86_64 } from "../../../test/corpus/entry.ts";
import { changeHeaders } from "../../../test/corpus/mutate.ts";
import { Patch } from "../../../test/corpus/patch.ts";
import { runProgram, temporaryFolder } from "../../../test/lib/harness.ts";
import { random } from "../../../test/lib/random.ts";

/** Programs of every linker and C library at hand that print a line, and how many of the mutants are theirs. */
const BASES: readonly { target: string; names: readonly Built[] }[] = [
  { target: X86_64, names: ["x-musl", "x-musl-pie", "x-static", "x-static-pie", "x-lld-pie", "x-one-page", "x-rust"] },
  { target: AARCH64, names: ["a-static", "a-static-pie"] },
];
/** What is run at a time. */
const BATCH = 100;
/** Seconds until a program counts as hanging. */
const LIMIT = 5;

interface Subject {
  name: string;
  target: Target;
  bytes: Buffer;
  /** What the program prints and its exit code. */
  outcome: string;
}

interface Verdict {
  /** Mutants made, passed by the gate, and left out because headers can't show what is wrong with them. */
  made: number;
  passed: number;
  exempt: number;
  /** Passed and failed: which mutant, what was changed, what became of it. */
  wrong: string[];
}

/** Classes of files that headers can't show to be wrong. */
const EXEMPT: readonly ((before: Patch, after: Patch) => boolean)[] = [
  // An entry elsewhere in code: whether an address is the start is known to the linker alone.
  (before, after) => before.get("entry") !== after.get("entry"),
];

/**
 * Judges mutants, the same for the same seed.
 * @param mutants how many, of all programs together
 * @param gate whether a file passes
 */
export async function judgeMutants(
  mutants: number,
  seed: number,
  say: (done: number) => void = () => {},
  gate = passes,
): Promise<Verdict> {
  const root = await chrootWith(["busybox", "qemu-aarch64-static"]);
  const subjects = await unchanged(root);
  const next = random(seed);
  const verdict: Verdict = { made: 0, passed: 0, exempt: 0, wrong: [] };
  let waiting: { subject: Subject; bytes: Buffer; story: string }[] = [];
  const judge = async (): Promise<void> => {
    const outcomes = await run(root, waiting);
    for (const [index, { subject, story }] of waiting.entries()) {
      const [wanted, got] = [subject.outcome, outcomes[index] ?? "nothing"];
      if (got !== wanted) verdict.wrong.push(`${story}: ${got}, not ${wanted}`);
    }
    waiting = [];
    say(verdict.made);
  };
  while (verdict.made < mutants) {
    const subject = next.pick(subjects);
    const { bytes, story } = changeHeaders(subject, next);
    verdict.made += 1;
    if (bytes.equals(subject.bytes) || !gate(bytes, subject.target)) continue;
    verdict.passed += 1;
    const [before, after] = [new Patch(subject.bytes), new Patch(bytes)];
    if (EXEMPT.some((isExempt) => isExempt(before, after))) verdict.exempt += 1;
    else waiting.push({ subject, bytes, story: `${story} ${changes(subject.bytes, bytes)}` });
    if (waiting.length === BATCH) await judge();
  }
  await judge();
  return verdict;
}

/** The bytes that differ: offset, before and after. */
function changes(before: Buffer, after: Buffer): string {
  const runs: string[] = [];
  for (let at = 0; at < before.length && runs.length < 4; at++) {
    if (before[at] === after[at]) continue;
    const end = at + 8;
    runs.push(`0x${at.toString(16)}: ${before.toString("hex", at, end)} ${after.toString("hex", at, end)}`);
    at = end - 1;
  }
  return runs.join(", ");
}

function passes(bytes: Buffer, target: Target): boolean {
  const [read, size, paths] = [readElf(bufferSource(bytes)), bytes.length, { count: 0, examples: [] }];
  const findings = applyRules({ read, size, maxSize: 2 ** 25, target, named: undefined, paths });
  return findings.every(({ severity }) => severity !== "fail");
}

/** A root that nobody can write to, with static programs in it, and /dev/null: Rust's start-up code wants it. */
async function chrootWith(programs: readonly string[]): Promise<string> {
  const root = temporaryFolder("judge");
  fs.chmodSync(root, 0o755);
  for (const folder of ["m", "dev"]) fs.mkdirSync(join(root, folder));
  await runProgram(["mknod", "-m", "666", join(root, "dev", "null"), "c", "1", "3"]);
  for (const program of programs) {
    const { stdout } = await runProgram(["sh", "-c", `command -v ${program}`]);
    fs.copyFileSync(stdout.trim(), join(root, program));
  }
  return root;
}

/** The programs as they were built, and what they print. */
async function unchanged(root: string): Promise<Subject[]> {
  const folder = await compileAll();
  const subjects = BASES.flatMap(({ target: triple, names }) =>
    names.map((name): Subject => {
      const target = findTarget(triple);
      if (target === undefined) throw new Error(`no target ${triple}`);
      return { name, target, bytes: fs.readFileSync(join(folder, name)), outcome: "" };
    }),
  );
  const outcomes = await run(
    root,
    subjects.map((subject) => ({ subject, bytes: subject.bytes })),
  );
  return subjects.map((subject, index) => {
    const outcome = outcomes[index] ?? "nothing";
    if (!/^0 ./.test(outcome)) throw new Error(`${subject.name} does not run unchanged: ${outcome}`);
    return { ...subject, outcome };
  });
}

/** Runs each program in turn, with bounds on its time, memory and files, and says what it printed and how it ended. */
const RUN = `
ulimit -c 0 -f 0 -t ${LIMIT} -v 8000000
while read -r file emulator; do
  text="$(/busybox timeout -s KILL ${LIMIT} $emulator /m/$file 2>/dev/null)"
  echo "$? $text"
done
`;

async function run(root: string, programs: readonly { subject: Subject; bytes: Buffer }[]): Promise<string[]> {
  const lines = programs.map(({ subject, bytes }, index) => {
    fs.writeFileSync(join(root, "m", String(index)), bytes, { mode: 0o755 });
    return `${index}${subject.target.arch === "aarch64" ? " /qemu-aarch64-static" : ""}\n`;
  });
  const command = ["chroot", "--userspec=65534:65534", root, "/busybox", "sh", "-c", RUN];
  const { stdout } = await runProgram(command, { cwd: "/", input: lines.join("") });
  for (const index of programs.keys()) fs.rmSync(join(root, "m", String(index)));
  return stdout.split("\n").slice(0, programs.length);
}
