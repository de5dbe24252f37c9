/** Releases, assets and repositories as GitHub's API shows them. */
import type { Repository, StoredAsset, StoredRelease } from "./store.ts";

/** Addresses that the JSON holds. */
export interface Bases {
  server: string;
  api: string;
  uploads: string;
}

const nodeId = (kind: string, id: number): string => `${kind}_${Buffer.from(String(id)).toString("base64url")}`;
const time = (date: Date): string => date.toISOString().replace(/\.[0-9]+Z$/, "Z");

function userView({ server, api }: Bases, login: string) {
  const url = `${api}/users/${login}`;
  return {
    login,
    id: 1,
    node_id: nodeId("U", 1),
    avatar_url: `${server}/avatars/1`,
    gravatar_id: "",
    url,
    html_url: `${server}/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: "User",
    user_view_type: "public",
    site_admin: false,
  };
}

export function assetView(bases: Bases, asset: StoredAsset) {
  const digest = asset.digest === "wrong" ? asset.sha256.replace(/^./, (c) => (c === "0" ? "1" : "0")) : asset.sha256;
  return {
    url: `${bases.api}/repos/${asset.release.repository.fullName}/releases/assets/${asset.id}`,
    id: asset.id,
    node_id: nodeId("RA", asset.id),
    name: asset.name,
    label: asset.label,
    uploader: userView(bases, "stage0-release"),
    content_type: asset.contentType,
    state: asset.state,
    size: asset.size,
    // Left out altogether by servers that are too old to know it.
    ...(asset.digest === "missing"
      ? {}
      : { digest: asset.digest === "null" || asset.state === "starter" ? null : `sha256:${digest}` }),
    download_count: asset.downloads,
    created_at: time(asset.createdAt),
    updated_at: time(asset.updatedAt),
    browser_download_url: asset.url,
  };
}

export function releaseView(bases: Bases, release: StoredRelease) {
  const { fullName, url: web } = release.repository;
  const url = `${bases.api}/repos/${fullName}/releases/${release.id}`;
  const tag = encodeURIComponent(release.tag);
  return {
    url,
    assets_url: `${url}/assets`,
    upload_url: `${bases.uploads}/repos/${fullName}/releases/${release.id}/assets{?name,label}`,
    html_url: `${web}/releases/tag/${release.draft ? release.untagged : tag}`,
    id: release.id,
    author: userView(bases, "stage0-release"),
    node_id: nodeId("RE", release.id),
    tag_name: release.tag,
    target_commitish: release.target,
    name: release.name,
    draft: release.draft,
    immutable: release.immutable,
    prerelease: release.prerelease,
    created_at: time(release.createdAt),
    updated_at: time(release.createdAt),
    published_at: release.publishedAt === undefined ? null : time(release.publishedAt),
    assets: release.assets.map((asset) => assetView(bases, asset)),
    tarball_url: release.draft ? null : `${bases.api}/repos/${fullName}/tarball/${tag}`,
    zipball_url: release.draft ? null : `${bases.api}/repos/${fullName}/zipball/${tag}`,
    body: release.body,
  };
}

/** Parts of an address that a repository's JSON names, by the property's name without `_url`. */
const PARTS: Readonly<Record<string, string>> = {
  archive: "/{archive_format}{/ref}",
  assignees: "/assignees{/user}",
  blobs: "/git/blobs{/sha}",
  branches: "/branches{/branch}",
  collaborators: "/collaborators{/collaborator}",
  comments: "/comments{/number}",
  commits: "/commits{/sha}",
  compare: "/compare/{base}...{head}",
  contents: "/contents/{+path}",
  contributors: "/contributors",
  deployments: "/deployments",
  downloads: "/downloads",
  events: "/events",
  forks: "/forks",
  git_commits: "/git/commits{/sha}",
  git_refs: "/git/refs{/sha}",
  git_tags: "/git/tags{/sha}",
  hooks: "/hooks",
  issue_comment: "/issues/comments{/number}",
  issue_events: "/issues/events{/number}",
  issues: "/issues{/number}",
  keys: "/keys{/key_id}",
  labels: "/labels{/name}",
  languages: "/languages",
  merges: "/merges",
  milestones: "/milestones{/number}",
  notifications: "/notifications{?since,all,participating}",
  pulls: "/pulls{/number}",
  releases: "/releases{/id}",
  stargazers: "/stargazers",
  statuses: "/statuses/{sha}",
  subscribers: "/subscribers",
  subscription: "/subscription",
  tags: "/tags",
  teams: "/teams",
  trees: "/git/trees{/sha}",
};

export function repositoryView(bases: Bases, repository: Repository, push: boolean) {
  const url = `${bases.api}/repos/${repository.fullName}`;
  const host = new URL(bases.server).host;
  const created = time(repository.createdAt);
  const counts = ["forks", "forks_count", "stargazers_count", "watchers", "watchers_count", "open_issues"];
  return {
    id: repository.id,
    node_id: nodeId("R", repository.id),
    name: repository.name,
    full_name: repository.fullName,
    private: repository.private,
    visibility: repository.private ? "private" : "public",
    owner: userView(bases, repository.owner),
    html_url: repository.url,
    description: null,
    fork: false,
    url,
    ...Object.fromEntries(Object.entries(PARTS).map(([name, part]) => [`${name}_url`, `${url}${part}`])),
    git_url: `git://${host}/${repository.fullName}.git`,
    ssh_url: `git@${host}:${repository.fullName}.git`,
    clone_url: `${repository.url}.git`,
    svn_url: repository.url,
    mirror_url: null,
    homepage: null,
    language: null,
    license: null,
    default_branch: "main",
    created_at: created,
    updated_at: created,
    pushed_at: created,
    ...Object.fromEntries([...counts, "open_issues_count", "size"].map((name) => [name, 0])),
    network_count: 0,
    subscribers_count: 0,
    ...Object.fromEntries(["issues", "projects", "wiki", "pages", "discussions"].map((name) => [`has_${name}`, false])),
    archived: false,
    disabled: false,
    permissions: { admin: false, maintain: false, push, triage: push, pull: true },
  };
}
