/**
 * What fastboop's stage0 needs to come as far as USB: settings, and configfs, which Debian's kernels have as a module. Without
 * settings it ends by design, and what it says then is how it is recognised.
 */
import * as fs from "node:fs";
import { basename } from "node:path";
import type { Entry } from "./initramfs.ts";

/** What it says with them, when the kernel had all that it needs until then. */
export const WAITS_FOR_USB = /pid1: (waiting for UDC|UDC ready)/;

/**
 * The files that it reads.
 * @param release of the kernel
 * @param module path of configfs's module; undefined: the kernel has it built in, or the user brings a kernel alone
 */
export function settings(release: string, module: string | undefined): Entry[] {
  const files: Record<string, string | Buffer> = {
    "etc/stage0/stage0.rootfs": "erofs\n",
    "etc/modules-load.d/usb.conf": "",
  };
  if (module !== undefined) {
    files["etc/modules-load.d/usb.conf"] = "configfs\n";
    files[`lib/modules/${release}/modules.dep`] = `${basename(module)}:\n`;
    files[`lib/modules/${release}/${basename(module)}`] = fs.readFileSync(module);
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
