/** The packaging recipes, and the pins of a release written into them. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
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

/** Replaces a line of a recipe. @throws Error when the recipe has no such line: a pin would be lost silently */
function replaceLine(text: string, line: RegExp, value: string): string {
  if (!line.test(text)) throw new Error(`the recipe has no line ${line}`);
  return text.replace(line, () => value);
}

/** The recipes with a release's version spellings, digests and address in them, or with none. Pure. */
export function pinRecipes(recipes: readonly RecipeFile[], pin: RecipePin | undefined): RecipeFile[] {
  const { url = "", sha256 = "", sha512: pinned512 = "" } = pin ?? {};
  const version = (format: TagFormat): string => (pin === undefined ? "0.0.0" : spellTag(pin.tag, format));
  const payload = (text: string): string =>
    [
      [/^tag=.*$/m, `tag='${pin === undefined ? "" : spellTag(pin.tag)}'`],
      [/^url=.*$/m, `url='${url}'`],
      [/^sha256=.*$/m, `sha256='${sha256}'`],
    ].reduce((done, [line, value]) => replaceLine(done, line as RegExp, value as string), text);
  const pinnedPayload = payload(recipes.find(({ path }) => path === "payload.sh")?.text ?? "");
  const changes: Record<string, (text: string) => string> = {
    "payload.sh": payload,
    "debian/changelog": (text) =>
      replaceLine(text, /^fastboop-stage0 \([^)]*\)/, `fastboop-stage0 (${version("deb")})`),
    "rpm/fastboop-stage0.spec": (text) => replaceLine(text, /^Version:.*$/m, `Version:        ${version("rpm")}`),
    "alpine/APKBUILD": (text) =>
      [
        [/^pkgver=.*$/m, `pkgver=${version("apk")}`],
        [/^_url=.*$/m, `_url="${url}"`],
        [/^_sha512=.*$/m, `_sha512="${pinned512}"`],
        [/^[0-9a-f]{128} {2}payload\.sh$/m, `${sha512(pinnedPayload)}  payload.sh`],
      ].reduce((done, [line, value]) => replaceLine(done, line as RegExp, value as string), text),
  };
  return recipes.map((recipe) => ({ ...recipe, text: changes[recipe.path]?.(recipe.text) ?? recipe.text }));
}
