/** One request from its arrival to the end of its answer: recorded, faulted, dispatched, sent. */
import { errorCode } from "../../scripts/lib/errors.ts";
import { BLOB_PATH, blob, expired, web } from "./blob.ts";
import { apply, type Faults, type Planned } from "./faults.ts";
import { common, findOperation, rateLimitExceeded, rest } from "./rest.ts";
import type { Certificate, Recorded, Route } from "./types.ts";
import { upload } from "./upload.ts";
import { type Answer, answer, type Delivery, type Exchange, send } from "./wire.ts";
import { ApiError, type Call, errorAnswer, rateHeaders, type World } from "./world.ts";

/** Which route a path is for, and the path below the route's base. */
export type Dispatch = (path: string) => { route: Route; path: string };

interface Site {
  world: World;
  faults: Faults;
  requests: Recorded[];
  /** Where uploads go. */
  folder: string;
  /** An origin of that kind that serves everything. */
  twin(kind: Certificate | "plain" | "refused"): Promise<string>;
  foreign: string;
}

interface Visit extends Site {
  exchange: Exchange;
  route: Route;
  /** The path below the route's base. */
  path: string;
  call: Call;
  recorded: Recorded;
}

/** Answers a request. What goes wrong in the server itself is complained about, and ends the connection. */
export async function respond(site: Site, exchange: Exchange, dispatch: Dispatch): Promise<void> {
  const { request, origin } = exchange;
  const { method = "", headers } = request;
  try {
    const url = new URL(request.url ?? "", origin);
    const { route, path } = dispatch(url.pathname);
    const recorded: Recorded = {
      route,
      method,
      path: request.url ?? "",
      origin,
      headers,
      authorization: headers.authorization,
      range: headers.range,
      status: undefined,
      fault: undefined,
      sent: 0,
      received: 0,
    };
    site.requests.push(recorded);
    const fault = site.faults.take(recorded);
    recorded.fault = fault?.kind;
    const call: Call = { method, url, headers, fault };
    const outcome = await decide({ ...site, exchange, route, path, call, recorded });
    if (outcome === "cut") return;
    const silent = outcome.delivery?.limit === -1;
    recorded.status = silent ? undefined : outcome.answer.status;
    await send(exchange, outcome.answer, outcome.delivery, (bytes) => {
      recorded.sent += bytes;
    });
  } catch (error) {
    // A client may go whenever it likes.
    if (request.socket.destroyed && errorCode(error) === "ECONNRESET") return;
    site.world.complain(`${method} ${request.url}: ${error instanceof Error ? error.stack : error}`);
    request.socket.destroy();
  }
}

interface Outcome {
  answer: Answer;
  delivery?: Delivery;
}

async function decide(visit: Visit): Promise<Outcome | "cut"> {
  const { route, call, exchange } = visit;
  const { fault } = call;
  if (route === "upload") return decideUpload(visit);
  // Nothing of the body is looked at, so that the answer of a broken server does not depend on it.
  const replaced = fault === undefined ? undefined : await replacement(visit, fault);
  if (replaced !== undefined) return { answer: replaced };
  if (fault !== undefined && endsBeforeAnswer(fault)) return apply(fault, answer(200));
  const right = await ordinary(visit);
  if (fault?.kind === "refused" || fault?.kind === "tls") {
    const location = right.headers.location;
    if (location === undefined) throw new Error(`the fault ${fault.kind} met an answer that is no redirect`);
    const origin = await visit.twin(fault.kind === "refused" ? "refused" : fault.certificate);
    return { answer: { ...right, headers: { ...right.headers, location: moved(location, origin) } } };
  }
  if (exchange.request.method === "HEAD" || fault === undefined) return { answer: right };
  return apply(fault, right);
}

const endsBeforeAnswer = (fault: Planned): boolean =>
  (fault.kind === "reset" && fault.after === undefined) || (fault.kind === "stall" && fault.after < 0);

async function ordinary({ world, route, path, call, exchange }: Visit): Promise<Answer> {
  const readBody = async (): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    for await (const piece of exchange.request) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  switch (route) {
    case "api":
      return rest(world, call, path, readBody);
    case "blob":
      return blob(world, call, true);
    case "foreign":
      return path.startsWith(BLOB_PATH) ? blob(world, call, false) : rest(world, call, path, readBody);
    default:
      return web(world, call);
  }
}

async function decideUpload(visit: Visit): Promise<Outcome | "cut"> {
  const { world, call, path, exchange, folder, recorded } = visit;
  const { fault } = call;
  const taken = await upload(world, call, path, exchange.request, folder, (bytes) => {
    recorded.received += bytes;
  });
  if (taken === "cut") {
    if (fault?.kind === "reset") await exchange.reset();
    return "cut";
  }
  if (fault === undefined || taken.status !== 201) return { answer: taken };
  const replaced = await replacement(visit, fault);
  if (replaced !== undefined) return { answer: replaced };
  // The bytes of these two count what came in, so what goes out is nothing.
  if (fault.kind === "reset") return { answer: taken, delivery: { framing: "length", limit: -1, end: "reset" } };
  if (fault.kind === "stall") return { answer: taken, delivery: { framing: "length", limit: -1, end: "stall" } };
  return apply(fault, taken);
}

/** The same path on another origin. */
const moved = (address: string, origin: string): string => {
  const { pathname, search } = new URL(address);
  return `${origin}${pathname}${search}`;
};

const html = (status: number, title: string): Answer =>
  answer(
    status,
    { "content-type": "text/html; charset=utf-8" },
    `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`,
  );

/** The answer that a fault gives in place of the right one; undefined for faults that leave the right one be. */
async function replacement(visit: Visit, fault: Planned): Promise<Answer | undefined> {
  switch (fault.kind) {
    case "page":
      return html(200, "Welcome to the guest network");
    case "status":
      return errorOf(visit, fault);
    case "rate-limit":
      return rateLimited(visit, fault);
    case "expired":
      return expired("Signature not valid in the specified time frame");
    case "loop":
      return answer(302, { location: visit.call.url.href });
    case "redirect":
      return answer(fault.status ?? 302, { location: fault.to });
    case "downgrade":
      return answer(302, { location: await elsewhere(visit, await visit.twin("plain")) });
    case "foreign":
      return answer(302, { location: await elsewhere(visit, visit.foreign) });
    default:
      return undefined;
  }
}

/** Where the same thing is on another origin: the body itself where the right answer leads there. */
async function elsewhere(visit: Visit, origin: string): Promise<string> {
  if (visit.route === "upload") return moved(visit.call.url.href, origin);
  const right = await ordinary(visit);
  return moved(right.headers.location ?? visit.call.url.href, origin);
}

const retryHeader = (value: number | string | undefined): Record<string, string> =>
  value === undefined ? {} : { "retry-after": String(value) };

const MESSAGES: Readonly<Record<number, string>> = {
  401: "Bad credentials",
  403: "Resource not accessible by personal access token",
  404: "Not Found",
  500: "Server Error",
  502: "Server Error",
};

function errorOf(visit: Visit, { status, retryAfter }: Planned & { kind: "status" }): Answer {
  const { route, world } = visit;
  const message = MESSAGES[status];
  const plain =
    (route === "api" || route === "upload") && message !== undefined
      ? apiError(visit, new ApiError(status, message))
      : html(status, `${status} ${route === "web" ? "Unicorn!" : "Error"}`);
  const shared = route === "api" ? common(world) : {};
  return { ...plain, headers: { ...shared, ...plain.headers, ...retryHeader(retryAfter) } };
}

const apiError = ({ world, call, path }: Visit, error: ApiError): Answer =>
  errorAnswer(world, findOperation(call.method, path)?.operation, error);

function rateLimited(visit: Visit, fault: Planned & { kind: "rate-limit" }): Answer {
  const { call, route } = visit;
  const { status, retryAfter, reset, secondary } = fault;
  const wait = retryHeader(retryAfter);
  if (route !== "api" && route !== "upload") {
    const plain = html(status, "Too many requests");
    return { ...plain, headers: { ...plain.headers, ...wait } };
  }
  const anonymous = call.headers.authorization === undefined;
  const { message, documentation } = secondary
    ? {
        message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        documentation: undefined,
      }
    : rateLimitExceeded(anonymous ? "none" : "push");
  const told = apiError(visit, new ApiError(status, message, undefined, documentation));
  const limit = anonymous ? 60 : 5000;
  const until = Math.ceil(Date.now() / 1000) + (reset ?? 3600);
  const rates = secondary && reset === undefined ? {} : rateHeaders(limit, secondary ? limit - 1 : 0, until);
  return { ...told, headers: { ...common(visit.world), ...told.headers, ...rates, ...wait } };
}
