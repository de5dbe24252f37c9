/**
 * What fastboop's stage0 needs to come as far as USB: settings, without which it ends by design, and configfs, which Debian's
 * kernels have as a module. Other programs don't look for them.
 */
import * as fs from "node:fs";
import { basename } from "node:path";
import type { Entry } from "./initramfs.ts";
import type { Kernel } from "./kernels.ts";

/** What it says when the kernel had all that it needs until then. */
export const WAITS_FOR_USB = /pid1: (waiting for UDC|UDC ready)/;

/** The files that it reads on a kernel, parents first. */
export function settings({ configfs }: Pick<Kernel, "configfs">): Entry[] {
  const files: Record<string, string | Buffer> = {
    "etc/stage0/stage0.rootfs": "erofs\n",
    "etc/modules-load.d/usb.conf": "",
  };
  if (configfs !== undefined) {
    const { path, release } = configfs;
    files["etc/modules-load.d/usb.conf"] = "configfs\n";
    files[`lib/modules/${release}/modules.dep`] = `${basename(path)}:\n`;
    files[`lib/modules/${release}/${basename(path)}`] = fs.readFileSync(path);
  }
  const names = Object.keys(files);
  const folders = new Set(
    names.flatMap((name) => name.split("/").map((_, depth, parts) => parts.slice(0, depth).join("/"))),
  );
  folders.delete("");
  return [
    ...[...folders].map((name) => ({ name, mode: 0o040755 })),
    ...names.map((name) => ({ name, mode: 0o100644, content: Buffer.from(files[name] ?? "") })),
  ];
}
