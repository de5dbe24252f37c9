import { type ExecFileOptionsWithStringEncoding, execFile } from "node:child_process";

/** A few MiB: what a question to a tool is answered with. */
const LIMIT = 4 * 1024 ** 2;

/**
 * What a command that answers a question prints, and whether it ended with exit code 0. Not zx: these commands are on the
 * path of a build that has nothing to do, where zx's import would take longer than they do.
 */
export function output(
  [program = "", ...args]: readonly string[],
  options: Omit<ExecFileOptionsWithStringEncoding, "encoding"> = {},
): Promise<{ ok: boolean; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { ...options, encoding: "utf8", maxBuffer: LIMIT }, (error, stdout, stderr) =>
      resolve({ ok: error === null, stdout, stderr }),
    );
  });
}
