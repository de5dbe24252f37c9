/** The workspace that is hard to build (test/workspace-hard), with the repository of its git dependency. */
import * as fs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PROJECT } from "../../scripts/lib/paths.ts";
import { runProgram } from "./harness.ts";

const WORKSPACE = join(PROJECT, "test", "workspace-hard");
/** The address that stands in the workspace's manifest and lock file. */
const ADDRESS = "https://git.example.invalid/demo-ports";
/** All that a commit's name depends on beside its files. */
const WHO = { NAME: "Demo", EMAIL: "demo@example.invalid", DATE: "2026-01-01T00:00:00Z" };

/**
 * A copy of the workspace in a folder, with the repository beside it: in manifest and lock file a file: address stands in
 * place of the one on the network, and with it cargo builds as it does from any git address.
 * @returns the path of the workspace
 * @throws Error when the repository's commit is not the one in the lock file
 */
export async function hardWorkspace(folder: string): Promise<string> {
  const workspace = join(folder, "workspace");
  fs.cpSync(WORKSPACE, workspace, { recursive: true, filter: (path) => path !== join(WORKSPACE, "target") });
  const repository = join(folder, "demo-ports");
  fs.renameSync(join(workspace, "git", "demo-ports"), repository);
  fs.rmdirSync(join(workspace, "git"));
  const commit = await commitAll(repository);
  for (const name of ["Cargo.toml", "Cargo.lock"]) {
    const file = join(workspace, name);
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replaceAll(ADDRESS, pathToFileURL(repository).href));
  }
  const locked = /demo-ports#([0-9a-f]{40})"/.exec(fs.readFileSync(join(workspace, "Cargo.lock"), "utf8"))?.[1];
  if (locked !== commit) throw new Error(`Cargo.lock has demo-ports at ${locked}; its files make ${commit}`);
  return workspace;
}

/** Makes a repository of a folder. Returns its one commit's name, the same for the same files. */
async function commitAll(folder: string): Promise<string> {
  const person = (role: string) => Object.entries(WHO).map(([key, value]) => [`GIT_${role}_${key}`, value]);
  const git = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runProgram(["git", ...args], {
      cwd: folder,
      // No configuration of the user's may sign, rewrite or ignore.
      env: {
        ...Object.fromEntries([...person("AUTHOR"), ...person("COMMITTER")]),
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_NOSYSTEM: "1",
      },
    });
    if (code !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  await git("init", "--quiet", "--object-format=sha1", "--initial-branch=main");
  await git("add", "--all");
  await git("commit", "--quiet", "--message=Give the vendor of test devices");
  return git("rev-parse", "HEAD");
}
