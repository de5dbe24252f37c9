/** Where releases come from and go to, as the environment says. No network, no file. */
import { DEFAULT_API, DEFAULT_REPO, DEFAULT_SERVER } from "../contract.ts";
import { printable, usageFailure } from "../errors.ts";
import { proxyAddress } from "../http/proxy.ts";
import { knob } from "../knobs.ts";
import { say } from "../log.ts";

/** Whoever overrides any of it names another publisher than the default one. */
export interface ReleaseOrigin {
  server: string;
  api: string;
  repo: string;
  /** Used instead of the repository: an https address or a file: one. */
  mirror: string | undefined;
  /** Undefined also when there is one that is for another host. */
  token: string | undefined;
  /** Whether nothing of it is overridden, so that the publisher's own digests will do. */
  isDefault: boolean;
  /** Printable. */
  name: string;
  /** Tells origins apart. */
  key: string;
}

/** The mirror that the environment names, else the repository. */
export const releaseOrigin = (): ReleaseOrigin => originWith(knob("FASTBOOP_STAGE0_MIRROR"));

function originWith(mirror: string | undefined): ReleaseOrigin {
  const server = knob("GITHUB_SERVER_URL");
  // An enterprise server has its API below its own address.
  const api = knob("GITHUB_API_URL") ?? (server === DEFAULT_SERVER ? DEFAULT_API : `${server}/api/v3`);
  const repo = knob("FASTBOOP_STAGE0_REPO");
  const unchanged = server === DEFAULT_SERVER && api === DEFAULT_API && repo.toLowerCase() === DEFAULT_REPO;
  return {
    server,
    api,
    repo,
    mirror,
    token: tokenFor(new URL(server), new URL(api), mirror),
    isDefault: unchanged && mirror === undefined,
    name: printable(mirror ?? `${server}/${repo}`),
    key: mirror ?? [server, api, repo.toLowerCase()].join(" "),
  };
}

/** The token that is meant for an API, if there is one, as gh picks it. One that is there and not sent gets a line in the log. */
function tokenFor(server: URL, api: URL, mirror: string | undefined): string | undefined {
  const first = (...given: [name: string, token: string | undefined][]) =>
    given.find(([, token]) => token !== undefined);
  const own = first(["GH_TOKEN", knob("GH_TOKEN")], ["GITHUB_TOKEN", knob("GITHUB_TOKEN")]);
  const others = first(
    ["GH_ENTERPRISE_TOKEN", knob("GH_ENTERPRISE_TOKEN")],
    ["GITHUB_ENTERPRISE_TOKEN", knob("GITHUB_ENTERPRISE_TOKEN")],
  );
  const isGitHubs = server.hostname === "github.com" || server.hostname.endsWith(".ghe.com");
  const [fitting, stray] = isGitHubs ? [own, others] : [others, own];
  const why =
    mirror !== undefined
      ? "a mirror takes none"
      : api.hostname !== server.hostname && api.hostname !== `api.${server.hostname}`
        ? `${api.host} is no API of ${server.host}`
        : api.protocol === "http:" && proxyAddress(api) !== undefined
          ? "a proxy would read it on its way to plain http"
          : fitting === undefined
            ? isGitHubs
              ? `${server.host} takes GH_TOKEN`
              : `it is for github.com and *.ghe.com, and ${server.host} takes GH_ENTERPRISE_TOKEN`
            : undefined;
  if (why === undefined) return fitting?.[1];
  const [name] = fitting ?? stray ?? [];
  if (name !== undefined) say(`note: ${name} is not sent: ${printable(why)}`);
  return undefined;
}

/** The repository that the environment names, with its token. @param work what needs one @throws Failure (2) without one */
export function writableRepository(work: "publishing" | "withdrawing"): ReleaseOrigin {
  const origin = originWith(undefined);
  if (origin.token !== undefined) return origin;
  throw usageFailure({
    what: `${work} needs a token`,
    fix: "set GH_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN) to one that may write the repository's contents",
  });
}
