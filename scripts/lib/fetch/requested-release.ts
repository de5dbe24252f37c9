/** The release that a run is to fetch from. */
import { printable, usageFailure } from "../errors.ts";
import type { Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { callerDir } from "../paths.ts";
import { requireLatestTrust } from "./pins.ts";
import { requestedTag } from "./request.ts";

/**
 * The tag of the release to fetch, and the release itself when the API had to be asked for it (TAG=latest).
 * @throws Failure (2) when nothing names a release, or a mirror is to name the latest
 */
export async function requestedRelease(origin: ReleaseOrigin): Promise<{ tag: string; release?: Release }> {
  const tag = await requestedTag();
  if (tag === "latest") {
    if (origin.mirror === undefined) await requireLatestTrust(origin);
    const { latestRelease } = await import("./find-release.ts");
    const release = await latestRelease(origin);
    return { tag: release.tag, release };
  }
  if (tag !== undefined) return { tag };
  throw usageFailure({
    what: "nothing says which release to fetch",
    expected: "TAG, FASTBOOP_STAGE0_TAG, or a cargo workspace with a version at or above this folder",
    got: `no workspace at or above ${printable(callerDir())}`,
    fix: "name one: TAG=v0.0.1-rc.7, or TAG=latest",
  });
}
