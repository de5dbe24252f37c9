/** Where a release is downloaded from: plain addresses or the API. local-mirror.ts reads mirrors on this machine. */
import { downloadUrl, RELEASE_ASSETS, SUMS } from "../contract.ts";
import { missingFailure, printable } from "../errors.ts";
import type { Asset, Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { HttpFailure } from "../http/errors.ts";
import { readBody } from "../http/read-body.ts";
import { retryPolicy } from "../http/retry.ts";
import { expiredAddress, statusFailure } from "../http/status.ts";
import { type HttpResponse, send } from "../http.ts";
import { notedReason } from "../trust/withdrawn.ts";
import { apiClaim, type Claim } from "../trust.ts";
import { download, type Limits } from "./download.ts";
import type { Download, HashedDownload } from "./partial.ts";

export interface Source {
  /** Where the release's SHA256SUMS is, for messages. Printable. */
  list: string;
  /** The release's SHA256SUMS; undefined: it has none. */
  sums(): Promise<Uint8Array | undefined>;
  /** A small file of the release; undefined: it has none of that name. */
  small(name: string): Promise<Uint8Array | undefined>;
  /** Whether the release has a file of that name; only a source that asked the API knows. */
  has?(name: string): boolean;
  /** Why the release's text says that it is withdrawn; only a source that asked the API knows. */
  withdrawn?: string | undefined;
  /** What the API says of the asset's digest and its size in bytes; only a source that asked it knows. */
  claim: Claim;
  size?: number;
  /** Whether what it says now stays true: a draft's files change until it is published. */
  isFinal: boolean;
  /** @throws NotFound when the origin has no such asset */
  download(partial: HashedDownload, sha256: string, limits: Limits): Promise<Download>;
}

/** The origin answered that it has no such file. */
export class NotFound extends HttpFailure {}

type Headers = Readonly<Record<string, string>>;

function downloadFrom(address: string, headers: Headers, partial: HashedDownload, sha256: string, limits: Limits) {
  const open = async (range: Headers, signal: AbortSignal): Promise<HttpResponse> => {
    // The redirect is followed again each time, because signed addresses expire after minutes.
    const response = await send(address, { headers: { ...headers, ...range }, signal });
    if ([200, 206, 416].includes(response.status)) return response;
    throw refusal(response, address, headers.authorization !== undefined);
  };
  const host = printable(new URL(address).host);
  return download(open, partial, { host, sha256, policy: retryPolicy(), ...limits });
}

function refusal(response: HttpResponse, address: string, token: boolean): Error {
  const expired = expiredAddress(response, address);
  if (expired !== undefined) return expired;
  if (response.status !== 404 && response.status !== 410) return statusFailure(response, token);
  const got = `status ${response.status}`;
  return new NotFound({ what: `${printable(address)} does not exist`, got, fix: "check TAG and TARGET" });
}

/** A small file of the release; undefined: there is none. */
async function downloadList(address: string, headers: Headers): Promise<Uint8Array | undefined> {
  const token = headers.authorization !== undefined;
  const response = await readBody(address, { headers }, token);
  if (response.status === 200) return response.bytes;
  if (response.status === 404) return undefined;
  throw statusFailure(response, token);
}

/** Plain download addresses: the repository's public ones, or an https mirror. No API, no token. */
export function webSource({ server, repo, mirror }: ReleaseOrigin, tag: string, asset: string): Source {
  const address = (name: string): string =>
    mirror === undefined ? downloadUrl(server, repo, tag, name) : `${mirror}/${tag}/${name}`;
  return {
    list: printable(address(SUMS)),
    claim: "not asked",
    isFinal: true,
    sums: () => downloadList(address(SUMS), {}),
    small: (name) => downloadList(address(name), {}),
    download: (partial, sha256, limits) => downloadFrom(address(asset), {}, partial, sha256, limits),
  };
}

/** A release of the API; with a token its files come through the API too, because private ones have no other address. */
export function apiSource(origin: ReleaseOrigin, { tag, draft, body, assets }: Release, asset: string): Source {
  const { api, repo, token, server, name } = origin;
  const headers = token === undefined ? {} : { authorization: `token ${token}`, accept: "application/octet-stream" };
  const address = (file: Asset): string =>
    token === undefined ? downloadUrl(server, repo, tag, file.name) : `${api}/repos/${repo}/releases/assets/${file.id}`;
  const find = (wanted: string) => assets.find((file) => file.name === wanted);
  const [found, list] = [find(asset), find(SUMS)];
  if (found === undefined || !found.uploaded) {
    throw missingFailure({
      what: `the release ${tag} of ${name} has no ${asset}`,
      expected: asset,
      got:
        found === undefined
          ? assets.map((file) => printable(file.name)).join(", ") || "no asset at all"
          : "an upload that was not finished",
      fix: RELEASE_ASSETS.includes(asset)
        ? "check TAG and TARGET; a release that is being made may not be complete yet"
        : "a release need not carry this one: build it with make stage0",
    });
  }
  return {
    list: `${SUMS} of ${tag}`,
    claim: apiClaim(found.digest),
    has: (name) => find(name) !== undefined,
    withdrawn: notedReason(body),
    size: found.size,
    isFinal: !draft,
    sums: async () => list && downloadList(address(list), headers),
    async small(name) {
      const file = find(name);
      return file && downloadList(address(file), headers);
    },
    download: (partial, sha256, limits) => downloadFrom(address(found), headers, partial, sha256, limits),
  };
}
