/** The `fetch` that octokit calls: our own transport (every hop under control, proxies, retries, no secret in any message). */
import { missingFailure, printable } from "../errors.ts";
import { readBody } from "../http/read-body.ts";
import { statusFailure } from "../http/status.ts";

interface OctokitRequest {
  method: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

/**
 * @param api address of the API; nothing else is asked, whatever address an answer names for its next page
 * @throws Failure for every answer but a success and 404, which the caller can explain
 */
export const transport =
  (api: string, token: boolean) =>
  async (address: string, { method, headers, body }: OctokitRequest): Promise<Response> => {
    const { host, origin } = new URL(api);
    if (new URL(address).origin !== origin) {
      throw missingFailure({
        what: `${printable(host)} links to a next page on another host`,
        expected: printable(host),
        got: printable(new URL(address).host),
        fix: "set GITHUB_API_URL to the address by which the server calls itself",
      });
    }
    const request = { method, headers: lowerCase(headers), ...(body === undefined ? {} : { body }) };
    const reply = await readBody(address, request, token);
    if (reply.url.origin !== origin) throw answeredElsewhere(api, reply.url);
    if (reply.status === 404 || reply.status === 204) return new Response(null, { status: reply.status });
    if (reply.status < 200 || reply.status > 299) throw statusFailure(reply, token);
    if (!isJson(reply.bytes)) throw notGitHub(api);
    const { link } = reply.headers;
    return new Response(new Uint8Array(reply.bytes), {
      status: reply.status,
      headers: { "content-type": "application/json", ...(link !== undefined && { link }) },
    });
  };

const lowerCase = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** Far above what a page of releases has: with values of two bytes each, a small answer would take all memory. */
const MOST_VALUES = 200_000;

/** Whether octokit can handle a body: it rewrites answers with a `total_count`, which none of ours has. */
function isJson(bytes: Buffer): boolean {
  let values = 0;
  for (const byte of bytes) if (byte === 0x2c || byte === 0x5b || byte === 0x7b) values += 1;
  if (values > MOST_VALUES) return false;
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === "object" && value !== null && !("total_count" in value);
  } catch {
    return false;
  }
}

/** What a release is, and which one, only GitHub itself may say. */
const answeredElsewhere = (api: string, { host }: URL) =>
  missingFailure({
    what: `${printable(new URL(api).host)} lets another host answer for its API`,
    expected: printable(new URL(api).host),
    got: printable(host),
    fix: "set GITHUB_API_URL to the address by which the server calls itself",
  });

/** For an answer that is not GitHub's: something in between may have sent it. */
export const notGitHub = (api: string) =>
  missingFailure({
    what: `${printable(new URL(api).host)} does not answer like GitHub's API`,
    expected: "a release",
    fix: "check GITHUB_API_URL, and what answers there",
  });
