/** The licences of what is in stage0, with their texts: who passes the executable on has to pass them on too. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { PACKAGE } from "../contract.ts";
import { readSmall } from "../files.ts";
import type { Licensed } from "./licences.ts";

const isLicence = (name: string): boolean => /^(licen[cs]e|copying|copyright|unlicense|notice)[^/]*$/i.test(name);
const RULE = "-".repeat(80);

/**
 * The text for crates that are in stage0. Each licence stands there once, with all crates that have it word for word.
 * @param whole the licence of all of it together
 */
export function noticeOf(crates: readonly Licensed[], whole: string): string {
  const inside = crates.filter(({ isInside }) => isInside);
  const users = new Map<string, string[]>();
  const lines = inside.map((crate) => {
    const texts = textsOf(crate, inside);
    for (const text of texts) users.set(text, [...(users.get(text) ?? []), label(crate)]);
    const authors = texts.length > 0 ? "" : `; has no text of it${byAuthors(crate)}`;
    return `${label(crate)}: ${crate.expression}${authors}\n`;
  });
  const texts = [...users].map(([text, of]) => `${RULE}\n${of.join(", ")}:\n\n${text}\n`);
  return `${PACKAGE} is made of the crates below, and of what the toolchain adds. Together their licence is\n${whole}\n\n${lines.join("")}\n${texts.join("\n")}`;
}

const label = ({ name, version }: Licensed): string => (version === undefined ? name : `${name} ${version}`);
const byAuthors = ({ authors }: Licensed): string => (authors.length > 0 ? `, by ${authors.join(", ")}` : "");

/** The texts that a crate comes with; else those of one beside it, above it in its workspace, or of the same repository. */
function textsOf(crate: Licensed, others: readonly Licensed[]): string[] {
  const own = textsIn(crate);
  if (own.length > 0 || crate.repository === undefined) return own;
  const sibling = others.find(
    (other) =>
      other.repository === crate.repository && other.expression === crate.expression && textsIn(other).length > 0,
  );
  return sibling === undefined ? [] : textsIn(sibling);
}

function textsIn({ manifest, source, licenseFile }: Licensed): string[] {
  if (manifest === undefined) return [];
  const folder = dirname(manifest);
  // What is no package of a registry's may have its licence at the root of its repository.
  const folders = source?.startsWith("registry+") ? [folder] : [folder, ...above(folder)];
  const found = folders.map((place) => (existsSync(place) ? readdirSync(place, { withFileTypes: true }) : []));
  const named = found.map((entries, index) =>
    entries
      .filter((entry) => entry.isFile() && isLicence(entry.name))
      .map((entry) => join(folders[index] ?? "", entry.name))
      .sort(),
  );
  const paths = new Set([
    ...(licenseFile === undefined ? [] : [licenseFile]),
    ...(named.find((files) => files.length > 0) ?? []),
  ]);
  return [...paths].map((path) => readSmall(path).toString().replace(/\r\n/g, "\n").trim());
}

/** The folders above one, up to the root of the git repository that it is in. */
function above(folder: string): string[] {
  const folders: string[] = [];
  for (let at = folder; !existsSync(join(at, ".git")) && at !== dirname(at); at = dirname(at))
    folders.push(dirname(at));
  return folders;
}
