/** What an answer's status means for us (GitHub's REST documentation, "Rate limits" and "Troubleshooting"; RFC 9110, section 15). */
import { Failure, printable } from "../errors.ts";
import type { HttpResponse } from "../http.ts";
import { HttpFailure, transientFailure } from "./errors.ts";
import { parseRetryAfter } from "./retry.ts";

type Answer = Pick<HttpResponse, "url" | "status" | "headers">;

/**
 * The failure of an answer that may be another one a little later: a rate limit, or a server in trouble; undefined for
 * all other answers.
 * @param token whether the request carried a token
 * @param text the body, when it was read: GitHub's secondary limit may show in its words alone
 */
export function transientStatus({ url, status, headers }: Answer, token: boolean, text = ""): HttpFailure | undefined {
  const host = printable(url.host);
  const wait = parseRetryAfter(headers) ?? (/secondary rate limit/i.test(text) ? 60 : undefined);
  const got = `status ${status}`;
  if (status === 429 || (status === 403 && wait !== undefined)) return rateLimit(host, got, wait, token);
  const inTrouble = status === 408 || status === 425 || (status >= 500 && status !== 501 && status !== 505);
  return inTrouble
    ? transientFailure({ what: `${host} is in trouble`, got, fix: "run it again later" }, wait)
    : undefined;
}

function rateLimit(host: string, got: string, wait: number | undefined, token: boolean): HttpFailure {
  const until = new Date(Date.now() + (wait ?? 0) * 1000).toISOString().replace(/\.[0-9]+Z$/, "Z");
  return transientFailure(
    {
      what: `${host} limits the rate of requests`,
      got: wait === undefined ? got : `${got}, until ${until} (${Math.ceil(wait)} s from now)`,
      fix: token
        ? "run it again then"
        : "run it again then, or set GH_TOKEN: with a token the limit is 5000 requests an hour, without one 60",
    },
    wait,
  );
}

/**
 * The failure of a signed address that a redirect led to and that is not taken (any more): the next attempt asks for
 * another one. Undefined for any other answer.
 * @param asked the address before all redirects
 */
export function expiredAddress({ url, status, headers }: Answer, asked: string): HttpFailure | undefined {
  const isDenied = (status === 401 || status === 403) && parseRetryAfter(headers) === undefined;
  if (!isDenied || url.origin === new URL(asked).origin) return undefined;
  return transientFailure({
    what: `${printable(url.host)} does not take its own signed address (any more)`,
    got: `status ${status}`,
    fix: "check this machine's clock, and run it again",
  });
}

/** The failure that any answer but the wanted one stands for. 404 is left to those who know what was asked for. */
export function statusFailure(answer: Answer, token: boolean): Failure {
  const transient = transientStatus(answer, token);
  if (transient !== undefined) return transient;
  const host = printable(answer.url.host);
  const got = `status ${answer.status}`;
  if (answer.status === 401) {
    return new Failure(2, {
      what: `${host} does not know the token`,
      got,
      fix: "renew GH_TOKEN (or GITHUB_TOKEN); a public repository needs none: unset it",
    });
  }
  if (answer.status === 403) {
    return new HttpFailure({
      what: `${host} denies the access`,
      got,
      fix: token
        ? "give the token the right to read the repository's contents (and, with single sign-on, authorize it)"
        : "a private repository needs a token: set GH_TOKEN",
    });
  }
  return new HttpFailure({ what: `${host} gives an answer that is of no use here`, got, fix: "check the address" });
}
