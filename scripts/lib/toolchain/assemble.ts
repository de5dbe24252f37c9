/** How a toolchain for a musl target is put together; what of, and for whom, is in debian.ts. */
import * as fs from "node:fs";
import { basename, join } from "node:path";
import type { Archive } from "../debian.ts";
import { writeText } from "../files.ts";
import type { Progress } from "../progress.ts";
import { must } from "./must.ts";
import type { Compiler, TargetPackages } from "./packages.ts";
import type { Host } from "./recipes.ts";
import { cargoScript, launcher, rustcScript, rustfmtScript, stdRustcScript } from "./scripts.ts";

/** Unpacks a compiler for this machine into a folder. */
export async function makeCompiler(folder: string, compiler: Compiler, host: Host, archive: Archive): Promise<void> {
  await archive.unpack([{ packages: compiler.packages, folder }]);
  fs.rmSync(join(folder, "usr", "share"), { recursive: true });
  for (const name of ["rustc", "cargo", "rustfmt"])
    writeText(join(folder, "bin", name), launcher(host, "..", `usr/bin/${name}`), 0o755);
  // Where rustc looks for its own linker, whatever PATH is. The generic driver takes lld's flavor from rustc's arguments.
  const lld = launcher(host, "../../../../..", `usr/lib/llvm-${compiler.llvm}/bin/lld`);
  writeText(join(folder, "usr", "lib", "rustlib", host.triple, "bin", "rust-lld"), lld, 0o755);
  await writeVersions(folder, compiler.packages, archive);
}

/** A target, and the folder to make its part of the toolchain in: beside the compiler's. */
interface TargetPart {
  target: TargetPackages;
  folder: string;
}

/** Makes what targets need beyond a compiler, whose folder is `made`. */
export async function makeTargets(
  parts: readonly TargetPart[],
  compiler: Compiler,
  made: string,
  host: Host,
  archive: Archive,
  progress: Progress,
): Promise<void> {
  const [first] = parts;
  if (first === undefined) return;
  const work = join(first.folder, "work");
  const root = (triple: string): string => join(work, "root", triple);
  await archive.unpack([
    { packages: [compiler.src], folder: join(work, "src") },
    ...parts.map(({ target: { packages, recipe } }) => ({ packages, folder: root(recipe.triple) })),
  ]);
  const triples = parts.map(({ target }) => target.recipe.triple);
  progress(`building the standard library for ${triples.join(" and ")}`);
  await buildStd(triples, work, made, host);
  for (const { target, folder } of parts) {
    const { triple } = target.recipe;
    progress(`putting the toolchain for ${triple} together`);
    const deps = join(work, "target", triple, "release", "deps");
    const lib = join(folder, "sysroot", "lib", "rustlib", triple, "lib");
    fs.mkdirSync(lib, { recursive: true });
    for (const name of fs.readdirSync(deps)) {
      if (name.endsWith(".rlib") && !name.startsWith("libthrowaway-")) fs.renameSync(join(deps, name), join(lib, name));
    }
    copySelfContained(target, root(triple), join(lib, "self-contained"));
    // Build scripts and procedural macros are for the host.
    const near = join("..", "..", "..", "..", basename(made), "usr", "lib", "rustlib", host.triple);
    fs.symlinkSync(near, join(folder, "sysroot", "lib", "rustlib", host.triple));
    writeText(join(folder, "bin", "rustc"), rustcScript(triple, basename(made)), 0o755);
    writeText(join(folder, "bin", "rustfmt"), rustfmtScript(basename(made)), 0o755);
    writeText(join(folder, "bin", "cargo"), cargoScript(host, basename(made)), 0o755);
    await writeVersions(folder, target.packages, archive);
    await finish(triple, folder, join(work, triple));
  }
  fs.rmSync(work, { recursive: true });
}

/** Builds the standard library into `<work>/target/<triple>/release/deps`, from Debian's vendored sources in `<work>/src`. */
async function buildStd(triples: readonly string[], work: string, compiler: string, host: Host): Promise<void> {
  const rustlib = join(work, "sysroot", "lib", "rustlib");
  fs.mkdirSync(join(rustlib, "src"), { recursive: true });
  fs.symlinkSync(join(compiler, "usr", "lib", "rustlib", host.triple), join(rustlib, host.triple));
  const sources = join(work, "src", "usr", "lib", "rustlib", "src", "rust");
  fs.symlinkSync(sources, join(rustlib, "src", "rust"));
  // Above the sources: cargo then hashes their paths from here on, and the library's symbols are the same everywhere.
  writeText(join(work, "Cargo.toml"), '[package]\nname = "throwaway"\nversion = "0.0.0"\nedition = "2021"\n');
  writeText(join(work, "src", "lib.rs"), "#![no_std]\n");
  writeText(join(work, "rustc"), stdRustcScript(compiler, work), 0o755);
  await must(
    [
      join(compiler, "bin", "cargo"),
      ...["build", "--release", "--offline", "--quiet", "-Zbuild-std=std,panic_abort,panic_unwind"],
      ...["--manifest-path", join(work, "Cargo.toml"), "--target-dir", join(work, "target")],
      ...triples.flatMap((triple) => ["--target", triple]),
      ...["--config", 'source.crates-io.replace-with="vendored"'],
      ...["--config", `source.vendored.directory=${JSON.stringify(join(sources, "library", "vendor"))}`],
    ],
    {
      // From the root folder and with a home of its own, so that no cargo configuration of the user's takes part.
      cwd: "/",
      env: {
        PATH: "/usr/bin:/bin",
        HOME: work,
        CARGO_HOME: join(work, "home"),
        RUSTC: join(work, "rustc"),
        // Debian's stable compiler then takes -Z.
        RUSTC_BOOTSTRAP: "1",
        // As the Rust project builds it: without bitcode no profile with lto could link it. Cargo's own flag comes first.
        RUSTFLAGS: "-Cembed-bitcode=yes",
      },
    },
  );
}

const MUSL_FILES = ["crt1.o", "rcrt1.o", "Scrt1.o", "crti.o", "crtn.o", "libc.a", "libdl.a", "libpthread.a"];
const GCC_FILES = ["crtbegin.o", "crtbeginS.o", "crtbeginT.o", "crtend.o", "crtendS.o"];

/** Gathers the target's C library, start files and unwinder, where rustc looks for them. */
function copySelfContained({ recipe, gcc, llvm }: TargetPackages, root: string, folder: string): void {
  const files = [
    ...MUSL_FILES.map((name) => join("usr", "lib", recipe.musl, name)),
    ...GCC_FILES.map((name) => join("usr", "lib", "gcc", recipe.gcc, gcc, name)),
    join("usr", "lib", `llvm-${llvm}`, "lib", "libunwind.a"),
  ];
  fs.mkdirSync(folder);
  for (const file of files) fs.copyFileSync(join(root, file), join(folder, basename(file)));
}

/**
 * What Debian's libunwind.a wants of glibc, because it was built with _FORTIFY_SOURCE, by musl's functions of the same use.
 * A va_list is handed over as a pointer on every target here. The first takes variable arguments themselves, which can't be
 * handed on: its message, before an abort, is lost.
 */
const SHIM = `use std::ffi::{c_char, c_int, c_void};
unsafe extern "C" {
    fn vfprintf(file: *mut c_void, format: *const c_char, arguments: *mut c_void) -> c_int;
    fn vsnprintf(text: *mut c_char, size: usize, format: *const c_char, arguments: *mut c_void) -> c_int;
}
#[unsafe(no_mangle)]
extern "C" fn __fprintf_chk() -> c_int { 0 }
#[unsafe(no_mangle)]
unsafe extern "C" fn __vfprintf_chk(file: *mut c_void, _: c_int, format: *const c_char, arguments: *mut c_void) -> c_int {
    unsafe { vfprintf(file, format, arguments) }
}
#[unsafe(no_mangle)]
unsafe extern "C" fn __vsnprintf_chk(text: *mut c_char, size: usize, _: c_int, _: usize, format: *const c_char, arguments: *mut c_void) -> c_int {
    unsafe { vsnprintf(text, size, format, arguments) }
}
`;

const PROBE = `fn main() {
    let caught = std::panic::catch_unwind(|| std::thread::spawn(|| 1).join().unwrap());
    println!("{caught:?}");
}
`;

/** Completes the unwinder, and has the toolchain link a program before anybody may use it. */
async function finish(triple: string, folder: string, work: string): Promise<void> {
  fs.mkdirSync(work);
  const rustc = [join(folder, "bin", "rustc"), "--target", triple, "--edition", "2021", "-O"];
  const shim = join(work, "shim");
  writeText(`${shim}.rs`, SHIM);
  await must([...rustc, "--crate-type", "lib", "-Cpanic=abort", "--emit", "obj", "-o", `${shim}.o`, `${shim}.rs`]);
  const library = join(folder, "sysroot", "lib", "rustlib", triple, "lib", "self-contained", "libunwind.a");
  await must(["ar", "r", library, `${shim}.o`]);
  const probe = join(work, "probe");
  writeText(`${probe}.rs`, PROBE);
  await must([...rustc, "-Ctarget-feature=+crt-static", "-o", probe, `${probe}.rs`]);
}

async function writeVersions(folder: string, names: readonly string[], archive: Archive): Promise<void> {
  const versions = [...(await archive.get(names))].map(([name, { version }]) => [name, version]);
  writeText(join(folder, "packages.json"), `${JSON.stringify(Object.fromEntries(versions), null, 2)}\n`);
}
