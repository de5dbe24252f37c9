/** Partial downloads that dead processes left: whose they are, and how another process takes one over. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { errorCode } from "../errors.ts";

/** A folder of another machine that nobody wrote to for so long is stale. Far above any backoff between attempts. */
const STALE_MS = 10 * 60_000;

/** Identifies the process ids: the boot and the namespace, or the host where there is no /proc. */
function machine(): string {
  let name = hostname();
  try {
    name = `${fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8")}${fs.readlinkSync("/proc/self/ns/pid")}`;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
  }
  return createHash("sha256").update(name).digest("hex").slice(0, 8);
}

/** When a process started, in clock ticks since the boot (proc_pid_stat(5), field 22); "0" where there is no /proc; undefined: it is gone. */
function startOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie stays listed until its parent waits for it.
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

/** The end of the name of this process's folders: machine, process id, and when it started. */
export const partialName = (): string => `${machine()}.${process.pid}.${startOf(process.pid)}.part`;

/**
 * Takes over a stale partial by renaming its folder, and removes other stale ones. Returns whether there was one.
 * @param parent the folder to look in
 * @param prefix start of the names of all partials of a file
 * @param content what follows in those of the same asset
 * @param ours absolute path to rename to
 */
export function takeOver(parent: string, prefix: string, content: string, ours: string): boolean {
  let found = false;
  for (const name of fs.readdirSync(parent)) {
    if (!name.startsWith(prefix)) continue;
    const [, what, where, pid, start] = PARTIAL.exec(name.slice(prefix.length)) ?? [];
    const folder = join(parent, name);
    if (where === undefined || !isPrivate(folder) || !isStale(folder, where, Number(pid), start)) continue;
    try {
      if (found || what !== content) fs.rmSync(folder, { recursive: true, force: true });
      else {
        fs.renameSync(folder, ours);
        found = true;
      }
    } catch (error) {
      // Another process took it first.
      if (errorCode(error) !== "ENOENT") throw error;
    }
  }
  return found;
}

/** Content, machine, process id, its start. */
const PARTIAL = /^([0-9a-f]{16})\.([0-9a-f]{8})\.([0-9]+)\.([0-9]+)\.part$/;

/** Whether nobody else can write to a folder: in /tmp, for example, anyone may make one with such a name. */
function isPrivate(folder: string): boolean {
  const status = fs.lstatSync(folder, { throwIfNoEntry: false });
  return status?.isDirectory() === true && status.uid === process.getuid?.() && (status.mode & 0o022) === 0;
}

function isStale(folder: string, where: string, pid: number, start: string | undefined): boolean {
  if (where === machine()) return startOf(pid) !== start;
  const written = [folder, join(folder, "body")].map(
    (path) => fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return Date.now() - Math.max(...written) > STALE_MS;
}
