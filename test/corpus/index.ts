/**
 * The corpus: files whose truth is known, each with exactly what the gate has to say about it. Those that compilers
 * made are right or wrong by how they were made; the others are those, cut, patched, or replaced by something else.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { OF_ARMV7 } from "./armv7.ts";
import { type Built, compileAll } from "./compile.ts";
import { COMPILED } from "./compiled.ts";
import { CUT } from "./cut.ts";
import type { Entry } from "./entry.ts";
import { FOREIGN } from "./foreign.ts";
import { LIMITS } from "./limits.ts";
import { PATCHED } from "./patched.ts";
import { START } from "./start.ts";
import { synthetic } from "./synthetic.ts";

export const ENTRIES: readonly Entry[] = [
  ...COMPILED,
  ...CUT,
  ...PATCHED,
  ...LIMITS,
  ...OF_ARMV7,
  ...START,
  ...FOREIGN,
  ...synthetic(),
];

/** Compiles what is compiled and gives each entry's bytes. */
export async function corpus(): Promise<{ folder: string; bytesOf: (entry: Entry) => Buffer }> {
  const folder = await compileAll();
  const kept = new Map<string, Buffer>();
  const built = (name: Built): Buffer => {
    const bytes = kept.get(name) ?? fs.readFileSync(join(folder, name));
    kept.set(name, bytes);
    return bytes;
  };
  return { folder, bytesOf: (entry) => entry.bytes(built) };
}
