/** What an answer's status means for us (GitHub's REST documentation, "Troubleshooting"; RFC 9110, section 15). */
import { Failure, printable } from "./errors.ts";
import type { Reply } from "./http.ts";
import { HttpFailure, transientFailure } from "./http-errors.ts";
import { askedWait } from "./http-patience.ts";

const RUN_AGAIN = "run it again later";

/**
 * The failure that an answer other than the wanted one stands for. 404 is left to those who know what was asked for.
 * @param token whether the request carried a token
 */
export function statusFailure({ url, status, headers }: Pick<Reply, "url" | "status" | "headers">, token: boolean): Failure {
  const host = printable(url.host);
  const wait = askedWait(headers);
  const got = `status ${status}`;
  if (status === 429 || (status === 403 && wait !== undefined)) return rateLimit(host, got, wait ?? 60, token);
  if (status === 401) {
    return new Failure(2, {
      what: `${host} does not know the token`,
      got,
      fix: "renew GH_TOKEN (or GITHUB_TOKEN); a public repository needs none: unset it",
    });
  }
  if (status === 403) {
    return new HttpFailure({
      what: `${host} denies the access`,
      got,
      fix: token
        ? "give the token the right to read the repository's contents (and, with single sign-on, authorize it)"
        : "a private repository needs a token: set GH_TOKEN",
    });
  }
  if (status === 408 || status === 425 || (status >= 500 && status !== 501 && status !== 505)) {
    return transientFailure({ what: `${host} is in trouble`, got, fix: RUN_AGAIN }, wait);
  }
  return new HttpFailure({ what: `${host} gives an answer that is of no use here`, got, fix: "check the address" });
}

function rateLimit(host: string, got: string, wait: number, token: boolean): HttpFailure {
  const until = new Date(Date.now() + wait * 1000).toISOString().replace(/\.[0-9]+Z$/, "Z");
  return transientFailure(
    {
      what: `${host} limits the rate of requests`,
      got: `${got}, until ${until} (${Math.ceil(wait)} s from now)`,
      fix: token
        ? "run it again then"
        : "run it again then, or set GH_TOKEN: with a token the limit is 5000 requests an hour, without one 60",
    },
    wait,
  );
}
