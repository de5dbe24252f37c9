/** Small responses, read into memory: lists and JSON. */
import { contractFailure, printable } from "../errors.ts";
import { MAX_IN_MEMORY } from "../files.ts";
import { captivePortal, type HttpRequest, type HttpResponse, looksLikeHtml, send } from "../http.ts";
import { size } from "../log.ts";
import { type RetryPolicy, retry, retryPolicy, withStallTimeout } from "./retry.ts";
import { expiredAddress, transientStatus } from "./status.ts";

type FullResponse = Omit<HttpResponse, "body"> & { bytes: Buffer };

/**
 * Sends a request and reads the whole response, with retries where repeating it is safe.
 * @param policy default: this run's
 * @throws Failure for rate limits and failing servers once no retry helps; HttpFailure as `send`
 */
export function readBody(
  address: string,
  request: Omit<HttpRequest, "signal">,
  token: boolean,
  policy: RetryPolicy = retryPolicy(),
): Promise<FullResponse> {
  const isRead = ["GET", "HEAD"].includes(request.method ?? "GET");
  const longest = 10 * policy.stallTimeout;
  const limits = isRead ? { ...policy, longest } : { ...policy, longest, attempts: 1 };
  const { host } = new URL(address);
  return retry(
    () =>
      withStallTimeout(printable(host), limits, async (signal, onBytes) => {
        const { body, ...response } = await send(address, { ...request, signal });
        onBytes(0, printable(response.url.host));
        const pieces: Uint8Array[] = [];
        let length = 0;
        for await (const piece of body) {
          pieces.push(piece);
          length += piece.length;
          onBytes(piece.length);
          if (length <= MAX_IN_MEMORY) continue;
          throw contractFailure({
            what: `${printable(response.url.host)} sends more than a list or an API answer takes`,
            expected: `at most ${size(MAX_IN_MEMORY)}`,
            fix: "check the address",
          });
        }
        const bytes = Buffer.concat(pieces);
        const failure =
          expiredAddress(response, address) ??
          transientStatus(response, token, response.status === 403 ? bytes.toString() : "");
        if (failure !== undefined) throw failure;
        if (response.status === 200 && looksLikeHtml(bytes)) throw captivePortal(response.url);
        return { ...response, bytes };
      }),
    limits,
  );
}
