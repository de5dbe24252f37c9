/** What each operation of the REST API does. */

import { redirectToBlob, serveBody } from "./blob.ts";
import type { Operation } from "./conform.ts";
import { Refused, type Repository, type StoredAsset, StoredRelease } from "./store.ts";
import { assetView, releaseView, repositoryView } from "./views.ts";
import { type Answer, answer } from "./wire.ts";
import { ApiError, type Call, jsonAnswer, notFound, type Rights, single, type World } from "./world.ts";

export interface Context {
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
export const HANDLERS: Readonly<Record<Operation, Handler>> = {
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

const refusal = (resource: string, message: string): ApiError =>
  new ApiError(422, "Validation Failed", [{ resource, code: "custom", message }]);

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
