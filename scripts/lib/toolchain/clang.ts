/**
 * What build scripts need for C code and for bindgen, made of Debian's packages in the cache: clang, libclang, and the
 * headers of a musl target's C library and kernel.
 */
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { ensureFolder } from "../cache-folder.ts";
import { type Archive, withArchive } from "../debian.ts";
import { writeText } from "../files.ts";
import { run } from "../process.ts";
import { type Progress, showProgress } from "../progress.ts";
import { checkCache, compilerFolder, newestFolder, removeBroken, targetFolder } from "./cache.ts";
import { requireHost, requireLinker, requireSpace } from "./debian.ts";
import { must } from "./must.ts";
import { addLibraries } from "./packages.ts";
import type { Host, Recipe } from "./recipes.ts";
import { clangScript, launcher } from "./scripts.ts";

/** Absolute paths. */
interface Clang {
  /** clang for the target: it finds its headers by itself. */
  compiler: string;
  /** Folder of libclang.so, which finds its own libraries and headers by itself. */
  libclang: string;
  /** Folder whose usr/include has the target's headers. */
  sysroot: string;
}

/**
 * Clang for the first of some targets, from the cache or made for all of them, of the release's own clang.
 * @throws Failure (3) as debianCargo
 */
export async function provideClang(recipes: readonly [Recipe, ...Recipe[]]): Promise<Clang> {
  const [{ triple }] = recipes;
  const folder =
    (await newestFolder("clang", triple, clangWorks)) ??
    (await showProgress("clang", (progress) => makeClang(recipes, progress)));
  const shared = join(folder, "..", basename(folder).slice(triple.length + 1));
  return { compiler: join(folder, "bin", "clang"), libclang: join(shared, "lib"), sysroot: join(folder, "sysroot") };
}

const clangWorks = async (folder: string): Promise<boolean> =>
  (await run([join(folder, "bin", "clang"), "--version"])).exitCode === 0;

/** @returns the folder of the first target */
async function makeClang(recipes: readonly Recipe[], progress: Progress): Promise<string> {
  const host = requireHost();
  await checkCache("clang");
  await requireLinker();
  const foreign = new Set(recipes.map(({ architecture }) => architecture));
  foreign.delete(host.architecture);
  return withArchive([host.architecture, ...foreign], progress, async (archive) => {
    const newest = (await archive.get(["clang"])).get("clang")?.depends.find((name) => /^clang-[0-9]+$/.test(name));
    const clang = newest ?? "clang";
    const llvm = clang.slice("clang-".length);
    const packages = await addLibraries(archive, [clang, `libclang1-${llvm}`, `libclang-common-${llvm}-dev`]);
    const version = (await archive.get([clang])).get(clang)?.version ?? "";
    const compiler = compilerFolder("clang", clang, version);
    const folders = new Map(recipes.map((recipe) => [targetFolder(recipe.triple, compiler), recipe]));
    for (const folder of [compiler, ...folders.keys()]) await removeBroken(folder, clangWorks);
    const kernels = new Map<string, string>();
    for (const { architecture } of recipes) {
      const own = `linux-libc-dev:${architecture}`;
      // Debian 13's is for every architecture, and apt knows it by its plain name only. Each is asked for by itself, or the
      // answer to one would be taken for another's.
      kernels.set(architecture, (await archive.find([own])).has(own) ? own : "linux-libc-dev");
    }
    const headers = ({ architecture }: Recipe): string[] => [
      `musl-dev:${architecture}`,
      kernels.get(architecture) ?? "linux-libc-dev",
    ];
    const absent = [...folders].flatMap(([folder, recipe]) => (fs.existsSync(folder) ? [] : headers(recipe)));
    await requireSpace(archive, dirname(compiler), [...(fs.existsSync(compiler) ? [] : packages), ...absent]);
    await ensureFolder(compiler, progress, (staging) => makeCompiler(staging, llvm, packages, host, archive));
    for (const [folder, recipe] of folders)
      await ensureFolder(folder, progress, (staging) =>
        makeTarget(staging, recipe, headers(recipe), compiler, host, archive),
      );
    return [...folders.keys()][0] ?? "";
  });
}

async function makeCompiler(
  folder: string,
  llvm: string,
  packages: readonly string[],
  host: Host,
  archive: Archive,
): Promise<void> {
  await archive.unpack([{ packages, folder }]);
  fs.rmSync(join(folder, "usr", "share"), { recursive: true });
  writeText(join(folder, "bin", "clang"), launcher(host, "..", "llvm/bin/clang"), 0o755);
  // One path for the scripts, whatever the version.
  fs.symlinkSync(join("usr", "lib", `llvm-${llvm}`), join(folder, "llvm"));
  const [version = ""] = fs.readdirSync(join(folder, "llvm", "lib", "clang"));
  fs.symlinkSync(join("llvm", "lib", "clang", version), join(folder, "resources"));
  const lib = join(folder, "lib");
  fs.mkdirSync(lib, { recursive: true });
  // libclang looks for its headers from where it was found, by its own name.
  const libraries = join("usr", "lib", host.libraries);
  for (const name of fs.readdirSync(join(folder, libraries)).filter((name) => /^libclang-[0-9]+\.so\./.test(name)))
    if (!fs.existsSync(join(folder, "llvm", "lib", name)))
      fs.symlinkSync(join("..", "..", "..", "..", libraries, name), join(folder, "llvm", "lib", name));
  // It names every library that libclang needs in turn, since those that have a search path of their own would not look
  // here. LD_LIBRARY_PATH would reach every program that a build starts.
  const places = ["llvm/lib", `usr/lib/${host.libraries}`, `lib/${host.libraries}`];
  const needed = places.slice(1).flatMap((place) => sharedLibraries(join(folder, place)));
  await must([
    // Without a note on the stack, which only code has, glibc 2.41 refuses to load it.
    ...["cc", "-shared", "-nostdlib", "-Wl,-z,noexecstack", "-o", join(lib, "libclang.so")],
    ...["-Wl,--disable-new-dtags", "-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"],
    `-Wl,-rpath,${places.map((place) => `$ORIGIN/../${place}`).join(":")}`,
    ...needed,
  ]);
}

/** Paths of the libraries in a folder, but for the one that only the program clang needs. */
function sharedLibraries(folder: string): string[] {
  const entries = fs.existsSync(folder) ? fs.readdirSync(folder, { withFileTypes: true }) : [];
  const files = entries.filter((entry) => entry.isFile() && /\.so(\.|$)/.test(entry.name));
  return files.map(({ name }) => join(folder, name)).filter((path) => !basename(path).startsWith("libclang-cpp"));
}

async function makeTarget(
  folder: string,
  { triple, musl, gcc }: Recipe,
  packages: readonly string[],
  compiler: string,
  host: Host,
  archive: Archive,
): Promise<void> {
  const work = join(folder, "work");
  await archive.unpack([{ packages, folder: work }]);
  const include = join(folder, "sysroot", "usr", "include");
  fs.mkdirSync(include, { recursive: true });
  const from = join(work, "usr", "include");
  const copy = (source: string, target = include): void =>
    fs.cpSync(source, target, { recursive: true, dereference: true });
  copy(join(from, gcc, "asm"), join(include, "asm"));
  // Debian 13's package has the folders of all architectures.
  const common = fs.readdirSync(from).filter((name) => name !== musl && !fs.existsSync(join(from, name, "asm")));
  for (const name of common) copy(join(from, name), join(include, name));
  // Where both have a header, programs of the C library want its own.
  copy(join(from, musl));
  fs.rmSync(work, { recursive: true });
  writeText(join(folder, "bin", "clang"), clangScript(host, triple, basename(compiler)), 0o755);
  await must([join(folder, "bin", "clang"), "-c", "-x", "c", "-o", "/dev/null", "/dev/null"]);
}
