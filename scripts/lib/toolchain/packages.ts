/** Which of Debian's packages a toolchain is made of, chosen before any is downloaded. */
import type { Package } from "../debian/entries.ts";
import type { Archive } from "../debian.ts";
import { missingFailure } from "../errors.ts";
import { OLDEST_RUST, type Recipe, RUSTS, type Rust, SYSTEM_LIBRARIES } from "./recipes.ts";
import { isOlder } from "./rust-version.ts";

/** The packages of a compiler, and what else fits it. */
export interface Compiler {
  /** Name and version of rustc's package. A library fits only the very compiler that built it. */
  rustc: string;
  version: string;
  /** rustc, cargo, rustfmt, lld and their shared libraries. */
  packages: string[];
  /** The package of the standard library's sources. */
  src: string;
  /** Major version of its LLVM, whose linker and unwinder fit it. */
  llvm: string;
}

/**
 * Chooses the compiler.
 * @throws Failure (3) when apt's sources have none whose packages fit together, or lack one of its packages
 */
export async function chooseCompiler(archive: Archive): Promise<Compiler> {
  const { rustc, cargo, fmt, src } = await chooseRust(archive);
  const { version } = (await archive.get([rustc])).get(rustc) as Package;
  const packages = await addLibraries(archive, [rustc, cargo, fmt]);
  const llvm = packages.map((name) => /^libllvm([0-9]+)/.exec(name)?.[1]).find((major) => major !== undefined);
  if (llvm === undefined) {
    throw missingFailure({
      what: `${rustc} needs no LLVM of Debian's`,
      expected: "a dependency on libllvm",
      got: "none",
    });
  }
  return { rustc, version, src, llvm, packages: await addLibraries(archive, [`lld-${llvm}`], packages) };
}

const namesOf = ({ rustc, cargo, fmt, src }: Rust): string[] => [rustc, cargo, fmt, src];

/** The first Rust whose packages are all there, of one source version that is new enough. */
async function chooseRust(archive: Archive): Promise<Rust> {
  const names = RUSTS.flatMap(namesOf);
  const found = await archive.find(names);
  const source = (name: string): string | undefined => found.get(name)?.source;
  const fits = (rust: Rust): boolean =>
    namesOf(rust).every((name) => source(name) === source(rust.rustc)) &&
    !isOlder(source(rust.rustc) ?? "0", OLDEST_RUST);
  const rust = RUSTS.find(fits);
  if (rust !== undefined) return rust;
  // Says what apt says when it has none of them.
  if (found.size === 0) await archive.get(names.slice(0, 4));
  throw missingFailure({
    what: "apt's sources have no Rust that a toolchain can be made of",
    expected: `${RUSTS.map((one) =>
      namesOf(one)
        .join(", ")
        .replace(/, ([^,]*)$/, " and $1"),
    ).join(", or ")}, all of one source version, ${OLDEST_RUST} or later`,
    got: names.map((name) => (found.has(name) ? `${name} ${source(name)}` : `no ${name}`)).join(", "),
    fix: "add this Debian release's updates and security archives to apt's sources, then run it again",
  });
}

/** A list of packages with others and the libraries that those depend on, except for the system's. */
export async function addLibraries(archive: Archive, names: string[], list: readonly string[] = []): Promise<string[]> {
  const all = new Set(list);
  for (let next = names; next.length > 0; ) {
    for (const name of next) all.add(name);
    const found = await archive.get(next);
    const libraries = new Set([...found.values()].flatMap(({ depends }) => depends).filter(isLibrary));
    next = [...libraries].filter((name) => !all.has(name));
  }
  return [...all];
}

/** The standard library of the compiler's own machine is a library that only compilers read. */
const isLibrary = (name: string): boolean =>
  /^libstd-rust-/.test(name) || (/^lib/.test(name) && !name.endsWith("-dev") && !SYSTEM_LIBRARIES.includes(name));

/** What a target needs of Debian's packages. */
export interface TargetPackages {
  recipe: Recipe;
  /** Its C library, start files and unwinder. */
  packages: string[];
  /** The versions of GCC and LLVM, which the start files and the unwinder have in their paths. */
  gcc: string;
  llvm: string;
}

/**
 * Chooses the packages of targets. Where an architecture lags behind, the unwinder of the release's own LLVM has to do: what
 * programs want of one has not changed for long.
 * @param llvm of the compiler
 * @throws Failure (3) when apt's sources lack one
 */
export async function chooseTargets(
  archive: Archive,
  recipes: readonly Recipe[],
  llvm: string,
): Promise<TargetPackages[]> {
  const defaults = await archive.get(["gcc", "lld"]);
  const versionOf = (name: string): string => {
    const named = defaults.get(name)?.depends.find((other) => new RegExp(`^${name}-[0-9]+$`).test(other));
    return named?.slice(name.length + 1) ?? "";
  };
  const gcc = versionOf("gcc");
  const choices = [llvm, versionOf("lld")];
  const unwinder = (version: string, { architecture }: Recipe): string => `libunwind-${version}-dev:${architecture}`;
  const found = await archive.find(recipes.flatMap((recipe) => choices.map((version) => unwinder(version, recipe))));
  const targets = recipes.map((recipe) => {
    const chosen = choices.find((version) => found.has(unwinder(version, recipe))) ?? llvm;
    const rest = ["musl-dev", `libgcc-${gcc}-dev`].map((name) => `${name}:${recipe.architecture}`);
    return { recipe, gcc, llvm: chosen, packages: [...rest, unwinder(chosen, recipe)] };
  });
  await archive.get(targets.flatMap(({ packages }) => packages));
  return targets;
}
