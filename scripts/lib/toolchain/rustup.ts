/** rustup, asked for what a build lacks. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { printable } from "../errors.ts";
import { environment } from "../knobs.ts";
import { ending } from "../process.ts";
import type { Progress } from "../progress.ts";
import { shell } from "../shell.ts";
import type { Pin } from "./pin.ts";
import type { ToolchainRequest } from "./request.ts";
import { checkRust } from "./rust-version.ts";
import { askRustc, hasStd, type RustcAnswer } from "./rustc.ts";

/** Far above what a whole toolchain (250 MB) takes on most lines; a network that drops packets takes longer to give up. */
const LIMIT_MS = 600_000;

/** Why rustup could not add something. */
interface Refusal {
  reason: string;
  /** Whether there is no rustup that it could have come from, or its server is out of reach. */
  outOfReach: boolean;
}

/** Whether a sysroot is the toolchain of rustup's that a workspace asks for. */
const isPinned = (sysroot: string, { channel }: Pin): boolean =>
  isRustups(sysroot) && `${basename(sysroot)}-`.startsWith(`${channel}-`);

/** rustup's toolchains are in a folder of this name; those that are linked into it, it can't change. */
const isRustups = (sysroot: string): boolean => basename(dirname(sysroot)) === "toolchains";

/** The components that a workspace asks for and its toolchain lacks. */
export function lackingComponents(sysroot: string, pin: Pin | undefined): string[] {
  if (pin === undefined || pin.components.length === 0 || !isPinned(sysroot, pin)) return [];
  const list = join(sysroot, "lib", "rustlib", "components");
  const installed = existsSync(list) ? readFileSync(list, "utf8").split("\n") : [];
  const has = (name: string): boolean =>
    installed.some((line) => line === name || line.startsWith(`${name}-`) || line.startsWith(`${name}-preview-`));
  return pin.components.filter((name) => !has(name));
}

/**
 * Has rustup install the toolchain that a workspace asks for, when rustc said that it lacks it; or add to the toolchain in
 * use the target and the components.
 * @returns why it could not; undefined: it did
 * @throws Failure (3) when the compiler is older than the workspace asks
 */
export async function addByRustup(
  request: ToolchainRequest,
  { sysroot, version, complaint }: RustcAnswer,
  pin: Pin | undefined,
  progress: Progress,
  limitMs = LIMIT_MS,
): Promise<Refusal | undefined> {
  const { cargo, target, also = [] } = request;
  const lack = rustupError(complaint ?? "") ?? "there is no rustc that tells its sysroot";
  const absent = sysroot === undefined && pin !== undefined && lack.includes(`'${pin.channel}`) ? pin : undefined;
  if (sysroot === undefined && absent === undefined) return { reason: lack, outOfReach: true };
  if (sysroot !== undefined && !isRustups(sysroot)) return { reason: "its rustc is not rustup's", outOfReach: true };
  const folders = [dirname(cargo), ...(environment().PATH ?? "").split(":")];
  const rustup = folders.map((folder) => join(folder, "rustup")).find((path) => existsSync(path));
  if (rustup === undefined) return { reason: "rustup is not on PATH", outOfReach: true };

  await checkBefore(request.folder, version?.release, absent);
  const $ = await shell();
  const ask = async (what: string, ...args: string[]): Promise<Refusal | undefined> => {
    progress(`asking rustup for ${what}`);
    const limit = AbortSignal.timeout(limitMs);
    const result = await $({ signal: limit })`${rustup} ${args}`;
    if (limit.aborted) return { reason: `rustup was not done after ${limitMs / 1000} s`, outOfReach: true };
    if (result.ok) return undefined;
    const reason = `rustup could not add ${what}: ${rustupError(result.stderr) ?? ending(result)}`;
    return { reason, outOfReach: isNetworks(result.stderr) };
  };
  if (absent !== undefined) {
    const { channel, components } = absent;
    const targets = [...new Set([...absent.targets, ...[target, ...also].map(({ triple }) => triple)])];
    const options = (name: string, values: readonly string[]): string[] => values.flatMap((value) => [name, value]);
    const refusal = await ask(
      `Rust ${channel}`,
      ...["toolchain", "install", channel, "--no-self-update", "--profile", "minimal"],
      ...[...options("--component", components), ...options("--target", targets)],
    );
    if (refusal !== undefined) return refusal;
    const now = await askRustc(cargo, request.folder);
    if (now.sysroot !== undefined && hasStd(now.sysroot, target.triple)) return undefined;
    return { reason: `rustup installed ${channel}, but rustc can't be used`, outOfReach: false };
  }
  const toolchain = ["--toolchain", basename(sysroot ?? "")];
  const components = lackingComponents(sysroot ?? "", pin);
  if (components.length > 0) {
    // The compiler that is there can build without most of them, so a refusal is no reason to take another.
    const refusal = await ask(components.join(" and "), "component", "add", ...toolchain, ...components);
    if (refusal !== undefined) progress(refusal.reason);
  }
  if (hasStd(sysroot ?? "", target.triple)) return undefined;
  const refusal = await ask(target.triple, "target", "add", ...toolchain, target.triple);
  if (refusal !== undefined || hasStd(sysroot ?? "", target.triple)) return refusal;
  return { reason: `rustup could not add ${target.triple}: exit code 0`, outOfReach: false };
}

/** Checks that what rustup is asked for is of use, where its version is known. @throws Failure (3) with both versions */
async function checkBefore(folder: string, version: string | undefined, absent: Pin | undefined): Promise<void> {
  if (absent === undefined) {
    if (version !== undefined) await checkRust(folder, version);
  } else if (/^[0-9]/.test(absent.channel)) {
    await checkRust(folder, absent.channel, `raise channel in ${printable(absent.file)}`);
  }
}

/** Whether rustup failed for the network's sake. A server that has no such version was within reach. */
const isNetworks = (stderr: string): boolean =>
  /could not download|download failed/.test(stderr) && !/nonexistent|status code: 404/.test(stderr);

/** rustup's error and its innermost cause, without back trace; undefined when it gives none. */
export function rustupError(stderr: string): string | undefined {
  const [report = ""] = stderr.split(/^stack backtrace:$/im);
  const error = /^error: (.+)$/m.exec(report)?.[1] ?? /panicked at .*\n(.+)$/m.exec(report)?.[1];
  const cause = [...report.matchAll(/^ +[0-9]+: (.+)$/gm)].at(-1)?.[1];
  return error === undefined ? undefined : printable(cause === undefined ? error : `${error}: ${cause}`);
}
