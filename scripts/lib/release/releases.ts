/** The releases of a repository as a publisher sees them: drafts, uploads, publication. */
import type { Octokit } from "@octokit/rest";
import { contractFailure, missingFailure, printable } from "../errors.ts";
import type { ReleaseOrigin } from "../fetch/request.ts";
import { HttpFailure, transientFailure } from "../http/errors.ts";
import { retryPolicy } from "../http/read-body.ts";
import { backOff, RETRY_POLICY, withStallTimeout } from "../http/retry.ts";
import { statusFailure, transientStatus } from "../http/status.ts";
import { send } from "../http.ts";
import { say } from "../log.ts";
import { apiClaim } from "../trust.ts";
import { type FoundAsset, octokit, statusOf } from "./github.ts";

export interface Asset extends FoundAsset {
  /** What the API says its digest is; undefined when it says nothing. */
  sha256?: string;
}
export interface Release {
  id: number;
  tag: string;
  draft: boolean;
  immutable: boolean;
  /** Web address. */
  url: string;
  uploadUrl: string;
  assets: Asset[];
}

interface Raw {
  id: number;
  tag_name: string;
  draft: boolean;
  immutable?: boolean;
  html_url: string;
  upload_url: string;
  assets: { id: number; name: string; size: number; state: string; digest?: string | null }[];
}

/** Releases and assets of one page, GitHub's largest. */
const PAGE = 100;
/** A slower upload than this is given up: bytes a second. Nothing comes back while they go out. */
const SLOWEST = 16 * 1024;

export class Releases {
  readonly #origin: ReleaseOrigin;
  readonly #token: string;
  #client: Octokit | undefined;

  constructor(origin: ReleaseOrigin, token: string) {
    this.#origin = origin;
    this.#token = token;
  }

  /** All releases of a tag, drafts too, whole with their assets. */
  async find(tag: string): Promise<Release[]> {
    const found: Release[] = [];
    for (let page = 1; ; page++) {
      const raw = await this.#call<Raw[]>(({ rest }) =>
        rest.repos.listReleases({ ...this.#where(), per_page: PAGE, page }),
      );
      for (const one of raw) if (one.tag_name === tag) found.push(await this.#whole(one));
      if (raw.length < PAGE) return found;
    }
  }

  /** The one release of a tag, if there is one. @throws as `draft` */
  async only(tag: string, published: "refuse" | "accept"): Promise<Release | undefined> {
    return one(await this.find(tag), tag, published);
  }

  async get(id: number): Promise<Release> {
    return this.#whole(
      await this.#call<Raw>(({ rest }) => rest.repos.getRelease({ ...this.#where(), release_id: id })),
    );
  }

  /**
   * The one draft of a tag, made when there is none.
   * @returns the release; one that is published already only with `published`
   * @throws Failure (1) for several drafts, and for a release that is published or immutable
   */
  async draft(tag: string, prerelease: boolean, published: "refuse" | "accept"): Promise<Release> {
    for (let attempt = 1; ; attempt++) {
      const existing = await this.only(tag, published);
      if (existing !== undefined) return existing;
      try {
        const raw = await this.#call<Raw>(({ rest }) =>
          rest.repos.createRelease({
            ...this.#where(),
            tag_name: tag,
            name: tag,
            draft: true,
            prerelease,
            generate_release_notes: true,
          }),
        );
        say(`made a draft of ${tag}`);
        // Two publishers at once would each make one.
        return (await this.only(tag, published)) ?? this.#whole(raw);
      } catch (error) {
        await backOff(error, attempt, RETRY_POLICY);
      }
    }
  }

  async remove({ id, name }: Asset): Promise<void> {
    await this.#call(({ rest }) => rest.repos.deleteReleaseAsset({ ...this.#where(), asset_id: id }), "gone is fine");
    say(`deleted the release's ${printable(name)}`);
  }

  /** Streams a file to the release. @throws HttpFailure that `backOff` judges */
  async upload(release: Release, { name, path, size }: { name: string; path: string; size: number }): Promise<void> {
    const url = this.#uploadAddress(release.uploadUrl);
    url.searchParams.set("name", name);
    const limits = { stallTimeout: Math.max(retryPolicy().stallTimeout, size / SLOWEST), minRate: 0 };
    const { reply, text } = await withStallTimeout(printable(url.host), limits, async (signal) => {
      const reply = await send(url.href, {
        method: "POST",
        headers: {
          authorization: `token ${this.#token}`,
          "content-type": "application/octet-stream",
          "content-length": String(size),
        },
        body: { file: path },
        signal,
      });
      const pieces: Uint8Array[] = [];
      for await (const piece of reply.body) pieces.push(piece);
      const text = Buffer.concat(pieces).toString();
      const failure = transientStatus(reply, true, text);
      if (failure !== undefined) throw failure;
      return { reply, text };
    });
    if (reply.status === 201) return;
    if (reply.status !== 422 && reply.status !== 400) throw statusFailure(reply, true);
    // The name is taken: by an upload whose answer was lost, or by one that broke off.
    if (text.includes('"already_exists"'))
      throw new HttpFailure({ what: `${printable(name)} is there already`, got: "status 422" }, { transient: true });
    throw contractFailure({
      what: `GitHub does not take ${printable(name)}`,
      got: `status ${reply.status}: ${reason(text)}`,
    });
  }

  /** Makes a draft public. An answer that was lost is asked for again: what is there decides. */
  async publish(release: Release): Promise<Release> {
    const kept = transientFailure({
      what: `${printable(new URL(this.#origin.api).host)} keeps ${release.tag} a draft`,
      expected: "a published release",
      got: printable(release.url),
      fix: "run it again, or publish it there: what it holds is verified",
    });
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#call(({ rest }) =>
          rest.repos.updateRelease({ ...this.#where(), release_id: release.id, tag_name: release.tag, draft: false }),
        );
      } catch (error) {
        await backOff(error, attempt, RETRY_POLICY);
      }
      const now = await this.get(release.id);
      if (!now.draft) return now;
      await backOff(kept, attempt, RETRY_POLICY);
    }
  }

  #where() {
    const [owner = "", repo = ""] = this.#origin.repo.split("/");
    return { owner, repo };
  }

  async #call<T>(request: (client: Octokit) => Promise<{ data: unknown }>, missing?: "gone is fine"): Promise<T> {
    this.#client ??= await octokit(this.#origin.api, this.#token);
    try {
      return (await request(this.#client)).data as T;
    } catch (error) {
      const status = statusOf(error);
      if (status === undefined) throw error;
      if (status === 404 && missing) return undefined as T;
      if (status === 404) {
        throw missingFailure({
          what: `${this.#origin.name} does not exist, or the token may not write to it`,
          got: "status 404",
          fix: "check FASTBOOP_STAGE0_REPO, and give the token the right to write the repository's contents",
        });
      }
      throw statusFailure({ url: new URL(this.#origin.api), status, headers: {} }, true);
    }
  }

  /** A release with all of its assets: the list that comes with it may be cut. */
  async #whole({ id, tag_name, draft, immutable, html_url, upload_url }: Raw): Promise<Release> {
    const assets: Asset[] = [];
    for (let page = 1; ; page++) {
      const raw = await this.#call<Raw["assets"]>(({ rest }) =>
        rest.repos.listReleaseAssets({ ...this.#where(), release_id: id, per_page: PAGE, page }),
      );
      for (const { digest, state, ...asset } of raw) {
        const claim = apiClaim(digest);
        assets.push({
          id: asset.id,
          name: asset.name,
          size: asset.size,
          claim,
          whole: state === "uploaded",
          ...(typeof claim === "object" && { sha256: claim.sha256 }),
        });
      }
      if (raw.length < PAGE) break;
    }
    return { id, tag: tag_name, draft, immutable: immutable === true, url: html_url, uploadUrl: upload_url, assets };
  }

  /** The token goes to GitHub's own hosts alone, whatever an answer names. */
  #uploadAddress(template: string): URL {
    const url = new URL(template.replace(/\{.*$/, ""));
    const api = new URL(this.#origin.api);
    const server = new URL(this.#origin.server);
    if (
      url.protocol === api.protocol &&
      [api.hostname, server.hostname, `uploads.${server.hostname}`].includes(url.hostname)
    )
      return url;
    throw contractFailure({
      what: "GitHub names an upload address on another host",
      expected: `${api.hostname} or uploads.${server.hostname}`,
      got: printable(url.host),
      fix: "check GITHUB_API_URL and GITHUB_SERVER_URL",
    });
  }
}

/** What GitHub says against a request, from its answer to it: as it stands there, for something else may have answered. */
function reason(text: string): string {
  return printable([...text.matchAll(/"message": *"((?:[^"\\]|\\.)*)"/g)].map(([, said]) => said).join(": "));
}

/** The release of a tag, if there is one. */
function one(releases: readonly Release[], tag: string, published: "refuse" | "accept"): Release | undefined {
  const [first, second] = releases;
  if (second !== undefined) {
    throw contractFailure(
      ...releases.map(({ id, draft, url }) => ({
        what: `one of several releases with the tag ${tag}`,
        expected: "one draft",
        got: `${draft ? "draft" : "published release"} ${id}, ${printable(url)}`,
        fix: "delete those that are not meant",
      })),
    );
  }
  if (first === undefined || first.draft || published === "accept") return first;
  throw contractFailure({
    what: `the release ${tag} is published${first.immutable ? " and immutable" : ""}: its assets stay as they are`,
    expected: "a draft, or no release",
    got: printable(first.url),
    fix: "release a new tag",
  });
}
