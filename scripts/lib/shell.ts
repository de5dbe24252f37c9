/** Commands by zx's `$`. docs/decisions.md says why it is set up so. */
import type { Options, Shell } from "zx/core";
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
