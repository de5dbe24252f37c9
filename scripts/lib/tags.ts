/** Release tags and the ways in which distributions spell them. */
import { TAG, TAG_FORM } from "./contract.ts";
import { printable, usageFailure } from "./errors.ts";
import { knob } from "./knobs.ts";

/** A release: the three numbers of its version, and the number of its release candidate when it is one. */
export interface Tag {
  major: number;
  minor: number;
  patch: number;
  rc?: number;
}

interface Spelling {
  /** What stands before the version. */
  prefix: string;
  /** What stands between the version and the number of the release candidate. */
  mark: string;
}

/** How each ecosystem spells `v0.0.1-rc.7`, and why it can't take the tag as it is. */
const SPELLINGS = {
  tag: { prefix: "v", mark: "-rc." },
  /** Semver, as Cargo.toml has it. */
  cargo: { prefix: "", mark: "-rc." },
  /** `-` begins the Debian revision; `~` sorts before the end of the text (deb-version(7)). */
  deb: { prefix: "", mark: "~rc" },
  /** `-` is not allowed; `~` sorts as in Debian (rpm-version(7)). */
  rpm: { prefix: "", mark: "~rc" },
  /** A suffix is `_` with a word and a number (apk-package(5)). */
  apk: { prefix: "", mark: "_rc" },
  /** What Packit makes of the tag without upstream_tag_template: `-` becomes `.`. rpm sorts it after v0.0.1. */
  packit: { prefix: "v", mark: ".rc." },
} as const satisfies Record<string, Spelling>;

export type TagFormat = keyof typeof SPELLINGS;

/** Read, never written: Packit and Fedora's macros when upstream_tag_template takes the v off, or when `-` becomes `~`. */
const READ_ONLY: readonly Spelling[] = [
  { prefix: "", mark: ".rc." },
  { prefix: "", mark: "~rc." },
];
const READ: readonly Spelling[] = [...Object.values(SPELLINGS), ...READ_ONLY];

const spell = ({ major, minor, patch, rc }: Tag, { prefix, mark }: Spelling): string =>
  `${prefix}${major}.${minor}.${patch}${rc === undefined ? "" : `${mark}${rc}`}`;

/** The tag in the spelling of a format; `tag` is the one that URLs and paths carry. */
export const spellTag = (tag: Tag, format: TagFormat = "tag"): string => spell(tag, SPELLINGS[format]);

/**
 * The tag that a text spells, in the tag's own form or a distribution's; undefined for all else. What is accepted is
 * exactly what one of the spellings writes: no leading zeros, no epoch, no package revision, no white space.
 */
export function parseTag(text: string): Tag | undefined {
  for (const spelling of READ) {
    const [, major, minor, patch, rc] =
      TAG.exec(`v${text.slice(spelling.prefix.length).replace(spelling.mark, "-rc.")}`) ?? [];
    if (major === undefined) continue;
    const tag: Tag = {
      major: Number(major),
      minor: Number(minor),
      patch: Number(patch),
      ...(rc && { rc: Number(rc) }),
    };
    if (spell(tag, spelling) === text) return tag;
  }
  return undefined;
}

/**
 * The tag that a user gave.
 * @param source where it came from, for the message: `TAG`, `VERSION`, `Cargo.toml's version` …
 * @throws Failure (2) when it is none
 */
export function readTag(text: string, source: string): Tag {
  const tag = parseTag(text);
  if (tag === undefined) {
    throw usageFailure({
      what: `${source} is not a release tag`,
      expected: `${TAG_FORM}, or a distribution's spelling: X.Y.Z~rcN, X.Y.Z_rcN, X.Y.Z-rc.N, vX.Y.Z.rc.N`,
      got: `"${printable(text)}"`,
      fix: "leave out epoch and package revision, leading zeros and build metadata",
    });
  }
  return tag;
}

/** Negative when a is the earlier release, positive when it is the later one, 0 when they are the same (semver 2.0.0, section 11). */
export function compareTags(a: Tag, b: Tag): number {
  const [rcA, rcB] = [a.rc ?? Number.POSITIVE_INFINITY, b.rc ?? Number.POSITIVE_INFINITY];
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch || (rcA === rcB ? 0 : rcA - rcB);
}

/** The release that TAG names. @throws Failure (2) when it names none */
export function requiredTag(): Tag {
  const given = knob("TAG");
  if (given === undefined) throw usageFailure({ what: "no release is named", fix: "TAG=vX.Y.Z" });
  return readTag(given, "TAG");
}
