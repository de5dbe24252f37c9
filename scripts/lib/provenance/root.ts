/** Whose signatures count: trusted roots, each a list of certificate authorities, transparency logs and time stamp authorities. */
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { type TrustMaterial, toTrustMaterial } from "@sigstore/verify";
import { printable, usageFailure } from "../errors.ts";
import { readSmall } from "../files.ts";
import { knob } from "../knobs.ts";
import { fromCaller } from "../paths.ts";
import { jsonLines } from "./json-lines.ts";
import embedded from "./trusted-root.json" with { type: "json" };

export interface Root {
  material: TrustMaterial;
  /** What messages call it. Printable. */
  name: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Sigstore's public root, as it was when `make trusted-root` last took it; with FASTBOOP_STAGE0_TRUSTED_ROOT those of that
 * file and no other, one a line as `gh attestation trusted-root` prints them.
 * @throws Failure (2) when the file holds no root
 */
export function trustedRoots(): Root[] {
  const given = knob("FASTBOOP_STAGE0_TRUSTED_ROOT");
  if (given === undefined) {
    const days = Math.floor((Date.now() - Date.parse(embedded.taken)) / DAY_MS);
    return [
      { material: materialOf(embedded.root), name: `sigstore.dev's root of ${embedded.taken}, ${days} days old` },
    ];
  }
  const path = fromCaller(given);
  try {
    const roots = jsonLines(readSmall(path).toString());
    return roots.map((root, index) => ({
      material: materialOf(root),
      name: `${printable(given)}${roots.length > 1 ? `, line ${index + 1}` : ""}`,
    }));
  } catch (error) {
    throw usageFailure({
      what: "FASTBOOP_STAGE0_TRUSTED_ROOT holds no trusted root",
      expected: "Sigstore's trusted_root.json, or several of them, one a line",
      got: error instanceof Error ? printable(error.message) : "",
      file: path,
      fix: "gh attestation trusted-root prints GitHub's; unset it for Sigstore's public one",
    });
  }
}

/** The same as text, which FASTBOOP_STAGE0_TRUSTED_ROOT takes. */
export function rootText(): string {
  const given = knob("FASTBOOP_STAGE0_TRUSTED_ROOT");
  return given === undefined ? `${JSON.stringify(embedded.root)}\n` : readSmall(fromCaller(given)).toString();
}

function materialOf(json: unknown): TrustMaterial {
  const root = TrustedRoot.fromJSON(json);
  if (root.certificateAuthorities.length === 0) throw new Error("it has no certificate authority");
  // The library would take a log without a beginning for one that has always been trusted.
  if ([...root.tlogs, ...root.ctlogs].some(({ publicKey }) => publicKey?.validFor?.start === undefined)) {
    throw new Error("a log does not say from when on it is trusted");
  }
  return toTrustMaterial(root);
}
