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
 * @throws Failure for every answer but a success, whose JSON it hands on, and 404, which the caller knows the meaning of
 */
export const transport =
  (api: string, token: boolean) =>
  async (address: string, { method, headers, body }: OctokitRequest): Promise<Response> => {
    const { host, origin } = new URL(api);
    if (new URL(address).origin !== origin) {
      throw missingFailure({
        what: `${printable(host)} names another host for the rest of its answer`,
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

/** Whether octokit can take a body: it unpacks lists with a `total_count`, which no answer to our calls has. */
function isJson(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === "object" && value !== null && !("total_count" in value);
  } catch {
    return false;
  }
}

/** The failure of an answer that is not the API's but, say, that of something in between. */
export const notGitHub = (api: string) =>
  missingFailure({
    what: `${printable(new URL(api).host)} does not answer as GitHub's API does`,
    expected: "a release",
    fix: "check GITHUB_API_URL, and what answers there",
  });
