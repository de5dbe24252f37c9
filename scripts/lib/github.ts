/**
 * GitHub's API: the releases of one repository. Every answer is validated here. Loaded only where a token or
 * TAG=latest needs it, or a 404 has to be explained.
 */
import type { Octokit } from "@octokit/rest";
import { Failure, missingFailure, printable } from "./errors.ts";
import { type Asset, parseAsset, parseList, parseRelease, type Release } from "./github/answers.ts";
import type { ReleaseOrigin } from "./github/origin.ts";
import { notGitHub, transport } from "./github/transport.ts";
import { retryPolicy } from "./http/retry.ts";

/** Items of one page: with all their assets 30 releases are some hundred kilobytes. */
const PAGE = 30;
/** Pages after which a list is given up: GitHub shows no more than 10,000 releases, and keeps 1,000 assets of one. */
const MOST_PAGES = 334;
/** Items that are kept of a list. */
const MOST_ITEMS = 1000;
/** Releases of one tag that are looked at: there should be one. */
const MOST_OF_ONE_TAG = 10;

type Repository = { owner: string; repo: string };
type Parse<T> = (answer: unknown) => T | undefined;

/** What can't be found (404) is undefined: a release, or the repository when it can't be seen. */
export class GitHub {
  readonly #origin: ReleaseOrigin;
  #client: Octokit | undefined;

  constructor(origin: ReleaseOrigin) {
    this.#origin = origin;
  }

  /** The newest release that is no draft and no prerelease. */
  latest(): Promise<Release | undefined> {
    return this.#call(({ rest }, repository) => rest.repos.getLatestRelease(repository), parseRelease);
  }

  /** The published release of a tag. */
  published(tag: string): Promise<Release | undefined> {
    return this.#call(({ rest }, repository) => rest.repos.getReleaseByTag({ ...repository, tag }), parseRelease);
  }

  /** The newest releases, a page of them; drafts come first, for a token that may push. */
  newest(): Promise<Release[] | undefined> {
    return this.#call(
      ({ rest }, repository) => rest.repos.listReleases({ ...repository, per_page: PAGE }),
      (answer) => parseList(answer, parseRelease),
    );
  }

  /** Every release of a tag, drafts too, with all of their assets. */
  async tagged(tag: string): Promise<Release[] | undefined> {
    const releases = await this.#all(
      (client, repository) =>
        client.paginate.iterator(client.rest.repos.listReleases, { ...repository, per_page: PAGE }),
      parseRelease,
      (release) => release.tag === tag,
    );
    const found: Release[] = [];
    for (const release of releases?.slice(0, MOST_OF_ONE_TAG) ?? []) {
      const whole = await this.#withAssets(release);
      if (whole !== undefined) found.push(whole);
    }
    return releases && found;
  }

  /** A release by its id, with all of its assets. */
  async release(id: number): Promise<Release | undefined> {
    const release = await this.#call(
      ({ rest }, repository) => rest.repos.getRelease({ ...repository, release_id: id }),
      parseRelease,
    );
    return release && this.#withAssets(release);
  }

  createDraft(tag: string, prerelease: boolean, body: string): Promise<Release | undefined> {
    const settings = { tag_name: tag, name: tag, body, draft: true, prerelease, generate_release_notes: true };
    return this.#call(({ rest }, repository) => rest.repos.createRelease({ ...repository, ...settings }), parseRelease);
  }

  publish({ id, tag }: Release): Promise<Release | undefined> {
    const settings = { release_id: id, tag_name: tag, draft: false };
    return this.#call(({ rest }, repository) => rest.repos.updateRelease({ ...repository, ...settings }), parseRelease);
  }

  /** Replaces the text of a release. */
  describe(id: number, body: string): Promise<Release | undefined> {
    const settings = { release_id: id, body };
    return this.#call(({ rest }, repository) => rest.repos.updateRelease({ ...repository, ...settings }), parseRelease);
  }

  /** Deletes a draft; one that is gone already is fine. */
  async removeRelease(id: number): Promise<void> {
    await this.#call(
      ({ rest }, repository) => rest.repos.deleteRelease({ ...repository, release_id: id }),
      () => ({}),
    );
  }

  /** Deletes an asset; one that is gone already is fine. */
  async remove({ id }: Asset): Promise<void> {
    await this.#call(
      ({ rest }, repository) => rest.repos.deleteReleaseAsset({ ...repository, asset_id: id }),
      () => ({}),
    );
  }

  /** A release with all of its assets: the list that comes with it may be cut. */
  async #withAssets(release: Release): Promise<Release | undefined> {
    const assets = await this.#all(
      (client, repository) =>
        client.paginate.iterator(client.rest.repos.listReleaseAssets, {
          ...repository,
          release_id: release.id,
          per_page: PAGE,
        }),
      parseAsset,
    );
    return assets && { ...release, assets };
  }

  /** The items of all pages of a list. @param wanted which of them are kept */
  #all<T>(
    pages: (client: Octokit, repository: Repository) => AsyncIterable<{ data: unknown }>,
    parse: Parse<T>,
    wanted: (item: T) => boolean = () => true,
  ): Promise<T[] | undefined> {
    return this.#call(
      async (client, repository) => {
        const items: T[] = [];
        let count = 0;
        const start = performance.now();
        for await (const { data } of pages(client, repository)) {
          count += 1;
          const late = performance.now() - start > 10_000 * retryPolicy().stallTimeout;
          if (count > MOST_PAGES || items.length > MOST_ITEMS || late) throw this.#endlessList();
          const page = parseList(data, parse);
          if (page === undefined || page.length > PAGE) throw notGitHub(this.#origin.api);
          items.push(...page.filter(wanted));
        }
        return { data: items };
      },
      (items) => items as T[],
    );
  }

  #endlessList(): Failure {
    return missingFailure({
      what: `${printable(new URL(this.#origin.api).host)} sends a list that does not end`,
      expected: `at most ${MOST_PAGES} pages and ${MOST_ITEMS} assets, within ${10 * retryPolicy().stallTimeout} s`,
      fix: "check GITHUB_API_URL, and what answers there",
    });
  }

  /** @throws Failure for an answer of another form than GitHub's, and as the transport */
  async #call<T>(
    request: (client: Octokit, repository: Repository) => Promise<{ data: unknown }>,
    parse: Parse<T>,
  ): Promise<T | undefined> {
    this.#client ??= await octokit(this.#origin);
    const [owner = "", repo = ""] = this.#origin.repo.split("/");
    let answer: unknown;
    try {
      answer = (await request(this.#client, { owner, repo })).data;
    } catch (error) {
      // Octokit wraps what its fetch throws.
      if (error instanceof Error && error.cause instanceof Failure) throw error.cause;
      if (error instanceof Error && "status" in error && error.status === 404) return undefined;
      throw error;
    }
    const parsed = parse(answer);
    if (parsed === undefined) throw notGitHub(this.#origin.api);
    return parsed;
  }
}

async function octokit({ api, token }: ReleaseOrigin): Promise<Octokit> {
  const { Octokit } = await import("@octokit/rest");
  const silent = (): void => {};
  return new Octokit({
    baseUrl: api,
    ...(token === undefined ? {} : { auth: token }),
    userAgent: "stage0-distribution",
    // Octokit's warnings would go around the log.
    log: { debug: silent, info: silent, warn: silent, error: silent },
    request: { fetch: transport(api, token !== undefined) },
  });
}
