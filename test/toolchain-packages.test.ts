import * as assert from "uvu/assert";
import { type Package, packagesIn } from "../scripts/lib/debian/entries.ts";
import type { Archive } from "../scripts/lib/debian.ts";
import { Failure } from "../scripts/lib/errors.ts";
import { chooseCompiler, chooseTargets } from "../scripts/lib/toolchain/packages.ts";
import { recipeOf } from "../scripts/lib/toolchain/recipes.ts";
import { suite } from "./lib/harness.ts";

const test = suite("toolchain, its packages");

/** An archive of packages that are given as `apt-cache show` shows them. It has nothing to download. */
function archiveOf(...entries: string[]): Archive {
  const find = async (names: readonly string[]): Promise<Map<string, Package>> =>
    packagesIn(entries.join("\n\n"), names, "amd64");
  return {
    find,
    async get(names) {
      const found = await find(names);
      const missing = names.filter((name) => !found.has(name));
      if (missing.length > 0) throw new Failure(3, { what: `missing: ${missing.join(" ")}` });
      return found;
    },
    unpack: () => Promise.reject(new Error("nothing is to be downloaded")),
  };
}

interface Fields {
  source?: string;
  depends?: string;
  architecture?: string;
}
const entry = (name: string, version: string, { source, depends, architecture = "amd64" }: Fields = {}): string =>
  [
    `Package: ${name}`,
    ...(source === undefined ? [] : [`Source: ${source}`]),
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    ...(depends === undefined ? [] : [`Depends: ${depends}`]),
    "Installed-Size: 2",
    "Size: 1000",
    "Description: x",
    " Version: 9",
  ].join("\n");

/** Debian 13's Rust for browsers, of which one architecture was built again (`+b1`), and what it depends on. */
const REBUILT = "1.96.0+dfsg1-1~deb13u1+b1";
const OF = { source: "rustc-web (1.96.0+dfsg1-1~deb13u1)" };
const RUST_WEB = [
  entry("rustc-web", REBUILT, {
    ...OF,
    depends: "libc6 (>= 2.34), libgcc-s1 (>= 3.0), libstd-rust-web-dev (= 1.96), gcc, libc-dev, binutils (>= 2.26)",
  }),
  entry("cargo-web", REBUILT, {
    ...OF,
    depends: "libcurl4t64 (>= 7.28.0), libssl3t64 | libssl4, rustc-web, gcc | clang",
  }),
  entry("rustfmt-web", REBUILT, { ...OF, depends: "libstd-rust-web-1.96 (= 1.96)" }),
  entry("rust-web-src", "1.96.0+dfsg1-1~deb13u1", { source: "rustc-web", architecture: "all" }),
  entry("libstd-rust-web-dev", REBUILT, { ...OF, depends: "libstd-rust-web-1.96 (= 1.96)" }),
  entry("libstd-rust-web-1.96", REBUILT, { ...OF, depends: "libc6 (>= 2.39), libllvm22, libstdc++6 (>= 13.1)" }),
  entry("libllvm22", "1:22.1.8-1", { depends: "libc6 (>= 2.38), libz3-4:any" }),
  entry("libz3-4", "4.13"),
  entry("libcurl4t64", "8.14", { depends: "libssl3t64" }),
  entry("libssl3t64", "3.5", { depends: "openssl-provider-legacy" }),
  entry("lld-22", "1:22.1.8-1", { depends: "libllvm22 (= 1:22.1.8-1), libstdc++6 (>= 12)" }),
];
/** Debian 13's own Rust. */
const RUST = ["rustc", "cargo", "rustfmt", "rust-src"].map((name) =>
  entry(name, "1.85.1+dfsg1-1+deb13u1", { source: "rustc" }),
);

test("should read what apt-cache shows of the packages that were asked for", () => {
  const text = [entry("a-dev", "1:2-3+b1", { source: "a (1:2-3)", architecture: "arm64" }), entry("b", "4")].join(
    "\n\n",
  );
  const found = packagesIn(text, ["a-dev:arm64", "a-dev", "b", "c"], "amd64");
  assert.equal(Object.fromEntries(found), {
    "a-dev:arm64": {
      version: "1:2-3+b1",
      source: "1:2-3",
      file: "a-dev_1%3a2-3+b1_arm64.deb",
      size: 1000,
      installedSize: 2048,
      depends: [],
    },
    b: { version: "4", source: "4", file: "b_4_amd64.deb", size: 1000, installedSize: 2048, depends: [] },
  });
});

test("should take packages that were built from one source, one of them twice", async () => {
  const compiler = await chooseCompiler(archiveOf(...RUST, ...RUST_WEB));
  assert.equal(compiler, {
    rustc: "rustc-web",
    version: REBUILT,
    src: "rust-web-src",
    llvm: "22",
    packages: [
      ...["rustc-web", "cargo-web", "rustfmt-web", "libstd-rust-web-dev", "libcurl4t64", "libssl3t64"],
      ...["libstd-rust-web-1.96", "libllvm22", "libz3-4", "lld-22"],
    ],
  });
});

test("should take Debian's own Rust where that is new enough and the browsers' is not whole", async () => {
  const own = [
    entry("rustc", "1.95.0-1", { depends: "libllvm21" }),
    entry("cargo", "1.95.0-1"),
    entry("rustfmt", "1.95.0-1"),
    entry("rust-src", "1.95.0-1"),
    ...[entry("libllvm21", "21"), entry("lld-21", "21")],
  ];
  const rest = RUST_WEB.filter((text) => !text.startsWith("Package: rust-web-src"));
  const compiler = await chooseCompiler(archiveOf(...own, ...rest));
  assert.equal(compiler, {
    rustc: "rustc",
    version: "1.95.0-1",
    src: "rust-src",
    llvm: "21",
    packages: ["rustc", "cargo", "rustfmt", "libllvm21", "lld-21"],
  });
});

const problemOf = async (archive: Archive): Promise<unknown> => {
  const error = await chooseCompiler(archive).catch((failure: unknown) => failure);
  if (!(error instanceof Failure)) throw error;
  assert.is(error.exitCode, 3);
  return error.problems[0];
};
const NO_RUST = {
  what: "apt's sources have no Rust that a toolchain can be made of",
  expected:
    "rustc-web, cargo-web, rustfmt-web and rust-web-src, or rustc, cargo, rustfmt and rust-src, all of one source version, 1.95 or later",
  fix: "add this Debian release's updates and security archives to apt's sources, then run it again",
};

test("should say what there is when no Rust is whole, of one version and new enough", async () => {
  for (const [index, name] of ["rustc-web", "cargo-web", "rustfmt-web", "rust-web-src"].entries()) {
    const other = RUST_WEB.map((text) => (text.startsWith(`Package: ${name}\n`) ? entry(name, "1.96.1-1") : text));
    const versions = ["rustc-web", "cargo-web", "rustfmt-web", "rust-web-src"].map(
      (part, i) => `${part} ${i === index ? "1.96.1-1" : "1.96.0+dfsg1-1~deb13u1"}`,
    );
    assert.equal(await problemOf(archiveOf(...other, ...RUST)), {
      ...NO_RUST,
      got: `${versions.join(", ")}, rustc 1.85.1+dfsg1-1+deb13u1, cargo 1.85.1+dfsg1-1+deb13u1, rustfmt 1.85.1+dfsg1-1+deb13u1, rust-src 1.85.1+dfsg1-1+deb13u1`,
    });
  }
  assert.equal(await problemOf(archiveOf(entry("rustc", "1.94.9-1"), entry("cargo", "1.94.9-1"))), {
    ...NO_RUST,
    got: "no rustc-web, no cargo-web, no rustfmt-web, no rust-web-src, rustc 1.94.9-1, cargo 1.94.9-1, no rustfmt, no rust-src",
  });
  assert.equal(await problemOf(archiveOf()), { what: "missing: rustc-web cargo-web rustfmt-web rust-web-src" });
});

test("should say which library is missing before anything is downloaded", async () => {
  const rest = RUST_WEB.filter((text) => !text.startsWith("Package: libz3-4"));
  assert.equal(await problemOf(archiveOf(...rest)), { what: "missing: libz3-4" });
});

test("should choose the start files of the release's GCC and the unwinder of the compiler's LLVM", async () => {
  const recipe = recipeOf("aarch64-unknown-linux-musl");
  if (recipe === undefined) throw new Error("no recipe");
  const gcc = entry("gcc", "4:14.2.0-1", { depends: "cpp (= 4:14.2.0-1), gcc-14 (>= 14.2.0-4), gcc-x86-64-linux-gnu" });
  const lld = entry("lld", "1:19.0-63", { depends: "lld-19 (>= 19~)" });
  const packages = ["musl-dev", "libgcc-14-dev", "libunwind-19-dev", "libunwind-22-dev"].map((name) =>
    entry(name, "1", { architecture: "arm64" }),
  );
  const chosen = (llvm: string) => [
    { recipe, gcc: "14", llvm, packages: ["musl-dev:arm64", "libgcc-14-dev:arm64", `libunwind-${llvm}-dev:arm64`] },
  ];
  assert.equal(await chooseTargets(archiveOf(gcc, lld, ...packages), [recipe], "22"), chosen("22"));
  // An architecture may lag behind.
  assert.equal(await chooseTargets(archiveOf(gcc, lld, ...packages.slice(0, 3)), [recipe], "22"), chosen("19"));
  const without = (from: number, to: number) =>
    chooseTargets(archiveOf(gcc, lld, ...packages.slice(from, to)), [recipe], "22").catch(String);
  assert.is(await without(1, 4), "Failure: missing: musl-dev:arm64");
  assert.is(await without(0, 2), "Failure: missing: libunwind-22-dev:arm64");
});

test.run();
