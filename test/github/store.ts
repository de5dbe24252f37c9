/** What the server knows: repositories, their releases, the assets of those. No HTTP in here. */
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { type Content, memory, onDisk, sha256, synthetic } from "./content.ts";
import type { Asset, AssetSpec, Release, ReleaseSpec } from "./types.ts";

/** A change that GitHub refuses with 422. */
export class Refused extends Error {
  readonly error: { resource: string; code: string; field?: string; message?: string };
  constructor(error: Refused["error"]) {
    super(error.message ?? error.code);
    this.error = error;
  }
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
let lastId = 100_000_000;
const newId = (): number => ++lastId;
const newEtag = (): string => `"0x8${randomBytes(7).toString("hex").toUpperCase().slice(0, 14)}"`;

export class StoredAsset implements Asset {
  readonly id = newId();
  readonly key = randomBytes(16).toString("hex");
  readonly release: StoredRelease;
  readonly createdAt = new Date();
  name: string;
  label: string;
  contentType: string;
  state: "uploaded" | "starter";
  digest: NonNullable<AssetSpec["digest"]>;
  content: Content;
  sha256: string;
  etag = newEtag();
  updatedAt = new Date();
  downloads = 0;
  /** What the API says of the size; a starter asset has what its upload announced. */
  size: number;

  constructor(release: StoredRelease, spec: Omit<AssetSpec, "bytes" | "file">, content: Content, digest: string) {
    this.release = release;
    this.name = spec.name;
    this.label = spec.label ?? "";
    this.contentType = spec.contentType ?? "application/octet-stream";
    this.state = spec.state ?? "uploaded";
    this.digest = spec.digest ?? "right";
    this.content = content;
    this.size = spec.size ?? content.size;
    this.sha256 = digest;
  }

  get url(): string {
    return this.release.assetUrl(this.name);
  }

  async read(start = 0, end = this.content.size): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.content.read(start, end)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Another version, content too when there is some. */
  async replace(bytes?: Uint8Array): Promise<void> {
    this.etag = newEtag();
    this.updatedAt = new Date();
    if (bytes !== undefined) this.finish(memory(bytes), await sha256(memory(bytes)));
  }

  /** The upload is complete. */
  finish(content: Content, digest: string): void {
    this.content = content;
    this.size = content.size;
    this.sha256 = digest;
    this.state = "uploaded";
    this.updatedAt = new Date();
  }
}

export class StoredRelease implements Release {
  readonly id = newId();
  readonly repository: Repository;
  readonly createdAt = new Date();
  /** Takes the tag's place in the addresses of a draft. */
  readonly untagged = `untagged-${randomBytes(10).toString("hex")}`;
  readonly assets: StoredAsset[] = [];
  tag: string;
  draft: boolean;
  prerelease: boolean;
  immutable = false;
  name: string;
  body: string;
  target = "main";
  publishedAt: Date | undefined;
  latest = true;
  /** Whether publishing makes it immutable, when it has a rule of its own. */
  readonly becomesImmutable: boolean | undefined;

  constructor(repository: Repository, spec: ReleaseSpec) {
    this.repository = repository;
    this.tag = spec.tag;
    this.draft = true;
    this.prerelease = spec.prerelease ?? false;
    this.name = spec.name ?? spec.tag;
    this.body = spec.body ?? "";
    this.becomesImmutable = spec.immutable;
  }

  asset(name: string): StoredAsset {
    const asset = this.assets.find((candidate) => candidate.name === name);
    if (asset === undefined) throw new Error(`the release ${this.tag} has no asset ${name}`);
    return asset;
  }

  assetUrl(name: string): string {
    const tag = this.draft ? this.untagged : this.tag;
    return `${this.repository.url}/releases/download/${encodeURIComponent(tag)}/${encodeURIComponent(name)}`;
  }

  /** Adds an asset. @throws Refused when there is one of that name, or when the release is immutable */
  attach(spec: AssetSpec, content: Content, digest: string): StoredAsset {
    if (this.assets.some(({ name }) => name === spec.name)) {
      throw new Refused({ resource: "ReleaseAsset", code: "already_exists", field: "name" });
    }
    const asset = new StoredAsset(this, spec, content, digest);
    this.assets.push(asset);
    return asset;
  }

  /** Makes a draft public, under its tag. @throws Refused when the tag is taken */
  publish(immutableByRule: boolean): void {
    if (!this.draft) return;
    this.repository.claimTag(this.tag);
    this.draft = false;
    this.immutable = this.becomesImmutable ?? immutableByRule;
    this.publishedAt = new Date();
  }

  /** Makes it a draft again. */
  withdraw(): void {
    this.draft = true;
    this.publishedAt = undefined;
  }
}

export class Repository {
  readonly id = newId();
  readonly owner: string;
  readonly name: string;
  readonly url: string;
  readonly createdAt = new Date();
  private = false;
  releases: StoredRelease[] = [];
  /** Tags of immutable releases, deleted ones too: GitHub never lets them be used again. */
  private readonly spent = new Set<string>();

  constructor(server: string, fullName: string) {
    const [owner = "", name = ""] = fullName.split("/");
    this.owner = owner;
    this.name = name;
    this.url = `${server}/${fullName}`;
  }

  get fullName(): string {
    return `${this.owner}/${this.name}`;
  }

  /** Newest first; drafts only on request. */
  list(drafts: boolean): StoredRelease[] {
    return this.releases.filter((release) => drafts || !release.draft).reverse();
  }

  published = (tag: string): StoredRelease | undefined =>
    this.releases.find((release) => !release.draft && release.tag === tag);

  latest = (): StoredRelease | undefined => {
    const candidates = this.releases.filter(({ draft, prerelease, latest }) => !draft && !prerelease && latest);
    return candidates.sort((a, b) => Number(b.publishedAt) - Number(a.publishedAt) || b.id - a.id)[0];
  };

  /** @throws Refused when a published release has the tag, or an immutable one had it */
  claimTag(tag: string): void {
    if (this.published(tag)) throw new Refused({ resource: "Release", code: "already_exists", field: "tag_name" });
    if (this.spent.has(tag)) {
      const message = "tag_name was used by an immutable release";
      throw new Refused({ resource: "Release", code: "custom", field: "tag_name", message });
    }
  }

  remove(release: StoredRelease): void {
    this.releases = this.releases.filter((other) => other !== release);
    if (release.immutable) this.spent.add(release.tag);
  }
}

export class Store {
  readonly server: string;
  repositories: Repository[] = [];

  constructor(server: string) {
    this.server = server;
  }

  find = (fullName: string): Repository | undefined =>
    this.repositories.find((repository) => same(repository.fullName, fullName));

  release = (id: number): StoredRelease | undefined =>
    this.repositories.flatMap(({ releases }) => releases).find((release) => release.id === id);

  asset = (matches: (asset: StoredAsset) => boolean): StoredAsset | undefined =>
    this.repositories
      .flatMap(({ releases }) => releases)
      .flatMap(({ assets }) => assets)
      .find(matches);

  /** Adds a release as a test describes it. */
  async add(spec: ReleaseSpec, immutableByRule: boolean): Promise<StoredRelease> {
    const fullName = spec.repo ?? "samcday/fastboop";
    let repository = this.find(fullName);
    if (repository === undefined) {
      repository = new Repository(this.server, fullName);
      this.repositories.push(repository);
    }
    repository.private = spec.private ?? repository.private;
    const release = new StoredRelease(repository, spec);
    for (const asset of spec.assets ?? []) {
      const content = contentOf(asset);
      const starter = asset.state === "starter";
      release.attach({ ...asset, size: content.size }, content, starter ? "" : await sha256(content));
    }
    if (!spec.draft) release.publish(immutableByRule);
    repository.releases.push(release);
    return release;
  }
}

function contentOf({ name, bytes, file, size }: AssetSpec): Content {
  if (bytes !== undefined) return memory(bytes);
  if (file !== undefined) return onDisk(file, statSync(file).size);
  if (size !== undefined) return synthetic(size);
  throw new Error(`the asset ${name} has neither bytes nor file nor size`);
}
