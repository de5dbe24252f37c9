/** What a file is that should have been an executable, by its first bytes. */

/** Bytes that `describe` looks at, at most. */
export const SNIFF = 512;

const SIGNATURES: readonly [pattern: RegExp, words: string][] = [
  [/^$/, "an empty file"],
  [/^\0+$/, "zeros: probably a file of which only the size was written, or a failed download"],
  [
    /^version https:\/\/git-lfs\.github\.com\/spec\//,
    "a Git LFS pointer: the file itself was not fetched (git lfs pull)",
  ],
  [/^\s*(<!doctype html|<html)/i, "an HTML page, probably a server's error or login page saved under this name"],
  [/^\s*<\?xml|^\s*<[A-Za-z][A-Za-z0-9]*[\s>]/, "an XML document, probably a server's error answer"],
  [/^\s*[{[]\s*["{}\]]/, "JSON, probably an API's answer instead of the asset's bytes"],
  [/^#!/, "a script"],
  [/^\x1f\x8b/, "gzip data: unpack it first"],
  [/^\xfd7zXZ\0/, "xz data: unpack it first"],
  [/^\x28\xb5\x2f\xfd/, "zstd data: unpack it first"],
  [/^BZh[1-9]/, "bzip2 data: unpack it first"],
  [/^PK[\x03\x05]/, "a zip archive, such as CI artifacts are downloaded in: unpack it first"],
  [/^.{257}ustar/s, "a tar archive: unpack it first"],
  [/^!<arch>\n/, "an ar archive (a static library or a Debian package)"],
  [/^MZ/, "a Windows program"],
  [/^(\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba\xbe)/, "a macOS program"],
  [/^\0asm/, "a WebAssembly module"],
  [/^[\t\n\r\x20-\x7e]+$/, "text"],
];

/** Says in words what a file that is not ELF looks like. @param first its first SNIFF bytes */
export function describe(first: Buffer): string {
  const text = first.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  const known = SIGNATURES.find(([pattern]) => pattern.test(text));
  return known?.[1] ?? `data that begins with ${first.subarray(0, 8).toString("hex")}`;
}
