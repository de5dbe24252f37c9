/** What a response's status means here (GitHub's REST documentation, "Rate limits" and "Troubleshooting"; RFC 9110, section 15). */
import { Failure, printable } from "../errors.ts";
import type { HttpResponse } from "../http.ts";
import { HttpFailure, transientFailure } from "./errors.ts";
import { parseRetryAfter } from "./retry.ts";

type Answer = Pick<HttpResponse, "url" | "status" | "headers">;

/**
 * The failure of a response that a retry may change: a rate limit, or a server that failed; undefined for all others.
 * @param token whether the request carried a token
 * @param text the body, when it was read: GitHub's secondary rate limit may show there only
 */
export function transientStatus({ url, status, headers }: Answer, token: boolean, text = ""): HttpFailure | undefined {
  const host = printable(url.host);
  const wait = parseRetryAfter(headers) ?? (/secondary rate limit/i.test(text) ? 60 : undefined);
  const got = `status ${status}`;
  if (status === 429 || (status === 403 && wait !== undefined)) return rateLimit(host, got, wait, token);
  const failed = status === 408 || status === 425 || (status >= 500 && status !== 501 && status !== 505);
  return failed ? transientFailure({ what: `${host} failed`, got, fix: "run it again later" }, wait) : undefined;
}

function rateLimit(host: string, got: string, wait: number | undefined, token: boolean): HttpFailure {
  const until = new Date(Date.now() + (wait ?? 0) * 1000).toISOString().replace(/\.[0-9]+Z$/, "Z");
  return transientFailure(
    {
      what: `${host} limits the rate of requests`,
      got: wait === undefined ? got : `${got}, until ${until} (${Math.ceil(wait)} s from now)`,
      fix: token
        ? "run it again then"
        : "run it again then, or set GH_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN): with a token the limit is 5000 requests an hour, without one 60",
    },
    wait,
  );
}

/**
 * The failure of a signed address that a redirect led to and that has expired or is refused: the next attempt gets another
 * one. Undefined for any other response.
 * @param requested the address before all redirects
 */
export function expiredAddress({ url, status, headers }: Answer, requested: string): HttpFailure | undefined {
  const isDenied = (status === 401 || status === 403) && parseRetryAfter(headers) === undefined;
  if (!isDenied || url.origin === new URL(requested).origin) return undefined;
  return transientFailure({
    what: `${printable(url.host)} does not take its own signed address (any more)`,
    got: `status ${status}`,
    fix: "check this machine's clock, and run it again",
  });
}

/** The failure of any response that is not a success. Callers who know what a 404 means handle it themselves. */
export function statusFailure(answer: Answer, token: boolean): Failure {
  const transient = transientStatus(answer, token);
  if (transient !== undefined) return transient;
  const host = printable(answer.url.host);
  const got = `status ${answer.status}`;
  if (answer.status === 401) {
    return new Failure(2, {
      what: `${host} does not know the token`,
      got,
      fix: "renew GH_TOKEN or GITHUB_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN); a public repository needs none: unset it",
    });
  }
  if (answer.status === 403) {
    return new HttpFailure({
      what: `${host} denies the access`,
      got,
      fix: token
        ? "give the token the right to read the repository's contents (and, with single sign-on, authorize it)"
        : "a private repository needs a token: set GH_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN)",
    });
  }
  return new HttpFailure({ what: `${host} gives an answer that is of no use here`, got, fix: "check the address" });
}
