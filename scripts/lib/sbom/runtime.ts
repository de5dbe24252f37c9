/** What of the toolchain becomes a part of stage0, which cargo does not tell of: a static executable has all of it inside. */
import type { Crate } from "./crates.ts";

const part = (name: string, license: string, authors: string[], rest: Partial<Crate> = {}): Crate => ({
  ...{ id: `the toolchain's ${name}`, name, license, authors, isInside: true, needs: [] },
  ...{ version: undefined, licenseFile: undefined, description: undefined, repository: undefined, source: undefined },
  ...{ checksum: undefined, manifest: undefined },
  ...rest,
});

/** @param rust version of the compiler; undefined: nothing says by which one stage0 was built */
const runtimeParts = (rust: string | undefined): Crate[] => [
  part("std", "Apache-2.0 OR MIT", ["The Rust Project contributors"], {
    version: rust,
    description: "Rust's standard library",
    repository: "https://github.com/rust-lang/rust",
  }),
  part("libunwind", "Apache-2.0 WITH LLVM-exception", ["the LLVM contributors"], {
    description: "LLVM's unwinder, in the version that std comes with",
    repository: "https://github.com/llvm/llvm-project",
  }),
  part("musl", "MIT", ["Rich Felker and others"], {
    description: "the C library, in the version that std comes with",
    repository: "https://git.musl-libc.org/cgit/musl",
  }),
];

/** Crates with those parts, which stage0 itself needs. @param own the name of stage0's crate */
export function withRuntime(crates: readonly Crate[], own: string, rust: string | undefined): Crate[] {
  const parts = runtimeParts(rust);
  const needed = parts.map(({ id }) => id);
  const whole = crates.map((crate) => (crate.name === own ? { ...crate, needs: [...crate.needs, ...needed] } : crate));
  return [...whole, ...parts];
}
