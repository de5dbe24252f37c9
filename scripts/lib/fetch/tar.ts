/** Archives of a few files: kits and the bundled tools. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { createTarDecoder, packTar } from "modern-tar";

export interface Member {
  name: string;
  bytes: Uint8Array;
  /** Permission bits. */
  mode: number;
}

/** An archive that holds the same bytes for the same members, whoever makes it. @param mtime seconds since 1970, of every member */
export const writeTar = (members: readonly Member[], mtime: number): Promise<Uint8Array> =>
  packTar(
    members.map(({ name, bytes, mode }) => ({
      header: { name, size: bytes.length, mode, mtime: new Date(mtime * 1000), uname: "root", gname: "root" },
      body: bytes,
    })),
  );

/**
 * Reads an archive to its end, in constant memory.
 * @param fd open file, which is closed
 * @param visit called for each regular file; returns what takes its bytes, undefined to skip them
 * @throws Error when it is no tar archive, is damaged or is cut off, which shows only after bytes were handed on
 */
export async function readTar(
  fd: number,
  visit: (name: string, size: number) => ((bytes: Uint8Array) => void) | undefined,
): Promise<void> {
  const file = Readable.toWeb(createReadStream("", { fd })) as ReadableStream<Uint8Array>;
  for await (const { header, body } of file.pipeThrough(createTarDecoder({ strict: true }))) {
    const take = header.type === "file" ? visit(header.name.replace(/^(\.\/)+/, ""), header.size) : undefined;
    if (take === undefined) await body.cancel();
    else for await (const bytes of body) take(bytes);
  }
}
