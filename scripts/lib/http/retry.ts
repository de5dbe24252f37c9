/** Retries with backoff, Retry-After, and the stall timeout of one attempt. */
import { knob } from "../knobs.ts";
import { say } from "../log.ts";
import { HttpFailure, transientFailure } from "./errors.ts";

export interface RetryPolicy {
  /** Attempts in a row that may fail without progress. */
  attempts: number;
  /** Seconds before the second attempt; doubles each time, up to `maxBackoff`. */
  backoff: number;
  maxBackoff: number;
  /** Seconds that a server may make us wait (Retry-After, rate limits); for more the run ends and says when to come back. */
  maxRetryAfter: number;
  /** Seconds without a byte after which an attempt is ended. */
  stallTimeout: number;
  /** Bytes a second that an attempt must receive on average over `stallTimeout` seconds. */
  minRate: number;
  /** Seconds that an attempt may take in all, when what it gets is small. */
  longest?: number;
}

/** The retry policy of this run. */
export const retryPolicy = (): RetryPolicy => ({
  attempts: 5,
  backoff: 0.5,
  maxBackoff: 8,
  maxRetryAfter: 60,
  stallTimeout: knob("FASTBOOP_STAGE0_STALL_TIMEOUT"),
  minRate: 1024,
});

const sleep = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/**
 * Waits before the next attempt, and logs it.
 * @param attempt attempts so far, in a row
 * @throws the error, when another attempt can't help or there were too many
 */
async function backOff(error: unknown, attempt: number, policy: RetryPolicy): Promise<void> {
  if (!(error instanceof HttpFailure) || !error.transient) throw error;
  if (attempt >= policy.attempts) {
    // What was retried here is not retried again by a caller, who would multiply the attempts.
    if (policy.attempts > 1) error.transient = false;
    throw error;
  }
  const { retryAfter } = error;
  if (retryAfter !== undefined && retryAfter > policy.maxRetryAfter) throw error;
  // Half of the backoff is jitter, so that many clients do not come back at the same moment.
  const backoff = Math.min(policy.backoff * 2 ** (attempt - 1), policy.maxBackoff) * (0.5 + Math.random() / 2);
  const wait = retryAfter === undefined ? backoff : retryAfter + backoff / 4;
  say(`${error.problems[0]?.what}; trying again in ${wait.toFixed(1)} s (${attempt + 1} of ${policy.attempts})`);
  await sleep(wait);
}

/**
 * Retries an operation while its failures are transient.
 * @param gained whether the attempt that just failed made progress, so that counting starts again
 * @throws what the last attempt threw
 */
export async function retry<T>(
  operation: () => Promise<T>,
  policy: RetryPolicy,
  gained: () => boolean = () => false,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      if (gained()) attempt = 1;
      await backOff(error, attempt, policy);
    }
  }
}

/**
 * Runs an attempt that has to make progress, and ends every answer that is still open when it is over: no error leaves a
 * connection that keeps the process alive.
 * @param requested the host that the request goes to, for messages
 * @param body takes the signal that aborts its requests, and a function to call with the number of bytes that came, and with
 *   the host when another one answers
 * @throws HttpFailure (transient) when nothing, or next to nothing, came for `stallTimeout` seconds
 */
export async function withStallTimeout<T>(
  requested: string,
  { stallTimeout, minRate, longest }: Pick<RetryPolicy, "stallTimeout" | "minRate" | "longest">,
  body: (signal: AbortSignal, onBytes: (count: number, from?: string) => void) => Promise<T>,
): Promise<T> {
  let host = requested;
  const control = new AbortController();
  let reason: HttpFailure | undefined;
  let bytes = 0;
  const start = performance.now();
  let quietSince = start;
  /** Bytes in all at each tick of the last `stallTimeout` seconds, from the first byte on. */
  let marks: number[] = [];
  const timer = setInterval(
    () => {
      const quiet = (performance.now() - quietSince) / 1000;
      const rate = marks.length < TICKS ? Number.POSITIVE_INFINITY : (bytes - (marks[0] ?? 0)) / stallTimeout;
      if (longest !== undefined && performance.now() - start > longest * 1000)
        reason = stalled(host, `no end after ${longest} s`, "a short answer");
      else if (quiet >= stallTimeout) reason = stalled(host, `nothing for ${stallTimeout} s`, "a byte now and then");
      else if (rate < minRate) {
        reason = stalled(host, `${Math.round(rate)} bytes a second`, `at least ${minRate} bytes a second`);
      }
      if (reason !== undefined) control.abort(reason);
      if (bytes > 0) marks = [...marks, bytes].slice(-TICKS);
    },
    (stallTimeout * 1000) / TICKS,
  );
  try {
    return await body(control.signal, (count, from = host) => {
      host = from;
      bytes += count;
      quietSince = performance.now();
    });
  } catch (error) {
    throw reason ?? error;
  } finally {
    clearInterval(timer);
    control.abort();
  }
}
/** How often progress is checked in `stallTimeout` seconds. */
const TICKS = 8;

const stalled = (host: string, got: string, expected: string): HttpFailure =>
  transientFailure({
    what: `${host} has stopped sending`,
    expected,
    got,
    fix: "run it again; the download is resumed (FASTBOOP_STAGE0_STALL_TIMEOUT sets the limit)",
  });

/** A hundred years: no server means more, and a date can hold that much. */
const LONGEST_WAIT = 100 * 365 * 86_400;

/**
 * Seconds that a response asks to wait, by Retry-After (RFC 9110, section 10.2.3) or GitHub's rate limit headers;
 * undefined when it asks for none.
 * @param now milliseconds since 1970
 */
export function parseRetryAfter(
  headers: Readonly<Record<string, string | undefined>>,
  now = Date.now(),
): number | undefined {
  const after = headers["retry-after"]?.trim();
  if (after !== undefined && after !== "") {
    const seconds = /^[0-9]+$/.test(after) ? Number(after) : (Date.parse(after) - now) / 1000;
    if (!Number.isNaN(seconds)) return Math.min(Math.max(0, seconds), LONGEST_WAIT);
  }
  if (headers["x-ratelimit-remaining"] !== "0") return undefined;
  const reset = Number(headers["x-ratelimit-reset"]);
  return reset > 0 ? Math.min(Math.max(0, reset - now / 1000), LONGEST_WAIT) : undefined;
}
