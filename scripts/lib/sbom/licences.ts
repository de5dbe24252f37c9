/** Licences as SPDX expressions (SPDX 2.3, annex D), held against the contract's list. */
import parse, { type Info } from "spdx-expression-parse";
import { LICENCE_TEXTS, LICENCES } from "../contract.ts";
import { contractFailure, type Problem, printable } from "../errors.ts";
import { digestFile } from "../hash.ts";
import type { Crate } from "./crates.ts";

/** A crate, and its licence. */
export interface Licensed extends Crate {
  /** Parts of OR and AND sorted, so that one licence has one spelling. */
  expression: string;
}

/**
 * The crates with their licences.
 * @throws Failure (1) with every crate whose licence is unknown, malformed or not on the contract's list
 */
export function licensed(crates: readonly Crate[]): Licensed[] {
  const problems: Problem[] = [];
  const result = crates.map((crate): Licensed => {
    const { name, version = "", licenseFile, manifest } = crate;
    const given =
      crate.license ?? (licenseFile === undefined ? undefined : LICENCE_TEXTS[digestFile(licenseFile).sha256]);
    const info = given === undefined ? undefined : parsed(given);
    if (info === undefined || !isAllowed(info)) {
      problems.push({
        what: `the licence of ${printable(name)} ${printable(version)} is not on the list`,
        expected: LICENCES.join(", "),
        got: printable(given ?? (licenseFile === undefined ? "none" : `the text ${digestFile(licenseFile).sha256}`)),
        ...(manifest !== undefined && { file: printable(manifest) }),
        fix: "do without the crate; or, when its licence suits stage0's, add that to LICENCES or LICENCE_TEXTS in contract.ts",
      });
    }
    return { ...crate, expression: info === undefined ? "" : spelled(info) };
  });
  if (problems.length > 0) throw contractFailure(...problems);
  return result;
}

/** cargo once took "A/B" for "A OR B", and old crates have it. */
function parsed(text: string): Info | undefined {
  try {
    return parse(text.replace(/\s*\/\s*/g, " OR "));
  } catch {
    return undefined;
  }
}

function isAllowed(info: Info): boolean {
  if ("license" in info) return LICENCES.includes(spelled(info));
  const both = [isAllowed(info.left), isAllowed(info.right)];
  return info.conjunction === "or" ? both.includes(true) : !both.includes(false);
}

function spelled(info: Info): string {
  if ("license" in info) {
    return `${info.license}${info.plus ? "+" : ""}${info.exception === undefined ? "" : ` WITH ${info.exception}`}`;
  }
  const { conjunction } = info;
  const parts = (part: Info): Info[] =>
    "conjunction" in part && part.conjunction === conjunction ? [...parts(part.left), ...parts(part.right)] : [part];
  const texts = parts(info).map((part) => ("conjunction" in part ? `(${spelled(part)})` : spelled(part)));
  return [...new Set(texts)].sort().join(` ${conjunction.toUpperCase()} `);
}

/** The licence of what is made of crates: each of theirs, first the one of the last that is named. */
export function together(crates: readonly Licensed[], first: string): string {
  const all = [...new Set(crates.map(({ expression }) => expression))].sort();
  const rest = all.filter((expression) => expression !== first);
  return [first, ...rest].map((text) => (text.includes(" OR ") ? `(${text})` : text)).join(" AND ");
}
