/** Uploads an asset by our own HTTP client, from a file and with a limit for its slowness. */
import { contractFailure, printable } from "../errors.ts";
import { HttpFailure } from "../http/errors.ts";
import { readBody } from "../http/read-body.ts";
import { retryPolicy } from "../http/retry.ts";
import { statusFailure } from "../http/status.ts";
import type { Release } from "./answers.ts";
import type { ReleaseOrigin } from "./origin.ts";

/** Bytes a second: a slower upload is given up. Nothing comes back while bytes go out. */
const SLOWEST = 16 * 1024;

/** Streams a file to a release. @throws HttpFailure, transient when another attempt may succeed */
export async function uploadAsset(
  origin: ReleaseOrigin,
  release: Release,
  { name, path, size }: { name: string; path: string; size: number },
): Promise<void> {
  const url = uploadAddress(origin, release.uploadUrl);
  url.searchParams.set("name", name);
  const headers = {
    authorization: `token ${origin.token}`,
    "content-type": "application/octet-stream",
    "content-length": String(size),
  };
  const policy = retryPolicy();
  const reply = await readBody(url.href, { method: "POST", headers, body: { file: path } }, true, {
    ...policy,
    stallTimeout: Math.max(policy.stallTimeout, size / SLOWEST),
    minRate: 0,
  });
  if (reply.status === 201) return;
  if (reply.status !== 422 && reply.status !== 400) throw statusFailure(reply, true);
  const text = reply.bytes.toString();
  // By an upload whose answer was lost, or that was interrupted.
  if (text.includes('"already_exists"'))
    throw new HttpFailure({ what: `${printable(name)} already exists`, got: "status 422" }, { transient: true });
  throw contractFailure({
    what: `GitHub refuses ${printable(name)}`,
    got: `status ${reply.status}: ${reason(text)}`,
  });
}

/** The token goes to GitHub's own hosts alone, whatever an answer names. */
function uploadAddress(origin: ReleaseOrigin, address: string): URL {
  const url = new URL(address);
  const api = new URL(origin.api);
  const server = new URL(origin.server);
  if (
    url.protocol === api.protocol &&
    [api.hostname, server.hostname, `uploads.${server.hostname}`].includes(url.hostname)
  )
    return url;
  throw contractFailure({
    what: "GitHub names an upload address on another host",
    expected: `${api.hostname} or uploads.${server.hostname}`,
    got: printable(url.host),
    fix: "check GITHUB_API_URL and GITHUB_SERVER_URL",
  });
}

/** The messages in a refusal, found by pattern because it may not be GitHub's JSON. */
function reason(text: string): string {
  return printable([...text.matchAll(/"message": *"((?:[^"\\]|\\.)*)"/g)].map(([, said]) => said).join(": "));
}
