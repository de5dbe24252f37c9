/** What of the toolchain becomes a part of stage0, which cargo does not tell of: a static executable has all of it inside. */
import type { Crate } from "./crates.ts";

type Described = Pick<Crate, "name" | "version" | "license" | "authors" | "description" | "repository">;

const part = (described: Described): Crate => ({
  ...described,
  id: `the toolchain's ${described.name}`,
  licenseFile: undefined,
  source: undefined,
  checksum: undefined,
  manifest: undefined,
  isInside: true,
  needs: [],
});

/** @param rust version of the compiler; undefined: nothing says by which one stage0 was built */
const runtimeParts = (rust: string | undefined): Crate[] => [
  part({
    name: "std",
    version: rust,
    license: "Apache-2.0 OR MIT",
    authors: ["The Rust Project contributors"],
    description: "Rust's standard library",
    repository: "https://github.com/rust-lang/rust",
  }),
  part({
    name: "libunwind",
    version: undefined,
    license: "Apache-2.0 WITH LLVM-exception",
    authors: ["the LLVM contributors"],
    description: "LLVM's unwinder, in the version that std comes with",
    repository: "https://github.com/llvm/llvm-project",
  }),
  part({
    name: "musl",
    version: undefined,
    license: "MIT",
    authors: ["Rich Felker and others"],
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
