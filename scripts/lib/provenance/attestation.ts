/**
 * What a signed statement must say to speak for a release's file, each part compared literally: @sigstore/verify's own
 * policy takes the signer for an unanchored regular expression, and does not look at what was signed.
 */
import {
  DEFAULT_SERVER,
  isTag,
  RELEASE_PREDICATE,
  RELEASE_SIGNER,
  SIGNER_ISSUER,
  signerIdentity,
  TAG_FORM,
} from "../contract.ts";
import { contractFailure, type Problem, printable } from "../errors.ts";
import { type Signed, verifySignature } from "./bundle.ts";
import type { Root } from "./root.ts";

/** What an attestation has to be about. */
export interface Expected {
  /** OWNER/NAME, as GitHub spells it. */
  repo: string;
  /** undefined: whichever release tag the certificate names. */
  tag: string | undefined;
  /** File name of the workflow that signs, in the repository's .github/workflows. */
  workflow: string;
  /** Type of the statement's predicate. */
  predicate: string;
  /** The file that the statement has to name: by its name, or where that may be another, by its digest. */
  subject: { name: string } | { sha256: string };
}

/** A statement that holds, and who made it. */
export interface Attestation {
  /** The signed digest of the file. */
  sha256: string;
  repo: string;
  tag: string;
  /** The release's workflow, as the certificate names it; GitHub itself for its own attestation of a release. */
  signer: string;
  /** From the certificate. GitHub's own attestation of a release has neither. */
  commit?: string | undefined;
  run?: string | undefined;
  runner?: string | undefined;
  /** When it was signed. ISO 8601. */
  time: string;
  predicateType: string;
  predicate: unknown;
  root: string;
}

const STATEMENT = "https://in-toto.io/Statement/v1";

interface Subject {
  name: unknown;
  sha256: unknown;
}

/**
 * What a bundle says of a file, when its signature holds and all of it is as expected.
 * @param json a parsed bundle
 * @param file what messages call it
 * @throws Failure (1) with every reason
 */
export function verifyAttestation(
  json: unknown,
  expected: Expected,
  roots: readonly Root[],
  file: string,
): Attestation {
  const signed = verifySignature(json, roots, file);
  const { type, predicateType, predicate, subjects } = readStatement(signed.statement);
  const problems: Problem[] = [];
  const compare = (what: string, wanted: string, got: unknown): void => {
    if (got !== wanted) problems.push({ what, expected: wanted, got: shown(got) });
  };
  compare("the statement has another type", STATEMENT, type);
  compare("it attests something else", expected.predicate, predicateType);
  const tag = expected.tag ?? tagOf(signed.certificate.ref);
  for (const [what, wanted, got] of identity(signed, { ...expected, tag }, predicate)) compare(what, wanted, got);
  const named = subjects.filter((subject) =>
    "name" in expected.subject ? subject.name === expected.subject.name : subject.sha256 === expected.subject.sha256,
  );
  const digests = new Set(named.map(({ sha256 }) => sha256));
  const [sha256] = digests;
  if (digests.size !== 1 || typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) {
    problems.push({
      what: "it is not about this file",
      expected:
        "name" in expected.subject ? `one sha256 of ${expected.subject.name}` : `sha256 ${expected.subject.sha256}`,
      got:
        subjects
          .slice(0, 8)
          .map((subject) => `${shown(subject.name)}: ${shown(subject.sha256)}`)
          .join(", ") || "no file",
    });
  }
  if (problems.length > 0) throw contractFailure(...problems.map((problem) => ({ file, ...problem, fix: FIX })));
  const { identity: signer = "", commit, run, runner } = signed.certificate;
  const { repo } = expected;
  return {
    sha256: sha256 as string,
    repo,
    tag,
    signer,
    commit,
    run,
    runner,
    time: signed.time,
    predicateType: expected.predicate,
    predicate,
    root: signed.root,
  };
}

/** The release tag of a ref; of any other ref the form, which no ref has. */
function tagOf(ref = ""): string {
  const tag = ref.replace(/^refs\/tags\//, "");
  return ref !== tag && isTag(tag) ? tag : TAG_FORM;
}

const FIX =
  "do not use the file: it is signed, and not as this release's; FASTBOOP_STAGE0_SIGNER_WORKFLOW names another workflow";

const shown = (value: unknown): string => (typeof value === "string" ? printable(value).slice(0, 300) : "none");

/** What the certificate, and for GitHub's own attestation the predicate, has to say of who signed. */
function identity(
  { certificate }: Signed,
  { repo, tag, workflow, predicate: type }: Expected & { tag: string },
  predicate: unknown,
): [what: string, expected: string, got: unknown][] {
  if (type === RELEASE_PREDICATE) {
    const { repository, tag: released } = fields(predicate);
    return [
      ["it is signed by somebody else", RELEASE_SIGNER, certificate.identity],
      ["it is of another repository", repo, repository],
      ["it is of another tag", tag, released],
    ];
  }
  const signer = signerIdentity(repo, workflow, tag);
  return [
    ["it is signed by somebody else", signer, certificate.identity],
    ["the certificate's build signer is another", signer, certificate.signer],
    ["the signer's identity comes from another issuer", SIGNER_ISSUER, certificate.issuer],
    ["it was built from another repository", `${DEFAULT_SERVER}/${repo}`, certificate.repository],
    ["it was built from another ref", `refs/tags/${tag}`, certificate.ref],
  ];
}

const fields = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

function readStatement(json: unknown): {
  type: unknown;
  predicateType: unknown;
  predicate: unknown;
  subjects: Subject[];
} {
  const { _type, predicateType, predicate, subject } = fields(json);
  const subjects = (Array.isArray(subject) ? subject : []).map((one) => {
    const { name, digest } = fields(one);
    return { name, sha256: fields(digest).sha256 };
  });
  return { type: _type, predicateType, predicate, subjects };
}
