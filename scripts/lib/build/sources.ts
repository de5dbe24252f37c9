/** What a workspace's files tell of what its build needs, before anything is downloaded. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { sha256Of } from "../crypto.ts";
import { Failure, type Problem, printable } from "../errors.ts";
import { findProgram, installFix } from "../tools.ts";
import { at, readToml } from "../workspace.ts";

/** The text of the lock file that cargo uses for stage0; empty when there is none. */
export function lockText(dir: string): string {
  for (let folder = join(dir, "stage0"); ; folder = dirname(folder)) {
    const file = join(folder, "Cargo.lock");
    if (existsSync(file)) return readFileSync(file, "utf8");
    if (folder === dirname(folder)) return "";
  }
}

/** sha256 of that file's text. */
export const sha256OfLock = (dir: string): string => sha256Of(lockText(dir));

export const hasGitSource = (lock: string): boolean => /^source = "git\+/m.test(lock);

/** Problems with submodules that manifests name and that are not checked out. */
async function absentSubmodules(dir: string): Promise<Problem[]> {
  const file = join(dir, ".gitmodules");
  if (!existsSync(file)) return [];
  const paths = [...readFileSync(file, "utf8").matchAll(/^\s*path\s*=\s*(.+?)\s*$/gm)].map(([, path = ""]) => path);
  const absent = paths.filter((path) => isEmpty(join(dir, path)));
  if (absent.length === 0) return [];
  // cargo reads every member's, whichever it builds.
  const folders = new Set(["", "stage0", ...(await membersOf(dir))]);
  const named = await Promise.all(
    [...folders].map(async (folder) =>
      pathsIn(await readToml(join(dir, folder, "Cargo.toml"))).map((path) => resolve(dir, folder, path)),
    ),
  );
  const needed = absent.filter((path) =>
    named.flat().some((folder) => !relative(join(dir, path), folder).startsWith("..")),
  );
  if (needed.length === 0) return [];
  return [
    {
      what: `submodules are not checked out: ${printable(needed.join(", "))}`,
      file: printable(dir),
      fix: "run git submodule update --init in the workspace",
    },
  ];
}

/** The folders of a workspace's members, from its own. A pattern's other forms than a last "*" are left to cargo. */
async function membersOf(dir: string): Promise<string[]> {
  return memberPatterns(await readToml(join(dir, "Cargo.toml"))).flatMap((member) => {
    if (basename(member) !== "*") return [member];
    const parent = dirname(member);
    return isEmpty(join(dir, parent)) ? [] : readdirSync(join(dir, parent)).map((name) => join(parent, name));
  });
}

const isText = (value: unknown): value is string => typeof value === "string";

const memberPatterns = (manifest: unknown): string[] =>
  [at(manifest, "workspace", "members") ?? []].flat().filter(isText);

function isEmpty(folder: string): boolean {
  return !existsSync(folder) || readdirSync(folder).length === 0;
}

/** Every `path` in a manifest, and its workspace's members. */
function pathsIn(table: unknown): string[] {
  if (typeof table !== "object" || table === null) return [];
  return [...memberPatterns(table), at(table, "path"), ...Object.values(table).flatMap(pathsIn)].filter(isText);
}

/** What stands in the way of a git dependency where only the program git can get it; undefined: nothing. */
const lackOfGit = (): Problem | undefined =>
  findProgram("git") === undefined
    ? {
        what: "git is not on PATH",
        expected: "git, by which Debian's cargo gets the git dependencies that Cargo.lock names",
        fix: installFix(["git"]),
      }
    : undefined;

/**
 * Checks that all sources are available.
 * @param needsGit whether cargo leaves git dependencies to the program git
 * @throws Failure (3) with all that is missing
 */
export async function checkSources(dir: string, needsGit: boolean): Promise<void> {
  const git = needsGit && hasGitSource(lockText(dir)) ? lackOfGit() : undefined;
  const problems = [...(await absentSubmodules(dir)), ...(git === undefined ? [] : [git])];
  if (problems.length > 0) throw new Failure(3, ...problems);
}
