/** Answers of a GitHub that is broken or busy, or of a proxy in front of it, each in its route's own form. */
import type { Operation } from "./conform.ts";
import type { Fault, Route } from "./types.ts";
import { type Answer, answer } from "./wire.ts";
import { ApiError, type Call, common, errorAnswer, rateHeaders, rateLimitExceeded, type World } from "./world.ts";

/** Where a broken answer is given. */
interface Scene {
  world: World;
  route: Route;
  call: Call;
  /** The API's operation that was asked for, if any. */
  operation: Operation | undefined;
}

export const html = (status: number, title: string): Answer =>
  answer(
    status,
    { "content-type": "text/html; charset=utf-8" },
    `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`,
  );

const retryHeader = (value: number | string | undefined): Record<string, string> =>
  value === undefined ? {} : { "retry-after": String(value) };

const MESSAGES: Readonly<Record<number, string>> = {
  401: "Bad credentials",
  403: "Resource not accessible by personal access token",
  404: "Not Found",
  500: "Server Error",
  502: "Server Error",
};

export function errorOf(scene: Scene, { status, retryAfter }: Fault & { kind: "status" }): Answer {
  const { route, world } = scene;
  const message = MESSAGES[status];
  const plain =
    (route === "api" || route === "upload") && message !== undefined
      ? apiError(scene, new ApiError(status, message))
      : html(status, `${status} ${route === "web" ? "Unicorn!" : "Error"}`);
  const shared = route === "api" ? common(world) : {};
  return { ...plain, headers: { ...shared, ...plain.headers, ...retryHeader(retryAfter) } };
}

const apiError = ({ world, operation }: Scene, error: ApiError): Answer => errorAnswer(world, operation, error);

export function rateLimited(scene: Scene, fault: Fault & { kind: "rate-limit" }): Answer {
  const { call, route } = scene;
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
  const told = apiError(scene, new ApiError(status, message, undefined, documentation));
  const limit = anonymous ? 60 : 5000;
  const until = Math.ceil(Date.now() / 1000) + (reset ?? 3600);
  const rates = secondary && reset === undefined ? {} : rateHeaders(limit, secondary ? limit - 1 : 0, until);
  return { ...told, headers: { ...common(scene.world), ...told.headers, ...rates, ...wait } };
}
