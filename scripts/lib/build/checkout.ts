/** The sources of a release: the commit that its buildinfo names, out of the workspace's own git repository. */
import * as fs from "node:fs";
import { join } from "node:path";
import { contractFailure, missingFailure, printable } from "../errors.ts";
import { say } from "../log.ts";
import type { Buildinfo } from "../release/buildinfo.ts";
import { git } from "./git.ts";
import { sha256OfLock } from "./sources.ts";

/**
 * The workspace as it was when a release was built: checked out of its repository, with the submodules that are there, into
 * an empty folder; or as it is, when it is the unpacked archive of a release and has no repository.
 * @param dir absolute path of the workspace
 * @returns absolute path of the workspace at that commit
 * @throws Failure (3) when the repository does not have the commit, (1) when what is there has another Cargo.lock
 */
export async function checkOut(dir: string, { source, cargoLock }: Buildinfo, folder: string): Promise<string> {
  const top = (await git(dir, "rev-parse", "--show-toplevel")).stdout.trim();
  const workspace = top === "" || source === null ? dir : join(folder, source.folder);
  if (source?.modified) say("note: the release was built from sources that were changed after the commit");
  if (workspace === dir) say(`takes ${printable(dir)} as it is: there is no commit to check out`);
  else if (source !== null) await checkOutCommit(top, source.commit, folder);
  const got = sha256OfLock(workspace);
  if (got === cargoLock) return workspace;
  throw contractFailure({
    file: printable(workspace),
    what: "these are not the release's sources: Cargo.lock differs",
    expected: cargoLock,
    got,
    fix: "set WORKSPACE to a clone of the repository, or to the release's own archive",
  });
}

async function checkOutCommit(top: string, commit: string, folder: string): Promise<void> {
  if ((await git(top, "cat-file", "-e", `${commit}^{commit}`)).exitCode !== 0) {
    throw missingFailure({
      file: printable(top),
      what: "the repository does not have the release's commit",
      expected: commit,
      fix: "fetch it: git fetch --tags; or set WORKSPACE to a clone that has it",
    });
  }
  await must(top, "clone", "--quiet", "--no-checkout", "--shared", top, folder);
  await must(folder, "checkout", "--quiet", "--detach", commit);
  if (!fs.existsSync(join(folder, ".gitmodules"))) return;
  await must(folder, "submodule", "--quiet", "init");
  const { stdout } = await git(folder, "config", "--file", ".gitmodules", "--get-regexp", "^submodule\\..*\\.path$");
  for (const [, name = "", path = ""] of stdout.matchAll(/^submodule\.(.+)\.path (.+)$/gm)) {
    const own = join(top, path);
    if (!fs.existsSync(join(own, ".git"))) continue;
    await must(folder, "config", `submodule.${name}.url`, own);
    await must(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--", path);
  }
}

async function must(folder: string, ...args: string[]): Promise<void> {
  const { exitCode, stderr } = await git(folder, ...args);
  if (exitCode === 0) return;
  throw missingFailure({
    what: "git can't check out the release's sources",
    got: printable(stderr.trim()),
    fix: "update the clone and its submodules: git fetch --tags, git submodule update --init",
  });
}
