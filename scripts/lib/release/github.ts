/** GitHub's REST API through octokit, over our own transport. Loaded only where a token or TAG=latest needs it, or a 404 has to be explained. */
import type { Octokit } from "@octokit/rest";
import { isTag, TAG_FORM } from "../contract.ts";
import { Failure, missingFailure, printable, usageFailure } from "../errors.ts";
import type { ReleaseOrigin } from "../fetch/request.ts";
import { readBody } from "../http/read-body.ts";
import { statusFailure } from "../http/status.ts";
import { apiClaim, type Claim } from "../trust.ts";

/** Releases of one page, GitHub's largest. */
const PAGE = 100;

export interface FoundAsset {
  id: number;
  name: string;
  size: number;
  /** What the API says of its digest. */
  claim: Claim;
  /** Whether its upload was finished. */
  whole: boolean;
}
export interface FoundRelease {
  tag: string;
  draft: boolean;
  assets: FoundAsset[];
}

/** An octokit whose requests take our transport: every hop under control, proxies, retries, no secret in any message. */
export async function octokit(api: string, token: string | undefined): Promise<Octokit> {
  const { Octokit } = await import("@octokit/rest");
  const silent = (): void => {};
  return new Octokit({
    baseUrl: api,
    ...(token === undefined ? {} : { auth: token }),
    userAgent: "stage0-distribution",
    // Octokit's warnings would go around the log.
    log: { debug: silent, info: silent, warn: silent, error: silent },
    request: { fetch: transport(token !== undefined) },
  });
}

interface OctokitRequest {
  method: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

/** `fetch` as octokit calls it. */
const transport =
  (token: boolean) =>
  async (address: string, { method, headers, body }: OctokitRequest): Promise<Response> => {
    const request = { method, headers: lowerCase(headers), ...(body === undefined ? {} : { body }) };
    const reply = await readBody(address, request, token);
    const empty = reply.status === 204 || reply.status === 205 || reply.status === 304;
    const pairs = Object.entries(reply.headers).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value]],
    );
    return new Response(empty ? null : new Uint8Array(reply.bytes), { status: reply.status, headers: pairs });
  };

const lowerCase = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** The status of an octokit error, 404 say; our own failures that octokit wrapped come out again. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof Error && error.cause instanceof Failure) throw error.cause;
  const status = error instanceof Error && "status" in error ? error.status : undefined;
  return typeof status === "number" ? status : undefined;
}

/** A call whose 404 is an answer: undefined. @throws Failure for every other status that is not a success */
export async function optional<T>(
  api: string,
  token: string | undefined,
  call: Promise<{ data: T }>,
): Promise<T | undefined> {
  try {
    return (await call).data;
  } catch (error) {
    const status = statusOf(error);
    if (status === 404) return undefined;
    if (status === undefined) throw error;
    throw statusFailure({ url: new URL(api), status, headers: {} }, token !== undefined);
  }
}

type Raw = { tag_name: string; draft: boolean; assets: RawAsset[] };
type RawAsset = { id: number; name: string; size: number; state: string; digest?: string | null };

/** Whether an answer has what is read of a release. */
function isRelease(value: unknown): value is Raw {
  const { tag_name, draft, assets } = Object(value) as Record<keyof Raw, unknown>;
  return typeof tag_name === "string" && typeof draft === "boolean" && Array.isArray(assets) && assets.every(isAsset);
}
function isAsset(value: unknown): value is RawAsset {
  const { id, name, size, state, digest } = Object(value) as Record<keyof RawAsset, unknown>;
  const isCount = (number: unknown): boolean => Number.isSafeInteger(number) && Number(number) >= 0;
  const isText = (text: unknown): boolean => typeof text === "string";
  return isCount(id) && isText(name) && isCount(size) && isText(state) && (isText(digest) || (digest ?? null) === null);
}

/** The failure of an answer that is no API's, of something in between say. */
const notGitHub = (api: string): Failure =>
  missingFailure({
    what: `${printable(new URL(api).host)} does not answer as GitHub's API does`,
    expected: "a release",
    fix: "check GITHUB_API_URL, and what answers there",
  });

/**
 * The release of a tag, drafts too when the token may push, or with "latest" the newest that is no prerelease.
 * @throws Failure (3) saying which it is: the repository can't be seen, it has no such release, several drafts share the tag
 */
export async function findRelease({ api, repo, token, name }: ReleaseOrigin, tag: string): Promise<FoundRelease> {
  const { rest } = await octokit(api, token);
  const [owner = "", repository = ""] = repo.split("/");
  const where = { owner, repo: repository };
  const found: Raw | undefined = await optional(
    api,
    token,
    tag === "latest" ? rest.repos.getLatestRelease(where) : rest.repos.getReleaseByTag({ ...where, tag }),
  );
  if (found !== undefined && !isRelease(found)) throw notGitHub(api);
  if (found !== undefined) return release(found, tag, name);
  // The newest ones: drafts come first, and a message can name what there is.
  const newest: Raw[] | undefined = await optional(api, token, rest.repos.listReleases({ ...where, per_page: PAGE }));
  if (newest !== undefined && !(Array.isArray(newest) && newest.every(isRelease))) throw notGitHub(api);
  if (newest === undefined) {
    throw missingFailure({
      what: `${name} does not exist, or is private`,
      expected: "a repository that can be read",
      got: "status 404",
      fix:
        token === undefined
          ? "check FASTBOOP_STAGE0_REPO; a private repository needs a token: set GH_TOKEN"
          : "check FASTBOOP_STAGE0_REPO, and that the token may read the repository's contents",
    });
  }
  const drafts = newest.filter((candidate) => candidate.draft && candidate.tag_name === tag);
  if (drafts.length > 1) {
    throw missingFailure({
      what: `${drafts.length} drafts of ${name} have the tag ${tag}`,
      expected: "one",
      fix: "delete the drafts that are not meant, or publish one",
    });
  }
  const [draft] = drafts;
  if (draft !== undefined) return release(draft, tag, name);
  const tags = newest.filter((candidate) => !candidate.draft).map((candidate) => printable(candidate.tag_name));
  throw missingFailure({
    what: tag === "latest" ? `${name} has no release but drafts and prereleases` : `${name} has no release ${tag}`,
    got: tags.length === 0 ? "no release at all" : `the newest are ${tags.slice(0, 5).join(", ")}`,
    fix:
      token === undefined
        ? "check TAG; a draft is shown to a token with push right only: set GH_TOKEN"
        : "check TAG; a draft is shown to a token with push right only",
  });
}

function release({ tag_name, draft, assets }: Raw, wanted: string, name: string): FoundRelease {
  if (!isTag(tag_name)) {
    throw usageFailure({
      what: `the latest release of ${name} has a tag of another form`,
      expected: TAG_FORM,
      got: `"${printable(tag_name)}"`,
      fix: "set TAG",
    });
  }
  if (wanted !== "latest" && tag_name !== wanted) {
    throw missingFailure({ what: `${name} answers with another release`, expected: wanted, got: tag_name });
  }
  return {
    tag: tag_name,
    draft,
    assets: assets.map(({ id, name: asset, size, state, digest }) => ({
      id,
      name: asset,
      size,
      whole: state === "uploaded",
      claim: apiClaim(digest),
    })),
  };
}
