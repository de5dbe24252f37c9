/** A phone whose console is a person's terminal: nothing is judged. */
import * as fs from "node:fs";
import { join } from "node:path";
import { type Machine, runMachine } from "../boot/qemu.ts";
import { ensureFolder } from "../cache-folder.ts";
import { withTemporaryFolder } from "../cleanup.ts";
import type { Target } from "../contract.ts";
import { withArchive } from "../debian.ts";
import { missingFailure, printable, usageFailure } from "../errors.ts";
import { knob } from "../knobs.ts";
import { say } from "../log.ts";
import { cacheDir, fromCaller } from "../paths.ts";
import { preparePhones } from "../phone.ts";
import { type Progress, showProgress } from "../progress.ts";
import type { BootRequest } from "../requests.ts";
import { debianArchitecture } from "./kernels.ts";
import { machineOf } from "./machine.ts";
import { phoneOf } from "./parts.ts";
import { makeRootfs } from "./rootfs.ts";

/**
 * Boots a phone on this process's stdin and stdout until the machine stops.
 * @param where "1": the shell is the root file system's; "break": stage0's, before it switches the root
 * @returns the exit code
 * @throws Failure (2) unless it is one phone, (3) when something that a boot needs is not available
 */
export async function phoneConsole(requests: readonly BootRequest[], where: "1" | "break"): Promise<number> {
  if (requests.length !== 1) {
    throw usageFailure({
      what: "a console is that of one phone",
      got: `${requests.length} files`,
      fix: "set TARGET, or name one file",
    });
  }
  return withTemporaryFolder(async (folder) => {
    const machine = await showProgress("phone", (progress) => machineFor(requests, where, folder, progress));
    say("phone: the console is yours; Ctrl-A X ends the machine");
    const { code, stderr } = await runMachine(machine, new AbortController().signal);
    if (code === 0) return 0;
    throw missingFailure({ what: `QEMU ended with exit code ${code ?? "none"}`, got: printable(stderr) });
  });
}

async function machineFor(
  requests: readonly BootRequest[],
  where: "1" | "break",
  folder: string,
  progress: Progress,
): Promise<Machine> {
  const [part] = await preparePhones(requests, progress);
  if (part === undefined) throw new Error("no phone is prepared");
  const own = knob("ROOTFS");
  const inRootfs = where === "1";
  const shell = inRootfs && own !== undefined ? undefined : await busybox(part.target, progress);
  const wishes = { type: knob("ROOTFS_TYPE"), ...(inRootfs && shell !== undefined ? { shell } : {}) };
  const image =
    own === undefined ? (await makeRootfs(folder, part.kernel, part.program, wishes)).image : fromCaller(own);
  return machineOf({
    ...phoneOf(part, image),
    ownRootfs: own === undefined,
    ...(inRootfs || shell === undefined ? {} : { breakShell: fs.readFileSync(shell) }),
  });
}

/** The path of Debian's static busybox for a target, which is a shell when it is called one. */
async function busybox({ arch }: Target, progress: Progress): Promise<string> {
  const architecture = debianArchitecture(arch);
  const folder = cacheDir("phone-shells", architecture);
  await ensureFolder(folder, progress, (staging) =>
    withArchive([architecture], progress, (archive) =>
      archive.unpack([{ packages: ["busybox-static"], folder: staging }]),
    ),
  );
  const path = ["usr/bin/busybox", "bin/busybox"].map((name) => join(folder, name)).find((file) => fs.existsSync(file));
  if (path !== undefined) return path;
  throw missingFailure({ what: "busybox-static has no busybox", file: folder });
}
