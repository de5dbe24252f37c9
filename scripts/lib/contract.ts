/**
 * The distribution contract as data (specification, "Artifact Contract" and "Armv7 Status").
 * Nothing else in the project knows a target, an asset name, a tag's form or a release URL.
 */

export const PACKAGE = "fastboop-stage0";
export const DEFAULT_REPO = "samcday/fastboop";
export const DEFAULT_SERVER = "https://github.com";
export const DEFAULT_API = "https://api.github.com";
export const DEFAULT_TARGET = "aarch64-unknown-linux-musl";
/** The list of digests that every release carries, in the format of GNU coreutils' sha256sum. */
export const SUMS = "SHA256SUMS";
/** An asset that says why its release must not be used; SHA256SUMS lists it. */
export const WITHDRAWN = "WITHDRAWN";
/** The digests that a tree pins, in the workspace and in the caller's folder. */
export const LOCK = "stage0.lock";
/** The workflow file that signs a release's files: of one that others call, its own name and not the caller's. */
export const SIGNER_WORKFLOW = "release.yml";
/** Whose word GitHub Actions' workflows sign by. */
export const SIGNER_ISSUER = "https://token.actions.githubusercontent.com";
/** Who signs GitHub's own attestations of immutable releases. */
export const RELEASE_SIGNER = "https://dotcom.releases.github.com";
/** What is attested of a file: how it was built, how it was tested, and by GitHub, which release it is of. */
export const PROVENANCE_PREDICATE = "https://slsa.dev/provenance/v1";
export const TEST_PREDICATE = "https://in-toto.io/attestation/test-result/v0.1";
export const RELEASE_PREDICATE = "https://in-toto.io/attestation/release/v0.2";
/** The release of fastboop's CLI that an emulated phone is booted with, unless the workspace has one of its own. */
export const FASTBOOP_CLI = { crate: "fastboop-cli", version: "0.0.1-rc.21" } as const;
/** Where a distribution package puts the payload, below its prefix. */
export const INSTALL_PATH = "lib/fastboop/stage0/stage0-aarch64";

/** `e_machine` values of the System V ABI's registry. */
export const MACHINES = { x86: 3, arm: 40, "x86-64": 62, aarch64: 183, riscv: 243 } as const;

export interface Target {
  /** Target triple as rustc spells it. */
  triple: string;
  /** Architecture as Rust and QEMU spell it. */
  arch: string;
  /** EI_CLASS in bits, EI_DATA, `e_machine`, `e_flags`. */
  elf: { bits: 32 | 64; order: "little" | "big"; machine: number; flags: number };
  /** buildable: everything but a release knows it; released: a release carries it, and has to. */
  status: "buildable" | "released";
  /** The linker that the sub-build names unless the user's configuration names one. */
  linker?: "rust-lld";
  /** What rustc needs to be told so that stage0's dependencies build for it. */
  rustflags?: readonly string[];
}

/** `e_flags` of version 5 of Arm's EABI with floating-point arguments in registers (Arm, "ELF for the Arm Architecture"). */
const EABI5_HARD_FLOAT = 0x05000400;

const x86_64 = { arch: "x86_64", elf: { bits: 64, order: "little", machine: MACHINES["x86-64"], flags: 0 } } as const;
const aarch64 = { arch: "aarch64", elf: { bits: 64, order: "little", machine: MACHINES.aarch64, flags: 0 } } as const;
const armv7 = {
  arch: "arm",
  elf: { bits: 32, order: "little", machine: MACHINES.arm, flags: EABI5_HARD_FLOAT },
} as const;

export const TARGETS: readonly Target[] = [
  { triple: "x86_64-unknown-linux-musl", ...x86_64, status: "released", linker: "rust-lld" },
  { triple: "aarch64-unknown-linux-musl", ...aarch64, status: "released", linker: "rust-lld" },
  { triple: "aarch64-alpine-linux-musl", ...aarch64, status: "buildable" },
  { triple: "x86_64-unknown-linux-gnu", ...x86_64, status: "buildable" },
  { triple: "aarch64-unknown-linux-gnu", ...aarch64, status: "buildable" },
  {
    triple: "armv7-unknown-linux-musleabihf",
    ...armv7,
    status: "buildable",
    linker: "rust-lld",
    // The crate io-uring has its kernel structures from 64-bit machines and stops on others, unless told that they fit.
    rustflags: ["--cfg=io_uring_skip_arch_check"],
  },
];

export const RELEASE_TARGETS: readonly Target[] = TARGETS.filter((target) => target.status === "released");

export const findTarget = (triple: string): Target | undefined => TARGETS.find((target) => target.triple === triple);

/** The asset name of a target triple. */
export const assetName = (triple: string): string => `${PACKAGE}-${triple}`;

export const RELEASE_ASSETS: readonly string[] = RELEASE_TARGETS.map(({ triple }) => assetName(triple));

/** What a release has to have. @param tools whether it is one of this project itself, which carries no stage0 */
export const releaseAssets = (tools: boolean): readonly string[] => (tools ? [] : RELEASE_ASSETS);

/** The target that a file name stands for; undefined for names outside the contract. */
export function targetOfAsset(name: string): Target | undefined {
  return name.startsWith(`${PACKAGE}-`) ? findTarget(name.slice(PACKAGE.length + 1)) : undefined;
}

/** Whether a file is a distribution's package of stage0, by its name: deb, rpm and apk begin with package and version. */
export const isPackageName = (name: string): boolean =>
  /^fastboop-stage0[_-][0-9][A-Za-z0-9.+~_-]*\.(deb|rpm|apk)$/.test(name);

/** The name under which GitHub keeps an asset: what is not a letter, a digit or one of `-+._@` becomes a dot. */
export const hostedName = (name: string): string => name.replace(/[^A-Za-z0-9_.+@-]+/g, ".").replace(/^\.+|\.+$/g, "");

/** The release asset with a file's signed provenance. */
export const bundleName = (name: string): string => `${name}.sigstore.json`;
/** The release asset with a file's signed verdicts: gate and boots. */
export const verdictsName = (name: string): string => `${name}.test-result.sigstore.json`;
/** The release asset with every bundle of the release, one a line. */
export const BUNDLES = `${PACKAGE}.intoto.jsonl`;
/** The release asset that says how its files were built. */
export const BUILDINFO = `${PACKAGE}.buildinfo.json`;
/** The release assets with stage0's bill of materials (CycloneDX), and the licences of what is in it. */
export const SBOM = `${PACKAGE}.cdx.json`;
export const NOTICE = `${PACKAGE}.NOTICE`;

/** Licences that crates of stage0 may have: free ones that go with its own. Of several that are offered one has to be here. */
export const LICENCES: readonly string[] = [
  ...["0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0"],
  ...["GPL-3.0-only", "GPL-3.0-or-later", "ISC", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-2.0"],
  ...["Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "Zlib"],
];
/** Licences of crates that have no more than a file, by the sha256 of that. */
export const LICENCE_TEXTS: Readonly<Record<string, string>> = {
  // dma-heap 0.4.1
  e8a7d9965899acdb689b6302eb703f2c85dcb5f052587eff113e4c989860cf8d: "MIT",
};

/** Whether a file that has a stage0 name is none, and is of a release all the same: a package, a signature, a description. */
export function isCompanionName(name: string): boolean {
  const subject = name.replace(/(\.test-result)?\.sigstore\.json$/, "");
  const isNamed = isPackageName(subject) || [BUILDINFO, SBOM, NOTICE].includes(subject);
  return isNamed || name === BUNDLES || (subject !== name && RELEASE_ASSETS.includes(subject));
}

/** Who signs a release, as certificates spell it. */
export const signerIdentity = (repo: string, workflow: string, tag: string): string =>
  `${DEFAULT_SERVER}/${repo}/.github/workflows/${workflow}@refs/tags/${tag}`;

/** The name of the workflow artifact that carries a target between CI jobs (specification, "Downstream Packaging"). */
const artifactName = (target: Target): string => `${PACKAGE}-${target.arch}`;

const NUMBER = "(?:0|[1-9][0-9]{0,8})";
/** `vX.Y.Z` or `vX.Y.Z-rc.N`, without leading zeros (semver 2.0.0, section 2 and 9). */
export const TAG = new RegExp(`^v(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-rc\\.(${NUMBER}))?$`);
export const TAG_FORM = "vX.Y.Z or vX.Y.Z-rc.N";

export const isTag = (text: string): boolean => TAG.test(text);

/** The public address of an asset: needs no API and no token for a public repository. */
export function downloadUrl(server: string, repo: string, tag: string, name: string): string {
  return `${server}/${repo}/releases/download/${tag}/${name}`;
}

/** The contract as JSON-ready data; `matrix` is what a CI system's matrix takes as it is. */
export function contract() {
  return {
    package: PACKAGE,
    repository: DEFAULT_REPO,
    defaultTarget: DEFAULT_TARGET,
    tag: { form: TAG_FORM, pattern: TAG.source },
    sums: SUMS,
    provenance: {
      signer: signerIdentity("{repository}", SIGNER_WORKFLOW, "{tag}"),
      issuer: SIGNER_ISSUER,
      bundle: bundleName("{asset}"),
      verdicts: verdictsName("{asset}"),
      bundles: BUNDLES,
    },
    buildinfo: BUILDINFO,
    sbom: SBOM,
    notice: NOTICE,
    licences: LICENCES,
    installPath: INSTALL_PATH,
    targets: TARGETS.map((target) => ({ ...target, asset: assetName(target.triple) })),
    urls: RELEASE_ASSETS.map((name) => downloadUrl(DEFAULT_SERVER, DEFAULT_REPO, "{tag}", name)),
    matrix: {
      include: RELEASE_TARGETS.map((target) => ({
        target: target.triple,
        arch: target.arch,
        asset: assetName(target.triple),
        artifact: artifactName(target),
      })),
    },
  };
}
