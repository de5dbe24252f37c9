/**
 * One request and its response, every redirect under control, the same on Node and Deno. Node's own client needs a third
 * less memory than its fetch; of Deno's two clients only fetch has backpressure and knows proxies.
 */
import { createReadStream, openAsBlob } from "node:fs";
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import { missingFailure, printable } from "./errors.ts";
import { classify, HttpFailure, proxyWantsUser } from "./http/errors.ts";
import { proxyAddress, proxyOrigin } from "./http/proxy.ts";
import { isLoopback } from "./knob-kinds.ts";
import { knob } from "./knobs.ts";

/** Redirects that are followed: a release asset takes one or two. */
const HOPS = 5;
const USER_AGENT = "stage0-distribution";
const isDeno = "deno" in process.versions;

export interface HttpRequest {
  method?: string;
  /** Lower-case names. */
  headers?: Readonly<Record<string, string>>;
  /** A file is streamed; its size has to be in the headers. */
  body?: string | Uint8Array | { file: string };
  /** Ends the exchange, whatever state it is in: `withStallTimeout` gives one, and fires it when its attempt is over. */
  signal: AbortSignal;
}

export interface HttpResponse {
  /** The address that answered, after all redirects. */
  url: URL;
  status: number;
  /** Lower-case names; several headers of one name are joined with commas. */
  headers: Readonly<Record<string, string | undefined>>;
  body: AsyncIterable<Uint8Array>;
}

/** An address as logs show it: without user, query and fragment. */
const shownUrl = (url: URL): string => printable(`${url.origin}${url.pathname}`);

/**
 * Sends a request and follows its redirects: https only (http to this machine only, and never from https), the token to
 * no origin but the first.
 * @throws HttpFailure when there is no response, or one that comes from something in between
 */
export async function send(address: string, request: HttpRequest): Promise<HttpResponse> {
  let url = new URL(address);
  let headers: Record<string, string> = { "user-agent": USER_AGENT, "accept-encoding": "identity", ...request.headers };
  for (let hop = 0; ; hop++) {
    checkAddress(url);
    const response = await exchange(url, { ...request, headers });
    const location = [301, 302, 303, 307, 308].includes(response.status) ? response.headers.location : undefined;
    if (location === undefined || (request.method ?? "GET") !== "GET") return checked(response);
    if (hop === HOPS) {
      throw new HttpFailure({
        what: `${printable(new URL(address).host)} redirects too often`,
        expected: `at most ${HOPS} redirects`,
        got: `one more, to ${shownUrl(url)}`,
        fix: "check the address, and what answers there: a captive portal or a proxy may be in between",
      });
    }
    const next = target(location, url);
    if (next.origin !== url.origin) {
      const { authorization: _, ...others } = headers;
      headers = others;
    }
    url = next;
  }
}

function target(location: string, from: URL): URL {
  if (!URL.canParse(location, from.href)) {
    throw new HttpFailure({ what: `${printable(from.host)} redirects to an invalid address` });
  }
  const next = new URL(location, from);
  if (from.protocol !== "https:" || next.protocol === "https:") return next;
  throw new HttpFailure({
    what: `${printable(from.host)} redirects from https to ${printable(next.protocol.replace(/:$/, ""))}`,
    expected: "https all the way",
    got: shownUrl(next),
    fix: "check what answers there: a captive portal or a proxy may be in between",
  });
}

/** Refuses an address before any socket is opened. */
function checkAddress(url: URL): void {
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw new HttpFailure({ what: "plain http is for this machine only", expected: "https", got: shownUrl(url) });
  }
  if (url.username !== "" || url.password !== "") {
    throw new HttpFailure({ what: `an address of ${printable(url.host)} contains a user name or a password` });
  }
  if (knob("FASTBOOP_STAGE0_OFFLINE")) {
    throw missingFailure({
      what: `${shownUrl(url)} is needed, and FASTBOOP_STAGE0_OFFLINE forbids every connection`,
      fix: "unset FASTBOOP_STAGE0_OFFLINE, or give a local file with FASTBOOP_STAGE0_EMBED_PATH or a folder with FASTBOOP_STAGE0_MIRROR=file:…",
    });
  }
}

/** Refuses responses that come from something in between, or in an encoding that was not requested. */
function checked(response: HttpResponse): HttpResponse {
  const { status, headers, url } = response;
  const encoding = headers["content-encoding"] ?? "identity";
  const wrong =
    status === 511 || (status === 200 && /^\s*text\/html\b/i.test(headers["content-type"] ?? ""))
      ? captivePortal(url)
      : status === 407
        ? proxyWantsUser(printable(proxyOrigin(url) ?? "a proxy"))
        : encoding.toLowerCase() !== "identity"
          ? new HttpFailure({
              what: `${printable(url.host)} sends the bytes in another encoding than was requested`,
              expected: "no content-encoding",
              got: printable(encoding),
              fix: "look for a proxy in between that compresses, and go around it with NO_PROXY",
            })
          : undefined;
  if (wrong === undefined) return response;
  throw wrong;
}

/** A web page came where a file or data was asked for. */
export const captivePortal = (url: URL): HttpFailure =>
  new HttpFailure({
    what: `${printable(url.host)} answers with a web page in place of the file`,
    got: `HTML from ${shownUrl(url)}`,
    fix: "open any page in a browser: the network may want a login (captive portal); or a proxy shows its own page",
  });

/** Whether a body starts like a web page, whatever its content-type. */
export const looksLikeHtml = (bytes: Uint8Array): boolean =>
  /^(\xef\xbb\xbf)?\s*<(!doctype html|html)\b/i.test(Buffer.from(bytes.subarray(0, 64)).toString("latin1"));

async function exchange(url: URL, request: HttpRequest): Promise<HttpResponse> {
  const proxy = proxyOrigin(url);
  try {
    const response = await (isDeno ? byFetch : byNode)(url, request);
    return { ...response, body: classified(response.body, url, proxy) };
  } catch (error) {
    throw classify(error, url.host, proxy) ?? error;
  }
}

/** A body whose errors are HttpFailures too. */
async function* classified(body: AsyncIterable<Uint8Array>, url: URL, proxy: string | undefined) {
  try {
    yield* body;
  } catch (error) {
    throw classify(error, url.host, proxy) ?? error;
  }
}

const isFile = (body: HttpRequest["body"]): body is { file: string } => typeof body === "object" && "file" in body;

type Header = string | string[] | undefined;
const flat = (headers: Record<string, Header>): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]),
  );

/** With NODE_TLS_REJECT_UNAUTHORIZED=0 anyone in between could supply file and list. Deno does not read it. */
const TLS = { rejectUnauthorized: true };

async function byNode(url: URL, { method = "GET", headers, body, signal }: HttpRequest): Promise<HttpResponse> {
  const isTls = url.protocol === "https:";
  const { request } = isTls ? await import("node:https") : await import("node:http");
  const proxy = proxyAddress(url);
  const { throughProxy } = proxy === undefined ? {} : await import("./http/tunnel.ts");
  const connection = throughProxy && (await throughProxy(new URL(proxy ?? ""), url, TLS, signal));
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      // An error after the reader has left concerns nobody.
      response.on("error", () => {});
      resolve({ url, status: response.statusCode ?? 0, headers: flat(response.headers), body: response });
    };
    const own = connection && { createConnection: () => connection };
    const sent = request(url, { method, headers, ...TLS, ...own, signal }, answered);
    sent.on("error", reject);
    // Without a listener an upgraded connection ends and neither of the two handlers is called.
    sent.on("upgrade", (response, socket) => {
      socket.destroy();
      answered(response);
    });
    if (isFile(body)) pipeline(createReadStream(body.file), sent, () => {});
    else sent.end(body);
  });
}

async function byFetch(url: URL, { method = "GET", headers, body, signal }: HttpRequest): Promise<HttpResponse> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  aborted.catch(() => {});
  const asked = fetch(url, {
    method,
    redirect: "manual",
    signal,
    ...(headers && { headers }),
    ...(body === undefined ? {} : { body: isFile(body) ? await openAsBlob(body.file) : (body as string) }),
  });
  asked.catch(() => {});
  // Deno holds its own copy of a signal weakly: once that is collected, only we can still end the exchange.
  const response = await Promise.race([asked, aborted]);
  const reader = response.body?.getReader();
  signal.addEventListener("abort", () => void reader?.cancel().catch(() => {}));
  return {
    url,
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: (async function* () {
      for (;;) {
        const piece = await reader?.read();
        signal.throwIfAborted();
        if (piece?.value === undefined) return;
        yield piece.value;
      }
    })(),
  };
}
