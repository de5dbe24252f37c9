/**
 * Packages from the Debian archive, by apt, which checks every signature, unpacked into a folder by anyone. This works in an
 * apt state of its own, so that a foreign architecture needs no change to the system.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { withTemporaryFolder } from "./cleanup.ts";
import { missingFailure, printable } from "./errors.ts";
import { environment } from "./knobs.ts";
import { ending, type Output, run } from "./process.ts";
import type { Progress } from "./progress.ts";
import { shell } from "./shell.ts";

/** Debian's names of the architectures that the contract's targets run on. */
export type Architecture = "amd64" | "arm64" | "armhf";

/** The packages of one architecture, as this system's apt sources offer them now. */
export interface Archive {
  /** The version that apt would take; undefined when no source has the package. */
  version(name: string): Promise<string | undefined>;
  /** The first direct dependency of a package whose name matches, e.g. the versioned kernel of linux-image-cloud-arm64. */
  dependency(name: string, pattern: RegExp): Promise<string>;
  /** Downloads packages, without their dependencies, and unpacks them into a folder. Runs none of their scripts. */
  unpack(names: readonly string[], folder: string): Promise<void>;
}

/** Whether this system has what the functions below need. */
export const hasApt = (): boolean => ["/usr/bin/apt-get", "/usr/bin/dpkg-deb"].every((path) => fs.existsSync(path));

/**
 * Opens the archive for one architecture in a private apt state: the system's sources and keys, lists of its own. Needs
 * no root and changes nothing outside a temporary folder, which is gone afterwards.
 * @param signal ends what is being downloaded or unpacked
 * @throws Failure (3) when there is no apt
 */
export async function withArchive<T>(
  architecture: Architecture,
  progress: Progress,
  use: (archive: Archive) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  if (!hasApt()) throw noApt();
  return withTemporaryFolder(async (state) => {
    for (const name of ["lists/partial", "archives/partial", "tmp"])
      fs.mkdirSync(join(state, name), { recursive: true });
    // apt downloads as the user _apt when root runs it.
    fs.chmodSync(state, 0o755);
    fs.chmodSync(join(state, "tmp"), 0o1777);
    fs.writeFileSync(join(state, "status"), "");
    fs.writeFileSync(
      join(state, "apt.conf"),
      "#clear APT::Update::Post-Invoke-Success;\n#clear APT::Update::Post-Invoke;\n",
    );
    return use(await openArchive(state, architecture, progress, signal));
  });
}

async function openArchive(
  state: string,
  architecture: Architecture,
  progress: Progress,
  signal = new AbortController().signal,
): Promise<Archive> {
  const options = [
    "-q",
    ...["-c", join(state, "apt.conf")],
    ...[
      `Dir::State=${state}`,
      `Dir::State::status=${join(state, "status")}`,
      `Dir::State::lists=${join(state, "lists")}`,
      `Dir::Cache=${state}`,
      // Debian's container images switch these off, and every question would then read all lists anew.
      "Dir::Cache::pkgcache=pkgcache.bin",
      "Dir::Cache::srcpkgcache=srcpkgcache.bin",
      `Dir::Cache::archives=${join(state, "archives")}`,
      `APT::Architecture=${architecture}`,
      `APT::Architectures=${architecture}`,
      "APT::Get::List-Cleanup=0",
      "Acquire::Languages=none",
      "Acquire::Retries=2",
      "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
      "Acquire::IndexTargets::deb-src::Sources::DefaultEnabled=false",
    ].flatMap((setting) => ["-o", setting]),
  ];
  const env = { ...environment(), LC_ALL: "C.UTF-8", TMPDIR: join(state, "tmp") };
  const $ = await shell({ cwd: state, signal, env });

  progress(`reading Debian's package lists for ${architecture}`);
  // Its exit code says nothing of use: a third party's broken source fails it, a missing network does not.
  const update = await $`apt-get ${options} update`;
  const unavailable = (name: string) =>
    missingFailure({
      what: `apt has no package ${name} for ${architecture}`,
      expected: "Debian 12's archive in apt's sources, within reach",
      got: complaints(update) ?? "sources without it",
      fix: "check the network and /etc/apt/sources.list.d, then run it again",
    });
  const version = async (name: string): Promise<string | undefined> => {
    const { stdout } = await $`apt-cache ${options} policy ${name}`;
    const candidate = /^ {2}Candidate: (\S+)$/m.exec(stdout)?.[1];
    return candidate === "(none)" ? undefined : candidate;
  };
  return {
    version,
    async dependency(name, pattern) {
      const { stdout } = await $`apt-cache ${options} depends --no-recommends --no-suggests ${name}`;
      const found = [...stdout.matchAll(/^ [ |]Depends: ([^<>\s]+)$/gm)].map((match) => match[1] ?? "");
      const dependency = found.find((candidate) => pattern.test(candidate));
      if (dependency === undefined) throw unavailable(name);
      return dependency;
    },
    async unpack(names, folder) {
      for (const name of names) if ((await version(name)) === undefined) throw unavailable(name);
      progress(`downloading ${names.join(", ")} for ${architecture}`);
      const downloads = join(state, "archives", "partial");
      const download = await $({ cwd: downloads })`apt-get ${options} download ${names}`;
      if (!download.ok) throw aptFailure("apt-get download", download);
      fs.mkdirSync(folder, { recursive: true });
      for (const file of fs.readdirSync(downloads).filter((name) => name.endsWith(".deb"))) {
        const unpacked = await $`dpkg-deb -x ${join(downloads, file)} ${folder}`;
        if (!unpacked.ok) throw aptFailure("dpkg-deb -x", unpacked);
        fs.rmSync(join(downloads, file));
      }
    },
  };
}

/** The versions of those of the packages that are installed on this system. */
export async function installedVersions(names: readonly string[]): Promise<Map<string, string>> {
  const format = "${Package} ${Version} ${db:Status-Status}\\n";
  // It fails when one of the packages was never heard of, and still tells of the others.
  const { stdout } = await run(["dpkg-query", "-W", "-f", format, ...names]);
  const rows = stdout.split("\n").map((line) => line.split(" "));
  return new Map(
    rows.flatMap(([name = "", version = "", status]) => (status === "installed" ? [[name, version]] : [])),
  );
}

export const noApt = () =>
  missingFailure({
    what: "this system has no apt",
    expected: "Debian 12, whose packages this takes",
  });

/** The errors and warnings in apt's output, on one line; undefined when there are none. */
export function complaints({ stderr }: Output): string | undefined {
  const lines = stderr.split("\n").filter((line) => /^(E|W|dpkg[^:]*): /.test(line));
  return lines.length > 0 ? lines.slice(0, 4).map(printable).join("; ") : undefined;
}

export const aptFailure = (command: string, result: Output, context?: string) =>
  missingFailure({
    what: `${command} failed (${ending(result)})`,
    got: [complaints(result), context].filter(Boolean).join("; ") || printable(result.stderr.trim().slice(-500)),
    fix: "check the network, the disk and apt's sources, then run it again",
  });
