/** The release asset that says how its files were built. */
import { contractFailure, printable } from "../errors.ts";
import type { Digest } from "../hash.ts";
import { at, parseJson } from "../workspace.ts";

export interface Buildinfo {
  /** null: the sources were in no git repository. */
  source: { commit: string; modified: boolean; folder: string } | null;
  /** sha256 of Cargo.lock. */
  cargoLock: string;
  builds: Build[];
}

export interface Build extends Digest {
  asset: string;
  target: string;
  profile: string;
  /** All of rustc's flags but those that rename folders. */
  rustflags: string[];
  /** Variables that reach cargo and change what it builds. */
  environment: Record<string, string>;
  toolchain: {
    /** Where rustc and cargo come from. */
    from: "rustup" | "Debian's packages" | "this system";
    rustc: string[];
    cargo: string;
    /** Digest of the target's standard library, by the names and bytes of its files. */
    std: string | null;
    /** What compilers and the linker wrote into the executable. */
    comment: string[];
    /** Debian's packages that it was made of, and their versions. */
    packages: Record<string, string>;
    /** Debian's clang, for build scripts. */
    clang: string | null;
  };
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === "string";
const matches =
  (form: RegExp): Check =>
  (value) =>
    typeof value === "string" && form.test(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const mapOf =
  (check: Check): Check =>
  (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(check);

const isSha256 = matches(/^[0-9a-f]{64}$/);
/** What each value has to be, by its place in the file and in a build. */
const SHAPE: readonly [keys: string[], Check][] = [
  [["source"], orNull(mapOf(() => true))],
  [["cargoLock"], isSha256],
  [["builds"], listOf(mapOf(() => true))],
];
const SOURCE_SHAPE: readonly [keys: string[], Check][] = [
  [["commit"], matches(/^[0-9a-f]{40}$/)],
  [["modified"], (value) => typeof value === "boolean"],
  // Below the repository, never beside it.
  [["folder"], matches(/^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\0]*$/)],
];
const BUILD_SHAPE: readonly [keys: string[], Check][] = [
  [["asset"], isText],
  [["target"], isText],
  [["size"], (value) => Number.isSafeInteger(value)],
  [["sha256"], isSha256],
  [["profile"], matches(/^(release|debug)$/)],
  [["rustflags"], listOf(isText)],
  [["environment"], mapOf(isText)],
  [["toolchain", "from"], isText],
  [["toolchain", "rustc"], listOf(isText)],
  [["toolchain", "cargo"], isText],
  [["toolchain", "std"], orNull(isSha256)],
  [["toolchain", "comment"], listOf(isText)],
  [["toolchain", "packages"], mapOf(isText)],
  [["toolchain", "clang"], orNull(isText)],
];

/** Reads a file that says how stage0 was built. @throws Failure (1) when a value is missing or of another kind */
export function parseBuildinfo(text: string, file: string): Buildinfo {
  const json = parseJson(text);
  const wrong = (value: unknown, shape: typeof SHAPE, place: string): string[] =>
    shape.filter(([keys, check]) => !check(at(value, ...keys))).map(([keys]) => `${place}${keys.join(".")}`);
  const outer = wrong(json, SHAPE, "");
  const inner = (): string[] => [
    ...(at(json, "source") === null ? [] : wrong(at(json, "source"), SOURCE_SHAPE, "source.")),
    ...(at(json, "builds") as unknown[]).flatMap((build, index) => wrong(build, BUILD_SHAPE, `builds[${index}].`)),
  ];
  const problems = outer.length > 0 ? outer : inner();
  if (problems.length === 0) return json as Buildinfo;
  throw contractFailure({
    file: printable(file),
    what: "it does not say how stage0 was built",
    expected: "what make stage0 writes",
    got: `missing or of another kind: ${problems.slice(0, 8).join(", ")}`,
    fix: "tell the publisher, or build again",
  });
}
