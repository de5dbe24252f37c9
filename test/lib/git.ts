/** git, as somebody whom no configuration of the machine's names. */
import * as assert from "uvu/assert";
import { runProgram } from "./harness.ts";

/** Runs git in a folder. @returns what it printed */
export async function git(folder: string, ...args: string[]): Promise<string> {
  const as = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"];
  const { code, stdout, stderr } = await runProgram(["git", ...as, ...args], { cwd: folder });
  assert.is(code, 0, stderr);
  return stdout.trim();
}
