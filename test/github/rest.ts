/** The REST API of repositories and their releases, by GitHub's description of it. */

import { redirectToBlob, serveBody } from "./blob.ts";
import { OPERATIONS, type Operation, wrongRequest } from "./conform.ts";
import { graphql } from "./graphql.ts";
import { Refused, type Repository, type StoredAsset, StoredRelease } from "./store.ts";
import { assetView, releaseView, repositoryView } from "./views.ts";
import { type Answer, answer } from "./wire.ts";
import { ApiError, type Call, errorAnswer, jsonAnswer, type Rights, rightsOf, type World } from "./world.ts";

interface Context {
  world: World;
  call: Call;
  operation: Operation;
  rights: Rights;
  repository: Repository;
  /** The last parameter of the path: a tag or a number. */
  parameter: string;
  body: Record<string, unknown>;
}
type Handler = (context: Context) => Answer | Promise<Answer>;

const RELEASES = "/repos/{owner}/{repo}/releases";
const HANDLERS: Readonly<Record<Operation, Handler>> = {
  "GET /repos/{owner}/{repo}": ({ world, repository, rights, ...context }) =>
    json({ world, ...context }, 200, repositoryView(world.bases, repository, rights === "push")),
  [`GET ${RELEASES}`]: (context) => {
    const { world, repository, rights } = context;
    const views = repository.list(rights === "push").map((release) => releaseView(world.bases, release));
    return page(context, views, `/repositories/${repository.id}/releases`);
  },
  [`POST ${RELEASES}`]: createRelease,
  [`GET ${RELEASES}/latest`]: (context) => showRelease(context, context.repository.latest()),
  [`GET ${RELEASES}/tags/{tag}`]: (context) => showRelease(context, context.repository.published(context.parameter)),
  [`GET ${RELEASES}/{release_id}`]: (context) => showRelease(context, releaseOf(context)),
  [`PATCH ${RELEASES}/{release_id}`]: updateRelease,
  [`DELETE ${RELEASES}/{release_id}`]: (context) => {
    const release = releaseOf(context, "push");
    context.repository.remove(release);
    return answer(204);
  },
  [`GET ${RELEASES}/{release_id}/assets`]: (context) => {
    const release = releaseOf(context);
    const views = release.assets.map((asset) => assetView(context.world.bases, asset));
    return page(context, views, `/repositories/${context.repository.id}/releases/${release.id}/assets`);
  },
  [`GET ${RELEASES}/assets/{asset_id}`]: getAsset,
  [`PATCH ${RELEASES}/assets/{asset_id}`]: updateAsset,
  [`DELETE ${RELEASES}/assets/{asset_id}`]: (context) => {
    const asset = assetOf(context, "push");
    const { assets, immutable } = asset.release;
    if (immutable) throw refusal("ReleaseAsset", "Cannot delete asset from an immutable release");
    assets.splice(assets.indexOf(asset), 1);
    return answer(204);
  },
};

/** Operations as patterns, fixed paths before those with a parameter in their place. */
const ROUTES = OPERATIONS.filter((operation) => operation in HANDLERS).map((operation) => {
  const [method = "", path = ""] = operation.split(" ");
  const pattern = path.replace(/\{(\w+)\}/g, (_, name) =>
    name.endsWith("_id") ? "([0-9]+)" : name === "tag" ? "(.+)" : "([^/]+)",
  );
  return { operation, method, pattern: new RegExp(`^${pattern}$`) };
});

export const notFound = (): ApiError => new ApiError(404, "Not Found");
const refusal = (resource: string, message: string): ApiError =>
  new ApiError(422, "Validation Failed", [{ resource, code: "custom", message }]);

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

export const single = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(", ") : header;

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

const json = (
  { world, operation }: Pick<Context, "world" | "operation">,
  status: number,
  body: unknown,
  headers = {},
) => jsonAnswer(world, operation, status, body, headers);

/** One page of a list, with links to the others (RFC 8288). */
function page(context: Context, all: readonly unknown[], path: string): Answer {
  const { world, call } = context;
  const number = (name: string, fallback: number): number => {
    const value = Number(call.url.searchParams.get(name) ?? fallback);
    return Number.isInteger(value) && value > 0 ? value : fallback;
  };
  const size = Math.min(number("per_page", 30), 100);
  const current = number("page", 1);
  const last = Math.max(Math.ceil(all.length / size), 1);
  const link = (to: number, relation: string): string =>
    `<${world.bases.api}${path}?per_page=${size}&page=${to}>; rel="${relation}"`;
  const links = [
    ...(current > 1 ? [link(current - 1, "prev")] : []),
    ...(current < last ? [link(current + 1, "next"), link(last, "last")] : []),
    ...(current > 1 ? [link(1, "first")] : []),
  ];
  const items = all.slice((current - 1) * size, current * size);
  return json(context, 200, items, links.length > 0 ? { link: links.join(", ") } : {});
}

/** @throws ApiError (404) when it is not there, or is a draft and the caller may not push */
function releaseOf({ repository, parameter, rights }: Context, needs: Rights = "none"): StoredRelease {
  const release = repository.releases.find(({ id }) => id === Number(parameter));
  if (release === undefined || ((release.draft || needs === "push") && rights !== "push")) throw notFound();
  return release;
}

function assetOf({ repository, parameter, rights }: Context, needs: Rights = "none"): StoredAsset {
  const assets = repository.list(rights === "push").flatMap((release) => release.assets);
  const asset = assets.find(({ id }) => id === Number(parameter));
  if (asset === undefined || (needs === "push" && rights !== "push")) throw notFound();
  return asset;
}

function showRelease(context: Context, release: StoredRelease | undefined): Answer {
  if (release === undefined) throw notFound();
  return json(context, 200, releaseView(context.world.bases, release));
}

function createRelease(context: Context): Answer {
  const { world, repository, body } = context;
  const tag = String(body.tag_name);
  repository.claimTag(tag);
  const release = new StoredRelease(repository, { tag });
  edit(release, body);
  if (body.draft !== true) release.publish(world.options.immutableReleases);
  repository.releases.push(release);
  const view = releaseView(world.bases, release);
  return json(context, 201, view, { location: view.url });
}

function updateRelease(context: Context): Answer {
  const release = releaseOf(context, "push");
  const { body, repository, world } = context;
  const tag = String(body.tag_name ?? release.tag);
  if (release.immutable && body.draft === true) {
    throw refusal("Release", "state cannot be changed when release is immutable");
  }
  if (release.immutable && tag !== release.tag) {
    throw refusal("Release", "tag_name cannot be changed when release is immutable");
  }
  // Before anything is changed: a refused request changes nothing.
  const becomesPublic = release.draft ? body.draft === false : tag !== release.tag;
  if (becomesPublic) repository.claimTag(tag);
  release.tag = tag;
  edit(release, body);
  if (body.draft === false) release.publish(world.options.immutableReleases);
  else if (body.draft === true) release.withdraw();
  return showRelease(context, release);
}

function edit(release: StoredRelease, body: Record<string, unknown>): void {
  release.name = String(body.name ?? release.name);
  release.body = String(body.body ?? release.body);
  release.target = String(body.target_commitish ?? release.target);
  release.prerelease = body.prerelease === undefined ? release.prerelease : body.prerelease === true;
  if (body.make_latest !== undefined) release.latest = body.make_latest !== "false";
}

function getAsset(context: Context): Answer | Promise<Answer> {
  const { world, call } = context;
  const asset = assetOf(context);
  if (!(single(call.headers.accept) ?? "").includes("application/octet-stream")) {
    return json(context, 200, assetView(world.bases, asset));
  }
  if (asset.state === "starter") throw notFound();
  return world.options.assetBody === "redirect" ? redirectToBlob(world, asset) : serveBody(asset, call);
}

function updateAsset(context: Context): Answer {
  const asset = assetOf(context, "push");
  const { body, world } = context;
  if (asset.release.immutable) throw refusal("ReleaseAsset", "Cannot update asset of an immutable release");
  const name = String(body.name ?? asset.name);
  if (asset.release.assets.some((other) => other !== asset && other.name === name)) {
    throw new Refused({ resource: "ReleaseAsset", code: "already_exists", field: "name" });
  }
  asset.name = name;
  asset.label = String(body.label ?? asset.label);
  return json(context, 200, assetView(world.bases, asset));
}
