/** The files of the corpus that compilers and linkers make. They are built once and kept below test/.cache. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { PROJECT } from "../../scripts/lib/paths.ts";
import { onPath, runProgram } from "../lib/harness.ts";

const SOURCES = join(PROJECT, "test", "corpus", "sources");
const CACHE = join(PROJECT, "test", ".cache");

/** Fills in, for each recipe: SOURCES/ is where the sources are; the result is written to the recipe's name. */
type Recipe = readonly string[];

const gcc = (source: string, ...flags: string[]): Recipe => ["gcc", ...flags, `SOURCES/${source}`, "-o"];
const bare = (source: string, ...flags: string[]): Recipe => gcc(source, "-nostdlib", "-O1", ...flags);
const musl = (source: string, ...flags: string[]): Recipe => ["musl-gcc", ...flags, `SOURCES/${source}`, "-o"];
const cross = (machine: string, source: string, ...flags: string[]): Recipe => [
  `${machine}-gcc`,
  ...flags,
  `SOURCES/${source}`,
  "-o",
];
/** Keeps where the project is out of debug information, as not everywhere is a place that the gate warns of. */
const ANYWHERE = `--remap-path-prefix=${PROJECT}=/project`;
const rust = (...flags: string[]): Recipe => ["rustc", ...flags, "SOURCES/hello.rs", "-o"];
const lld = "-fuse-ld=lld";
/** Thumb code unless told otherwise, which has register 7 for its frames as long as it has frames. */
const ARM_BARE = ["-O1", "-fomit-frame-pointer", "-nostdlib", "-static", "-s", "-Wl,--build-id=none"];
/** The start file and the unwinder's frames of musl's static-pie, which Debian's musl-gcc does not use. */
const MUSL_PIE = [
  ...["-static", "-s", "-fPIE", "-nostartfiles", "-Wl,-pie,--no-dynamic-linker,-z,text"],
  ...["rcrt1.o", "crti.o", "crtn.o"].map((name) => `/usr/lib/x86_64-linux-musl/${name}`),
];

const RECIPES = {
  "x-static": gcc("hello.c", "-static", "-s"),
  "x-static-pie": gcc("hello.c", "-static-pie", "-s"),
  "x-static-symbols": gcc("hello.c", "-static", "-g", "-gz"),
  "x-dynamic-pie": gcc("hello.c", "-s"),
  "x-dynamic": gcc("hello.c", "-s", "-no-pie"),
  "x-says-static": gcc("hello.c", "-s", "-Wl,--dynamic-linker=/statically linked"),
  "x-pie-without-library": bare("exit.c", "-s", "-pie", "-fPIE", "-Wl,--dynamic-linker=/lib/ld.so"),
  "x-library": gcc("library.c", "-s", "-shared", "-fPIC"),
  "x-library-alone": bare("library.c", "-s", "-shared", "-fPIC", "-Wl,-z,now"),
  "x-object": gcc("hello.c", "-c"),
  "x-exec-stack": gcc("hello.c", "-static", "-s", "-Wl,-z,execstack"),
  "x-no-relro": gcc("hello.c", "-static", "-s", "-Wl,-z,norelro"),
  "x-no-build-id": gcc("hello.c", "-static", "-s", "-Wl,--build-id=none"),
  "x-one-page": gcc("hello.c", "-static", "-s", "-Wl,-z,noseparate-code"),
  "x-large-pages": gcc("hello.c", "-static", "-s", "-Wl,-z,max-page-size=0x200000"),
  "x-gold": gcc("hello.c", "-static", "-s", "-fuse-ld=gold"),
  "x-lld": gcc("hello.c", "-static", "-s", lld),
  "x-lld-pie": gcc("hello.c", "-static-pie", "-s", lld),
  "x-lld-separate": gcc("hello.c", "-static", "-s", lld, "-Wl,-z,separate-loadable-segments"),
  "x-runpath": gcc("hello.c", "-static-pie", "-s", "-Wl,-rpath,/opt/lib"),
  "x-rpath": gcc("hello.c", "-static-pie", "-s", "-Wl,-rpath,/opt/lib,--disable-new-dtags"),
  "x-paths": gcc("path.c", "-static", "-s"),
  "x-bare": bare("exit.c", "-static", "-s"),
  "x-bare-pie": bare("exit.c", "-static-pie", "-s", "-fPIE"),
  "x-bare-relro": bare("exit.c", "-static", "-s", "-Wl,-z,relro", "-fPIE"),
  "x-bare-nmagic": bare("exit.c", "-static", "-s", "-Wl,-n"),
  "x-bare-omagic": bare("exit.c", "-static", "-s", "-Wl,-N"),
  "x-entry-zero": bare("exit.c", "-static", "-s", "-Wl,-e,0"),
  "x-entry-data": bare("exit.c", "-static", "-s", "-Wl,-e,value"),
  "x-text-relocation": bare("text-relocation.s", "-static-pie", "-s", "-Wl,-z,notext"),
  "x-no-stack-note": bare("no-stack-note.s", "-static", "-s"),
  "x-high": bare("exit.c", "-static", "-s", "-Wl,-Ttext-segment=0x7ffffffff000"),
  "x-low": bare("exit.c", "-static", "-s", "-Wl,-Ttext-segment=0x1000"),
  "x-write-execute": bare("exit.c", "-static", "-s", "-Wl,-T,SOURCES/write-execute.ld", "-Wl,--build-id=none"),
  "x32-bare": bare("exit.c", "-mx32", "-static", "-s"),
  "x-musl": musl("hello.c", "-static", "-s"),
  "x-relr": gcc("hello.c", "-static-pie", "-s", lld, "-Wl,--pack-dyn-relocs=relr"),
  "x-android": gcc("hello.c", "-static-pie", "-s", lld, "-Wl,--pack-dyn-relocs=android"),
  "x-export-dynamic": gcc("hello.c", "-static-pie", "-s", "-Wl,--export-dynamic"),
  "x-ifunc": gcc("ifunc.c", "-static", "-s"),
  "x-v3": gcc("hello.c", "-static", "-s", "-march=x86-64-v3", "-mneeded"),
  "x-netbsd": bare("netbsd.s", "-static", "-s"),
  "x-musl-ifunc": musl("ifunc.c", "-static", "-s"),
  "x-musl-silently-dynamic": musl("hello.c", "-static-pie", "-s"),
  "x-musl-nmagic": musl("hello.c", "-static", "-s", "-Wl,-n"),
  "x-musl-headers-apart": musl("hello.c", "-static", "-s", "-Wl,-T,SOURCES/headers-apart.ld"),
  "x-musl-pie": musl("hello.c", ...MUSL_PIE),
  "x-musl-relr": musl("hello.c", lld, "-Wl,--pack-dyn-relocs=relr", ...MUSL_PIE),
  "x-rust": rust("-Ctarget-feature=+crt-static", "-Cstrip=symbols"),
  "x-rust-exec": rust("-Ctarget-feature=+crt-static", "-Crelocation-model=static", "-Cstrip=symbols"),
  "x-rust-debug": rust("-Ctarget-feature=+crt-static", "-g", ANYWHERE),
  "x-rust-dynamic": rust("-Cstrip=symbols"),
  "a-static": cross("aarch64-linux-gnu", "hello.c", "-static", "-s"),
  "a-static-pie": cross("aarch64-linux-gnu", "hello.c", "-static-pie", "-s"),
  "a-dynamic": cross("aarch64-linux-gnu", "hello.c", "-s"),
  "a-4k-pages": cross("aarch64-linux-gnu", "hello.c", "-static", "-s", "-Wl,-z,max-page-size=4096"),
  "a-16k-pages": cross("aarch64-linux-gnu", "hello.c", "-static-pie", "-s", "-Wl,-z,max-page-size=16384"),
  "a-bare": cross("aarch64-linux-gnu", "exit.c", "-O1", "-nostdlib", "-static", "-s"),
  "a-bare-pie": cross("aarch64-linux-gnu", "exit.c", "-O1", "-nostdlib", "-static-pie", "-s", "-fPIE"),
  "a-bti": cross("aarch64-linux-gnu", "exit.c", "-O1", "-nostdlib", "-static", "-s", "-mbranch-protection=standard"),
  "a-ifunc": cross("aarch64-linux-gnu", "ifunc.c", "-static", "-s"),
  "a-far": cross("aarch64-linux-gnu", "exit.c", "-O1", "-nostdlib", "-static", "-s", "-Wl,-Ttext-segment=0x8000000000"),
  "arm-static": cross("arm-linux-gnueabihf", "hello.c", "-static", "-s"),
  // The cross compiler looks for a linker beside itself.
  "arm-lld": cross("arm-linux-gnueabihf", "hello.c", "-static", "-s", lld, "-B/usr/bin"),
  "arm-bare": cross("arm-linux-gnueabihf", "exit.c", ...ARM_BARE),
  "arm-bare-a32": cross("arm-linux-gnueabihf", "exit.c", ...ARM_BARE, "-marm"),
  "arm-soft": cross("arm-linux-gnueabihf", "exit.c", ...ARM_BARE, "-mfloat-abi=soft"),
  "arm-high": cross("arm-linux-gnueabihf", "exit.c", ...ARM_BARE, "-Wl,-Ttext-segment=0x40000000"),
  "arm-low": cross("arm-linux-gnueabihf", "exit.c", ...ARM_BARE, "-Wl,-Ttext-segment=0x8000"),
  "arm-write-execute": cross("arm-linux-gnueabihf", "exit.c", ...ARM_BARE, "-Wl,-T,SOURCES/write-execute.ld"),
  "arm-exec-stack": cross("arm-linux-gnueabihf", "hello.c", "-static", "-s", "-Wl,-z,execstack"),
  "arm-dynamic": cross("arm-linux-gnueabihf", "hello.c", "-s"),
  "mips-static": cross("mips-linux-gnu", "hello.c", "-static", "-s"),
  "mips-dynamic": cross("mips-linux-gnu", "hello.c", "-s"),
  "ppc64-static": cross("powerpc64-linux-gnu", "hello.c", "-static", "-s"),
  "ppc64-dynamic": cross("powerpc64-linux-gnu", "hello.c"),
} satisfies Record<string, Recipe>;

export type Built = keyof typeof RECIPES | "x-many-sections" | "x-many-notes" | "x-debug-only" | "x-strip-debug";

/** Made of other files or of source text that is too long to keep. */
const DERIVED: Record<Exclude<Built, keyof typeof RECIPES>, readonly string[][]> = {
  "x-many-sections": [
    ["as", "many-sections.s", "-o", "many-sections.o"],
    ["ld", "-s", "many-sections.o", "-o", "x-many-sections"],
  ],
  // As many as 1,500 of SystemTap's probes have.
  "x-many-notes": [
    ["as", "many-notes.s", "-o", "many-notes.o"],
    ["ld", "-s", "many-notes.o", "-o", "x-many-notes"],
  ],
  "x-debug-only": [["objcopy", "--only-keep-debug", "x-static-symbols", "x-debug-only"]],
  "x-strip-debug": [["strip", "-s", "x-static-symbols", "-o", "x-strip-debug"]],
};

/** The command that makes a file, as the gate's rules tell it. */
export const commandOf = (name: Built): string =>
  [...(name in DERIVED ? (DERIVED[name as keyof typeof DERIVED].at(-1) ?? []) : RECIPES[name as keyof typeof RECIPES])]
    .filter((word) => word !== "-o" && word !== ANYWHERE)
    .map((word) => word.replace("SOURCES/", ""))
    .join(" ");

/** More sections than the 16 bits of e_shnum count. */
const manySections = (): string =>
  fs.readFileSync(join(SOURCES, "stack-note.s"), "utf8") +
  Array.from({ length: 66_000 }, (_, number) => `.section .s${number}, "", @progbits\n.byte 0\n`).join("");

/** More bytes of notes than are read, which are not loaded. */
const manyNotes = (): string =>
  fs.readFileSync(join(SOURCES, "stack-note.s"), "utf8") +
  '.section .note.stapsdt, "", @note\n.rept 1500\n.long 8, 60, 3\n.asciz "stapsdt"\n.zero 60\n.endr\n';

/** What the recipes need beyond a compiler for this machine. */
export const PROGRAMS = [
  "gcc",
  "musl-gcc",
  "ld.lld",
  "rustc",
  "aarch64-linux-gnu-gcc",
  "arm-linux-gnueabihf-gcc",
  "mips-linux-gnu-gcc",
  "powerpc64-linux-gnu-gcc",
  "readelf",
];

/** Some releases have gold, which is deprecated, in a package of its own, or not at all. */
export const HAS_GOLD = onPath("ld.gold");
/** The files that can be made here. */
export const MADE = Object.keys(RECIPES).filter((name) => name !== "x-gold" || HAS_GOLD) as (keyof typeof RECIPES)[];

async function run(command: readonly string[], cwd: string): Promise<void> {
  const { code, stderr } = await runProgram(command, { cwd });
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${stderr}`);
}

/** The folder that holds every compiled file under its name. */
export async function compileAll(): Promise<string> {
  const { stdout } = await runProgram(["sh", "-c", "gcc --version; rustc --version; ld --version"]);
  const key = createHash("sha256")
    .update(stdout)
    .update(JSON.stringify([RECIPES, DERIVED, MADE]));
  for (const name of fs.readdirSync(SOURCES).sort()) key.update(fs.readFileSync(join(SOURCES, name)));
  const done = join(CACHE, `corpus-${key.digest("hex").slice(0, 16)}`);
  if (fs.existsSync(done)) return done;
  fs.mkdirSync(CACHE, { recursive: true });
  const folder = fs.mkdtempSync(join(CACHE, "corpus-making-"));
  const queue = [...MADE];
  const work = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift())
      await run([...RECIPES[name].map((word) => word.replace("SOURCES", SOURCES)), name], folder);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  fs.writeFileSync(join(folder, "many-sections.s"), manySections());
  fs.writeFileSync(join(folder, "many-notes.s"), manyNotes());
  for (const command of Object.values(DERIVED).flat()) await run(command, folder);
  try {
    fs.renameSync(folder, done);
  } catch {
    // Another test file's process was faster with the same files.
    fs.rmSync(folder, { recursive: true });
  }
  return done;
}
