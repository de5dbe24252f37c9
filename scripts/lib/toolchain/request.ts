/** What is asked of a toolchain. */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Target } from "../contract.ts";
import { printable } from "../errors.ts";
import { say } from "../log.ts";

export interface ToolchainRequest {
  /** Absolute path of the cargo that the user chose. */
  cargo: string;
  target: Target;
  /** Where the target's standard library may come from: FASTBOOP_STAGE0_TOOLCHAIN. */
  choice: "auto" | "rustup" | "debian" | "none";
  /** Absolute path of the folder that cargo will run in: rust-toolchain files there and above count. */
  folder: string;
  /** Targets that will be asked for soon after: what is made for one is then made for all, in less time than one by one. */
  also?: readonly Target[];
}

/** Says in the log that Debian's cargo is used, and why it is not the one that was chosen. */
export function sayDebian(cargo: string, { cargo: chosen, target, choice, folder }: ToolchainRequest): void {
  const why = choice === "debian" ? "FASTBOOP_STAGE0_TOOLCHAIN=debian" : `${printable(chosen)} lacks ${target.triple}`;
  say(`toolchain: uses ${printable(cargo)}, because ${why}`);
  const file = toolchainFile(folder);
  if (file !== undefined)
    say(`toolchain: only rustup reads ${printable(file)}; this compiler is Debian's, whatever the file asks for`);
}

/** The file by which a workspace asks rustup for a toolchain (The rustup book, "Overrides"); undefined when there is none. */
function toolchainFile(folder: string): string | undefined {
  for (let dir = realpathSync(folder); ; dir = dirname(dir)) {
    const file = ["rust-toolchain", "rust-toolchain.toml"]
      .map((name) => join(dir, name))
      .find((path) => existsSync(path));
    if (file !== undefined || dir === dirname(dir)) return file;
  }
}
