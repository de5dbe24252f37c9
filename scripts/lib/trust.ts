/**
 * Whose word counts for the digest of an asset. Pins come from the caller's own tree or command; the release speaks
 * through its SHA256SUMS and through the API. Everyone who says something has to say the same.
 */
import { contractFailure, type Failure, missingFailure, type Problem, printable, usageFailure } from "./errors.ts";

/** A digest, or why there is none: the witness does not exist, says null, or was not asked. */
export type Claim = { sha256: string } | "absent" | "null" | "not asked";

export interface Witness {
  /** Printable. */
  name: string;
  kind: "pin" | "release";
  claim: Claim;
}

type WithDigest = Witness & { claim: { sha256: string } };
const hasDigest = (witness: Witness): witness is WithDigest => typeof witness.claim === "object";

/** A pin outranks: it is what the others are measured by. */
const reference = (witnesses: readonly Witness[]): WithDigest | undefined => {
  const withDigest = witnesses.filter(hasDigest);
  return withDigest.find(({ kind }) => kind === "pin") ?? withDigest[0];
};

/** The names of those who say something. */
export const witnessNames = (witnesses: readonly Witness[]): string[] =>
  witnesses.filter(hasDigest).map(({ name }) => name);

export const isPinned = (witnesses: readonly Witness[]): boolean =>
  witnesses.some((witness) => witness.kind === "pin" && hasDigest(witness));

/**
 * What each witness says, one printable line each: agrees, differs (and its own digest), absent, null, not asked.
 * @param sha256 what they are measured by; default: the claim of a pin, else of the first who says something
 */
export function witnessLines(witnesses: readonly Witness[], sha256 = reference(witnesses)?.claim.sha256): string[] {
  const width = Math.max(...witnesses.map(({ name }) => name.length));
  return witnesses.map((witness) => {
    const claim = hasDigest(witness)
      ? witness.claim.sha256 === sha256
        ? "agrees"
        : `differs: ${witness.claim.sha256}`
      : witness.claim;
    return `  ${witness.name.padEnd(width)}  ${claim}`;
  });
}

export const PIN_FIX =
  "pin it: make lock TAG=… (reviewed and committed), or FASTBOOP_STAGE0_SHA256=…; " +
  "FASTBOOP_STAGE0_TRUST=sums takes the place's own SHA256SUMS for it";

/** The failure of a place that may not vouch for itself. @param place printable */
export const pinRequired = (place: string, what: string): Failure =>
  usageFailure({
    what: `${what} has no pin, and ${place} is not the default place`,
    expected: "a digest that comes from elsewhere than the file",
    got: "FASTBOOP_STAGE0_REPO, FASTBOOP_STAGE0_MIRROR or the server's address is overridden",
    fix: PIN_FIX,
  });

/**
 * The digest that all witnesses agree on.
 * @param what the asset and its tag, for messages
 * @throws Failure (1) when they differ, (2) when pins differ among themselves, (3) when none says anything
 */
export function agreedDigest(witnesses: readonly Witness[], what: string): string {
  const first = reference(witnesses);
  if (first === undefined) {
    throw missingFailure({
      what: `nothing vouches for ${what}`,
      expected: "a pin, the release's SHA256SUMS, or the API's digest",
      got: witnesses.map(({ name, claim }) => `${name} ${String(claim)}`).join(", "),
      fix: PIN_FIX,
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

/** The failure of bytes that are not those that the witnesses speak of. */
export function wrongDigest(
  witnesses: readonly Witness[],
  what: string,
  got: { sha256: string; size: number },
): Failure {
  return contractFailure({
    what: `${what} has the wrong checksum`,
    expected: `sha256 ${reference(witnesses)?.claim.sha256} (${witnessNames(witnesses).join(", ")})`,
    got: `sha256 ${got.sha256} (${got.size} bytes)`,
    fix: "the bytes were changed on their way or at their source, and were thrown away; run it again, and if it stays so, tell the publisher",
  });
}

/** What the API says of an asset (`digest` of release-asset: missing, null, or `sha256:` and 64 digits). @throws Failure (1) on anything else */
export function apiClaim(digest: string | null | undefined): Claim {
  if (digest === undefined) return "absent";
  if (digest === null) return "null";
  const [, sha256] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (sha256 !== undefined) return { sha256 };
  throw contractFailure({
    what: "the API's digest is in no form that is known here",
    expected: "sha256: and 64 hexadecimal digits",
    got: printable(digest),
  });
}
