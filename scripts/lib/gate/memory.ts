/** Bounds the memory of a run over many files, and over such with tables as long as any can be. Deno offers no way. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const isDeno = "deno" in process.versions;

/** Files that are read before V8 is told to keep small: under other flags it takes no code that was compiled before. */
const FEW = 8;
/** Sections of which the table and what is made of it take so much that V8 lets several pile up before it frees any. */
const MANY = 10_000;
let files = 0;
let long = false;
let small = false;

/**
 * Keeps V8's young generation at its first size and has the old one grow slowly: what is made of a file is gone soon, and tens
 * of MiB of it would wait.
 */
function keepSmall(): void {
  if (small || isDeno) return;
  small = true;
  const set = (growth: number, percent: number): void => {
    setFlagsFromString(`--semi-space-growth-factor=${growth}`);
    setFlagsFromString(`--heap-growing-percent=${percent}`);
  };
  set(1, 25);
  // As they were, for those that keep what V8 compiled in this run.
  process.prependOnceListener("exit", () => set(2, 0));
}

/** Has V8 free what files with long tables took before. */
export function freeTables(): void {
  if (!long || isDeno) return;
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  setFlagsFromString("--no-expose-gc");
  long = false;
}

/** Counts a file, and keeps in mind that its table is long. */
export function noteTable(sections: number): void {
  files += 1;
  long ||= sections >= MANY;
  if (long || files === FEW) keepSmall();
}
