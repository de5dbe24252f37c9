/** A release file's signed statements: the bundles that its release carries, verified offline. */
import { contractFailure, printable } from "./errors.ts";
import { knob } from "./knobs.ts";
import { type Attestation, type Expected, verifyAttestation } from "./provenance/attestation.ts";
import { jsonLines } from "./provenance/json-lines.ts";
import { trustedRoots } from "./provenance/root.ts";

/**
 * Verifies the bundles in a file of a release. All of them have to be right: one that is wrong was not made by the release.
 * @param bytes one bundle, or several, one a line
 * @param file where they are from, for messages
 * @throws Failure (1) with every reason
 */
export function verifyBundles(bytes: Uint8Array, expected: Omit<Expected, "workflow">, file: string): Attestation {
  const whole = { ...expected, workflow: knob("FASTBOOP_STAGE0_SIGNER_WORKFLOW") };
  const roots = trustedRoots();
  const [first, ...others] = parse(bytes, file).map((json) => verifyAttestation(json, whole, roots, file));
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

/** Who signed, for which commit, and when. Printable. */
export const attestationLine = ({ signer, commit = "none", run = "none", time, root }: Attestation): string =>
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
