/**
 * Packages from the Debian archive, by apt, which checks every signature, unpacked into a folder by any user. This works in
 * an apt state of its own, so that a foreign architecture needs no change to the system.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { withTemporaryFolder } from "./cleanup.ts";
import { type Architecture, type Package, packagesIn, withArchitecture } from "./debian/entries.ts";
import { missingFailure, printable } from "./errors.ts";
import { environment } from "./knobs.ts";
import { ending, type Output, run } from "./process.ts";
import type { Progress } from "./progress.ts";
import { shell } from "./shell.ts";

/** The packages that this system's apt sources offer now. A name is NAME, or NAME:ARCHITECTURE but for the first. */
export interface Archive {
  /** Those of the packages that some source has, by the name that was given. */
  find(names: readonly string[]): Promise<Map<string, Package>>;
  /** All of them. @throws Failure (3) that names every package that no source has */
  get(names: readonly string[]): Promise<Map<string, Package>>;
  /** Downloads packages, without their dependencies, and unpacks each into its folder. Runs none of their scripts. */
  unpack(parts: readonly Part[]): Promise<void>;
}

/** Packages, and the folder to unpack them into. */
interface Part {
  packages: readonly string[];
  folder: string;
}

/** Whether this system has what the functions below need. */
export const hasApt = (): boolean => ["/usr/bin/apt-get", "/usr/bin/dpkg-deb"].every((path) => fs.existsSync(path));

/**
 * Opens the archive for some architectures in a private apt state: the system's sources and keys, lists of its own. Needs
 * no root and changes nothing outside a temporary folder, which is gone afterwards.
 * @param architectures the first is that of package names without one
 * @param suite one more of the Debian archive, from the same mirror and with the same keys; of a package, the newest counts
 * @throws Failure (3) when there is no apt
 */
export async function withArchive<T>(
  architectures: readonly [Architecture, ...Architecture[]],
  progress: Progress,
  use: (archive: Archive) => Promise<T>,
  suite?: string,
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
    return use(await openArchive(state, architectures, progress, suite));
  });
}

async function openArchive(
  state: string,
  architectures: readonly [Architecture, ...Architecture[]],
  progress: Progress,
  suite: string | undefined,
): Promise<Archive> {
  const [native] = architectures;
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
      `APT::Architecture=${native}`,
      `APT::Architectures=${architectures.join(",")}`,
      "APT::Get::List-Cleanup=0",
      "Acquire::Languages=none",
      "Acquire::Retries=2",
      "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
      "Acquire::IndexTargets::deb-src::Sources::DefaultEnabled=false",
    ].flatMap((setting) => ["-o", setting]),
  ];
  const env = { ...environment(), LC_ALL: "C.UTF-8", TMPDIR: join(state, "tmp") };
  const $ = await shell({ cwd: state, env });

  progress(`reading Debian's package lists for ${architectures.join(" and ")}`);
  // Its exit code says nothing of the packages: a third party's broken source fails it, a missing network does not.
  let update = await $`apt-get ${options} update`;
  if (suite !== undefined) {
    // Only now does apt know which of the sources is Debian's.
    const { stdout } = await $`apt-get ${options} indextargets --format ${"$(LABEL) $(COMPONENT) $(REPO_URI)"}`;
    options.push("-o", `Dir::Etc::sourcelist=${sourcesWith(suite, state, stdout)}`);
    update = await $`apt-get ${options} update`;
  }
  // One index that can't be downloaded keeps out its whole source. An architecture by itself needs no other's.
  if (!update.ok && architectures.length > 1) {
    for (const one of architectures) await $`apt-get ${options} -o ${`APT::Architectures=${one}`} update`;
  }
  const find = async (names: readonly string[]): Promise<Map<string, Package>> => {
    // It fails when no source has one of the packages, and still shows the others.
    const { stdout } = await $`apt-cache ${options} show --no-all-versions ${names}`;
    return packagesIn(stdout, names, native);
  };
  const get = async (names: readonly string[]): Promise<Map<string, Package>> => {
    const found = await find(names);
    const missing = names.filter((name) => !found.has(name));
    if (missing.length === 0) return found;
    throw missingFailure({
      what: `apt has no package ${missing.map((name) => withArchitecture(name, native).join(" for ")).join(", ")}`,
      expected: "Debian's archive in apt's sources, within reach",
      got: complaints(update) ?? "sources without it",
      fix: "check the network, and that apt's sources have this release's updates and security archives, then run it again",
    });
  };
  return {
    find,
    get,
    async unpack(parts) {
      const found = await get(parts.flatMap(({ packages }) => packages));
      const megabytes = [...found.values()].reduce((sum, { size }) => sum + size, 0) / 1e6;
      progress(
        `downloading ${found.size === 1 ? [...found.keys()] : `${found.size} packages`} (${megabytes.toFixed(1)} MB)`,
      );
      const downloads = join(state, "archives", "partial");
      const download = await $({ cwd: downloads })`apt-get ${options} download ${[...found.keys()]}`;
      if (!download.ok) throw aptFailure("apt-get download", download);
      progress("unpacking");
      for (const { packages, folder } of parts) {
        fs.mkdirSync(folder, { recursive: true });
        for (const name of packages) {
          const file = join(downloads, found.get(name)?.file ?? "");
          const unpacked = await $`dpkg-deb -x ${file} ${folder}`;
          if (!unpacked.ok) throw aptFailure("dpkg-deb -x", unpacked);
          fs.rmSync(file);
        }
      }
    },
  };
}

/**
 * The system's sources.list with a suite of Debian's added, in a file.
 * @param targets a line for each index that apt has: label, component, address
 */
function sourcesWith(suite: string, state: string, targets: string): string {
  const file = join(state, "sources.list");
  const [system, keys] = ["/etc/apt/sources.list", "/usr/share/keyrings/debian-archive-keyring.gpg"];
  const uri = /^Debian main (\S+)$/m.exec(targets)?.[1];
  const added =
    uri === undefined ? "" : `deb ${fs.existsSync(keys) ? `[signed-by=${keys}] ` : ""}${uri} ${suite} main\n`;
  fs.writeFileSync(file, `${fs.existsSync(system) ? fs.readFileSync(system, "utf8") : ""}\n${added}`);
  return file;
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
    expected: "Debian 12 or 13, whose packages this uses",
    fix: "run it on one of them, in a container for example",
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
