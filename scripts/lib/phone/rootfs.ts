/** The root file system of an emulated phone, made without root: kernel, modules, an init of ours, and data to read. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { createHash, randomBytes } from "../crypto.ts";
import { missingFailure, printable } from "../errors.ts";
import { ending, run } from "../process.ts";
import type { Program } from "../tools.ts";
import type { PhoneKernel } from "./kernels.ts";

export type RootfsType = "erofs" | "ext4";

/** What a root file system holds that only a right boot can tell. */
export interface Rootfs {
  image: string;
  /** The text in it that no other boot has. */
  nonce: string;
  /** Digest of its data. */
  sha256: string;
  /** Digest of its small files in the order in which they are read; undefined: it has none. */
  files?: string;
}

interface Wishes {
  type: RootfsType;
  lz4?: boolean;
  /** Left out of it, to see what happens: its init, or a module. */
  without?: string;
  /** Changes a byte of the data after the digest was taken. */
  damaged?: boolean;
  /** How many small files it has. */
  files?: number;
  /** Path of a shell, static for the target, which the init starts when it has read everything. */
  shell?: string;
}

/** Bytes of the data that the root file system's init reads. */
const DATA = 8 * 1024 ** 2;
const INIT = "sbin/init";
const LEAST = 1024 ** 2;

export const mkfsOf = (type: RootfsType): Program => (type === "erofs" ? "mkfs.erofs" : "mke2fs");

/**
 * Makes an image in a folder.
 * @param program path of the program that is its init
 */
export async function makeRootfs(
  folder: string,
  kernel: PhoneKernel,
  program: string,
  wishes: Wishes,
): Promise<Rootfs> {
  const tree = join(folder, "tree");
  const put = (name: string, bytes: string | Uint8Array): void => {
    fs.mkdirSync(dirname(join(tree, name)), { recursive: true });
    fs.writeFileSync(join(tree, name), bytes);
  };
  // What stage0 moves its own mounts to.
  for (const name of ["dev", "proc", "sys", "run", "tmp", "etc", "usr/lib", "phone"])
    fs.mkdirSync(join(tree, name), { recursive: true });
  const modules = join("lib", "modules", kernel.release);
  fs.cpSync(join(kernel.root, modules), join(tree, modules), {
    recursive: true,
    filter: (path) => wishes.without === undefined || !path.includes(`/${wishes.without}.ko`),
  });
  fs.copyFileSync(kernel.packed, join(tree, modules, "vmlinuz"));
  if (wishes.without !== INIT) {
    fs.mkdirSync(join(tree, "sbin"));
    fs.copyFileSync(program, join(tree, INIT));
    fs.chmodSync(join(tree, INIT), 0o755);
  }
  if (wishes.shell !== undefined) {
    put("bin/sh", fs.readFileSync(wishes.shell));
    fs.chmodSync(join(tree, "bin/sh"), 0o755);
  }
  const [nonce, data] = [randomBytes(16).toString("hex"), randomBytes(DATA)];
  put("phone/nonce", `${nonce}\n`);
  put("phone/data", data);
  const small = Array.from({ length: wishes.files ?? 0 }, (_, index) => ({
    name: `${index}`,
    bytes: randomBytes(5000),
  }));
  for (const { name, bytes } of small) put(`phone/files/${name}`, bytes);
  const order = [...small, ...small].sort(() => Math.random() - 0.5);
  if (order.length > 0) put("phone/order", order.map(({ name }) => `${name}\n`).join(""));
  const image = join(folder, `rootfs.${wishes.type}`);
  await mkfs(tree, image, wishes);
  fs.rmSync(tree, { recursive: true });
  if (wishes.damaged) damage(image, data);
  return {
    image,
    nonce,
    sha256: sha256([data]),
    ...(order.length > 0 ? { files: sha256(order.map(({ bytes }) => bytes)) } : {}),
  };
}

const sha256 = (parts: readonly Uint8Array[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

async function mkfs(tree: string, image: string, { type, lz4 }: Wishes): Promise<void> {
  if (type === "ext4") {
    // Room for what ext4 keeps of its own.
    const { stdout } = await run(["du", "-sk", tree]);
    fs.writeFileSync(image, "");
    fs.truncateSync(image, Math.ceil(Number.parseInt(stdout, 10) * 1.15) * 1024 + 24 * LEAST);
  }
  const command =
    type === "erofs"
      ? ["mkfs.erofs", "--quiet", "--all-root", ...(lz4 ? ["-zlz4"] : []), image, tree]
      : ["mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0,lazy_itable_init=0", "-d", tree, image];
  const made = await run(command);
  if (made.exitCode === 0) return;
  throw missingFailure({
    what: `${command[0]} failed (${ending(made)})`,
    got: printable(made.stderr.trim().slice(-500)),
    fix: "see whether the disk is full, and run it again",
  });
}

/** Changes a byte in the middle of the data, wherever the image has it. */
function damage(image: string, data: Buffer): void {
  const bytes = fs.readFileSync(image);
  const at = bytes.indexOf(data.subarray(DATA / 2, DATA / 2 + 4096));
  if (at < 0) throw new Error("the data is not in the image as it is");
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
  fs.writeFileSync(image, bytes);
}
