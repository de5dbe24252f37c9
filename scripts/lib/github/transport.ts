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

/** Whether octokit can handle a body: it rewrites answers with a `total_count`, which none of ours has. */
function isJson(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === "object" && value !== null && !("total_count" in value);
  } catch {
    return false;
  }
}

/** For an answer that is not GitHub's: something in between may have sent it. */
export const notGitHub = (api: string) =>
  missingFailure({
    what: `${printable(new URL(api).host)} does not answer like GitHub's API`,
    expected: "a release",
    fix: "check GITHUB_API_URL, and what answers there",
  });
