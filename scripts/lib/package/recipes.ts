/** The packaging recipes, and the pins of a release written into them. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createHash } from "../crypto.ts";
import { PROJECT } from "../paths.ts";
import { spellTag, type Tag, type TagFormat } from "../tags.ts";

export const RECIPES = join(PROJECT, "ci", "packaging");

/** What a recipe pins: the release, the digests of its asset, and where a packager's tool downloads it. */
interface RecipePin {
  tag: Tag;
  url: string;
  /** Lower-case hexadecimal. */
  sha256: string;
  sha512: string;
  /** When the release was made, in seconds since 1970; absent: the recipes' own date. */
  date?: number | undefined;
}

/** The files of the recipes: paths below RECIPES, with text and permission bits. */
export interface RecipeFile {
  path: string;
  text: string;
  mode: number;
}

export function readRecipes(): RecipeFile[] {
  return readdirSync(RECIPES, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(RECIPES, path)).isFile())
    .sort()
    .map((path) => ({
      path,
      text: readFileSync(join(RECIPES, path), "utf8"),
      mode: statSync(join(RECIPES, path)).mode & 0o111 ? 0o755 : 0o644,
    }));
}

/** The tag that the recipes pin, as they spell it; undefined when they pin none. */
export const pinnedTag = (recipes: readonly RecipeFile[]): string | undefined =>
  /^tag='([^']+)'$/m.exec(recipes.find(({ path }) => path === "payload.sh")?.text ?? "")?.[1];

const sha512 = (text: string): string => createHash("sha512").update(text).digest("hex");

/** Replaces parts of a recipe. @throws Error when it has no such part: a pin would be lost silently */
const replaceAll = (text: string, changes: readonly [part: RegExp, value: string][]): string =>
  changes.reduce((done, [part, value]) => {
    if (!part.test(done)) throw new Error(`the recipe has no line ${part}`);
    return done.replace(part, () => value);
  }, text);

/** A date as debian/changelog has it (RFC 5322, in UTC). */
const rfc5322 = (date: number): string => new Date(date * 1000).toUTCString().replace("GMT", "+0000");

/** The same as rpm's changelog has it: "Thu Jan 01 2026". */
const rpmDate = (date: number): string => rfc5322(date).replace(/^(\w+), (\d+) (\w+) (\d+) .*$/, "$1 $3 $2 $4");

/** 2026-01-01, in seconds since 1970. */
const NO_DATE = 1_767_225_600;

/** The recipes with a release's version spellings, digests and address in them, or with none. Pure. */
export function pinRecipes(recipes: readonly RecipeFile[], pin: RecipePin | undefined): RecipeFile[] {
  const { url = "", sha256 = "", sha512: pinned512 = "", date = NO_DATE } = pin ?? {};
  const version = (format: TagFormat): string => (pin === undefined ? "0.0.0" : spellTag(pin.tag, format));
  const payload = (text: string): string =>
    replaceAll(text, [
      [/^tag=.*$/m, `tag='${pin === undefined ? "" : spellTag(pin.tag)}'`],
      [/^url=.*$/m, `url='${url}'`],
      [/^sha256=.*$/m, `sha256='${sha256}'`],
    ]);
  const pinnedPayload = payload(recipes.find(({ path }) => path === "payload.sh")?.text ?? "");
  const changes: Record<string, (text: string) => string> = {
    "payload.sh": payload,
    "debian/changelog": (text) =>
      replaceAll(text, [
        [/^fastboop-stage0 \([^)]*\)/, `fastboop-stage0 (${version("deb")})`],
        [/(?<=^ {2}\* stage0 of fastboop ).*$/m, `${version("cargo")}.`],
        [/(?<=^ -- .*> {2}).*$/m, rfc5322(date)],
      ]),
    "rpm/fastboop-stage0.spec": (text) =>
      replaceAll(text, [
        [/^Version:.*$/m, `Version:        ${version("rpm")}`],
        [/(?<=^Provides: {7}%\{name\} = ).*$/m, version("apk")],
        [/(?<=^\* )\w+ \w+ \d+ \d+/m, rpmDate(date)],
        [/(?<=^\* .*> - ).*$/m, `${version("rpm")}-1`],
        [/(?<=^- stage0 of fastboop ).*$/m, `${version("cargo")}.`],
      ]),
    "alpine/APKBUILD": (text) =>
      replaceAll(text, [
        [/^pkgver=.*$/m, `pkgver=${version("apk")}`],
        [/^_url=.*$/m, `_url="${url}"`],
        [/^_sha512=.*$/m, `_sha512="${pinned512}"`],
        [/^[0-9a-f]{128} {2}payload\.sh$/m, `${sha512(pinnedPayload)}  payload.sh`],
      ]),
  };
  return changed(recipes, changes);
}

/** The recipes with the licence of all that is in stage0, an SPDX expression. Pure. */
export const licenseRecipes = (recipes: readonly RecipeFile[], expression: string): RecipeFile[] =>
  changed(recipes, {
    "debian/copyright": (text) =>
      replaceAll(text, [[/(?<=^Comment: stage0 is made of crates whose licences are\n).*$/m, ` ${expression}.`]]),
    "rpm/fastboop-stage0.spec": (text) => replaceAll(text, [[/^License:.*$/m, `License:        ${expression}`]]),
    "alpine/APKBUILD": (text) => replaceAll(text, [[/^license=".*"$/m, `license="${expression}"`]]),
  });

const changed = (recipes: readonly RecipeFile[], changes: Record<string, (text: string) => string>): RecipeFile[] =>
  recipes.map((recipe) => ({ ...recipe, text: changes[recipe.path]?.(recipe.text) ?? recipe.text }));

/** The recipes that a change left with another text. */
export const differing = (before: readonly RecipeFile[], after: readonly RecipeFile[]): RecipeFile[] =>
  after.filter(({ text }, index) => text !== before[index]?.text);
