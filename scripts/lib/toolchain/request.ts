/** What is asked of a toolchain. */
import type { Target } from "../contract.ts";
import { printable } from "../errors.ts";
import { say } from "../log.ts";
import type { Pin } from "./pin.ts";

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
export function sayDebian(cargo: string, { cargo: chosen, target, choice }: ToolchainRequest, reason?: string): void {
  const lack = reason ?? `${printable(chosen)} lacks ${target.triple}`;
  say(
    `toolchain: uses ${printable(cargo)}, because ${choice === "debian" ? "FASTBOOP_STAGE0_TOOLCHAIN=debian" : lack}`,
  );
}

/** Says that the compiler is another than the one that the workspace asks for, which is not known of every name of one. */
export function sayPin({ file, channel }: Pin, version: string | undefined): void {
  if (version === undefined || !/^[0-9]/.test(channel) || `${version}.`.startsWith(`${channel}.`)) return;
  say(
    `toolchain: ${printable(file)} asks for Rust ${channel}, but this is ${version}, whose output differs byte for byte`,
  );
}
