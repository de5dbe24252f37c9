/** The publisher's side of a release: one draft, found or created, and published at the end. */
import { contractFailure, type Failure, missingFailure, printable } from "../errors.ts";
import type { Asset, Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { uploadAsset } from "../github/upload.ts";
import { GitHub } from "../github.ts";
import { transientFailure } from "../http/errors.ts";
import { retry, retryPolicy } from "../http/retry.ts";
import { say } from "../log.ts";

/** In the text of a draft: this project made it. */
const MARK = "<!-- made by stage0-distribution -->";

export class Releases {
  readonly #origin: ReleaseOrigin;
  readonly #github: GitHub;

  readonly #ours: ReadonlySet<string>;

  /**
   * @param origin with a token that may write the repository's contents
   * @param ours names of the files that are published
   */
  constructor(origin: ReleaseOrigin, ours: ReadonlySet<string> = new Set()) {
    this.#origin = origin;
    this.#ours = ours;
    this.#github = new GitHub(origin);
  }

  /** The one release of a tag, if there is one. @throws as `findOrCreateDraft` */
  async find(tag: string, published: "refuse" | "accept"): Promise<Release | undefined> {
    return (await this.#settle(tag, published)).release;
  }

  /** The one release of a tag, and drafts that another run of this project began beside it. */
  async #settle(tag: string, published: "refuse" | "accept") {
    const releases = this.#found(await this.#github.tagged(tag)).sort((a, b) => a.id - b.id);
    const isSpare = ({ draft, body, assets }: Release): boolean =>
      draft && body.includes(MARK) && assets.every(({ name }) => this.#ours.has(name));
    const kept = releases.find((release) => !isSpare(release)) ?? releases[0];
    const spare = releases.filter((release) => release !== kept && isSpare(release));
    const rest = releases.filter((release) => !spare.includes(release));
    return { release: singleRelease(rest, tag, published), spare };
  }

  async get(id: number): Promise<Release> {
    return this.#found(await this.#github.release(id));
  }

  /**
   * The one draft of a tag, created when there is none.
   * @returns the release; one that is published already only with `published`
   * @throws Failure (1) for several drafts, and for a release that is published or immutable
   */
  findOrCreateDraft(tag: string, prerelease: boolean, published: "refuse" | "accept"): Promise<Release> {
    return retry(async () => {
      const existing = await this.#single(tag, published);
      if (existing !== undefined) return existing;
      const made = this.#found(await this.#github.createDraft(tag, prerelease, MARK));
      say(`made a draft of ${tag}`);
      // Two publishers at once each create one: all keep the oldest.
      return (await this.#single(tag, published)) ?? made;
    }, retryPolicy());
  }

  /** The one release of a tag, once drafts beside it that hold nothing of others are deleted. */
  async #single(tag: string, published: "refuse" | "accept"): Promise<Release | undefined> {
    const { release, spare } = await this.#settle(tag, published);
    for (const { id } of spare) {
      await this.#github.removeRelease(id);
      say(`deleted the draft ${id}: another run made it beside ${release?.id}`);
    }
    return release;
  }

  async remove(asset: Asset): Promise<void> {
    await this.#github.remove(asset);
    say(`deleted the release's ${printable(asset.name)}`);
  }

  /** Streams a file to the release. @throws HttpFailure, transient when another attempt may succeed */
  upload(release: Release, file: { name: string; path: string; size: number }): Promise<void> {
    return uploadAsset(this.#origin, release, file);
  }

  /** Replaces the text of a release. */
  async describe({ id }: Release, body: string): Promise<void> {
    this.#found(await retry(() => this.#github.describe(id, body), retryPolicy()));
  }

  /** Makes a draft public. The request may succeed although its answer was lost, so what GitHub has decides. */
  publish(release: Release): Promise<Release> {
    return retry(async () => {
      let failure: unknown = this.#stillDraft(release);
      try {
        this.#found(await this.#github.publish(release));
      } catch (error) {
        failure = error;
      }
      const now = await this.get(release.id);
      if (now.draft) throw failure;
      return now;
    }, retryPolicy());
  }

  #stillDraft({ tag, url }: Release): Failure {
    return transientFailure({
      what: `${printable(new URL(this.#origin.api).host)} still has ${tag} as a draft`,
      expected: "a published release",
      got: printable(url),
      fix: "run it again, or publish it there: its assets are verified",
    });
  }

  #found<T>(answer: T | undefined): T {
    if (answer !== undefined) return answer;
    throw missingFailure({
      what: `${this.#origin.name} does not exist, or the token may not write to it`,
      got: "status 404",
      fix: "check FASTBOOP_STAGE0_REPO, and give the token the right to write the repository's contents",
    });
  }
}

/** The release of a tag, if there is one. */
function singleRelease(releases: readonly Release[], tag: string, published: "refuse" | "accept"): Release | undefined {
  const [first, second] = releases;
  if (second !== undefined) {
    throw contractFailure(
      ...releases.map(({ id, draft, url }) => ({
        what: `one of several releases with the tag ${tag}`,
        expected: "one draft",
        got: `${draft ? "draft" : "published release"} ${id}, ${printable(url)}`,
        fix: "delete all but one",
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
