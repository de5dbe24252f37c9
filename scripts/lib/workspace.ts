/** The cargo workspace that stage0 is built from, and the version that its manifests give. */
import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { errorCode, missingFailure, printable, usageFailure } from "./errors.ts";
import { knob } from "./knobs.ts";
import { callerDir, EXAMPLE_WORKSPACE, fromCaller } from "./paths.ts";

interface Workspace {
  /** Absolute path of the folder that holds stage0/Cargo.toml. */
  dir: string;
  /** given: WORKSPACE; found: at or above the caller's folder; example: the project's own, when there is no other. */
  origin: "given" | "found" | "example";
}

const STAGE0_MANIFEST = "stage0/Cargo.toml";

/**
 * WORKSPACE, else the nearest folder at or above the caller's that holds stage0/Cargo.toml, else the example.
 * @param manifest what it has to hold instead, when stage0 is not built from it
 * @throws Failure (2) when WORKSPACE does not hold it
 */
export function findWorkspace(manifest: "stage0/Cargo.toml" | "Cargo.toml" = STAGE0_MANIFEST): Workspace {
  const given = knob("WORKSPACE");
  if (given !== undefined) {
    const dir = fromCaller(given);
    if (isFile(join(dir, manifest))) return { dir, origin: "given" };
    throw usageFailure({
      what: `WORKSPACE holds no ${manifest}`,
      expected:
        manifest === STAGE0_MANIFEST
          ? "a cargo workspace with the package fastboop-stage0 in stage0/"
          : "a cargo workspace or package",
      got: printable(dir),
      fix: "set WORKSPACE to the workspace's root, or FASTBOOP_STAGE0_EMBED_PATH to a prebuilt stage0",
    });
  }
  for (let dir = resolve(callerDir()); ; dir = dirname(dir)) {
    if (isFile(join(dir, manifest))) return { dir, origin: "found" };
    if (dir === dirname(dir)) return { dir: EXAMPLE_WORKSPACE, origin: "example" };
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return false;
    throw error;
  }
}

/**
 * The version of a workspace: `[workspace.package]` or `[package]` of its Cargo.toml, else `[package]` of stage0/Cargo.toml
 * (The Cargo Book, "The manifest format" and "Workspaces").
 * @param dir absolute path of the workspace
 * @throws Failure (2) when a manifest does not parse, (3) when none gives a version
 */
export async function workspaceVersion(dir: string): Promise<string> {
  const root = await readToml(join(dir, "Cargo.toml"));
  const candidates = [
    at(root, "workspace", "package", "version"),
    at(root, "package", "version"),
    at(await readToml(join(dir, STAGE0_MANIFEST)), "package", "version"),
  ];
  const version = candidates.find((candidate) => typeof candidate === "string");
  if (typeof version === "string") return version;
  throw missingFailure({
    what: "the workspace's manifests give no version",
    expected: 'version = "X.Y.Z" in [workspace.package] or [package]',
    file: printable(join(dir, "Cargo.toml")),
  });
}

/** A TOML file as data; empty when there is no such file. @throws Failure (2) when it does not parse */
export async function readToml(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return {};
    throw error;
  }
  // Only a few runs need TOML at all.
  const { parse } = await import("smol-toml");
  try {
    return parse(text);
  } catch (error) {
    const [message = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw usageFailure({ what: `is not TOML: ${printable(message)}`, file: printable(file) });
  }
}

/** A text as JSON; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value at a path of keys in nested tables; undefined when a step is missing or no table. */
export function at(table: unknown, ...keys: string[]): unknown {
  let value = table;
  for (const key of keys) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
