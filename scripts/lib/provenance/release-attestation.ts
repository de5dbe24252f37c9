/** GitHub's own attestation of an immutable release: which release a file is of, by GitHub's word and not the publisher's. */
import { RELEASE_PREDICATE } from "../contract.ts";
import { Failure } from "../errors.ts";
import { attestationsOf } from "../github/attestations.ts";
import { releaseOrigin } from "../github/origin.ts";
import { knob } from "../knobs.ts";
import { type Attestation, verifyAttestation } from "./attestation.ts";
import { readStatement } from "./bundle.ts";
import { trustedRoots } from "./root.ts";

/**
 * GitHub's attestation that a file is of a release; undefined: it offers none. One file may be of several releases, each with
 * its own attestation, so that one of them has to be right.
 * @throws Failure (1) when none of those that are offered is right; (3) when the API can't be asked
 */
export async function releaseAttestation(tag: string, sha256: string): Promise<Attestation | undefined> {
  const { repo } = releaseOrigin();
  const roots = trustedRoots();
  const failures: Failure[] = [];
  for (const bundle of await attestationsOf(sha256)) {
    if (statementType(bundle) !== RELEASE_PREDICATE) continue;
    try {
      const workflow = knob("FASTBOOP_STAGE0_SIGNER_WORKFLOW");
      const expected = { repo, tag, workflow, predicate: RELEASE_PREDICATE, subject: { sha256 } };
      return verifyAttestation(bundle, expected, roots, "GitHub's attestation");
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
    }
  }
  if (failures.length === 0) return undefined;
  throw new Failure(1, ...failures.flatMap(({ problems }) => problems));
}

function statementType(bundle: unknown): unknown {
  try {
    return readStatement(bundle).predicateType;
  } catch {
    return undefined;
  }
}
