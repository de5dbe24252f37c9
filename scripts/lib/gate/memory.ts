/** Bounds the memory of a run over many files, and over such with tables as long as any can be. Deno offers no way. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const isDeno = "deno" in process.versions;

/**
 * Keeps V8's young generation at its first size and has the old one grow slowly: what is made of a file is gone soon, and tens
 * of MiB of it would wait.
 */
export function keepSmall(): void {
  if (isDeno) return;
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=25");
}

/** Sections of which the table and what is made of it take so much that V8 lets several pile up before it frees any. */
const MANY = 10_000;
let long = false;

/** Has V8 free what files with long tables took before. */
export function freeTables(): void {
  if (!long || isDeno) return;
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  long = false;
}

/** Keeps in mind that a table was long. */
export function noteTable(sections: number): void {
  long ||= sections >= MANY;
}
