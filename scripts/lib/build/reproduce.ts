/** Two builds of one source in different surroundings, and where their bytes first differ (reproducible-builds.org). */
import * as fs from "node:fs";
import { join } from "node:path";
import { bufferSource } from "../elf/bytes.ts";
import { SHT, segmentName } from "../elf/names.ts";
import { readElf } from "../elf.ts";
import { Failure, printable } from "../errors.ts";
import { environment } from "../knobs.ts";
import { cargoHome, homeDir } from "../paths.ts";
import { run } from "../process.ts";
import { scriptCommand, shell } from "../shell.ts";

/** What one of the two builds has around it; what is not here, e.g. the compiler, is the same for both. */
interface Surroundings {
  /** Folder names, of different lengths. */
  folder: string;
  umask: string;
  env: Record<string, string>;
  /** Number of the user that programs see; absent: the one who is here. */
  user?: number;
}

const jobs = (count: number): Record<string, string> => ({ CARGO_BUILD_JOBS: String(count) });
const SURROUNDINGS: readonly [Surroundings, Surroundings] = [
  { folder: "one", umask: "022", env: { LC_ALL: "C", TZ: "UTC0", ...jobs(1) } },
  {
    folder: join("another", "folder-with-a-longer-name"),
    umask: "077",
    env: { LC_ALL: "C.UTF-8", TZ: "Asia/Kathmandu", USER: "another", LOGNAME: "another", ...jobs(3) },
    user: 4321,
  },
];

/**
 * Builds stage0 twice, for a target, from copies of a workspace, each with its own folder, CARGO_HOME, HOME, target folder,
 * user, umask, locale, time zone and number of jobs, one after the other.
 * @param work an empty folder
 * @param progress told what is being done
 * @returns paths of both artifacts
 * @throws Failure with the build's exit code
 */
export async function buildTwice(
  workspace: string,
  triple: string,
  work: string,
  progress: (phase: string) => void,
): Promise<[string, string]> {
  const paths: string[] = [];
  for (const [index, surroundings] of SURROUNDINGS.entries()) {
    progress(`build ${index + 1} of 2`);
    const folder = join(work, surroundings.folder);
    copySource(workspace, join(folder, "workspace"));
    paths.push(await buildOnce(join(folder, "workspace"), triple, folder, surroundings));
  }
  return [paths[0] ?? "", paths[1] ?? ""];
}

/**
 * Builds stage0 once.
 * @param source absolute path of the workspace
 * @param folder for all else that the build has around it
 * @returns path of the artifact
 * @throws Failure with the build's exit code
 */
export async function buildOnce(
  source: string,
  triple: string,
  folder: string,
  around: Omit<Surroundings, "folder">,
): Promise<string> {
  const ownCargoHome = join(folder, "cargo-home");
  copyDownloads(cargoHome(source), ownCargoHome);
  const dist = join(folder, "dist");
  const outer = environment();
  const env: Record<string, string> = {
    ...outer,
    ...around.env,
    TARGET: triple,
    WORKSPACE: source,
    DIST: dist,
    CARGO_HOME: ownCargoHome,
    CARGO_TARGET_DIR: join(folder, "target"),
    HOME: join(folder, "home"),
    // The compiler and the cache stay where they are.
    RUSTUP_HOME: outer.RUSTUP_HOME ?? join(homeDir(), ".rustup"),
    XDG_CACHE_HOME: outer.XDG_CACHE_HOME ?? join(homeDir(), ".cache"),
  };
  for (const name of ["FASTBOOP_STAGE0_EMBED_PATH", "GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_ACTIONS", "MAKE_VARIABLES"])
    delete env[name];
  fs.mkdirSync(join(folder, "home"), { recursive: true });
  const $ = await shell({ env });
  const script = 'umask "$1" && shift && exec "$@"';
  const command = [...(await asUser(around.user)), ...scriptCommand("build-stage0.ts")];
  const child = await $`sh -c ${script} sh ${around.umask} ${command}`;
  if (child.ok) return child.stdout.trim().split("\n").at(-1) ?? "";
  throw new Failure(child.exitCode === 1 || child.exitCode === 2 ? child.exitCode : 3, {
    what: "a build failed",
    got: printable(child.stderr.trim().split("\n").slice(-8).join("\n")),
    fix: "make stage0 has to work first",
  });
}

/** What makes programs see another user, who owns what this one does: a name space, where the kernel lets anyone have one. */
async function asUser(user: number | undefined): Promise<string[]> {
  const command = ["unshare", "--user", `--map-user=${user}`];
  const works = user !== undefined && (await run([...command, "true"])).exitCode === 0;
  return works ? command : [];
}

/** Copies a workspace without what was built in it. */
function copySource(from: string, to: string): void {
  const built = [join(from, "target"), join(from, ".git")];
  fs.cpSync(from, to, { recursive: true, verbatimSymlinks: true, filter: (path) => !built.includes(path) });
}

/** Copies cargo's configuration and downloads, so that nothing is downloaded twice. Sources are unpacked anew. */
function copyDownloads(from: string, to: string): void {
  fs.mkdirSync(to, { recursive: true });
  for (const name of ["config", "config.toml", "registry/index", "registry/cache", "git/db"]) {
    if (fs.existsSync(join(from, name))) fs.cpSync(join(from, name), join(to, name), { recursive: true });
  }
}

/** Where two files first differ. */
export interface Difference {
  /** The section whose contents differ, else the segment; undefined: what differs is in none. */
  section: string | undefined;
  /** Bytes from the start of the section, or of the file. */
  offset: number;
  /** The bytes around it, printable, of both files. */
  texts: [string, string];
  /** The same in hexadecimal. */
  bytes: [string, string];
  cause: string;
}

/** Bytes that are shown before and after the first that differs. */
const CONTEXT = 24;
const BUILD_ID = ".note.gnu.build-id";
/** Where causes show. What is longer in one of them moves addresses, which stand in all other sections. */
const TELLING = [".rodata", ".comment", ".text"];

/**
 * The first difference of two executables, undefined when there is none. Sections of one name are compared, those that tell
 * most first, and last the build id, a digest of all.
 */
export function firstDifference(a: Buffer, b: Buffer): Difference | undefined {
  if (a.equals(b)) return undefined;
  const [ours, theirs] = [contents(a), contents(b)];
  const differing = [...ours].filter(([name, bytes]) => !theirs.get(name)?.equals(bytes)).map(([name]) => name);
  const section =
    TELLING.find((name) => differing.includes(name)) ?? differing.find((name) => name !== BUILD_ID) ?? differing[0];
  const [one, other] =
    section === undefined ? [a, b] : [ours.get(section) ?? a, theirs.get(section) ?? Buffer.alloc(0)];
  let offset = 0;
  while (offset < one.length && one[offset] === other[offset]) offset++;
  const around = (bytes: Buffer): Buffer => bytes.subarray(Math.max(offset - CONTEXT, 0), offset + CONTEXT);
  const text = (bytes: Buffer): string =>
    around(bytes)
      .toString("latin1")
      .replace(/[^\x20-\x7e]/g, ".");
  const texts: [string, string] = [text(one), text(other)];
  const bytes: [string, string] = [around(one).toString("hex"), around(other).toString("hex")];
  return {
    ...(section === undefined ? placeOf(a, offset) : { section, offset }),
    texts,
    bytes,
    cause: likelyCause(section, texts),
  };
}

/** What holds a byte of a file that is in no section that differs. */
function placeOf(bytes: Buffer, offset: number): Pick<Difference, "section" | "offset"> {
  const { elf } = readElf(bufferSource(bytes));
  const at = BigInt(offset);
  const found = elf?.segments.find((one) => one.offset <= at && at < one.offset + one.filesz && one.offset > 0n);
  if (found === undefined)
    return { section: elf === undefined || offset >= elf.header.ehsize ? undefined : "the ELF header", offset };
  return { section: `the segment ${segmentName(found.type)}`, offset: Number(at - found.offset) };
}

/** A section of two files: its bytes in each, undefined where there is none, and whether they are the same. */
export interface SectionPair {
  name: string;
  sizes: [number | undefined, number | undefined];
  isSame: boolean;
}

export function sectionsOf(a: Buffer, b: Buffer): SectionPair[] {
  const [ours, theirs] = [contents(a), contents(b)];
  return [...new Set([...ours.keys(), ...theirs.keys()])].map((name) => {
    const [one, other] = [ours.get(name), theirs.get(name)];
    const isSame = one !== undefined && other !== undefined && one.equals(other);
    return { name, sizes: [one?.length, other?.length], isSame };
  });
}

/** The bytes of each section by its name; nothing when it is no ELF file. */
function contents(bytes: Buffer): Map<string, Buffer> {
  const { elf } = readElf(bufferSource(bytes));
  const inFile = elf?.sections.filter(({ name, type }) => name !== "" && type !== SHT.NOBITS) ?? [];
  return new Map(inFile.map(({ name, offset, size }) => [name, bytes.subarray(Number(offset), Number(offset + size))]));
}

function likelyCause(section: string | undefined, texts: readonly string[]): string {
  if (texts.some((text) => /\/[\w.-]+\/[\w.-]+/.test(text)))
    return "a path of the machine: a build script or env!() wrote it";
  if (texts.some((text) => /\b(20[0-9]{2}-[01][0-9]-[0-3][0-9]|[0-2][0-9]:[0-5][0-9]:[0-5][0-9])\b/.test(text)))
    return "a date or time: read SOURCE_DATE_EPOCH in its place";
  if (section === ".comment") return "another compiler or linker";
  if (section === BUILD_ID) return "only what follows: the build id is a digest of it";
  if (section === ".text") return "code or the order of functions: another compiler, or a build script's output";
  return "a build script's output, or another compiler";
}
