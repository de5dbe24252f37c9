/**
 * An initramfs in the format "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format.rst), uncompressed. The same
 * entries give the same bytes: no time, owner, inode or device of this system gets into it.
 */

/** What the kernel is to find; parents before what is in them. */
export interface Entry {
  /** Path without a leading slash, e.g. "dev/console". */
  name: string;
  /** File type and permissions, as in st_mode. */
  mode: number;
  /** Content of a regular file. */
  content?: Uint8Array;
  /** Major and minor number of a device. */
  device?: readonly [number, number];
}

const FOLDER = 0o040755;
const PROGRAM = 0o100755;
const CHARACTER_DEVICE = 0o020600;
/** Archives end on a multiple of what tape drives took, as cpio's do. */
const BLOCK = 512;

/**
 * What PID 1 needs to run and be heard: /init, /dev/console, from which the kernel gives it its stdin, stdout and stderr, and
 * /dev/kmsg, to which fastboop's stage0 logs before it has mounted anything.
 * @param more what it reads, if anything
 */
export const initramfs = (init: Uint8Array, more: readonly Entry[] = []): Buffer =>
  archive([
    { name: "dev", mode: FOLDER },
    { name: "dev/console", mode: CHARACTER_DEVICE, device: [5, 1] },
    { name: "dev/kmsg", mode: CHARACTER_DEVICE, device: [1, 11] },
    { name: "init", mode: PROGRAM, content: init },
    ...more,
  ]);

/** A newc archive of the entries, owned by root and dated 1970. */
export function archive(entries: readonly Entry[]): Buffer {
  const parts: Uint8Array[] = [];
  let size = 0;
  const put = (bytes: Uint8Array, alignment: number): void => {
    const padding = -(size + bytes.length) & (alignment - 1);
    parts.push(bytes, Buffer.alloc(padding));
    size += bytes.length + padding;
  };
  for (const [inode, entry] of entries.entries()) {
    put(header(entry, inode), 4);
    put(entry.content ?? new Uint8Array(), 4);
  }
  put(header({ name: "TRAILER!!!", mode: 0 }, 0), BLOCK);
  return Buffer.concat(parts, size);
}

/** The header of an entry with the name after it: a magic number and 13 fields of 8 hexadecimal digits. */
function header({ name, mode, content, device = [0, 0] }: Entry, inode: number): Buffer {
  const path = Buffer.from(`${name}\0`);
  const folder = (mode & 0o170000) === 0o040000;
  const fields = [
    inode,
    mode,
    0, // uid
    0, // gid
    folder ? 2 : 1, // links
    0, // mtime
    content?.length ?? 0,
    0, // device that holds the file, major
    0, // and minor
    ...device,
    path.length,
    0, // checksum, in another format
  ];
  const digits = fields.map((field) => field.toString(16).toUpperCase().padStart(8, "0"));
  return Buffer.concat([Buffer.from(`070701${digits.join("")}`), path]);
}
