/** The release of a tag in the API, or the reason why there is none. */
import { isTag, TAG_FORM } from "../contract.ts";
import { missingFailure, printable, usageFailure } from "../errors.ts";
import type { Release } from "../github/answers.ts";
import type { ReleaseOrigin } from "../github/origin.ts";
import { GitHub } from "../github.ts";
import { say } from "../log.ts";

/** The release that TAG=latest means: only the API knows. @throws Failure (2) for a mirror, which has no latest release */
export async function latestRelease(origin: ReleaseOrigin): Promise<Release> {
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

/**
 * The release of a tag, drafts too when the token may push, or with "latest" the newest that is no prerelease.
 * @throws Failure (3) saying which it is: the repository can't be seen, it has no such release, several drafts share the tag
 */
export async function findRelease(origin: ReleaseOrigin, tag: string): Promise<Release> {
  const { token, name } = origin;
  const github = new GitHub(origin);
  const found = await (tag === "latest" ? github.latest() : github.published(tag));
  if (found !== undefined) return checked(found, tag, name);
  // Only the list has drafts, and a message can name what there is.
  const newest = await newestReleases(origin);
  const drafts = newest.filter((candidate) => candidate.draft && candidate.tag === tag);
  if (drafts.length > 1) {
    throw missingFailure({
      what: `${drafts.length} drafts of ${name} have the tag ${tag}`,
      expected: "one",
      fix: "delete the drafts that are not meant, or publish one",
    });
  }
  const [draft] = drafts;
  if (draft !== undefined) return checked(draft, tag, name);
  const tags = newest.filter((candidate) => !candidate.draft).map((candidate) => printable(candidate.tag));
  throw missingFailure({
    what: tag === "latest" ? `${name} has no release but drafts and prereleases` : `${name} has no release ${tag}`,
    got: tags.length === 0 ? "no release at all" : `the newest are ${tags.slice(0, 5).join(", ")}`,
    fix:
      token === undefined
        ? "check TAG; a draft is shown to a token with push right only: set GH_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN)"
        : "check TAG; a draft is shown to a token with push right only",
  });
}

/** The newest releases, drafts first. @throws Failure (3) when the repository can't be seen */
export async function newestReleases(origin: ReleaseOrigin): Promise<Release[]> {
  const newest = await new GitHub(origin).newest();
  if (newest !== undefined) return newest;
  throw missingFailure({
    what: `${origin.name} does not exist, or is private`,
    expected: "a repository that can be read",
    got: "status 404",
    fix:
      origin.token === undefined
        ? "check FASTBOOP_STAGE0_REPO; a private repository needs a token: set GH_TOKEN (for a server of your own GH_ENTERPRISE_TOKEN)"
        : "check FASTBOOP_STAGE0_REPO, and that the token may read the repository's contents",
  });
}

function checked(release: Release, requested: string, name: string): Release {
  const { tag } = release;
  if (!isTag(tag)) {
    throw usageFailure({
      what: `the latest release of ${name} has a tag of another form`,
      expected: TAG_FORM,
      got: `"${printable(tag)}"`,
      fix: "set TAG",
    });
  }
  if (requested !== "latest" && tag !== requested) {
    throw missingFailure({ what: `${name} answers with another release`, expected: requested, got: tag });
  }
  return release;
}
