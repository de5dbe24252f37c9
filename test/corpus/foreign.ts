/** What is found under an asset's name instead of an executable. */
import { gzipSync } from "node:zlib";
import { type Entry, foreign } from "./entry.ts";

const LFS = `version https://git-lfs.github.com/spec/v1\noid sha256:${"4".repeat(64)}\nsize 742792\n`;
export const FOREIGN: Entry[] = [
  foreign(
    "an HTML page",
    "\n<!DOCTYPE html><html><title>Not Found</title>",
    "an HTML page, probably a server's error or login page saved under this name",
  ),
  foreign(
    "an HTML page without a doctype",
    "<html lang=en>",
    "an HTML page, probably a server's error or login page saved under this name",
  ),
  foreign(
    "an HTML page with a byte order mark",
    "\xef\xbb\xbf<!doctype html>",
    "an HTML page, probably a server's error or login page saved under this name",
  ),
  foreign("a Git LFS pointer", LFS, "a Git LFS pointer: the file itself was not fetched (git lfs pull)"),
  foreign(
    "XML",
    '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>',
    "an XML document, probably a server's error answer",
  ),
  foreign("JSON", '{"message": "Not Found"}', "JSON, probably an API's answer instead of the asset's bytes"),
  foreign("a script", "#!/bin/sh\nexec true\n", "a script"),
  foreign("text", "Not Found\n", "text"),
  foreign(
    "zeros",
    Buffer.alloc(4096),
    "zeros: probably a file of which only the size was written, or a failed download",
  ),
  foreign("xz", "\xfd7zXZ\0\0\x04", "xz data: unpack it first"),
  foreign("zstd", "\x28\xb5\x2f\xfd\x04\x58", "zstd data: unpack it first"),
  foreign("bzip2", "BZh91AY&SY", "bzip2 data: unpack it first"),
  foreign("zip", "PK\x03\x04\x14\0", "a zip archive, such as CI artifacts are downloaded in: unpack it first"),
  foreign(
    "tar",
    Buffer.concat([Buffer.alloc(257, "a"), Buffer.from("ustar\0"), Buffer.alloc(249)]),
    "a tar archive: unpack it first",
  ),
  foreign("ar", "!<arch>\n", "an ar archive (a static library or a Debian package)"),
  foreign("a Windows program", "MZ\x90\0", "a Windows program"),
  foreign("a macOS program", "\xcf\xfa\xed\xfe\x07\0", "a macOS program"),
  foreign("WebAssembly", "\0asm\x01\0\0\0", "a WebAssembly module"),
  foreign("other bytes", "\x01\x02\x03\x04\xff\xff\xff\xff\xff", "data that begins with 01020304ffffffff"),
  {
    name: "gzip of the right file",
    bytes: (built) => gzipSync(built("x-bare")),
    findings: [["elf", "gzip data: unpack it first"]],
  },
];
