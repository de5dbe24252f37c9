/** Packages as `apt-cache show` describes them. */

/** Debian's names of the architectures that the contract's targets run on. */
export type Architecture = "amd64" | "arm64" | "armhf";

/** A package, as it would be installed now. */
export interface Package {
  version: string;
  /** Version of the source that it was built from: a rebuild of the same source (`+b1`) has another version of its own. */
  source: string;
  /** Name of its file in the archive. */
  file: string;
  /** Bytes to download, and bytes that it takes unpacked. */
  size: number;
  installedSize: number;
  /** Names of the packages that it depends on, the first of each set of alternatives. */
  depends: string[];
}

/** A package's name and architecture. */
export function withArchitecture(name: string, native: Architecture): [string, string] {
  const [base = "", architecture = native] = name.split(":");
  return [base, architecture];
}

/** The packages in the output of `apt-cache show`, by the names that were asked for. */
export function packagesIn(text: string, names: readonly string[], native: Architecture): Map<string, Package> {
  const entries = text.split("\n\n").map((entry) => (field: string): string | undefined => {
    const [, value] = new RegExp(`^${field}: (.*)$`, "m").exec(entry) ?? [];
    return value;
  });
  const found = new Map<string, Package>();
  for (const name of names) {
    const [base, wanted] = withArchitecture(name, native);
    const field = entries.find(
      (entry) => entry("Package") === base && [wanted, "all"].includes(entry("Architecture") ?? ""),
    );
    const version = field?.("Version");
    if (field === undefined || version === undefined) continue;
    const [, source = version] = /\((.+)\)$/.exec(field("Source") ?? "") ?? [];
    const depends = `${field("Pre-Depends") ?? ""}, ${field("Depends") ?? ""}`;
    found.set(name, {
      version,
      source,
      file: `${base}_${version.replaceAll(":", "%3a")}_${field("Architecture")}.deb`,
      size: Number(field("Size")),
      installedSize: Number(field("Installed-Size")) * 1024,
      depends: depends.split(/, */).flatMap((clause) => /^[a-z0-9][a-z0-9.+-]+/.exec(clause)?.[0] ?? []),
    });
  }
  return found;
}
