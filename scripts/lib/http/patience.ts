/** How long to wait and how often to try: a watch over one attempt, and the attempts after it. */

import { say } from "../log.ts";
import { HttpFailure, transientFailure } from "./errors.ts";

export interface Patience {
  /** Attempts in a row that may fail without having brought anything. */
  tries: number;
  /** Seconds before the second attempt; doubles each time, up to `longestPause`. */
  firstPause: number;
  longestPause: number;
  /** Seconds that a server may make us wait (Retry-After, rate limits); above that we say when to come back. */
  longestWait: number;
  /** Seconds without a byte after which an attempt is given up. */
  stall: number;
  /** Bytes a second that an attempt must bring on average over `stall` seconds. */
  slowest: number;
}

export const PATIENCE: Patience = {
  tries: 5,
  firstPause: 0.5,
  longestPause: 8,
  longestWait: 60,
  stall: 30,
  slowest: 1024,
};

const sleep = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/**
 * Waits before the next attempt, and says so.
 * @param tried attempts so far, in a row
 * @throws the error, when another attempt can't help or would be one too many
 */
export async function pauseAfter(error: unknown, tried: number, patience: Patience): Promise<void> {
  if (!(error instanceof HttpFailure) || !error.transient || tried >= patience.tries) throw error;
  const asked = error.wait;
  if (asked !== undefined && asked > patience.longestWait) throw error;
  // Half of the pause is left to chance, so that many clients do not come back at the same moment.
  const pause = Math.min(patience.firstPause * 2 ** (tried - 1), patience.longestPause) * (0.5 + Math.random() / 2);
  const wait = asked === undefined ? pause : asked + pause / 4;
  say(`${error.problems[0]?.what}; trying again in ${wait.toFixed(1)} s (${tried + 1} of ${patience.tries})`);
  await sleep(wait);
}

/**
 * Repeats an attempt while its failures are transient.
 * @param gained whether the attempt that just failed brought something, so that the count begins anew
 * @throws what the last attempt threw
 */
export async function persist<T>(
  attempt: () => Promise<T>,
  patience: Patience,
  gained: () => boolean = () => false,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      if (gained()) tried = 1;
      await pauseAfter(error, tried, patience);
    }
  }
}

/**
 * Runs an attempt that has to make progress.
 * @param asked the host that is asked, for messages
 * @param body takes the signal that ends its requests, and a function to call with the number of bytes that came, and with
 *   the host when another one answers
 * @throws HttpFailure (transient) when nothing, or next to nothing, came for `stall` seconds
 */
export async function watched<T>(
  asked: string,
  { stall, slowest }: Pick<Patience, "stall" | "slowest">,
  body: (signal: AbortSignal, came: (bytes: number, from?: string) => void) => Promise<T>,
): Promise<T> {
  let host = asked;
  const control = new AbortController();
  let reason: HttpFailure | undefined;
  let bytes = 0;
  let quietSince = performance.now();
  /** Bytes in all at each tick of the last `stall` seconds, from the first byte on. */
  let marks: number[] = [];
  const timer = setInterval(
    () => {
      const quiet = (performance.now() - quietSince) / 1000;
      const rate = marks.length < TICKS ? Number.POSITIVE_INFINITY : (bytes - (marks[0] ?? 0)) / stall;
      if (quiet >= stall) reason = stalled(host, `nothing for ${stall} s`, "a byte now and then");
      else if (rate < slowest) {
        reason = stalled(host, `${Math.round(rate)} bytes a second`, `at least ${slowest} bytes a second`);
      }
      if (reason !== undefined) control.abort(reason);
      if (bytes > 0) marks = [...marks, bytes].slice(-TICKS);
    },
    (stall * 1000) / TICKS,
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
  }
}
/** How often the watch looks in a span of `stall` seconds. */
const TICKS = 8;

const stalled = (host: string, got: string, expected: string): HttpFailure =>
  transientFailure({
    what: `${host} has stopped sending`,
    expected,
    got,
    fix: "run it again; a break is resumed where it was (FASTBOOP_STAGE0_STALL_TIMEOUT sets the limit)",
  });

/** A hundred years: no server means more, and a date can tell so much. */
const LONGEST_ASKED = 100 * 365 * 86_400;

/**
 * Seconds that an answer asks to wait, by Retry-After (RFC 9110, section 10.2.3) or GitHub's rate limit headers;
 * undefined when it asks for none.
 * @param now milliseconds since 1970
 */
export function askedWait(headers: Readonly<Record<string, string | undefined>>, now = Date.now()): number | undefined {
  const after = headers["retry-after"]?.trim();
  if (after !== undefined && after !== "") {
    const seconds = /^[0-9]+$/.test(after) ? Number(after) : (Date.parse(after) - now) / 1000;
    if (!Number.isNaN(seconds)) return Math.min(Math.max(0, seconds), LONGEST_ASKED);
  }
  if (headers["x-ratelimit-remaining"] !== "0") return undefined;
  const reset = Number(headers["x-ratelimit-reset"]);
  return reset > 0 ? Math.min(Math.max(0, reset - now / 1000), LONGEST_ASKED) : undefined;
}
