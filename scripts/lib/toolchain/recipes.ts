/** What a toolchain is made of, as data. A new target or host is a new line here. */
import type { Architecture } from "../debian/entries.ts";

/** A target that a toolchain can be made for, and how its pieces are named in Debian's packages. */
export interface Recipe {
  triple: string;
  architecture: Architecture;
  /** Name of the folder of musl-dev's libraries in /usr/lib. */
  musl: string;
  /** Name of the folder of GCC's start files in /usr/lib/gcc. */
  gcc: string;
}

export const RECIPES: readonly Recipe[] = [
  { triple: "x86_64-unknown-linux-musl", architecture: "amd64", musl: "x86_64-linux-musl", gcc: "x86_64-linux-gnu" },
  { triple: "aarch64-unknown-linux-musl", architecture: "arm64", musl: "aarch64-linux-musl", gcc: "aarch64-linux-gnu" },
  {
    triple: "armv7-unknown-linux-musleabihf",
    architecture: "armhf",
    musl: "arm-linux-musleabihf",
    gcc: "arm-linux-gnueabihf",
  },
];

export const recipeOf = (triple: string): Recipe | undefined => RECIPES.find((recipe) => recipe.triple === triple);

/** A kind of machine that the toolchain runs on. */
export interface Host {
  architecture: Architecture;
  /** Rust's name of it. */
  triple: string;
  /** Name of the folders of shared libraries in /usr/lib and /lib. */
  libraries: string;
  /** Absolute path of the C library's program loader. */
  loader: string;
}

const HOSTS: Record<string, Host> = {
  x64: {
    architecture: "amd64",
    triple: "x86_64-unknown-linux-gnu",
    libraries: "x86_64-linux-gnu",
    loader: "/lib64/ld-linux-x86-64.so.2",
  },
  arm64: {
    architecture: "arm64",
    triple: "aarch64-unknown-linux-gnu",
    libraries: "aarch64-linux-gnu",
    loader: "/lib/ld-linux-aarch64.so.1",
  },
};

/** The machine that this runs on; undefined when no toolchain can be made for it. */
export const HOST: Host | undefined = HOSTS[process.arch];

/** Packages that Debian builds from one source: the compiler, cargo, rustfmt, the standard library's sources. */
export interface Rust {
  rustc: string;
  cargo: string;
  fmt: string;
  src: string;
}

/** In order of preference. Debian keeps the first current in its stable releases, because browsers need it. */
export const RUSTS: readonly Rust[] = [
  { rustc: "rustc-web", cargo: "cargo-web", fmt: "rustfmt-web", src: "rust-web-src" },
  { rustc: "rustc", cargo: "cargo", fmt: "rustfmt", src: "rust-src" },
];

/** The first version whose sources come with what the standard library depends on (changelog of rustc 1.95.0+dfsg1-1). */
export const OLDEST_RUST = "1.95";

/**
 * Shared libraries that are taken from the system, because proc macros and build scripts that the system's linker makes use
 * them too. A system that has apt has them.
 */
export const SYSTEM_LIBRARIES: readonly string[] = ["libc6", "libgcc-s1", "libstdc++6"];
