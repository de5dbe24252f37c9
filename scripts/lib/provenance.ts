/** A release file's provenance: the bundle that its release carries, verified offline, as one voice of those that name its digest. */
import { bundleName, PROVENANCE_PREDICATE } from "./contract.ts";
import { contractFailure, printable } from "./errors.ts";
import { knob } from "./knobs.ts";
import { type Attestation, verifyAttestation } from "./provenance/attestation.ts";
import { jsonLines } from "./provenance/json-lines.ts";
import { trustedRoots } from "./provenance/root.ts";

/**
 * Verifies the bundles of a file's provenance. All of them have to be right: one that is wrong was not made by the release.
 * @param bytes of ASSET.sigstore.json
 * @param file where they are from, for messages
 * @throws Failure (1) with every reason
 */
export function verifyProvenance(
  bytes: Uint8Array,
  of: { repo: string; tag: string; asset: string },
  file = bundleName(of.asset),
): Attestation {
  const { repo, tag, asset } = of;
  const workflow = knob("FASTBOOP_STAGE0_SIGNER_WORKFLOW");
  const expected = { repo, tag, workflow, predicate: PROVENANCE_PREDICATE, subject: { name: asset } };
  const roots = trustedRoots();
  const [first, ...others] = parse(bytes, file).map((json) => verifyAttestation(json, expected, roots, file));
  const other = others.find(({ sha256 }) => sha256 !== first?.sha256);
  if (first !== undefined && other === undefined) return first;
  throw contractFailure({
    file,
    what: "its bundles contradict each other",
    expected: `sha256 ${first?.sha256}`,
    got: `sha256 ${other?.sha256}`,
    fix: "do not use this release; tell its publisher",
  });
}

/** Who built the file, of what, and when it was signed. Printable. */
export const provenanceLine = ({ signer, commit = "none", run = "none", time, root }: Attestation): string =>
  `signed by ${printable(signer)}, commit ${printable(commit)}, run ${printable(run)}, ${time}; ${root}`;

function parse(bytes: Uint8Array, file: string): unknown[] {
  try {
    return jsonLines(Buffer.from(bytes).toString());
  } catch (error) {
    throw contractFailure({
      file,
      what: "it holds no Sigstore bundle",
      got: error instanceof Error ? printable(error.message) : "",
      fix: "tell the publisher",
    });
  }
}
