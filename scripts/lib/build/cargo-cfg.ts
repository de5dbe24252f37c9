/** `cfg(…)` as the name of a target's table in cargo's configuration (The Rust Reference, "Conditional compilation"). */
import type { Target } from "../contract.ts";

/** Whether a table's name is a cfg() that holds for the target. One that does not parse is cargo's to complain about. */
export function matchesCfg(name: string, target: Target): boolean {
  const tokens = [...name.matchAll(/[A-Za-z_][A-Za-z0-9_]*|"[^"]*"|[^\s]/g)].map(([token]) => token);
  if (tokens.shift() !== "cfg" || tokens.shift() !== "(") return false;
  return evaluate(tokens, settings(target));
}

/** What rustc sets for the contract's targets; of the CPU's features we know nothing and say no. */
function settings({ triple, arch, elf }: Target): Set<string> {
  const [, vendor = "", , system = ""] = triple.split("-");
  const [, environment, abi] = /^(.*?)(eabihf)?$/.exec(system) ?? [];
  return new Set([
    "unix",
    'target_family="unix"',
    'target_os="linux"',
    `target_arch="${arch}"`,
    `target_vendor="${vendor}"`,
    `target_env="${environment}"`,
    `target_abi="${abi ?? ""}"`,
    `target_pointer_width="${elf.bits}"`,
    `target_endian="${elf.order}"`,
    'panic="unwind"',
    "true",
  ]);
}

/** Takes one predicate off the tokens: all(…), any(…), not(…), a name, or a name = "value". */
function evaluate(tokens: string[], set: Set<string>): boolean {
  const take = (token: string): boolean => tokens[0] === token && tokens.shift() !== undefined;
  const name = tokens.shift() ?? "";
  if (take("=")) return set.has(`${name}=${tokens.shift()}`);
  if (!take("(")) return set.has(name);
  const values: boolean[] = [];
  while (tokens.length > 0 && !take(")")) if (!take(",")) values.push(evaluate(tokens, set));
  if (name === "not") return !values[0];
  return name === "all" ? !values.includes(false) : name === "any" && values.includes(true);
}
