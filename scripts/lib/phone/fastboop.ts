/** fastboop's CLI for a target, unmodified: the user's, the workspace's own, or that of crates.io, built once into the cache. */
import * as fs from "node:fs";
import { join } from "node:path";
import { executablesIn } from "../build/cargo.ts";
import { ensureFolder } from "../cache-folder.ts";
import { FASTBOOP_CLI, type Target } from "../contract.ts";
import type { Architecture } from "../debian/entries.ts";
import { withArchive } from "../debian.ts";
import { EMBED_PATH } from "../embed-path.ts";
import { missingFailure, printable } from "../errors.ts";
import { knob } from "../knobs.ts";
import { cacheDir, fromCaller } from "../paths.ts";
import { run } from "../process.ts";
import type { Progress } from "../progress.ts";
import type { Program } from "../tools.ts";
import { findWorkspace } from "../workspace.ts";
import { PHONE_SOURCE, runBuild } from "./program.ts";

/** What C is compiled with for a target, and how Debian names its parts. */
interface C {
  compiler: Program;
  architecture: Architecture;
  /** The folders of musl's headers and of the architecture's own, in /usr/include. */
  musl: string;
  multiarch: string;
}

const OF: Record<string, C> = {
  x86_64: {
    compiler: "x86_64-linux-gnu-gcc",
    architecture: "amd64",
    musl: "x86_64-linux-musl",
    multiarch: "x86_64-linux-gnu",
  },
  aarch64: {
    compiler: "aarch64-linux-gnu-gcc",
    architecture: "arm64",
    musl: "aarch64-linux-musl",
    multiarch: "aarch64-linux-gnu",
  },
  arm: {
    compiler: "arm-linux-gnueabihf-gcc",
    architecture: "armhf",
    musl: "arm-linux-musleabihf",
    multiarch: "arm-linux-gnueabihf",
  },
};

const NAME = "fastboop";

/** Where a CLI comes from. */
export interface Fastboop {
  path: string;
  /** Its name and version, or path, for people. */
  name: string;
}

/** The programs that the CLI's build needs; none when there is nothing to build. */
export function compilersFor(target: Target): Program[] {
  const { compiler } = partsOf(target);
  return knob("FASTBOOP_CLI") !== undefined || (ownWorkspace() === undefined && fs.existsSync(released(target)))
    ? []
    : [compiler];
}

/**
 * FASTBOOP_CLI, else the CLI of the workspace, else the contract's of crates.io.
 * @param stage0 absolute path of the artifact, for a workspace whose CLI embeds it
 * @throws Failure (3) when there is none and none can be built
 */
export async function fastboopFor(target: Target, stage0: string, progress: Progress): Promise<Fastboop> {
  const given = knob("FASTBOOP_CLI");
  if (given !== undefined) return { path: fromCaller(given), name: printable(given) };
  const workspace = ownWorkspace();
  if (workspace !== undefined)
    return { path: await buildOwn(workspace, target, stage0, progress), name: "WORKSPACE's" };
  const folder = released(target);
  await ensureFolder(folder, progress, async (staging) => {
    const variables = await compilerVariables(target, join(staging, "headers"), progress);
    progress(`building ${FASTBOOP_CLI.crate} ${FASTBOOP_CLI.version} for ${target.triple}`);
    const targetDir = join(staging, "target");
    const source = [FASTBOOP_CLI.crate, "--version", `=${FASTBOOP_CLI.version}`, "--locked", "--quiet"];
    const args = ["install", ...source, "--no-track", "--root", staging, "--target-dir", targetDir];
    await runBuild(PHONE_SOURCE, target, targetDir, args, variables);
    for (const name of ["target", "headers"]) fs.rmSync(join(staging, name), { recursive: true });
  });
  return { path: join(folder, "bin", NAME), name: `${FASTBOOP_CLI.crate} ${FASTBOOP_CLI.version}` };
}

const released = ({ triple }: Target): string =>
  cacheDir("phone-cli", `${FASTBOOP_CLI.crate}-${FASTBOOP_CLI.version}_${triple}`);

/** The folder of a workspace that has a CLI of its own. The example's is a miniature that drives no cable. */
function ownWorkspace(): string | undefined {
  const { dir, origin } = findWorkspace();
  return origin === "example" || !fs.existsSync(join(dir, "cli", "Cargo.toml")) ? undefined : dir;
}

async function buildOwn(dir: string, target: Target, stage0: string, progress: Progress): Promise<string> {
  const targetDir = join(cacheDir("phone-workspace"), target.triple);
  const variables = await compilerVariables(target, join(targetDir, "headers"), progress);
  progress(`building WORKSPACE's fastboop-cli for ${target.triple}`);
  const args = [
    "build",
    "--release",
    "--locked",
    "--target-dir",
    targetDir,
    "--message-format=json-render-diagnostics",
  ];
  const selection = ["--package", "fastboop-cli"];
  const messages = await runBuild(dir, target, targetDir, args, { ...variables, [EMBED_PATH]: stage0 }, selection);
  const [executable] = executablesIn(messages, [NAME, FASTBOOP_CLI.crate]);
  if (executable !== undefined) return executable;
  throw missingFailure({ what: "cargo built no executable fastboop", file: printable(dir), fix: "set FASTBOOP_CLI" });
}

/**
 * The variables by which build scripts compile C for the target: Debian's GCC with musl's headers and the kernel's in place
 * of its own.
 * @param folder the headers are unpacked there, unless they are
 */
async function compilerVariables(target: Target, folder: string, progress: Progress): Promise<Record<string, string>> {
  const { compiler, architecture, musl, multiarch } = partsOf(target);
  const include = join(folder, "usr", "include");
  if (!fs.existsSync(include)) {
    await withArchive([architecture], progress, (archive) =>
      archive.unpack([{ packages: ["musl-dev", "linux-libc-dev"], folder }]),
    );
  }
  const { stdout } = await run([compiler, "-print-file-name=include"]);
  const system = [join(include, musl), stdout.trim()].flatMap((path) => ["-isystem", path]);
  const after = [include, join(include, multiarch)].flatMap((path) => ["-idirafter", path]);
  const name = target.triple.replaceAll("-", "_");
  return {
    [`CC_${name}`]: compiler,
    [`CFLAGS_${name}`]: ["-nostdinc", ...system, ...after].join(" "),
    // A library of the system's would be for another C library.
    PKG_CONFIG_PATH: "",
    PKG_CONFIG_LIBDIR: "/nowhere",
  };
}

function partsOf({ arch, triple }: Target): C {
  const parts = OF[arch];
  if (parts === undefined) throw new Error(`no C compiler for ${triple}`);
  return parts;
}
