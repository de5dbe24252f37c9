/** Debian packages that become part of the system, by apt, as root. */
import * as fs from "node:fs";
import { join } from "node:path";
import { withTemporaryFolder } from "../cleanup.ts";
import { aptFailure, complaints, hasApt, noApt } from "../debian.ts";
import { missingFailure } from "../errors.ts";
import { environment } from "../knobs.ts";
import { groupSpawner } from "../process.ts";
import type { Progress } from "../progress.ts";
import { shell } from "../shell.ts";
import { debianCommand } from "./command.ts";

/**
 * Installs packages, without what they merely recommend, or brings them to the version that apt offers. No service of
 * theirs is started: what is wanted is a program to run.
 * @throws Failure (3) when there is no apt, when this is not root (naming the command that root has to run), when apt
 *   fails, and when it would remove other packages
 */
export async function installPackages(names: readonly string[], progress: Progress): Promise<void> {
  if (!hasApt()) throw noApt();
  if (process.getuid?.() !== 0) {
    throw missingFailure({
      what: `Debian packages have to be installed: ${names.join(", ")}`,
      fix: `run as root: ${debianCommand(names)}`,
    });
  }
  const $ = await shell({
    env: { ...environment(), DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" },
    // dpkg must not be killed. At an interrupt apt ends as soon as it can.
    spawn: groupSpawner({ passAs: "SIGINT", graceMs: Number.POSITIVE_INFINITY }),
  });
  const options = ["-q", "-o", "DPkg::Lock::Timeout=300"];
  const install = ["install", "-y", "--no-install-recommends", ...names];
  progress("reading Debian's package lists");
  const update = await $`apt-get ${options} update`;
  const plan = await $`apt-get ${options} -s ${install}`;
  if (!plan.ok) throw aptFailure("apt-get install", plan, complaints(update));
  const removed = [...plan.stdout.matchAll(/^Remv (\S+)/gm)].map((match) => match[1] ?? "");
  if (removed.length > 0) {
    throw missingFailure({
      what: `installing ${names.join(", ")} would remove ${removed.join(", ")}`,
      fix: `decide yourself: ${debianCommand(names)}`,
    });
  }
  progress(`installing ${names.join(", ")}`);
  const installed = await withoutServices((option) => $`apt-get ${options} -o ${option} ${install}`);
  if (!installed.ok) throw aptFailure("apt-get install", installed);
}

/**
 * Passes on an option of apt's that makes the packages' scripts find programs that do nothing in place of those that start
 * services (invoke-rc.d(8), deb-systemd-invoke(1p)).
 */
const withoutServices = <T>(use: (option: string) => Promise<T>): Promise<T> =>
  withTemporaryFolder((folder) => {
    for (const name of ["invoke-rc.d", "deb-systemd-invoke"])
      fs.writeFileSync(join(folder, name), "#!/bin/sh\n", { mode: 0o755 });
    return use(`DPkg::Path=${folder}:/usr/sbin:/usr/bin:/sbin:/bin`);
  });
