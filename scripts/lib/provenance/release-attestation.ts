/** GitHub's own attestation of an immutable release: which release a file is of, by GitHub's word and not the publisher's. */
import { RELEASE_PREDICATE } from "../contract.ts";
import { Failure, missingFailure, printable } from "../errors.ts";
import { MAX_IN_MEMORY } from "../files.ts";
import { releaseOrigin } from "../github/origin.ts";
import { readBody } from "../http/read-body.ts";
import { statusFailure } from "../http/status.ts";
import { knob } from "../knobs.ts";
import { at, parseJson } from "../workspace.ts";
import { type Attestation, verifyAttestation } from "./attestation.ts";
import { readStatement } from "./bundle.ts";
import { trustedRoots } from "./root.ts";
import { unsnap } from "./snappy.ts";

/**
 * GitHub's attestation that a file is of a release; undefined: it offers none. One file may be of several releases, each with
 * its own attestation, so that one of them has to be right.
 * @throws Failure (1) when none of those that are offered is right; (3) when the API can't be asked
 */
export async function releaseAttestation(tag: string, sha256: string): Promise<Attestation | undefined> {
  const { repo } = releaseOrigin();
  const roots = trustedRoots();
  const failures: Failure[] = [];
  for (const bundle of await bundlesOf(sha256)) {
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

/** Attestations of one file that are looked at. */
const MOST = 30;

async function bundlesOf(sha256: string): Promise<unknown[]> {
  const { api, repo, token } = releaseOrigin();
  const headers = {
    accept: "application/vnd.github+json",
    ...(token === undefined ? {} : { authorization: `token ${token}` }),
  };
  const address = `${api}/repos/${repo}/attestations/sha256:${sha256}?per_page=${MOST}`;
  const response = await readBody(address, { headers }, token !== undefined);
  if (response.status === 404) return [];
  if (response.status !== 200) throw statusFailure(response, token !== undefined);
  const list = at(parseJson(response.bytes.toString()), "attestations");
  if (!Array.isArray(list)) throw notBundle(response.url.host, "no list of attestations");
  return Promise.all(
    list.slice(0, MOST).map(async (one) => at(one, "bundle") ?? (await download(at(one, "bundle_url")))),
  );
}

/** A bundle at an address of its own, which is no API: the token stays here, and https does not become http. */
async function download(address: unknown): Promise<unknown> {
  const isAddress = typeof address === "string" && URL.canParse(address);
  const { protocol } = new URL(releaseOrigin().api);
  if (!isAddress || !["https:", protocol].includes(new URL(address).protocol))
    throw notBundle("the API", isAddress ? address : "neither a bundle nor an address");
  const response = await readBody(address, {}, false);
  if (response.status !== 200) throw statusFailure(response, false);
  const isPacked = !response.bytes.subarray(0, 1).equals(Buffer.from("{"));
  try {
    return JSON.parse((isPacked ? unsnap(response.bytes, MAX_IN_MEMORY) : response.bytes).toString());
  } catch (error) {
    throw notBundle(response.url.host, error instanceof Error ? error.message : "");
  }
}

const notBundle = (host: string, got: string): Failure =>
  missingFailure({
    what: `${printable(host)} offers no attestation that can be read`,
    expected: "a Sigstore bundle, as JSON or packed by snappy",
    got: printable(got),
    fix: "run it again later; unset FASTBOOP_STAGE0_TRUSTED_ROOT to do without GitHub's own attestation",
  });

function statementType(bundle: unknown): unknown {
  try {
    return readStatement(bundle).predicateType;
  } catch {
    return undefined;
  }
}
