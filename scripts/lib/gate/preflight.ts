/** What a release needs: every asset of the contract, each passing the gate, and nothing that only looks like one. */
import * as fs from "node:fs";
import { join, relative } from "node:path";
import { assetName, isCompanionName, RELEASE_ASSETS, type Target, targetOfAsset } from "../contract.ts";
import { errorCode, printable, systemWords, usageFailure } from "../errors.ts";
import { crossCheck, inspect } from "../gate.ts";
import { knob } from "../knobs.ts";
import { callerDir, distDir, fromCaller } from "../paths.ts";
import { isFolder, LOOKS_LIKE_STAGE0, type Stage0File, stage0Files } from "../stage0-files.ts";
import type { FileReport, Finding } from "./report.ts";
import { READABLE, ruleById } from "./rules.ts";

type Expected = Parameters<typeof inspect>[1];

/** The result of one run. */
export interface Preflight {
  /** Whether no finding is of severity fail. */
  ok: boolean;
  files: FileReport[];
  /** What no single file shows. */
  findings: Finding[];
}

/** A result whose verdicts follow from the findings. */
export function preflightOf(files: readonly FileReport[], findings: readonly Finding[]): Preflight {
  const passes = (list: readonly Finding[]): boolean => list.every(({ severity }) => severity !== "fail");
  const judged = files.map((file) => ({ ...file, ok: passes(file.findings) }));
  return { ok: judged.every(({ ok }) => ok) && passes(findings), files: judged, findings: [...findings] };
}

/** All findings of a result, those of the files first. */
export const allFindings = ({ files, findings }: Preflight): Finding[] => [
  ...files.flatMap((file) => file.findings),
  ...findings,
];

/** A finding of a rule that looks at more than a file's bytes. The texts must be printable. */
export function findingOf(id: string, expected: string, got: string): Finding {
  const { severity, fix } = ruleById(id);
  return { rule: id, severity, expected, got, fix };
}

const ASSETS = RELEASE_ASSETS.join(" and ");
/**
 * Checks a folder (specification, "Artifact Contract"): every release asset exists and passes the gate, files for other
 * targets pass too, and nothing else has a stage0 name.
 * @param dist absolute path
 * @param expected as inspect's
 */
export function checkDist(dist: string, expected: Expected, assets = RELEASE_ASSETS): Preflight {
  const { names, problem } = listing(dist);
  if (names === undefined) return preflightOf([], [problem]);
  return checkRelease(
    names.map((name) => ({ name, path: join(dist, name) })),
    expected,
    assets,
  );
}

/**
 * Checks the stage0 files of a folder, or of the folders in it, as checkDist does.
 * @param folder as the user gave it
 * @param target only this target's asset is expected
 */
function checkFolder(folder: string, { target, ...expected }: Expected): Preflight {
  const path = fromCaller(folder);
  const { problem } = listing(path);
  if (problem !== undefined) return preflightOf([], [problem]);
  const found = stage0Files(path);
  const asked = target === undefined ? found : found.filter(({ name }) => name === assetName(target.triple));
  return checkRelease(asked, expected, target === undefined ? RELEASE_ASSETS : [assetName(target.triple)]);
}

function checkRelease(found: readonly Stage0File[], expected: Expected, assets: readonly string[]): Preflight {
  const others = found.filter(
    ({ name }) => LOOKS_LIKE_STAGE0.test(name) && !RELEASE_ASSETS.includes(name) && !isCompanionName(name),
  );
  const listed = RELEASE_ASSETS.flatMap((asset) => found.filter(({ name }) => name === asset));
  const present = [...listed, ...others].filter(({ name }) => targetOfAsset(name) !== undefined);
  const files = present.map(({ path }) => inspectAs(displayPath(path), expected));
  const absent = assets.filter((asset) => !found.some(({ name }) => name === asset));
  const twice = RELEASE_ASSETS.flatMap((asset) => {
    const paths = found.filter(({ name }) => name === asset).map(({ path }) => printable(displayPath(path)));
    return paths.length < 2 ? [] : [findingOf("release-asset", `one ${asset}`, paths.join(", "))];
  });
  return preflightOf(files, [
    ...absent.map((name) => findingOf("release-asset", name, "no such file")),
    ...twice,
    ...others.filter(({ name }) => !assets.includes(name)).map(({ name }) => unexpectedName(name)),
    ...crossCheck(files),
  ]);
}

type Listing = { names: string[]; problem?: never } | { names?: never; problem: Finding };

function listing(folder: string): Listing {
  try {
    return { names: fs.readdirSync(folder).sort() };
  } catch (error) {
    const words = systemWords(error);
    if (words === undefined) throw error;
    const finding = findingOf(READABLE, "a folder that can be listed", `${printable(displayPath(folder))}: ${words}`);
    const fix = "make stage0-all builds the release assets into dist/; DIST=folder names another folder";
    return { problem: errorCode(error) === "ENOENT" ? { ...finding, fix } : finding };
  }
}

/** The path of a target's asset in dist/, as the user would write it. */
export const assetPath = ({ triple }: Target): string => displayPath(join(distDir(), assetName(triple)));

/** The finding for a stage0 name that is not a release asset's. */
function unexpectedName(name: string): Finding {
  const target = targetOfAsset(name);
  const got = `"${printable(name)}"`;
  if (target?.status === "buildable") return findingOf("not-released", ASSETS, got);
  return findingOf("unknown-asset", ASSETS, got);
}

/**
 * Checks files, or the release assets in one folder.
 * @param paths as the user gave them; relative ones count from the caller's folder
 * @param expected as inspect's; the target is that of all of them
 * @throws Failure (2) for an empty path
 */
export function checkFiles(paths: readonly string[], expected: Expected): Preflight {
  if (paths.includes("")) throw usageFailure({ what: "a file name is empty", fix: "name a file" });
  const [first = ""] = paths;
  if (paths.length === 1 && isFolder(first)) return checkFolder(first, expected);
  const files = paths.map((path) => inspectAs(path, expected));
  return preflightOf(files, crossCheck(files));
}

/** Where this machine's builds are: the caller's folder, the workspace, cargo's home. */
export function buildFolders(): string[] {
  const cargoHome = knob("CARGO_HOME") ?? join(knob("HOME") ?? "/", ".cargo");
  return [...new Set([callerDir(), fromCaller(knob("WORKSPACE") ?? ""), fromCaller(cargoHome)])];
}

/** Inspects a path as the user wrote it: the process may run in another folder. */
const inspectAs = (path: string, expected: Expected): FileReport => ({
  ...inspect(fromCaller(path), expected),
  path,
});

/** A path as the user would write it: relative when it is below the caller's folder. */
function displayPath(path: string): string {
  const near = relative(callerDir(), path) || ".";
  return /^\.\.(\/|$)/.test(near) ? path : near;
}
