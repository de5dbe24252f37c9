/** Commands by zx's `$`. docs/decisions.md says why it is set up so. */

import { join } from "node:path";
import type { Options, Shell } from "zx/core";
import { PROJECT } from "./paths.ts";
import { groupSpawner } from "./process.ts";
import { shellQuote } from "./shell-quote.ts";

/**
 * zx's `$`, loaded by those that run a command. A command that fails is no exception: callers read `exitCode`, to say in
 * their own words what failed. Its output is theirs too, and its stdin is empty.
 * @param options zx's own, which win
 */
export async function shell(options: Partial<Options> = {}): Promise<Shell> {
  const { $ } = await import("zx/core");
  return $({
    // Not every machine has bash. With exec the program's end and status are the shell's.
    shell: "/bin/sh",
    prefix: "exec ",
    postfix: "",
    quote: shellQuote,
    spawn: groupSpawner(),
    detached: true,
    nothrow: true,
    quiet: true,
    stdio: ["ignore", "pipe", "pipe"],
    ...options,
  });
}

/** The command that runs an entry script on the runtime that runs this one. @param name file name below scripts/ */
export function scriptCommand(name: string, args: readonly string[] = []): string[] {
  const runtime = "deno" in process.versions ? ["run", "-A", "--quiet"] : process.execArgv;
  return [process.execPath, ...runtime, join(PROJECT, "scripts", name), ...args];
}
