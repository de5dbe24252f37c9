/** One request from its arrival to the end of its answer: recorded, faulted, dispatched, sent. */
import { errorCode } from "../../scripts/lib/errors.ts";
import { BLOB_PATH, blob, expired, web } from "./blob.ts";
import { errorOf, html, rateLimited } from "./broken.ts";
import { apply, type Faults, type Planned } from "./faults.ts";
import { findOperation, rest } from "./rest.ts";
import type { Certificate, Recorded, Route } from "./types.ts";
import { upload } from "./upload.ts";
import { type Answer, answer, type Delivery, type Exchange, send } from "./wire.ts";
import type { Call, World } from "./world.ts";

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

/** The answer that a fault gives in place of the right one; undefined for faults that leave the right one be. */
async function replacement(visit: Visit, fault: Planned): Promise<Answer | undefined> {
  const { world, route, call, path } = visit;
  const scene = { world, route, call, operation: findOperation(call.method, path)?.operation };
  switch (fault.kind) {
    case "page":
      return html(200, "Welcome to the guest network");
    case "status":
      return errorOf(scene, fault);
    case "rate-limit":
      return rateLimited(scene, fault);
    case "expired":
      return expired("Signature not valid in the specified time frame");
    case "loop":
      return answer(302, { location: call.url.href });
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
  if (!/^(GET|HEAD)$/.test(visit.call.method)) return moved(visit.call.url.href, origin);
  const right = await ordinary(visit);
  return moved(right.headers.location ?? visit.call.url.href, origin);
}
