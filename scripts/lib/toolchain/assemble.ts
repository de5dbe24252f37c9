/** How a toolchain for a musl target is put together; what of, and for whom, is in debian-std.ts. */
import * as fs from "node:fs";
import { basename, join } from "node:path";
import { type Architecture, withArchive } from "../debian.ts";
import { missingFailure, printable } from "../errors.ts";
import { writeText } from "../files.ts";
import { ending } from "../process.ts";
import type { Progress } from "../progress.ts";
import { shell } from "../shell.ts";
import { shellQuote } from "../shell-quote.ts";

/** How a target's pieces are named in Debian's packages. */
export interface Recipe {
  architecture: Architecture;
  /** Folder of musl-dev's libraries. */
  musl: string;
  /** Folder of libgcc's start files, for one GCC version. */
  gcc(version: string): string;
}

/** A toolchain that is to be made. */
interface Plan {
  triple: string;
  recipe: Recipe;
  /** Where the toolchain will be, which its scripts have to name. */
  final: string;
  /** Where it is made. */
  staging: string;
}

/** Makes the toolchains of all plans in their staging folders. */
export async function assemble(plans: readonly Plan[], host: string, progress: Progress): Promise<void> {
  const [first] = plans;
  if (first === undefined) return;
  const work = join(first.staging, "work");
  // At the same time, as downloads wait for the network and the compiler for the processor.
  const stop = new AbortController();
  const jobs = [
    buildStd(plans, work, stop.signal, progress),
    ...plans.map((plan) => unpackTarget(plan, join(work, plan.triple), stop.signal)),
  ];
  try {
    await Promise.all(jobs);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(jobs);
    throw error;
  }
  for (const plan of plans) await finish(plan, host, work, progress);
  fs.rmSync(work, { recursive: true });
}

const LIBRARY = "/usr/lib/rustlib/src/rust/library";

/** Builds the standard library for all plans into `<work>/std/<triple>/release/deps`, from Debian's vendored sources. */
async function buildStd(plans: readonly Plan[], work: string, signal: AbortSignal, progress: Progress): Promise<void> {
  progress(`building the standard library for ${plans.map(({ triple }) => triple).join(" and ")}`);
  const crate = join(work, "crate");
  writeText(join(crate, "Cargo.toml"), '[package]\nname = "throwaway"\nversion = "0.0.0"\nedition = "2021"\n');
  writeText(join(crate, "src", "lib.rs"), "#![no_std]\n");
  writeText(join(crate, "rustc"), STD_RUSTC, 0o755);
  await must(
    [
      "/usr/bin/cargo",
      ...["build", "--release", "--offline", "--quiet", "-Zbuild-std=std,panic_abort,panic_unwind"],
      ...["--manifest-path", join(crate, "Cargo.toml"), "--target-dir", join(work, "std")],
      ...plans.flatMap(({ triple }) => ["--target", triple]),
      ...["--config", 'source.crates-io.replace-with="vendored"'],
      ...["--config", `source.vendored.directory="${LIBRARY}/vendor"`],
    ],
    {
      signal,
      // From the root folder and with a home of its own, so that no cargo configuration of the user's takes part.
      cwd: "/",
      env: {
        PATH: "/usr/bin:/bin",
        HOME: work,
        CARGO_HOME: join(work, "home"),
        RUSTC: join(crate, "rustc"),
        // Debian's stable compiler then takes -Z.
        RUSTC_BOOTSTRAP: "1",
        // As the Rust project builds it: without bitcode no profile with lto could link it. Cargo's own flag comes first.
        RUSTFLAGS: "-Cembed-bitcode=yes",
      },
    },
  );
}

/** A program with panic = "abort" can only link this one crate when it was itself built so, which cargo can't be told. */
const STD_RUSTC = `#!/bin/sh
case " $* " in
*" --crate-name panic_abort "*) set -- "$@" -C panic=abort ;;
esac
exec /usr/bin/rustc "$@"
`;

const MUSL_FILES = ["crt1.o", "rcrt1.o", "Scrt1.o", "crti.o", "crtn.o", "libc.a", "libdl.a", "libpthread.a"];
const GCC_FILES = ["crtbegin.o", "crtbeginS.o", "crtbeginT.o", "crtend.o", "crtendS.o"];

/** Unpacks the target's C library, start files and unwinder, and gathers what is needed of them in `<folder>/self-contained`. */
async function unpackTarget(plan: Plan, folder: string, signal: AbortSignal): Promise<void> {
  const { architecture, musl, gcc } = plan.recipe;
  await withArchive(
    architecture,
    () => {},
    async (archive) => {
      // The versions of LLVM and GCC that this Debian release has as its default.
      const llvm = (await archive.dependency("lld", /^lld-[0-9]+$/)).slice("lld-".length);
      const gccVersion = (await archive.dependency("gcc", /^gcc-[0-9]+$/)).slice("gcc-".length);
      const packages = ["musl-dev", `libgcc-${gccVersion}-dev`, `libunwind-${llvm}-dev`];
      await archive.unpack(packages, join(folder, "root"));
      const files = [
        ...MUSL_FILES.map((name) => join(musl, name)),
        ...GCC_FILES.map((name) => join(gcc(gccVersion), name)),
        join("usr/lib", `llvm-${llvm}`, "lib/libunwind.a"),
      ];
      fs.mkdirSync(join(folder, "self-contained"));
      for (const file of files) {
        fs.copyFileSync(join(folder, "root", file), join(folder, "self-contained", basename(file)));
      }
      const versions: Record<string, string | undefined> = {};
      for (const name of packages) versions[`${name}:${architecture}`] = await archive.version(name);
      writeText(join(folder, "packages.json"), `${JSON.stringify(versions, null, 2)}\n`);
    },
    signal,
  );
}

/**
 * What Debian's libunwind.a wants of glibc: it was built with _FORTIFY_SOURCE, and prints with this before it aborts.
 * musl's fprintf can't be handed C's variable arguments from here, so the message goes and the abort stays.
 */
const SHIM = `#[unsafe(no_mangle)]
pub extern "C" fn __fprintf_chk() -> i32 { 0 }
`;

const PROBE = `fn main() {
    let caught = std::panic::catch_unwind(|| std::thread::spawn(|| 1).join().unwrap());
    println!("{caught:?}");
}
`;

/** Puts a toolchain together, and has it link a program before anybody may use it. */
async function finish(plan: Plan, host: string, work: string, progress: Progress): Promise<void> {
  progress(`putting the toolchain for ${plan.triple} together`);
  const { triple, staging, final } = plan;
  const unpacked = join(work, triple);
  const rustlib = join(staging, "sysroot", "lib", "rustlib");
  const lib = join(rustlib, triple, "lib");
  fs.mkdirSync(lib, { recursive: true });
  const deps = join(work, "std", triple, "release", "deps");
  for (const name of fs.readdirSync(deps)) {
    if (name.endsWith(".rlib") && !name.startsWith("libthrowaway-")) fs.renameSync(join(deps, name), join(lib, name));
  }
  fs.renameSync(join(unpacked, "self-contained"), join(lib, "self-contained"));
  fs.renameSync(join(unpacked, "packages.json"), join(staging, "packages.json"));
  // Build scripts and procedural macros are for the host.
  fs.mkdirSync(join(rustlib, host, "bin"), { recursive: true });
  fs.symlinkSync(`/usr/lib/rustlib/${host}/lib`, join(rustlib, host, "lib"));
  // Where rustc looks for its own linker, whatever PATH is. The generic driver takes lld's flavor from rustc's arguments.
  fs.symlinkSync("/usr/bin/lld", join(rustlib, host, "bin", "rust-lld"));

  const bin = join(staging, "bin");
  writeText(join(bin, "rustc"), rustcScript(triple, final), 0o755);
  writeText(join(bin, "cargo"), cargoScript(final), 0o755);

  const rustc = [
    "/usr/bin/rustc",
    "--sysroot",
    join(staging, "sysroot"),
    "--target",
    triple,
    "--edition",
    "2021",
    "-O",
  ];
  const shim = join(unpacked, "shim");
  writeText(`${shim}.rs`, SHIM);
  await must([...rustc, "--crate-type", "lib", "-Cpanic=abort", "--emit", "obj", "-o", `${shim}.o`, `${shim}.rs`]);
  await must(["ar", "r", join(lib, "self-contained", "libunwind.a"), `${shim}.o`]);
  const probe = join(unpacked, "probe");
  writeText(`${probe}.rs`, PROBE);
  await must([...rustc, "-Clinker=rust-lld", "-Ctarget-feature=+crt-static", "-o", probe, `${probe}.rs`]);
}

/** rustc with a sysroot that has the target, and with the linker for it unless a later argument names another. */
const rustcScript = (triple: string, folder: string): string => `#!/bin/sh
case " $* " in
*" --target ${triple} "* | *" --target=${triple} "*) set -- -C linker=rust-lld "$@" ;;
esac
exec /usr/bin/rustc --sysroot ${shellQuote(join(folder, "sysroot"))} "$@"
`;

const cargoScript = (folder: string): string => `#!/bin/sh
RUSTC=${shellQuote(join(folder, "bin", "rustc"))}
PATH=${shellQuote(join(folder, "bin"))}\${PATH:+:$PATH}
export RUSTC PATH
exec /usr/bin/cargo "$@"
`;

/** Runs a step that can only fail for want of disk or memory, or by a change in Debian's packages. */
async function must(command: readonly string[], options: Parameters<typeof shell>[0] = {}): Promise<void> {
  const $ = await shell(options);
  const result = await $`${command}`;
  if (result.ok) return;
  const { stderr } = result;
  const errors = stderr.split("\n").filter((line) => /^error|No space left/.test(line));
  throw missingFailure({
    what: `making the toolchain failed: ${basename(command[0] ?? "")} ended with ${ending(result)}`,
    got: printable(errors.slice(0, 3).join("; ") || stderr.trim().slice(-500)),
    fix: "see whether disk and memory are used up, and run it again",
  });
}
