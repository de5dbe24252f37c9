/**
 * Every environment variable that the project reads: its type, default and meaning. Help and docs are made from this
 * table, and no other file touches process.env. An empty variable counts as unset.
 */
import { DEFAULT_REPO, DEFAULT_SERVER, DEFAULT_TARGET, SIGNER_WORKFLOW, TAG_FORM } from "./contract.ts";
import { printable, usageFailure } from "./errors.ts";
import {
  bytes,
  choice,
  count,
  flag,
  type Kind,
  mirror,
  origin,
  path,
  presence,
  proxy,
  regex,
  repository,
  seconds,
  sha256,
  text,
  token,
  workflow,
} from "./knob-kinds.ts";

/** A knob: its kind, what it means, and the default when there is one (as the user would write it). */
interface Knob<T> extends Kind<T> {
  means: string;
  default?: string;
  /** user: shown in help; host: set by the system around us (shell, cargo, CI), read but not ours to document at length. */
  audience: "user" | "host";
  secret?: true;
}

type WithDefault<T> = Knob<T> & { default: string };

function user<T>(kind: Kind<T>, means: string): Knob<T>;
function user<T>(kind: Kind<T>, means: string, fallback: string): WithDefault<T>;
function user<T>(kind: Kind<T>, means: string, fallback?: string): Knob<T> {
  return { ...kind, means, audience: "user", ...(fallback === undefined ? {} : { default: fallback }) };
}
function host<T>(kind: Kind<T>, means: string): Knob<T>;
function host<T>(kind: Kind<T>, means: string, fallback: string): WithDefault<T>;
function host<T>(kind: Kind<T>, means: string, fallback?: string): Knob<T> {
  return { ...kind, means, audience: "host", ...(fallback === undefined ? {} : { default: fallback }) };
}
const secret = (means: string): Knob<string> => ({ ...host(token, means), secret: true });

export const KNOBS = {
  TARGET: user(text, "target triple to work on; wins over FASTBOOP_STAGE0_TARGET"),
  PROFILE: user(choice("release", "debug"), "cargo profile of the sub-build", "release"),
  WORKSPACE: user(
    path,
    "cargo workspace that holds stage0/Cargo.toml; else the nearest one at or above your folder, else the example",
  ),
  DIST: user(path, "folder that artifacts are written to and read from; else dist in the project"),
  FORCE: user(flag, "make install-workflows writes over files that differ", "0"),
  BOOT: user(flag, "make preflight also boots what it passes", "0"),
  KERNEL_x86_64: user(path, "kernel image to boot for x86_64, instead of Debian's"),
  KERNEL_aarch64: user(path, "kernel image to boot for aarch64, instead of Debian's"),
  KERNEL_arm: user(path, "kernel image to boot for armv7, instead of Debian's"),
  FASTBOOP_STAGE0_EMBED_PATH: user(path, "prebuilt stage0 to take instead of building or downloading one"),
  FASTBOOP_STAGE0_TARGET: user(text, "target triple of the sub-build", DEFAULT_TARGET),
  FASTBOOP_STAGE0_CARGO: user(path, "cargo of the sub-build; else CARGO, else cargo"),
  FASTBOOP_STAGE0_TOOLCHAIN: user(
    choice("auto", "rustup", "debian", "none"),
    "where the target's standard library may come from",
    "auto",
  ),
  FASTBOOP_STAGE0_MAX_SIZE: user(bytes, "size budget of a stage0 file", "32MiB"),
  FASTBOOP_STAGE0_BOOT_EXPECT: user(regex, "console line that a boot must show; the example workspace has its own"),
  FASTBOOP_STAGE0_BOOT_TIMEOUT: user(seconds, "time limit of one boot, in seconds", "60"),
  FASTBOOP_CLI: user(path, "fastboop's CLI, static for the target, that make phone runs; else one that is built"),
  ROOTFS: user(
    path,
    "root file system image that make phone boots, with kernel and modules in it; else one that is made",
  ),
  ROOTFS_TYPE: user(choice("erofs", "ext4"), "file system of the root file system that make phone boots", "erofs"),
  REPEAT: user(count, "how many times make phone boots each artifact", "1"),
  LOAD: user(flag, "make phone keeps the processors busy meanwhile", "0"),
  CONSOLE: user(
    choice("0", "1", "break"),
    "make phone gives the console of one phone: 1 for a shell in its root file system, break for stage0's before it",
    "0",
  ),
  PHONE: user(
    flag,
    "make preflight also boots an emulated phone with what it passes, make publish before it publishes, make rehearse too",
    "0",
  ),
  PHONE_FAULTS: user(flag, "make phone meets a fault at every step, each with the outcome that it expects", "0"),
  FASTBOOP_STAGE0_PHONE_TIMEOUT: user(seconds, "time limit of one boot of make phone, in seconds", "300"),
  TAG: user(text, `release tag, ${TAG_FORM}, or a distribution's spelling of one; wins over FASTBOOP_STAGE0_TAG`),
  VERSION: user(text, "version that make tag spells: a tag, or what a distribution or Cargo.toml makes of one"),
  FORMAT: user(choice("deb", "rpm", "apk", "cargo", "packit"), "spelling that make tag prints; else the tag itself"),
  FILE: user(path, "file that verify and identify are about"),
  OUT: user(path, "file that fetch-stage0 writes; else dist/fetched/<tag>/<asset>"),
  FASTBOOP_STAGE0_TAG: user(text, "release tag to fetch; else v + the workspace's version"),
  FASTBOOP_STAGE0_REPO: user(repository, "repository whose releases are used", DEFAULT_REPO),
  FASTBOOP_STAGE0_MIRROR: user(mirror, "base address laid out as <tag>/<asset>, used instead of the repository"),
  FASTBOOP_STAGE0_SHA256: user(sha256, "pin: the sha256 that the asset must have"),
  FASTBOOP_STAGE0_TRUST: user(
    choice("pin", "sums", "provenance"),
    "what a repository or mirror that is not the default must be backed by",
    "pin",
  ),
  FASTBOOP_STAGE0_SIGNER_WORKFLOW: user(
    workflow,
    "file name of the repository's workflow that signs its releases",
    SIGNER_WORKFLOW,
  ),
  FASTBOOP_STAGE0_TRUSTED_ROOT: user(path, "trusted root of the signatures, instead of Sigstore's public one"),
  FASTBOOP_STAGE0_ACCEPT_WITHDRAWN: user(flag, "takes a release although its publisher has withdrawn it", "0"),
  FASTBOOP_STAGE0_OFFLINE: user(flag, "fetch-stage0 opens no socket: cache, mirror folder or local file must do", "0"),
  FASTBOOP_STAGE0_CACHE: user(path, "folder of the cache; else stage0-distribution below XDG_CACHE_HOME"),
  FASTBOOP_STAGE0_STALL_TIMEOUT: user(
    seconds,
    "a transfer in which nothing comes back for so long is broken off",
    "30",
  ),

  FAULTS: user(flag, "make rehearse meets a fault at every network step", "0"),
  REASON: user(text, "why make withdraw marks a release; people and scripts see it"),
  UNDRAFT: user(flag, "make publish also publishes the draft, once all is verified", "0"),
  TOOLS: user(flag, "dist/ is to be a release of this project itself: its tools, and no stage0", "0"),
  RUNTIME: user(choice("node", "deno"), "what make runs the scripts with", "node"),
  DESTDIR: user(path, "folder that make install puts in front of PREFIX"),
  PREFIX: user(path, "where make install installs below", "/usr"),

  CALLER_DIR: host(path, "folder that make was called from; set by the Makefile"),
  MAKE_VARIABLES: host(text, "names of the variables on make's command line; set by the Makefile"),
  CARGO_HOME: host(path, "cargo's home folder, whose config.toml counts; else ~/.cargo"),
  CARGO_TARGET_DIR: host(path, "folder below which the sub-build works; else target in the workspace"),
  CARGO_CFG_TARGET_ARCH: host(
    text,
    "set by cargo in build scripts: TARGET, PROFILE and rustc's flags then speak of the outer build and are not ours",
  ),
  CARGO: host(path, "cargo of the sub-build when FASTBOOP_STAGE0_CARGO is unset"),
  CI: host(presence, "set by CI systems: nothing may be skipped"),
  NO_COLOR: host({ ...presence, parse: () => true }, "no colour in the log (no-color.org)"),
  HOME: host(path, "home folder"),
  XDG_CACHE_HOME: host(path, "folder below which toolchains and kernels are cached; else ~/.cache"),
  GITHUB_SERVER_URL: host(origin, "web address of the GitHub server", DEFAULT_SERVER),
  GITHUB_API_URL: host(origin, "API address of the GitHub server; /api/v3 of any server but the default"),
  GH_TOKEN: secret("token of github.com or *.ghe.com, for private repositories and drafts"),
  GITHUB_TOKEN: secret("the same, when GH_TOKEN is unset"),
  GH_ENTERPRISE_TOKEN: secret("token of any other server that GITHUB_SERVER_URL names"),
  GITHUB_ENTERPRISE_TOKEN: secret("the same, when GH_ENTERPRISE_TOKEN is unset"),
  http_proxy: { ...host(proxy, "proxy for http:// addresses"), secret: true },
  HTTP_PROXY: { ...host(proxy, "the same, when http_proxy is unset"), secret: true },
  https_proxy: { ...host(proxy, "proxy for https:// addresses"), secret: true },
  HTTPS_PROXY: { ...host(proxy, "the same, when https_proxy is unset"), secret: true },
  all_proxy: { ...host(proxy, "proxy for addresses that have none of their own"), secret: true },
  ALL_PROXY: { ...host(proxy, "the same, when all_proxy is unset"), secret: true },
  no_proxy: host(text, "hosts that are reached without the proxy"),
  NO_PROXY: host(text, "the same, when no_proxy is unset"),
  GITHUB_ACTIONS: host(presence, "set by GitHub Actions: annotations and job summary are written"),
  GITHUB_ENV: host(path, "file that takes NAME=value lines for a job's later steps"),
  GITHUB_OUTPUT: host(path, "file that takes a step's outputs"),
  GITHUB_EVENT_NAME: host(text, "what set off the workflow"),
  GITHUB_EVENT_PATH: host(path, "file with the event's JSON"),
  GITHUB_REF: host(text, "full name of the branch or tag that set off the workflow"),
  GITHUB_STEP_SUMMARY: host(path, "file that takes the job summary's Markdown"),
  SOURCE_DATE_EPOCH: host(
    { takes: "seconds since 1970", parse: (value) => (/^[0-9]{1,12}$/.test(value) ? Number(value) : undefined) },
    "time stamp of everything that is packed (reproducible-builds.org)",
  ),
} satisfies Record<string, Knob<unknown>>;

export type KnobName = keyof typeof KNOBS;

/** What is read together, for the scripts' lists. */
export const CACHE_KNOBS = ["FASTBOOP_STAGE0_CACHE", "XDG_CACHE_HOME", "HOME"] as const satisfies readonly KnobName[];
export const BOOT_KNOBS = [
  ...(["TARGET", "DIST", "WORKSPACE", "KERNEL_x86_64", "KERNEL_aarch64", "KERNEL_arm"] as const),
  ...(["FASTBOOP_STAGE0_EMBED_PATH", "FASTBOOP_STAGE0_MAX_SIZE"] as const),
  ...(["FASTBOOP_STAGE0_BOOT_EXPECT", "FASTBOOP_STAGE0_BOOT_TIMEOUT"] as const),
  ...CACHE_KNOBS,
] as const satisfies readonly KnobName[];
export const TOKEN_KNOBS = [
  ...(["GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"] as const),
] as const satisfies readonly KnobName[];
export const PHONE_KNOBS = [
  ...(["DIST", "WORKSPACE", "FASTBOOP_CLI", "ROOTFS", "ROOTFS_TYPE", "REPEAT", "LOAD"] as const),
  ...(["PHONE_FAULTS", "FASTBOOP_STAGE0_PHONE_TIMEOUT", "FASTBOOP_STAGE0_MAX_SIZE"] as const),
  ...(["FASTBOOP_STAGE0_CARGO", "CARGO", "CARGO_HOME", "FASTBOOP_STAGE0_TOOLCHAIN", "CARGO_CFG_TARGET_ARCH"] as const),
  ...CACHE_KNOBS,
] as const satisfies readonly KnobName[];
export const NETWORK_KNOBS = [
  ...(["FASTBOOP_STAGE0_OFFLINE", "FASTBOOP_STAGE0_STALL_TIMEOUT"] as const),
  ...(["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] as const),
  ...(["no_proxy", "NO_PROXY"] as const),
] as const satisfies readonly KnobName[];

type Value<N extends KnobName> = (typeof KNOBS)[N] extends Knob<infer T> ? T : never;
/** What knob() gives: undefined only for those without a default. */
type Read<N extends KnobName> = (typeof KNOBS)[N] extends { default: string } ? Value<N> : Value<N> | undefined;

/** The tokens as they stand in the environment, well-formed or not: what no log may show. */
export const tokens = (): string[] => TOKEN_KNOBS.flatMap((name) => process.env[name]?.trim() || []);

// Of an empty home folder programs make the current one; of none, what the system's list of users says.
if (process.env.HOME === "") delete process.env.HOME;

/** The whole environment, for programs that we start. */
export const environment = (): Record<string, string> => ({ ...process.env }) as Record<string, string>;

/** Takes a variable out of the environment of this process and of those that it starts. */
export function forget(name: KnobName): void {
  delete process.env[name];
}

/** In a build script TARGET and PROFILE are cargo's words for the outer build; make passes on only the caller's own. */
const isOuterBuilds = (name: KnobName): boolean =>
  (name === "TARGET" || name === "PROFILE") && !!process.env.CARGO_CFG_TARGET_ARCH && !process.env.CALLER_DIR;

/**
 * The value of an environment variable, or its default, or undefined when it has none.
 * @throws Failure (2) naming the variable, what it takes and what it got, when it does not parse
 */
export function knob<N extends KnobName>(name: N): Read<N> {
  const definition: Knob<unknown> = KNOBS[name];
  const given = (isOuterBuilds(name) ? "" : process.env[name]) || definition.default;
  if (given === undefined) return undefined as Read<N>;
  const value = definition.parse(given);
  if (value === undefined) {
    throw usageFailure({
      what: `the environment variable ${name} does not parse`,
      expected: definition.takes,
      got: definition.secret ? "(not shown)" : `"${printable(given)}"`,
      fix: `set ${name} to ${definition.takes}, or unset it${definition.default ? ` for the default, ${definition.default}` : ""}`,
    });
  }
  return value as Read<N>;
}
