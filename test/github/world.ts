/** What the routes share: who is who, how addresses are signed, how errors look. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { docs, type Operation, wrongAnswer } from "./conform.ts";
import type { Planned } from "./faults.ts";
import type { Store, StoredAsset } from "./store.ts";
import type { GitHub } from "./types.ts";
import type { Bases } from "./views.ts";
import { type Answer, answer } from "./wire.ts";

export type Rights = "none" | "read" | "push";

/** One request, taken apart, and what it meets. */
export interface Call {
  method: string;
  url: URL;
  headers: Record<string, string | string[] | undefined>;
  fault: Planned | undefined;
}

export interface World {
  bases: Bases;
  blobs: string;
  store: Store;
  options: GitHub["options"];
  enterprise: boolean;
  tokens: { push: string; read: string };
  limits: RateLimits;
  signer: Signer;
  /** Where complaints about the server itself go. */
  complain(text: string): void;
}

/** An error answer of the API. */
export class ApiError extends Error {
  readonly status: number;
  readonly errors: readonly object[] | undefined;
  readonly documentation: string | undefined;
  constructor(status: number, message: string, errors?: readonly object[], documentation?: string) {
    super(message);
    this.status = status;
    this.errors = errors;
    this.documentation = documentation;
  }
}

/** Who sends this header. @throws ApiError (401) for credentials that are not known */
export function rightsOf(world: World, authorization: string | undefined): Rights {
  if (authorization === undefined) return "none";
  const [, scheme = "", value = ""] = /^(token|bearer|basic) +(\S+)$/i.exec(authorization) ?? [];
  const token =
    scheme.toLowerCase() === "basic"
      ? Buffer.from(value, "base64")
          .toString()
          .replace(/^[^:]*:/, "")
      : value;
  if (token === world.tokens.push) return "push";
  if (token === world.tokens.read) return "read";
  throw new ApiError(401, "Bad credentials", undefined, docs(undefined));
}

/** A JSON answer, checked against GitHub's description of it. A violation is complained about and becomes a 500. */
export function jsonAnswer(
  world: World,
  operation: Operation | undefined,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): Answer {
  const wrong = wrongAnswer(operation, status, asDescribed(body));
  for (const complaint of wrong) world.complain(`${operation} ${status}: ${complaint}`);
  return answer(
    wrong.length === 0 ? status : 500,
    { "content-type": "application/json; charset=utf-8", ...headers },
    wrong.length === 0 ? JSON.stringify(body) : JSON.stringify({ message: wrong.join("; "), status: "500" }),
  );
}

/** The two things that real servers answer and the description does not know, in a form that it does. */
function asDescribed(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body), (_key, value) => {
    if (value === null || typeof value !== "object" || !("browser_download_url" in value)) return value;
    // The upload endpoint's text names the state "starter", the schema does not; and old servers know no digest.
    return { digest: null, ...value, state: value.state === "starter" ? "open" : value.state };
  });
}

export function errorAnswer(world: World, operation: Operation | undefined, error: ApiError): Answer {
  return jsonAnswer(world, operation, error.status, {
    message: error.message,
    ...(error.errors === undefined ? {} : { errors: error.errors }),
    documentation_url: error.documentation ?? docs(operation),
    status: String(error.status),
  });
}

/** GitHub's primary rate limit: so many requests an hour, by token or, without one, by address. */
export class RateLimits {
  private readonly used = new Map<Rights, { count: number; reset: number }>();

  clear(): void {
    this.used.clear();
  }

  /** Counts a request. Comes out with the headers, and whether the limit is exceeded. */
  count(rights: Rights, anonymousLimit: number): { exceeded: boolean; headers: Record<string, string> } {
    const now = Date.now() / 1000;
    const entry = this.used.get(rights);
    const current = entry !== undefined && entry.reset > now ? entry : { count: 0, reset: Math.ceil(now) + 3600 };
    const limit = rights === "none" ? anonymousLimit : 5000;
    const exceeded = current.count >= limit;
    if (!exceeded) current.count++;
    this.used.set(rights, current);
    return { exceeded, headers: rateHeaders(limit, limit - current.count, current.reset) };
  }
}

export const rateHeaders = (limit: number, remaining: number, reset: number): Record<string, string> => ({
  "x-ratelimit-limit": String(limit),
  "x-ratelimit-remaining": String(remaining),
  "x-ratelimit-used": String(limit - remaining),
  "x-ratelimit-reset": String(reset),
  "x-ratelimit-resource": "core",
});

/** Makes and checks the signed addresses of bodies. */
export class Signer {
  readonly signatures = new Set<string>();
  private readonly key = randomBytes(32);

  private sign = (path: string, expiry: string, disposition: string): string =>
    createHmac("sha256", this.key).update(`${path}\n${expiry}\n${disposition}`).digest("base64url");

  /** The path and query that an asset's body has for that many milliseconds. */
  path(asset: StoredAsset, life: number): string {
    const path = `/github-production-release-asset/${asset.release.repository.id}/${asset.key}`;
    const expiry = new Date(Date.now() + life).toISOString();
    const disposition = `attachment; filename=${asset.name}`;
    const signature = this.sign(path, expiry, disposition);
    this.signatures.add(signature);
    const query = { sp: "r", sv: "2018-11-09", sr: "b", se: expiry, rscd: disposition, sig: signature };
    return `${path}?${new URLSearchParams(query)}`;
  }

  /** Why an address is not good, or undefined when it is. */
  reject(url: URL): string | undefined {
    const [expiry = "", disposition = "", given = ""] = ["se", "rscd", "sig"].map(
      (key) => url.searchParams.get(key) ?? "",
    );
    const [right, actual] = [Buffer.from(this.sign(url.pathname, expiry, disposition)), Buffer.from(given)];
    if (right.length !== actual.length || !timingSafeEqual(right, actual)) return "Signature did not match.";
    if (Date.now() >= Date.parse(expiry)) return `Signature not valid in the specified time frame: Expiry [${expiry}]`;
    return undefined;
  }
}
