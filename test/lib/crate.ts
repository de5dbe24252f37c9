/** Small cargo workspaces to build, and what a folder of artifacts looked like. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { temporaryFolder } from "./harness.ts";

/** The target that every rustc has the standard library for: builds that are not about musl take it. */
export const HOST_TARGET = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-unknown-linux-gnu`;

const MANIFEST = '[package]\nname = "fastboop-stage0"\nversion = "0.1.0"\nedition = "2021"\n\n[workspace]\n';
const LOCK = 'version = 3\n\n[[package]]\nname = "fastboop-stage0"\nversion = "0.1.0"\n';

/** Writes files, given by their path in the folder; undefined leaves one out. */
export function writeTree(folder: string, files: Record<string, string | undefined>): string {
  for (const [name, text] of Object.entries(files)) {
    if (text === undefined) continue;
    const path = join(folder, name);
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(path, text);
  }
  return folder;
}

/** A workspace with nothing but the package fastboop-stage0; `files` add to it or replace what it has. */
export function stage0Crate(files: Record<string, string | undefined> = {}, folder = temporaryFolder()): string {
  return writeTree(folder, {
    "stage0/Cargo.toml": MANIFEST,
    "stage0/Cargo.lock": LOCK,
    "stage0/src/main.rs": "fn main() {}\n",
    ...files,
  });
}

/** Every file below a folder with what changes when it is written or replaced; null when there is no folder. */
export function snapshot(folder: string): Record<string, string> | null {
  if (!fs.existsSync(folder)) return null;
  const entries = fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    entries.map((name) => {
      const { ino, size, mode, mtimeNs } = fs.lstatSync(join(folder, name), { bigint: true });
      return [name, [ino, size, mode.toString(8), mtimeNs].join(" ")];
    }),
  );
}

/** A program in sh, in a folder of its own. */
export function program(text: string, { name = "cargo", mode = 0o755 } = {}): string {
  const path = join(temporaryFolder(), name);
  fs.writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode });
  return path;
}
