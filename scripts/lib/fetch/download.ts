/** Downloads a body into a HashedDownload: streamed, hashed and written in one pass, bounded, resumed after a break. */
import { contractFailure, printable } from "../errors.ts";
import { transientFailure } from "../http/errors.ts";
import { type RetryPolicy, retry, withStallTimeout } from "../http/retry.ts";
import { captivePortal, type HttpResponse, looksLikeHtml } from "../http.ts";
import { size } from "../log.ts";
import type { Download, HashedDownload } from "./partial.ts";
import { DownloadProgress } from "./progress.ts";

/** Requests the asset, or with `range` the rest of it. Returns a response of status 200, 206 or 416. */
type Open = (range: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<HttpResponse>;

export interface Limits {
  /** Size of the asset in bytes, when a pin or the API tells it. */
  size?: number | undefined;
  /** Size budget in bytes. */
  maxSize: number;
}

/** An attempt that gets this much further than all before it, or a twentieth of the whole, does not count as failed. */
const GAIN = 64 * 1024;

/**
 * Downloads until the asset is complete, or retrying no longer helps.
 * @param options.host for messages
 * @param options.sha256 digest of the asset; tells whether a response without an announced size is complete
 */
export async function download(
  open: Open,
  partial: HashedDownload,
  options: { host: string; sha256: string; policy: RetryPolicy } & Limits,
): Promise<Download> {
  const { host, sha256, policy } = options;
  partial.resume(options.size ?? options.maxSize);
  let furthest = partial.size;
  const attempt = (): Promise<Download> =>
    withStallTimeout(host, policy, async (signal, onBytes) => {
      if (partial.total !== undefined && partial.size === partial.total) return partial.received();
      const { size: have, validator } = partial;
      // Without a validator the digest tells whether the parts fit.
      const range = have > 0 ? { range: `bytes=${have}-`, ...(validator && { "if-range": validator }) } : {};
      const response = await open(range, signal);
      const peer = printable(response.url.host);
      onBytes(0, peer);
      if (accept(response, partial, options)) await stream(response, partial, options, onBytes);
      const { total } = partial;
      const received = partial.received();
      // Without a length or chunks, the end of the connection may be the end of the body or a break.
      const framed = total !== undefined || /\bchunked\b/i.test(response.headers["transfer-encoding"] ?? "");
      if (framed ? received.size === (total ?? received.size) : received.sha256 === sha256) return received;
      throw transientFailure({
        what: `${peer} broke the connection off`,
        expected: total === undefined ? `sha256 ${sha256}` : size(total),
        got: `${total === undefined ? `sha256 ${received.sha256}, ` : ""}${size(received.size)}`,
        fix: "run it again; the download is resumed",
      });
    });
  const gained = (): boolean => {
    const isFurther = partial.size - furthest >= Math.min(GAIN, (partial.total ?? Number.POSITIVE_INFINITY) / 20);
    if (isFurther) furthest = partial.size;
    return isFurther;
  };
  return retry(attempt, policy, gained);
}

/**
 * Judges a response by its headers and prepares the partial for its body. Returns false when there is none to read.
 * @throws Failure (1) when the announced size is not the right one; HttpFailure (transient) when the response does not
 *   continue the bytes so far, which are dropped
 */
function accept(response: HttpResponse, partial: HashedDownload, limits: Limits): boolean {
  const { status, headers } = response;
  if (status === 200) {
    partial.restart({ validator: validatorOf(headers), total: decimal(headers["content-length"]) });
  } else {
    const [, from, end, total] =
      /^bytes (?:([0-9]{1,15})-([0-9]{1,15})|\*)\/([0-9]{1,15})$/.exec(headers["content-range"] ?? "") ?? [];
    const announced = decimal(total);
    const complete = status === 416 && announced === partial.size;
    const continues =
      status === 206 &&
      Number(from) === partial.size &&
      Number(end) + 1 === announced &&
      (partial.total === undefined || partial.total === announced);
    if (!complete && !continues) {
      partial.restart();
      throw transientFailure({
        what: `${printable(response.url.host)} does not resume the download properly`,
        expected: `status 206 with the bytes from where it broke off`,
        got: `status ${status}, content-range ${printable(headers["content-range"] ?? "missing")}`,
        fix: "run it again; it starts from the beginning",
      });
    }
    partial.total = announced;
    partial.mixed = true;
    if (complete) return false;
  }
  checkAnnounced(partial.total, limits);
  return true;
}

function checkAnnounced(total: number | undefined, limits: Limits): void {
  if (total === undefined) return;
  if (limits.size !== undefined && total !== limits.size) throw wrongSize(limits.size, size(total));
  if (total > limits.maxSize) throw overBudget(limits.maxSize, size(total));
}

const wrongSize = (expected: number, got: string) =>
  contractFailure({
    what: "the download has the wrong size",
    expected: size(expected),
    got,
    fix: "the file was changed at its source; tell the publisher",
  });
export const overBudget = (budget: number, got: string) =>
  contractFailure({
    what: "the download is over the size budget",
    expected: `at most ${size(budget)}`,
    got,
    fix: "FASTBOOP_STAGE0_MAX_SIZE sets the budget",
  });

async function stream(
  response: HttpResponse,
  partial: HashedDownload,
  limits: Limits,
  onBytes: (count: number) => void,
): Promise<void> {
  const cap = partial.total ?? limits.size ?? limits.maxSize;
  const progress = new DownloadProgress(partial.size, partial.total ?? limits.size);
  try {
    for await (const bytes of response.body) {
      if (partial.size === 0 && looksLikeHtml(bytes)) throw captivePortal(response.url);
      if (partial.size + bytes.length > cap) {
        const got = `more than ${size(cap)}`;
        throw cap === limits.maxSize ? overBudget(cap, got) : wrongSize(cap, got);
      }
      partial.write(bytes);
      onBytes(bytes.length);
      progress.advance(bytes.length);
    }
  } finally {
    progress.end();
  }
}

const decimal = (text: string | undefined): number | undefined =>
  text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;

/** What If-Range may name: a strong ETag, else the date (RFC 9110, section 13.1.5). */
function validatorOf(headers: HttpResponse["headers"]): string | undefined {
  const tag = headers.etag;
  return tag?.startsWith('"') ? tag : headers["last-modified"];
}
