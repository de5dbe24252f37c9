/**
 * Git dependencies where cargo's libgit2 can't check them out. Debian 12's cargo was made for a newer libgit2 than the
 * release has: with the program git it downloads a repository, and then fails to clone its own copy.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cargoHome } from "../paths.ts";
import { type Output, run } from "../process.ts";
import type { CargoCommand } from "./cargo.ts";
import { lockText } from "./sources.ts";

/**
 * Runs cargo, and again after the program git checked out what cargo could not, as long as that helps. What cargo says is
 * shown, but for the errors that are mended here.
 */
export async function withGitCheckouts(
  command: CargoCommand,
  use: (show: boolean) => Promise<Output>,
): Promise<Output> {
  if (command.env.CARGO_NET_GIT_FETCH_WITH_CLI !== "true") return use(true);
  for (;;) {
    const result = await use(false);
    const mended =
      result.exitCode !== 0 && /invalid version [0-9]+ on git_/.test(result.stderr) && (await checkOut(command));
    if (mended) continue;
    process.stderr.write(result.stderr);
    return result;
  }
}

/**
 * Lines that name the packages that cargo builds, for a target and for this machine; none when cargo can't tell. Their sources
 * are where cargo looks for them from then on.
 * @param selection cargo's arguments that say which package is built, and for what
 */
export async function cargoTree(command: CargoCommand, selection: readonly string[]): Promise<string[]> {
  const { cargo, env, folder } = command;
  const form = ["--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
  // What stands in the way of this does so again when cargo builds, which then says so.
  const { stdout } = await withGitCheckouts(command, (show) =>
    run([cargo, "tree", ...selection, ...form], {
      cwd: folder,
      env,
      ...(show ? { onStderr: (bytes) => process.stderr.write(bytes) } : {}),
    }),
  );
  return stdout.split("\n");
}

/** Makes the folders that cargo would. @returns whether there is one more than before */
async function checkOut({ folder, env }: CargoCommand): Promise<boolean> {
  const home = join(cargoHome(folder), "git");
  const databases = existsSync(join(home, "db")) ? readdirSync(join(home, "db")) : [];
  const commits = new Set(
    [...lockText(folder).matchAll(/^source = "git\+[^"]*#([0-9a-f]{40})"$/gm)].map((match) => match[1] ?? ""),
  );
  let made = false;
  for (const name of databases) {
    const database = join(home, "db", name);
    const git = (...args: string[]): Promise<Output> => run(["git", ...args], { env });
    for (const commit of commits) {
      // As libgit2 shortens it, which does not take the user's core.abbrev for it.
      const short = await git("-C", database, "rev-parse", "--short=7", "--verify", "--quiet", `${commit}^{commit}`);
      const checkout = join(home, "checkouts", name, short.stdout.trim());
      if (short.exitCode !== 0 || existsSync(join(checkout, ".cargo-ok"))) continue;
      mkdirSync(join(home, "checkouts", name), { recursive: true });
      const cloned =
        existsSync(checkout) || (await git("clone", "--quiet", "--no-checkout", database, checkout)).exitCode === 0;
      if (!cloned || (await git("-C", checkout, "reset", "--quiet", "--hard", commit)).exitCode !== 0) continue;
      const submodules = await git("-C", checkout, "submodule", "--quiet", "update", "--init", "--recursive");
      if (submodules.exitCode !== 0) continue;
      // By this file cargo knows that a checkout is whole.
      writeFileSync(join(checkout, ".cargo-ok"), '{"v":1}');
      made = true;
    }
  }
  return made;
}
