/** What the routes share: who is who, how addresses are signed, how errors look. */
import { docs, type Operation, wrongAnswer } from "./conform.ts";
import type { Planned } from "./faults.ts";
import type { Signer } from "./signer.ts";
import type { Store } from "./store.ts";
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

export const notFound = (): ApiError => new ApiError(404, "Not Found");

export const single = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(", ") : header;

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

  /** Counts a request. Returns the headers, and whether the limit is exceeded. */
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

/** Headers of every answer of the API. */
export const common = ({ enterprise }: World): Record<string, string> => ({
  server: "github.com",
  "x-github-media-type": "github.v3; format=json",
  "x-github-request-id": "0400:0000:0000000:0000000:00000000",
  ...(enterprise ? { "x-github-enterprise-version": "3.19.0" } : {}),
});

export function rateLimitExceeded(rights: Rights): ApiError {
  const message =
    rights === "none"
      ? "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)"
      : "API rate limit exceeded for user ID 1.";
  const page = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api";
  return new ApiError(403, message, undefined, page);
}
