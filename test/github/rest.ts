/** The REST API's front: who asks, how often, for which operation, and what an error looks like. */

import { OPERATIONS, type Operation, wrongRequest } from "./conform.ts";
import { graphql } from "./graphql.ts";
import { type Context, HANDLERS } from "./operations.ts";
import { Refused } from "./store.ts";
import { type Answer, answer } from "./wire.ts";
import {
  ApiError,
  type Call,
  common,
  errorAnswer,
  notFound,
  rateLimitExceeded,
  rightsOf,
  single,
  type World,
} from "./world.ts";

/** Operations as patterns, fixed paths before those with a parameter in their place. */
const ROUTES = OPERATIONS.filter((operation) => operation in HANDLERS).map((operation) => {
  const [method = "", path = ""] = operation.split(" ");
  const pattern = path.replace(/\{(\w+)\}/g, (_, name) =>
    name.endsWith("_id") ? "([0-9]+)" : name === "tag" ? "(.+)" : "([^/]+)",
  );
  return { operation, method, pattern: new RegExp(`^${pattern}$`) };
});

/** The operation that a path below the API's base belongs to. */
export function findOperation(
  method: string,
  path: string,
): { operation: Operation; parameters: string[] } | undefined {
  const wanted = method === "HEAD" ? "GET" : method;
  for (const { operation, method: of, pattern } of ROUTES) {
    const match = of === wanted ? pattern.exec(path) : null;
    if (match !== null) return { operation, parameters: match.slice(1).map(decode) };
  }
  return undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ApiError(400, "Bad Request");
  }
}

/**
 * Answers a request to the API.
 * @param path the path below the API's base
 * @param readBody gives the request's body
 */
export async function rest(world: World, call: Call, path: string, readBody: () => Promise<Buffer>): Promise<Answer> {
  let operation: Operation | undefined;
  let rates: Record<string, string> = {};
  try {
    if (!call.headers["user-agent"]) {
      throw new ApiError(
        403,
        "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
      );
    }
    if (call.method === "POST" && path === "/graphql")
      return graphql(world, call, parse((await readBody()).toString()));
    const found = findOperation(call.method, byName(world, path));
    operation = found?.operation;
    const rights = rightsOf(world, single(call.headers.authorization));
    const { exceeded, headers } = world.limits.count(rights, world.options.anonymousLimit);
    rates = headers;
    if (exceeded) throw rateLimitExceeded(rights);
    if (found === undefined) throw notFound();
    const context = { world, call, operation: found.operation, rights };
    const answered = await perform(context, found.parameters, readBody);
    return { ...answered, headers: { ...common(world), ...rates, ...answered.headers } };
  } catch (error) {
    const failure = error instanceof Refused ? new ApiError(422, "Validation Failed", [error.error]) : error;
    if (!(failure instanceof ApiError)) throw error;
    const answered = errorAnswer(world, operation, failure);
    return { ...answered, headers: { ...common(world), ...rates, ...answered.headers } };
  }
}

async function perform(
  known: Pick<Context, "world" | "call" | "operation" | "rights">,
  [owner = "", repo = "", parameter = ""]: string[],
  readBody: () => Promise<Buffer>,
): Promise<Answer> {
  const { world, operation, rights } = known;
  const repository = world.store.find(`${owner}/${repo}`);
  if (repository === undefined || (repository.private && rights === "none")) throw notFound();
  const writes = /^(POST|PATCH|DELETE) /.test(operation);
  if (writes && rights === "none") throw new ApiError(401, "Requires authentication");
  if (writes && rights === "read") throw new ApiError(403, "Resource not accessible by personal access token");
  const text = writes ? (await readBody()).toString() : "";
  const body = parse(text);
  const [wrong] = writes && !operation.startsWith("DELETE") ? wrongRequest(operation, body) : [];
  if (wrong !== undefined) throw new ApiError(422, `Invalid request.\n\n${wrong}.`);
  return HANDLERS[operation]?.({ ...known, repository, parameter, body }) ?? answer(404);
}

function parse(text: string): Record<string, unknown> {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    throw new ApiError(400, "Problems parsing JSON");
  }
}

/** `/repositories/ID/…`, as the links between pages have it, by the repository's name. */
function byName({ store }: World, path: string): string {
  const [, id, rest] = /^\/repositories\/([0-9]+)(\/.*)?$/.exec(path) ?? [];
  const repository = id === undefined ? undefined : store.repositories.find((candidate) => candidate.id === Number(id));
  return repository === undefined ? path : `/repos/${repository.fullName}${rest ?? ""}`;
}
