/** Places that a release comes from over the network: download addresses, and the API. local-mirror.ts has those on this machine. */
import { downloadUrl, SUMS } from "../contract.ts";
import { missingFailure, printable } from "../errors.ts";
import type { Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { HttpFailure } from "../http/errors.ts";
import { readBody, retryPolicy } from "../http/read-body.ts";
import { expiredAddress, statusFailure } from "../http/status.ts";
import { type HttpResponse, send } from "../http.ts";
import { apiClaim, type Claim } from "../trust.ts";
import { download, type Limits } from "./download.ts";
import type { Download, PartialDownload } from "./partial.ts";

export interface Source {
  /** Where the release's list is, for messages. Printable. */
  list: string;
  /** The release's SHA256SUMS; undefined: it has none. */
  sums(): Promise<Uint8Array | undefined>;
  /** What the API says of the asset, and its size in bytes; only a source that asked it knows. */
  claim: Claim;
  size?: number;
  /** Whether what it says now may be held against what is there later: a draft's files change until it is published. */
  lasting: boolean;
  /** Brings the asset's bytes. @throws Missing when the place has no such asset */
  download(partial: PartialDownload, sha256: string, limits: Limits): Promise<Download>;
}

/** A place answered that it has no such file. */
export class Missing extends HttpFailure {}

const hostOf = (address: string): string => printable(new URL(address).host);

/** Brings an asset over the network. */
function remote(
  address: string,
  headers: Readonly<Record<string, string>>,
  partial: PartialDownload,
  sha256: string,
  limits: Limits,
) {
  const token = headers.authorization !== undefined;
  const open = async (range: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpResponse> => {
    // Asked anew each time: signed addresses live for minutes.
    const response = await send(address, { headers: { ...headers, ...range }, signal });
    if ([200, 206, 416].includes(response.status)) return response;
    response.discard();
    throw refusal(response, address, token);
  };
  return download(open, partial, { host: hostOf(address), sha256, policy: retryPolicy(), ...limits });
}

function refusal(response: HttpResponse, address: string, token: boolean): Error {
  const expired = expiredAddress(response, address);
  if (expired !== undefined) return expired;
  if (response.status === 404 || response.status === 410) {
    return new Missing({
      what: `${printable(address)} does not exist`,
      got: `status ${response.status}`,
      fix: "check TAG and TARGET",
    });
  }
  return statusFailure(response, token);
}

/** Plain download addresses: the repository's public ones, or an https mirror. No API, no token. */
export function webSource({ server, repo, mirror }: ReleaseOrigin, tag: string, asset: string): Source {
  const address = (name: string): string =>
    mirror === undefined ? downloadUrl(server, repo, tag, name) : `${mirror}/${tag}/${name}`;
  return {
    list: printable(address(SUMS)),
    claim: "not asked",
    lasting: true,
    sums: () => wholeFile(address(SUMS), {}),
    download: (partial, sha256, limits) => remote(address(asset), {}, partial, sha256, limits),
  };
}

/** A small file of the release; undefined: there is none. */
async function wholeFile(address: string, headers: Readonly<Record<string, string>>): Promise<Uint8Array | undefined> {
  const token = headers.authorization !== undefined;
  const response = await readBody(address, { headers }, token);
  if (response.status === 200) return response.bytes;
  if (response.status === 404) return undefined;
  throw statusFailure(response, token);
}

/** A release as the API shows it; with a token its bodies come through the API too, as private ones must. */
export function apiSource(origin: ReleaseOrigin, { tag, draft, assets }: Release, asset: string): Source {
  const { api, repo, token, server, name: at } = origin;
  const headers = token === undefined ? {} : { authorization: `token ${token}`, accept: "application/octet-stream" };
  const find = (name: string) => assets.find((candidate) => candidate.name === name);
  const address = (name: string, id: number): string =>
    token === undefined ? downloadUrl(server, repo, tag, name) : `${api}/repos/${repo}/releases/assets/${id}`;
  const found = find(asset);
  if (found === undefined || !found.uploaded) {
    throw missingFailure({
      what: `the release ${tag} of ${at} has no ${asset}`,
      expected: asset,
      got:
        found === undefined
          ? assets.map(({ name }) => printable(name)).join(", ") || "no asset at all"
          : "an upload that was not finished",
      fix: "check TAG and TARGET; a release that is being made may not be complete yet",
    });
  }
  return {
    list: `${SUMS} of ${tag}`,
    claim: apiClaim(found.digest),
    size: found.size,
    lasting: !draft,
    async sums() {
      const list = find(SUMS);
      return list === undefined ? undefined : wholeFile(address(SUMS, list.id), headers);
    },
    download: (partial, sha256, limits) => remote(address(asset, found.id), headers, partial, sha256, limits),
  };
}
