/** A step of the making of a toolchain. */
import { basename } from "node:path";
import { missingFailure, printable } from "../errors.ts";
import { ending } from "../process.ts";
import { shell } from "../shell.ts";

/** Runs a step that can only fail because disk or memory is used up, or by a change in Debian's packages. */
export async function must(command: readonly string[], options: Parameters<typeof shell>[0] = {}): Promise<void> {
  const $ = await shell(options);
  const result = await $`${command}`;
  if (result.ok) return;
  const { stderr } = result;
  const errors = stderr.split("\n").filter((line) => /^error|: error: |No space left/.test(line));
  throw missingFailure({
    what: `making the toolchain failed: ${basename(command[0] ?? "")} ended with ${ending(result)}`,
    got: printable(errors.slice(0, 3).join("; ") || stderr.trim().slice(-500) || "nothing on stderr"),
    fix: "see whether disk and memory are used up, and run it again",
  });
}
