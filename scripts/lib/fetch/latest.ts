/** TAG=latest: which release that is, only the API knows. */
import { usageFailure } from "../errors.ts";
import { say } from "../log.ts";
import { type FoundRelease, findRelease } from "../release/github.ts";
import type { ReleaseOrigin } from "./request.ts";

/** @throws Failure (2) for a mirror, which has no latest release */
export async function latestRelease(origin: ReleaseOrigin): Promise<FoundRelease> {
  if (origin.mirror !== undefined) {
    throw usageFailure({
      what: "a mirror can't tell which release is the latest",
      fix: "set TAG to the release's tag",
    });
  }
  const release = await findRelease(origin, "latest");
  say(`the latest release of ${origin.name} is ${release.tag}`);
  return release;
}
