/** The kernels of emulated phones: Debian's, with the modules that stage0 and the cable need, unpacked into the cache. */
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { kernelPackage } from "../boot/kernels.ts";
import { ensureFolder, newest } from "../cache-folder.ts";
import type { Target } from "../contract.ts";
import type { Architecture } from "../debian/entries.ts";
import { withArchive } from "../debian.ts";
import { missingFailure } from "../errors.ts";
import { cacheDir } from "../paths.ts";
import { ending, run } from "../process.ts";
import type { Progress } from "../progress.ts";

export interface PhoneKernel {
  /** Its release, e.g. 6.12.117+deb12-amd64. */
  release: string;
  /** Path of the image that QEMU starts. */
  image: string;
  /** Path of the same kernel, unpacked: what fastboop makes of it. */
  plain: string;
  /** Path of the same kernel in a form that fastboop reads. */
  packed: string;
  /** The folder that has its modules in lib/modules. */
  root: string;
}

interface Source {
  architecture: Architecture;
  packages: Parameters<typeof kernelPackage>[1];
}

/** Debian's packages of the first kernels that have ublk (6.12), none of them for the cloud, as those lack dummy_hcd. */
const SOURCES: Record<string, Source> = {
  x86_64: { architecture: "amd64", packages: ["linux-image-6.12-amd64", "linux-image-amd64"] },
  aarch64: { architecture: "arm64", packages: ["linux-image-6.12-arm64", "linux-image-arm64"] },
  arm: { architecture: "armhf", packages: ["linux-image-armmp"] },
};
function sourceOf(arch: string): Source {
  const source = SOURCES[arch];
  if (source === undefined) throw new Error(`no kernel for ${arch}`);
  return source;
}

/** Debian's name of an architecture of the contract's. */
export const debianArchitecture = (arch: string): Architecture => sourceOf(arch).architecture;

/** The suite that has one of 6.12 for armhf, which Debian 12 has not. */
const SUITE = "trixie";

/** What is loaded in the machine before stage0 starts, in this order: the bootloader's side, and the cable. */
const MACHINE_MODULES = ["configfs", "libcomposite", "usb_f_fs", "dummy_hcd", "crc32c_generic", "cdc_acm"];
/** What the root file system has for stage0, by name. */
const STAGE0_MODULES = ["configfs", "libcomposite", "usb_f_fs", "usb_f_acm", "ublk_drv", "overlay", "erofs", "ext4"];

/**
 * The kernel for a target: from the cache as it is, else from Debian's archive.
 * @throws Failure (3) when it is not available
 */
export async function phoneKernel({ arch }: Target, progress: Progress): Promise<PhoneKernel> {
  const parent = cacheDir("phone-kernels", arch);
  if (newestIn(parent) === undefined) await unpack(parent, arch, progress);
  const folder = newestIn(parent) ?? "";
  const release = fs.readdirSync(join(folder, "lib", "modules"))[0] ?? "";
  return {
    release,
    image: join(folder, "vmlinuz"),
    plain: join(folder, "Image"),
    packed: join(folder, arch === "arm" ? "Image" : "vmlinuz"),
    root: folder,
  };
}

/** The modules to load in the machine, in order, as paths below the kernel's root. */
export function machineModules(kernel: PhoneKernel, without: readonly string[] = []): string[] {
  const index = readIndex(join(kernel.root, "lib", "modules", kernel.release));
  const names = MACHINE_MODULES.filter((name) => !without.includes(name));
  return closure(names, index).map((path) => join("lib", "modules", kernel.release, path));
}

function newestIn(parent: string): string | undefined {
  const names = fs.existsSync(parent) ? fs.readdirSync(parent).filter((name) => !name.startsWith(".")) : [];
  return newest(names.map((name) => join(parent, name)));
}

async function unpack(parent: string, arch: string, progress: Progress): Promise<void> {
  const { architecture, packages } = sourceOf(arch);
  const from = arch === "arm" ? SUITE : undefined;
  await withArchive(
    [architecture],
    progress,
    async (archive) => {
      const { name, version } = await kernelPackage(archive, packages);
      await ensureFolder(join(parent, `${name}_${version}`), progress, async (staging) => {
        const unpacked = join(staging, "unpacked");
        await archive.unpack([{ packages: [name], folder: unpacked }]);
        progress("picking the kernel's modules");
        await pick(unpacked, staging, arch);
        fs.rmSync(unpacked, { recursive: true });
      });
    },
    from,
  );
}

/** Keeps of an unpacked kernel what a phone needs. */
async function pick(unpacked: string, folder: string, arch: string): Promise<void> {
  const usr = fs.existsSync(join(unpacked, "usr", "lib", "modules")) ? join(unpacked, "usr") : unpacked;
  const release = fs.readdirSync(join(usr, "lib", "modules"))[0] ?? "";
  const depmod = await run(["depmod", "-b", usr, release]);
  if (depmod.exitCode !== 0) {
    throw missingFailure({ what: `depmod failed (${ending(depmod)})`, got: depmod.stderr.trim().slice(-500) });
  }
  const [from, to] = [join(usr, "lib", "modules", release), join(folder, "lib", "modules", release)];
  const index = readIndex(from);
  const kept = new Set(closure([...MACHINE_MODULES, ...STAGE0_MODULES], index));
  for (const path of kept) {
    fs.mkdirSync(dirname(join(to, path)), { recursive: true });
    fs.renameSync(join(from, path), join(to, path));
  }
  for (const name of ["modules.builtin", "modules.order"]) fs.copyFileSync(join(from, name), join(to, name));
  const lines = [...index.entries()].filter(([path]) => kept.has(path));
  fs.writeFileSync(
    join(to, "modules.dep"),
    lines.map(([path, needs]) => `${path}:${needs.map((need) => ` ${need}`).join("")}\n`).join(""),
  );
  fs.renameSync(join(unpacked, "boot", `vmlinuz-${release}`), join(folder, "vmlinuz"));
  if (arch === "aarch64") fs.linkSync(join(folder, "vmlinuz"), join(folder, "Image"));
  else await extractImage(join(folder, "vmlinuz"), join(folder, "Image"));
}

/** The paths in modules.dep, each with those that it needs, nearest first. */
function readIndex(folder: string): Map<string, string[]> {
  const lines = fs.readFileSync(join(folder, "modules.dep"), "utf8").split("\n");
  return new Map(
    lines.flatMap((line): [string, string[]][] => {
      const [, path, needs = ""] = /^([^:]+):(.*)$/.exec(line) ?? [];
      return path === undefined ? [] : [[path, needs.split(" ").filter((need) => need !== "")]];
    }),
  );
}

/** Modules with all that they need, in an order in which they can be loaded. What is built in is none. */
function closure(names: readonly string[], index: ReadonlyMap<string, readonly string[]>): string[] {
  const byName = new Map([...index.keys()].map((path) => [nameOf(path), path]));
  const ordered = names.flatMap((name) => {
    const path = byName.get(name);
    return path === undefined ? [] : [...(index.get(path) ?? []).toReversed(), path];
  });
  // crc32c is wanted by name only when libcrc32c starts, which no list of dependencies says.
  const generic = byName.get("crc32c_generic");
  const all =
    ordered.some((path) => nameOf(path) === "libcrc32c") && generic !== undefined ? [generic, ...ordered] : ordered;
  return [...new Set(all)];
}

const nameOf = (path: string): string =>
  basename(path)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");

/** Programs that unpack what kernels are packed with, by its magic number. */
const UNPACKERS: Record<string, readonly string[]> = {
  "28b52ffd": ["zstd", "-dc"],
  fd377a58: ["xz", "-dc", "--single-stream"],
};

/**
 * The kernel in a bzImage or zImage. A bzImage says where it is, with its size after it (Linux, Documentation/arch/x86/boot.rst,
 * "payload_offset"); in a zImage the decompressor, which comes first, has xz's magic number too.
 */
async function extractImage(packed: string, image: string): Promise<void> {
  const bytes = fs.readFileSync(packed);
  const offset = (bytes.readUInt8(0x1f1) + 1) * 512 + bytes.readUInt32LE(0x248);
  const payload =
    bytes.toString("latin1", 0x202, 0x206) === "HdrS"
      ? bytes.subarray(offset, offset + bytes.readUInt32LE(0x24c) - 4)
      : bytes.subarray(Math.max(0, bytes.lastIndexOf(Buffer.from("fd377a585a00", "hex"))));
  const unpacker = UNPACKERS[payload.toString("hex", 0, 4)];
  if (unpacker === undefined) throw missingFailure({ what: "the kernel is packed in an unknown way", file: packed });
  const part = `${image}.part`;
  fs.writeFileSync(part, payload);
  const unpacked = await run([
    "sh",
    "-c",
    'input=$0 output=$1; shift; exec "$@" "$input" > "$output"',
    part,
    image,
    ...unpacker,
  ]);
  fs.rmSync(part);
  if (unpacked.exitCode === 0) return;
  throw missingFailure({
    what: `${unpacker[0]} failed (${ending(unpacked)})`,
    got: unpacked.stderr.trim(),
    file: packed,
  });
}
