/** The attestations that GitHub keeps of files, as its API hands them out. */
import { type Failure, missingFailure, printable } from "../errors.ts";
import { MAX_IN_MEMORY } from "../files.ts";
import { readBody } from "../http/read-body.ts";
import { statusFailure } from "../http/status.ts";
import { at, parseJson } from "../workspace.ts";
import { releaseOrigin } from "./origin.ts";
import { unsnap } from "./snappy.ts";

/** Attestations of one file that are looked at. */
const MOST = 30;

/**
 * The Sigstore bundles that GitHub has for a file, not verified; none where it has none.
 * @throws Failure (3) for an answer of another form
 */
export async function attestationsOf(sha256: string): Promise<unknown[]> {
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
