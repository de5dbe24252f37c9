/** The kernels that artifacts are booted on: the user's own, or Debian's, unpacked into the cache and never installed. */
import * as fs from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ensureFolder, newest } from "../cache-folder.ts";
import { MACHINES, type Target } from "../contract.ts";
import type { Architecture } from "../debian/entries.ts";
import { type Archive, withArchive } from "../debian.ts";
import { Failure, missingFailure, printable, usageFailure } from "../errors.ts";
import { readRegular } from "../files.ts";
import { knob } from "../knobs.ts";
import { cacheDir, fromCaller } from "../paths.ts";
import type { Progress } from "../progress.ts";

export interface Kernel {
  /** Path of the image. */
  path: string;
  /** Bytes of a page; null when the image does not tell. */
  pageSize: number | null;
  /** What tells this kernel from the target's others; own: the user brings it. */
  variant: "" | "-16k";
  /** What it is booted on. */
  processors: readonly ("oldest" | "newest")[];
  /** Where the module configfs is, and for which release of the kernel; absent: built in, or KERNEL_… names an image alone. */
  configfs?: { path: string; release: string };
}

interface Source extends Pick<Kernel, "variant" | "processors"> {
  /** Debian's packages that depend on the current kernel of this kind: which of them there is depends on the release. */
  packages: readonly [string, ...string[]];
}

/**
 * Debian builds no arm64 kernel with 64 KiB pages (docs/boot.md). The Cortex-A57's memory unit lacks those of 16 KiB, which
 * the architecture leaves optional.
 */
const BOTH = ["oldest", "newest"] as const;
const SOURCES: Record<string, { architecture: Architecture; kernels: readonly Source[] }> = {
  x86_64: {
    architecture: "amd64",
    kernels: [{ variant: "", processors: BOTH, packages: ["linux-image-cloud-amd64"] }],
  },
  aarch64: {
    architecture: "arm64",
    kernels: [
      { variant: "", processors: ["oldest"], packages: ["linux-image-cloud-arm64"] },
      {
        variant: "-16k",
        processors: ["newest"],
        packages: ["linux-image-6.12-arm64-16k", "linux-image-arm64-16k"],
      },
    ],
  },
  arm: { architecture: "armhf", kernels: [{ variant: "", processors: BOTH, packages: ["linux-image-armmp"] }] },
};
const IMAGE = "vmlinuz";

function knobOf(arch: string): `KERNEL_${"x86_64" | "aarch64" | "arm"}` {
  if (arch === "x86_64" || arch === "aarch64" || arch === "arm") return `KERNEL_${arch}`;
  throw new Error(`no kernel for ${arch}`);
}

/**
 * The kernel that KERNEL_<architecture> names; undefined when it is unset.
 * @throws Failure (2) when it is no kernel for the architecture, (3) when it can't be read
 */
export function ownKernel({ arch }: Target): Kernel | undefined {
  const path = knob(knobOf(arch));
  if (path === undefined) return undefined;
  const kernel = identify(fromCaller(path), arch);
  return { ...kernel, variant: "", processors: [kernel.pageSize === 16384 ? "newest" : "oldest"] };
}

/**
 * Debian's kernels for a target: from the cache as they are, without asking for newer ones, else from the archive.
 * @throws Failure (3) when one is not available
 */
export async function debianKernels({ arch }: Target, progress: Progress): Promise<Kernel[]> {
  const { architecture, kernels } = SOURCES[arch] ?? {};
  if (architecture === undefined || kernels === undefined) throw new Error(`no kernels for ${arch}`);
  const missing = kernels.filter((kernel) => newestOf(kernel) === undefined);
  try {
    if (missing.length > 0) {
      await withArchive([architecture], progress, async (archive) => {
        for (const kernel of missing) await unpackKernel(kernel, archive, progress);
      });
    }
    return kernels.map((kernel) => {
      const folder = newestOf(kernel) ?? "";
      const module = fs.readdirSync(folder).find((name) => CONFIGFS.test(name));
      const image = { ...identify(join(folder, IMAGE), arch), ...kernel };
      if (module === undefined) return image;
      return { ...image, configfs: { path: join(folder, module), release: releaseOf(basename(folder)) } };
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const own = `set ${knobOf(arch)} to a kernel image`;
    const problems = error.problems.map(({ fix, ...problem }) => ({
      ...problem,
      fix: fix ? `${fix}; or ${own}` : own,
    }));
    throw new Failure(error.exitCode, ...problems);
  }
}

/** The current kernel that the first of some packages depends on which apt has. @throws Failure (3) when it has none */
export async function kernelPackage(archive: Archive, packages: Source["packages"]) {
  const found = await archive.find(packages);
  const offered = packages.find((name) => found.has(name)) ?? packages[0];
  const meta = found.get(offered) ?? (await archive.get([offered])).get(offered);
  const name = meta?.depends.find((dependency) => dependency.startsWith("linux-image-"));
  if (name === undefined) throw missingFailure({ what: `${offered} depends on no kernel` });
  return { offered, name, version: (await archive.get([name])).get(name)?.version };
}

async function unpackKernel(source: Source, archive: Archive, progress: Progress): Promise<void> {
  const { offered, name, version } = await kernelPackage(archive, source.packages);
  await ensureFolder(join(cacheOf(offered), `${name}_${version}${WITH_CONFIGFS}`), progress, async (staging) => {
    const unpacked = join(staging, "unpacked");
    await archive.unpack([{ packages: [name], folder: unpacked }]);
    const boot = join(unpacked, "boot");
    const image = fs.readdirSync(boot).find((file) => file.startsWith(`${IMAGE}-`)) ?? IMAGE;
    fs.renameSync(join(boot, image), join(staging, IMAGE));
    // The other modules take many times the space, and no boot loads any.
    const files = fs.readdirSync(unpacked, { recursive: true, encoding: "utf8" });
    const module = files.find((path) => CONFIGFS.test(basename(path)));
    if (module !== undefined) fs.renameSync(join(unpacked, module), join(staging, basename(module)));
    fs.rmSync(unpacked, { recursive: true });
  });
}

const cacheOf = (name: string): string => cacheDir("kernels", name);

/** What `uname -r` says: Debian names its kernel packages after it. */
const releaseOf = (folder: string): string => folder.replace(/^linux-image-/, "").replace(/_.*$/, "");

/** How the name of a folder ends that was made by this code, which keeps more than the image. */
const WITH_CONFIGFS = "_configfs";
const CONFIGFS = /^configfs\.ko(\.[a-z]+)?$/;

/** The folder of the newest kernel in the cache; undefined when there is none. */
function newestOf({ packages }: Source): string | undefined {
  const folders = packages.map(cacheOf).flatMap((parent) => {
    const names = fs.existsSync(parent) ? fs.readdirSync(parent).filter((name) => name.endsWith(WITH_CONFIGFS)) : [];
    return names.map((name) => join(parent, name));
  });
  return newest(folders);
}

/** What QEMU starts of each architecture. */
const FORMATS: Record<string, string> = {
  x86_64: "a bzImage, or a vmlinux with a PVH entry",
  aarch64: "an Image, plain or gzip-compressed",
  arm: "a zImage",
};
/** How much of an image its formats' magic numbers are in. */
const HEAD = 0x1000;

/**
 * Looks whether an image is one that QEMU starts on the target's machine, since QEMU takes any file for an Arm kernel and
 * then shows nothing (Linux, Documentation/arch/arm64/booting.rst, "Call the kernel image", Documentation/arch/x86/boot.rst,
 * "The Real-Mode Kernel Header", and arch/arm/boot/compressed/head.S for the zImage).
 */
function identify(path: string, arch: string): Pick<Kernel, "path" | "pageSize"> {
  const read = readRegular(path, HEAD);
  const expected = FORMATS[arch] ?? "a kernel";
  const fix = `set ${knobOf(arch)} to a kernel image, or unset it for Debian's`;
  const file = printable(path);
  if ("reason" in read)
    throw missingFailure({ what: "the kernel can't be read", expected, got: read.reason, fix, file });
  const found = formatOf(Buffer.concat([read.bytes, Buffer.alloc(HEAD)]));
  if (found?.arch === arch) return { path, pageSize: found.pageSize };
  const got = found === undefined ? "another kind of file" : `a kernel for ${found.arch}`;
  throw usageFailure({ what: `this is no kernel image for ${arch}`, expected, got, fix, file });
}

/** The magic number of a zImage. */
const ZIMAGE = 0x016f2818;
/** What the header of an Image says in bits 1 and 2 of its flags. */
const PAGE_SIZES = [null, 4096, 16384, 65536] as const;

function formatOf(head: Buffer): { arch: string; pageSize: number | null } | undefined {
  const text = (from: number, to: number): string => head.toString("latin1", from, to);
  if (text(0x202, 0x206) === "HdrS") return { arch: "x86_64", pageSize: 4096 };
  if (text(0, 4) === "\x7fELF" && head.readUInt16LE(0x12) === MACHINES["x86-64"]) {
    return { arch: "x86_64", pageSize: 4096 };
  }
  if (head.readUInt32LE(0x24) === ZIMAGE) return { arch: "arm", pageSize: 4096 };
  const image = text(0, 2) === "\x1f\x8b" ? inflateStart(head) : head;
  if (image.toString("latin1", 0x38, 0x3c) !== "ARM\x64") return undefined;
  return { arch: "aarch64", pageSize: PAGE_SIZES[(image.readUInt8(0x18) >> 1) & 3] ?? null };
}

/** zlib's constant: give what there is. */
const Z_SYNC_FLUSH = 2;

/** What the start of a gzip stream holds; empty when it is none. */
function inflateStart(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { finishFlush: Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}
