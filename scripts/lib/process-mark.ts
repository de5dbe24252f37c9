/** Names by which what a process left can be told from what one that still runs works on. */
import * as fs from "node:fs";
import { hostname } from "node:os";
import { sha256Of } from "./crypto.ts";
import { errorCode } from "./errors.ts";

/** Identifies the process ids: the boot and the namespace, or the host where there is no /proc. */
function machine(): string {
  let name = hostname();
  try {
    name = `${fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8")}${fs.readlinkSync("/proc/self/ns/pid")}`;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
  }
  return sha256Of(name).slice(0, 8);
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

/** What tells this process from all others: machine, process id, and when it started. */
export const processMark = (): string => `${machine()}.${process.pid}.${startOf(process.pid)}`;

/** Whether a mark is that of a process of this machine which has ended. */
export function isGone(mark: string): boolean {
  const [where, pid = "", start] = mark.split(".");
  return where === machine() && startOf(Number(pid)) !== start;
}

/** Whether nobody else can write to a folder: in /tmp, for example, anyone may make one with such a name. */
export function isPrivate(folder: string): boolean {
  const status = fs.lstatSync(folder, { throwIfNoEntry: false });
  return status?.isDirectory() === true && status.uid === process.getuid?.() && (status.mode & 0o022) === 0;
}
