/** Whose a half-done download is, and how a process takes over what a dead one left behind. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { errorCode } from "../errors.ts";

/** A folder of another machine that nobody wrote to for so long is abandoned. Far above any pause between attempts. */
const ABANDONED_MS = 10 * 60_000;

/** Where process ids mean the same: the boot and the namespace, or for want of /proc the host. */
function machine(): string {
  let name = hostname();
  try {
    name = `${fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8")}${fs.readlinkSync("/proc/self/ns/pid")}`;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
  }
  return createHash("sha256").update(name).digest("hex").slice(0, 8);
}

/** When a process started, in clock ticks since the boot (proc_pid_stat(5), field 22); "0" where /proc does not tell; undefined: it is gone. */
function startOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // One that is dead stays listed until its parent looks.
    return state === "Z" ? undefined : fields[18];
  } catch (error) {
    if (fs.existsSync("/proc/self/stat")) return undefined;
    if (errorCode(error) === undefined) throw error;
  }
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) === "ESRCH") return undefined;
  }
  return "0";
}

/** What a folder of this process is named after: where process ids mean the same, the id, and when it started. */
export const partialName = (): string => `${machine()}.${process.pid}.${startOf(process.pid)}.part`;

/**
 * Takes over the bytes of a process that is gone, by giving its folder our name, and clears other such folders away.
 * Comes out with whether there were any.
 * @param parent the folder to look in
 * @param prefix what the names of all partials of a file begin with
 * @param content what follows for those of the same bytes
 * @param ours absolute path to rename to
 */
export function takeOver(parent: string, prefix: string, content: string, ours: string): boolean {
  let found = false;
  for (const name of fs.readdirSync(parent)) {
    if (!name.startsWith(prefix)) continue;
    const [, what, where, pid, start] = PARTIAL.exec(name.slice(prefix.length)) ?? [];
    const folder = join(parent, name);
    if (where === undefined || !isOurs(folder) || !abandoned(folder, where, Number(pid), start)) continue;
    try {
      if (found || what !== content) fs.rmSync(folder, { recursive: true, force: true });
      else {
        fs.renameSync(folder, ours);
        found = true;
      }
    } catch (error) {
      // Someone else was quicker.
      if (errorCode(error) !== "ENOENT") throw error;
    }
  }
  return found;
}

/** Content, machine, process id, its start. */
const PARTIAL = /^([0-9a-f]{16})\.([0-9a-f]{8})\.([0-9]+)\.([0-9]+)\.part$/;

/** Whether a folder is one that nobody else can put anything into: in /tmp, say, anyone may make one of such a name. */
function isOurs(folder: string): boolean {
  const status = fs.lstatSync(folder, { throwIfNoEntry: false });
  return status?.isDirectory() === true && status.uid === process.getuid?.() && (status.mode & 0o022) === 0;
}

function abandoned(folder: string, where: string, pid: number, start: string | undefined): boolean {
  if (where === machine()) return startOf(pid) !== start;
  const touched = [folder, join(folder, "body")].map(
    (path) => fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return Date.now() - Math.max(...touched) > ABANDONED_MS;
}
