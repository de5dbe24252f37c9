/** A release of this project itself: its version, its changelog, and the tag by which others use its actions. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { contractFailure, missingFailure, printable } from "../errors.ts";
import { PROJECT } from "../paths.ts";
import { shell } from "../shell.ts";
import { parseTag, spellTag, type Tag } from "../tags.ts";
import { ownVersion } from "../version.ts";

const CHANGELOG = "docs/changelog.md";

/** @throws Failure (1) when the tag is not that of package.json's version, or the changelog has no section for it */
export function checkOwnTag(tag: string): void {
  const version = ownVersion();
  const hasSection = readFileSync(join(PROJECT, CHANGELOG), "utf8")
    .split("\n")
    .includes(`## ${tag.slice(1)}`);
  const problems = [
    ...(tag === `v${version}`
      ? []
      : [{ what: "the tag is not of this version", expected: `v${version}, by package.json`, got: printable(tag) }]),
    ...(hasSection ? [] : [{ file: CHANGELOG, what: `has no section ${tag.slice(1)}` }]),
  ];
  const fix = "delete the tag, make the release's commit as docs/releasing.md says, and tag that";
  if (problems.length > 0) throw contractFailure(...problems.map((problem) => ({ ...problem, fix })));
}

/** The final release of a ref, if it names one: each of `git ls-remote --tags`. */
const finalTag = (ref: string): Tag[] => {
  const tag = ref.startsWith("refs/tags/v") ? parseTag(ref.slice("refs/tags/".length)) : undefined;
  return tag === undefined || tag.rc !== undefined || `refs/tags/${spellTag(tag)}` !== ref ? [] : [tag];
};

const isNewer = (a: Tag, b: Tag): boolean => (a.minor === b.minor ? a.patch > b.patch : a.minor > b.minor);

/**
 * Moves the remote's tag vMAJOR, which the actions are used by, to the commit of a release. A candidate does not move it,
 * and a release that is not the newest of its major version neither.
 * @returns the tag that was moved; undefined: none
 * @throws Failure (3) when git can't reach the remote or may not write to it
 */
export async function moveMajorTag(tag: Tag, folder: string): Promise<string | undefined> {
  const $ = await shell({ cwd: folder });
  const git = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await $`git ${args}`;
    if (exitCode === 0) return stdout;
    throw missingFailure({
      what: `git ${args[0]} failed`,
      got: printable(stderr.trim().slice(0, 500)),
      fix: "check that the checkout may write to the repository's tags, and run it again",
    });
  };
  const refs = (await git("ls-remote", "--tags", "origin", `v${tag.major}.*`))
    .split("\n")
    .map((line) => line.slice(41));
  const newest = refs.flatMap(finalTag).every((other) => !isNewer(other, tag));
  if (tag.rc !== undefined || !newest) return undefined;
  const name = `v${tag.major}`;
  const own = `refs/tags/${spellTag(tag)}`;
  await git("fetch", "--quiet", "--depth=1", "origin", `+${own}:${own}`);
  await git("push", "--quiet", "--force", "origin", `${own}^{commit}:refs/tags/${name}`);
  return name;
}
