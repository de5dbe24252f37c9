/** Where releases come from and go to, as the environment says. No network, no file. */
import { DEFAULT_API, DEFAULT_REPO, DEFAULT_SERVER } from "../contract.ts";
import { printable } from "../errors.ts";
import { knob } from "../knobs.ts";

/** Whoever overrides any of it names another publisher than the default one. */
export interface ReleaseOrigin {
  server: string;
  api: string;
  repo: string;
  /** Used instead of the repository: an https address or a file: one. */
  mirror: string | undefined;
  token: string | undefined;
  /** Whether nothing of it is overridden, so that the publisher's own digests will do. */
  isDefault: boolean;
  /** Printable. */
  name: string;
  /** Tells origins apart. */
  key: string;
}

/** The repository that the environment names. */
export const repository = (): ReleaseOrigin => originWith(undefined);

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
    token: mirror === undefined ? (knob("GH_TOKEN") ?? knob("GITHUB_TOKEN")) : undefined,
    isDefault: unchanged && mirror === undefined,
    name: printable(mirror ?? `${server}/${repo}`),
    key: mirror ?? [server, api, repo.toLowerCase()].join(" "),
  };
}
