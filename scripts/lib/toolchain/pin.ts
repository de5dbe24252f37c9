/** The toolchain that a workspace asks rustup for, by a file (The rustup book, "Overrides"). */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { at, readToml } from "../workspace.ts";

export interface Pin {
  /** Absolute path of the file. */
  file: string;
  /** As rustup takes it: "1.88.0", "stable". */
  channel: string;
  components: string[];
  targets: string[];
}

/**
 * What the nearest file at or above a folder asks for; undefined when there is none, and when it asks for nothing that
 * rustup could install by name.
 * @throws Failure (2) when the file is not TOML
 */
export async function readPin(folder: string): Promise<Pin | undefined> {
  const file = toolchainFile(folder);
  if (file === undefined) return undefined;
  // Of the older form the channel is all that there is.
  const [line, ...more] = basename(file) === "rust-toolchain" ? readFileSync(file, "utf8").trim().split("\n") : [];
  if (line !== undefined && more.length === 0 && !/[[=]/.test(line)) return pinOf(file, { channel: line.trim() });
  return pinOf(file, at(await readToml(file), "toolchain"));
}

function toolchainFile(folder: string): string | undefined {
  for (let dir = realpathSync(folder); ; dir = dirname(dir)) {
    const file = ["rust-toolchain", "rust-toolchain.toml"]
      .map((name) => join(dir, name))
      .find((path) => existsSync(path));
    if (file !== undefined || dir === dirname(dir)) return file;
  }
}

/** A name that is no option. What is not one is left to rustup to complain about. */
const isName = (value: unknown): value is string => typeof value === "string" && /^[A-Za-z0-9_][\w.-]*$/.test(value);

function pinOf(file: string, table: unknown): Pin | undefined {
  const channel = at(table, "channel");
  if (!isName(channel)) return undefined;
  const names = (key: string): string[] => [at(table, key) ?? []].flat().filter(isName);
  return { file, channel, components: names("components"), targets: names("targets") };
}
