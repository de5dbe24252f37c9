/** A body into a Partial: streamed, hashed and written in one pass, bounded, resumed after a break. */
import { contractFailure, printable } from "../errors.ts";
import { transientFailure } from "../http/errors.ts";
import { type RetryPolicy, retry, withStallTimeout } from "../http/retry.ts";
import { captivePortal, type HttpResponse, looksLikeHtml } from "../http.ts";
import { size } from "../log.ts";
import type { Download, PartialDownload } from "./partial.ts";
import { Progress } from "./progress.ts";

/** Asks for the asset, or with `range` for the rest of it. Comes out with an answer of status 200, 206 or 416. */
type Open = (range: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<HttpResponse>;

export interface Limits {
  /** Size of the asset in bytes by someone who is trusted to know: a pin, the API. */
  size?: number | undefined;
  /** Size budget in bytes. */
  maxSize: number;
}

/** An attempt that comes so much further than all before it does not count as one that failed, however many there are. */
const GAIN = 1024 * 1024;

/**
 * Downloads until the whole is there, or no attempt helps.
 * @param host for messages
 * @param sha256 the digest that the whole must have; used to see whether an end without an announced size is the end
 */
export async function download(
  open: Open,
  partial: PartialDownload,
  { host, sha256, policy, ...limits }: { host: string; sha256: string; policy: RetryPolicy } & Limits,
): Promise<Download> {
  let furthest = partial.size;
  const attempt = (): Promise<Download> =>
    withStallTimeout(host, policy, async (signal, came) => {
      if (partial.total !== undefined && partial.size === partial.total) return partial.received();
      const resume = partial.size > 0 && partial.validator !== undefined;
      const range = resume ? { range: `bytes=${partial.size}-`, "if-range": partial.validator ?? "" } : {};
      const response = await open(range, signal);
      came(0, printable(response.url.host));
      if (accept(response, partial, limits)) await stream(response, partial, limits, came);
      const received = partial.received();
      // Without a length or chunks the end of the connection is the end of the body, or a break that looks like it.
      const framed = partial.total !== undefined || /\bchunked\b/i.test(response.headers["transfer-encoding"] ?? "");
      if (framed ? received.size === (partial.total ?? received.size) : received.sha256 === sha256) return received;
      throw transientFailure({
        what: `${printable(response.url.host)} broke the connection off`,
        expected: partial.total === undefined ? `sha256 ${sha256}` : size(partial.total),
        got: partial.total === undefined ? `sha256 ${received.sha256}, ${size(received.size)}` : size(received.size),
        fix: "run it again; a break is resumed where it was",
      });
    });
  const gained = (): boolean => {
    const isFurther = partial.size - furthest >= GAIN;
    if (isFurther) furthest = partial.size;
    return isFurther;
  };
  return retry(attempt, policy, gained);
}

/**
 * Judges an answer by its headers and readies the partial for its body. Comes out with false when there is none to read.
 * @throws Failure (1) when the announced size is not the right one; HttpFailure (transient) when the answer can't be added
 *   to what is there, which then begins anew
 */
function accept(response: HttpResponse, partial: PartialDownload, limits: Limits): boolean {
  const { status, headers } = response;
  if (status === 200) {
    const length = decimal(headers["content-length"]);
    partial.restart(validatorOf(headers), length);
  } else {
    const [, from, end, total] =
      /^bytes (?:([0-9]{1,15})-([0-9]{1,15})|\*)\/([0-9]{1,15})$/.exec(headers["content-range"] ?? "") ?? [];
    const whole = decimal(total);
    const complete = status === 416 && whole === partial.size;
    const fits =
      status === 206 &&
      Number(from) === partial.size &&
      Number(end) + 1 === whole &&
      (partial.total === undefined || partial.total === whole);
    if (!complete && !fits) {
      response.discard();
      partial.restart(undefined, undefined);
      throw transientFailure({
        what: `${printable(response.url.host)} does not resume the download properly`,
        expected: `status 206 with the bytes from where it broke off`,
        got: `status ${status}, content-range ${printable(headers["content-range"] ?? "missing")}`,
        fix: "run it again; it begins anew",
      });
    }
    partial.total = whole;
    partial.mixed = true;
    partial.save();
    if (complete) {
      response.discard();
      return false;
    }
  }
  try {
    withinLimits(partial.total, limits);
    return true;
  } catch (error) {
    response.discard();
    throw error;
  }
}

function withinLimits(total: number | undefined, limits: Limits): void {
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
  partial: PartialDownload,
  limits: Limits,
  came: (bytes: number) => void,
): Promise<void> {
  const cap = partial.total ?? limits.size ?? limits.maxSize;
  const progress = new Progress(partial.size, partial.total ?? limits.size);
  try {
    for await (const bytes of response.body) {
      if (partial.size === 0 && looksLikeHtml(bytes)) throw captivePortal(response.url);
      if (partial.size + bytes.length > cap) {
        const got = `more than ${size(cap)}`;
        throw cap === limits.maxSize ? overBudget(cap, got) : wrongSize(cap, got);
      }
      partial.write(bytes);
      came(bytes.length);
      progress.advance(bytes.length);
    }
  } finally {
    progress.end();
    response.discard();
  }
}

const decimal = (text: string | undefined): number | undefined =>
  text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;

/** What If-Range may name: a strong ETag, else the date (RFC 9110, section 13.1.5). */
function validatorOf(headers: HttpResponse["headers"]): string | undefined {
  const tag = headers.etag;
  return tag?.startsWith('"') ? tag : headers["last-modified"];
}
