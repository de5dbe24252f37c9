/** What a release's own signature says of an asset's digest. */
import { bundleName, PROVENANCE_PREDICATE } from "../contract.ts";
import { contractFailure, missingFailure } from "../errors.ts";
import { knob } from "../knobs.ts";
import { say } from "../log.ts";
import { parseSums } from "../trust/sums.ts";
import type { Claim } from "../trust.ts";
import type { ReleaseRequest } from "./request.ts";
import type { Source } from "./source.ts";

export const PROVENANCE = "provenance";

/** Whether nothing but the release's own workflow may vouch for it. */
export const isDemanded = (): boolean => knob("FASTBOOP_STAGE0_TRUST") === PROVENANCE;

interface Provenance {
  claim: Claim;
  /** What it is from. */
  bundle?: Uint8Array;
}

/**
 * Verifies the provenance that the release's list names, or that is demanded, before a byte of the asset is requested.
 * @param list the release's SHA256SUMS; undefined: it has none
 * @param asset the file that it is about
 * @throws Failure (1) when it is wrong, or listed and not there; (3) when it is demanded and absent
 */
export async function provenanceOf(
  { origin, tag }: ReleaseRequest,
  source: Source,
  list: Uint8Array | undefined,
  asset: string,
): Promise<Provenance> {
  const name = bundleName(asset);
  const isListed = list !== undefined && parseSums(list).entries.has(name);
  if (!isListed && !isDemanded()) return { claim: "absent" };
  const bundle = await source.small(name);
  if (bundle !== undefined) {
    // Loading it takes longer than all else, and most releases have none.
    const { attestationLine, verifyBundles } = await import("../provenance.ts");
    const expected = { repo: origin.repo, tag, predicate: PROVENANCE_PREDICATE, subject: { name: asset } };
    const attestation = verifyBundles(bundle, expected, name);
    say(attestationLine(attestation));
    return { claim: { sha256: attestation.sha256 }, bundle };
  }
  if (isListed) {
    throw contractFailure({
      what: `the release lists ${name} and does not have it`,
      fix: "do not use this release before you know why: its provenance was taken away",
    });
  }
  throw missingFailure({
    what: `${asset} of ${tag} has no provenance, and FASTBOOP_STAGE0_TRUST=provenance demands one`,
    expected: name,
    fix: "releases made before provenance have none: pin it (make lock TAG=…), and unset FASTBOOP_STAGE0_TRUST",
  });
}

/**
 * GitHub's own word that the file with a digest is of this release; undefined: it is not asked. It is where the API is asked
 * anyway, and where a root of its own is named: of all roots only that has no log.
 * @throws Failure (1) when what it offers is wrong
 */
export async function githubsClaim(
  { tag }: ReleaseRequest,
  source: Source,
  sha256: string,
): Promise<Claim | undefined> {
  const isAsked = source.has !== undefined && source.isFinal && knob("FASTBOOP_STAGE0_TRUSTED_ROOT") !== undefined;
  if (!isAsked) return undefined;
  const { trustedRoots } = await import("../provenance/root.ts");
  if (trustedRoots().every(({ material }) => material.tlogs.length > 0)) return undefined;
  const { releaseAttestation } = await import("../provenance/release-attestation.ts");
  const attestation = await releaseAttestation(tag, sha256);
  return attestation === undefined ? "absent" : { sha256: attestation.sha256 };
}
