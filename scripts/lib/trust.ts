/**
 * Which digest an asset must have. Witnesses claim it: pins in the caller's own tree or command, the release's SHA256SUMS,
 * the API and the signed provenance. All that name a digest must name the same.
 */
import { contractFailure, type Failure, missingFailure, type Problem, printable, usageFailure } from "./errors.ts";

/** A digest, or why there is none: there is no such witness, it has null, or it was not asked. */
export type Claim = { sha256: string } | "absent" | "null" | "not asked";

export interface Witness {
  /** Printable. */
  name: string;
  kind: "pin" | "release";
  claim: Claim;
}

type WithDigest = Witness & { claim: { sha256: string } };
const hasDigest = (witness: Witness): witness is WithDigest => typeof witness.claim === "object";

/** The witness that the others are compared with: a pin, else the first that names a digest. */
const reference = (witnesses: readonly Witness[]): WithDigest | undefined => {
  const withDigest = witnesses.filter(hasDigest);
  return withDigest.find(({ kind }) => kind === "pin") ?? withDigest[0];
};

/** The names of the witnesses that name a digest. */
export const witnessNames = (witnesses: readonly Witness[]): string[] =>
  witnesses.filter(hasDigest).map(({ name }) => name);

export const isPinned = (witnesses: readonly Witness[]): boolean =>
  witnesses.some((witness) => witness.kind === "pin" && hasDigest(witness));

/**
 * A printable line for each witness: agrees, differs (and its own digest), absent, null, not asked.
 * @param sha256 what they are compared with; default: the digest of `reference`
 */
export function witnessLines(witnesses: readonly Witness[], sha256 = reference(witnesses)?.claim.sha256): string[] {
  const width = Math.max(...witnesses.map(({ name }) => name.length));
  const text = (witness: Witness): string => {
    if (!hasDigest(witness)) return witness.claim as string;
    return witness.claim.sha256 === sha256 ? "agrees" : `differs: ${witness.claim.sha256}`;
  };
  return witnesses.map((witness) => `  ${witness.name.padEnd(width)}  ${text(witness)}`);
}

export const PIN_FIX =
  "pin it: make lock TAG=… (reviewed and committed), or FASTBOOP_STAGE0_SHA256=…; " +
  "FASTBOOP_STAGE0_TRUST=provenance accepts the signature of the repository's own workflow, FASTBOOP_STAGE0_TRUST=sums its own digests";

/** @param origin printable @param what the asset and its tag */
export const pinRequired = (origin: string, what: string): Failure =>
  usageFailure({
    what: `${what} has no pin, and ${origin} is not the default origin`,
    expected: "a digest that comes from elsewhere than the file",
    got: "FASTBOOP_STAGE0_REPO, FASTBOOP_STAGE0_MIRROR or the server's address is overridden",
    fix: PIN_FIX,
  });

/**
 * The digest that all witnesses agree on.
 * @param what the asset and its tag, for messages
 * @throws Failure (1) when they differ, (2) when pins differ among themselves, (3) when none names a digest
 */
export function agreedDigest(witnesses: readonly Witness[], what: string): string {
  const first = reference(witnesses);
  if (first === undefined) {
    throw missingFailure({
      what: `nothing vouches for ${what}`,
      expected: "a pin, the release's SHA256SUMS, its provenance, or the API's digest",
      got: witnesses.map(({ name, claim }) => `${name} ${String(claim)}`).join(", "),
      fix: "set FASTBOOP_STAGE0_SHA256 to a digest that you know from elsewhere, or ask the publisher for a SHA256SUMS",
    });
  }
  const { sha256 } = first.claim;
  const others = witnesses.filter(hasDigest).filter(({ claim }) => claim.sha256 !== sha256);
  if (others.length === 0) return sha256;
  const problems = others.map(
    (other): Problem => ({
      what: `${other.name} and ${first.name} differ on ${what}`,
      expected: `sha256 ${sha256} (${first.name})`,
      got: `sha256 ${other.claim.sha256} (${other.name})`,
      fix:
        other.kind === "pin"
          ? "find out which pin is right, and delete the other"
          : first.kind === "pin"
            ? "do not use this release before you know why: it was changed after it was pinned, or someone is in between"
            : "do not use this release: its own digests contradict each other; tell its publisher",
    }),
  );
  throw others.some(({ kind }) => kind === "pin") ? usageFailure(...problems) : contractFailure(...problems);
}

/** The failure of bytes that do not have the digest that the witnesses agree on. */
export function wrongDigest(
  witnesses: readonly Witness[],
  what: string,
  got: { sha256: string; size: number },
): Failure {
  return contractFailure({
    what: `${what} has the wrong checksum`,
    expected: `sha256 ${reference(witnesses)?.claim.sha256} (${witnessNames(witnesses).join(", ")})`,
    got: `sha256 ${got.sha256} (${got.size} bytes)`,
    fix: "the bytes were changed on their way or at their source, and were removed; run it again, and if it happens again, tell the publisher",
  });
}

/** The claim of the API (`digest` of release-asset: missing, null, or `sha256:` and 64 digits). @throws Failure (1) on anything else */
export function apiClaim(digest: string | null | undefined): Claim {
  if (digest === undefined) return "absent";
  if (digest === null) return "null";
  const [, sha256] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (sha256 !== undefined) return { sha256 };
  throw contractFailure({
    what: "the API's digest has an unknown form",
    expected: "sha256: and 64 hexadecimal digits",
    got: printable(digest),
  });
}
