/** The stage0 files of a folder, by their names. */
import * as fs from "node:fs";
import { join } from "node:path";
import { fromCaller } from "./paths.ts";

/** Names that people and their patterns would mistake for a stage0 asset. */
export const LOOKS_LIKE_STAGE0 = /^fastboop[-_. ]?stage0/i;

export interface Stage0File {
  name: string;
  /** Absolute. */
  path: string;
}

/** Whether a path that the user gave is a folder. */
export const isFolder = (path: string): boolean =>
  fs.statSync(fromCaller(path), { throwIfNoEntry: false })?.isDirectory() === true;

/**
 * The stage0 files of a folder. Where it has none itself, those of the folders in it count, and so on: one folder for each
 * workflow artifact is what GitHub's download makes.
 * @param levels of folders that are looked at
 */
export function stage0Files(folder: string, levels = 4): Stage0File[] {
  const entries = fs.readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."));
  const here = entries.filter((entry) => !entry.isDirectory() && LOOKS_LIKE_STAGE0.test(entry.name));
  if (here.length > 0 || levels === 0) return here.map(({ name }) => ({ name, path: join(folder, name) }));
  return entries
    .filter((entry) => entry.isDirectory())
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name }) => stage0Files(join(folder, name), levels - 1));
}
