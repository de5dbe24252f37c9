/** Bounds the memory of a run over many files with tables as long as any can be. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Sections of which the table and what is made of it take so much that V8 lets several pile up before it frees any. */
const MANY = 10_000;
let long = false;

/** Has V8 free what files with long tables took before. Deno has no way to. */
export function freeTables(): void {
  if (!long || "deno" in process.versions) return;
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  long = false;
}

/** Keeps in mind that a table was long. */
export function noteTable(sections: number): void {
  long ||= sections >= MANY;
}
