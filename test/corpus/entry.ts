/** What an entry of the corpus is, and the ways in which one is made. */
import type { Built } from "./compile.ts";
import { Patch } from "./patch.ts";

export interface Entry {
  name: string;
  /** The target that the file is for; x86_64-unknown-linux-musl unless given. */
  target?: string;
  bytes: (built: (name: Built) => Buffer) => Buffer;
  /** The file itself, as a compiler left it. */
  made?: Built;
  /** Every finding: its rule, and what it says the file has. */
  findings: readonly (readonly [rule: string, got: string | RegExp])[];
  /** Set for files of which it is known that Linux does not start them, or that they crash at once. */
  crashes?: true;
}

export const X86_64 = "x86_64-unknown-linux-musl";
export const AARCH64 = "aarch64-unknown-linux-musl";
export const ARMV7 = "armv7-unknown-linux-musleabihf";

export type Findings = Entry["findings"];
export const NO_RELRO = ["relro", "none"] as const;
export const NO_SECTIONS = ["sections", "none"] as const;
export const NO_STACK = ["stack-rights", "none"] as const;
export const NO_ENTRY = ["entry", "0x0"] as const;
export const NEEDS_LIBC: Findings = [
  ["interpreter", '"/lib64/ld-linux-x86-64.so.2"'],
  ["needed", '"libc.so.6"'],
];

export const compiled = (name: Built, findings: Findings = [], more: Partial<Entry> = {}): Entry => ({
  name,
  made: name,
  bytes: (built) => built(name),
  findings,
  ...more,
});
export const patched = (
  name: string,
  base: Built,
  change: (patch: Patch) => Patch,
  findings: Findings,
  more: Partial<Entry> = {},
): Entry => ({ name, bytes: (built) => change(new Patch(built(base))).bytes, findings, ...more });
export const cut = (
  name: string,
  base: Built,
  length: (size: number) => number,
  findings: Findings,
  more: Partial<Entry> = {},
): Entry => ({
  name,
  bytes: (built) => built(base).subarray(0, length(built(base).length)),
  findings,
  ...more,
});
export const foreign = (name: string, content: string | Buffer, got: string): Entry => ({
  name,
  bytes: () => (typeof content === "string" ? Buffer.from(content, "latin1") : content),
  findings: [["elf", got]],
});
export const aarch64 = { target: AARCH64 };
export const crashes = { crashes: true } as const;
