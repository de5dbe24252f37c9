/**
 * The scripts that start a toolchain's programs. They find everything by their own place, so that a cache may be moved or
 * copied as a whole.
 */
import { shellQuote } from "../shell-quote.ts";
import type { Host } from "./recipes.ts";

/** Sets `here` to the script's folder, or one above it, without links in its path. */
const here = (up = ""): string => `here=$(CDPATH= cd -P "\${0%/*}/${up}" && pwd -P) || exit`;

/**
 * Starts a program with the shared libraries that were unpacked with it. The program loader gets their folders as an
 * argument: a variable would reach every program that this one starts.
 * @param root the folder that the packages are unpacked in, for sh
 * @param name path by which the program is to know itself, for sh: cargo gives its own to build scripts
 */
const start = ({ loader, libraries }: Host, root: string, program: string, name: string): string =>
  `exec ${loader} --argv0 "${name}" --library-path "${root}/usr/lib/${libraries}:${root}/lib/${libraries}" "${root}/${program}" "$@"`;

/**
 * One of the compiler's programs.
 * @param up from the script's folder to the one that the packages are unpacked in
 */
export const launcher = (host: Host, up: string, program: string): string => `#!/bin/sh
${here(up)}
${start(host, "$here", program, "$0")}
`;

/** rustc with a sysroot that has the target, and with the linker for it unless a later argument names another. */
export const rustcScript = (triple: string, compiler: string): string => `#!/bin/sh
${here("..")}
case " $* " in
*" --target ${triple} "* | *" --target=${triple} "*) set -- -C linker=rust-lld "$@" ;;
esac
exec "$here"/../${shellQuote(compiler)}/bin/rustc --sysroot "$here/sysroot" "$@"
`;

/** cargo with that rustc. */
export const cargoScript = (host: Host, compiler: string): string => `#!/bin/sh
${here()}
compiler=$here/../../${shellQuote(compiler)}
RUSTC=$here/rustc
PATH=$here\${PATH:+:$PATH}
export RUSTC PATH
${start(host, "$compiler", "usr/bin/cargo", "$here/cargo")}
`;

/** The compiler's rustfmt, for bindgen, which looks for it where cargo is. */
export const rustfmtScript = (compiler: string): string => `#!/bin/sh
${here()}
exec "$here"/../../${shellQuote(compiler)}/bin/rustfmt "$@"
`;

/**
 * clang for a target, with its own headers and the target's. It starts itself for some inputs, by the name that it was
 * started by and with arguments that have to come first.
 */
export const clangScript = (host: Host, triple: string, compiler: string): string => `#!/bin/sh
${here()}
compiler=$here/../../${shellQuote(compiler)}
case "\${1-}" in
-cc1*) ;;
*) set -- --target=${triple} --sysroot="$here/../sysroot" -resource-dir "$compiler/resources" -no-canonical-prefixes "$@" ;;
esac
${start(host, "$compiler", "llvm/bin/clang", "$here/clang")}
`;

/**
 * rustc as cargo gets it to build the standard library. A program with panic = "abort" can only link panic_abort when that
 * was itself built so, which cargo can't be told. Paths are those of an installed rust-src, wherever this is, so that the
 * library is the same bytes everywhere.
 */
export const stdRustcScript = (compiler: string, work: string): string => `#!/bin/sh
case " $* " in
*" --crate-name panic_abort "*) set -- "$@" -C panic=abort ;;
esac
exec ${shellQuote(`${compiler}/bin/rustc`)} --sysroot ${shellQuote(`${work}/sysroot`)} \\
  --remap-path-prefix=${shellQuote(`${work}/sysroot`)}=/usr --remap-path-prefix=${shellQuote(`${work}/src`)}= "$@"
`;
