/** Which Rust a workspace's manifests ask for at least. */
import { join } from "node:path";
import { Failure, type Problem, printable } from "../errors.ts";
import { at, readToml } from "../workspace.ts";

/** The first Rust that knows an edition (The Rust Edition Guide). */
const EDITIONS: Record<string, string> = { "2018": "1.31", "2021": "1.56", "2024": "1.85" };

/**
 * Checks that a compiler is as new as the workspace's manifests ask. Its version is often known before the compiler is here:
 * check as soon as it is.
 * @param fix where it is another than to update the compiler
 * @throws Failure (3) with both versions
 */
export async function checkRust(dir: string, version: string, fix?: string): Promise<void> {
  const problems = await unmetBy(dir, version);
  if (problems.length > 0) throw new Failure(3, ...problems.map((one) => (fix === undefined ? one : { ...one, fix })));
}

/** What manifests ask that a compiler is too old for. */
export async function unmetBy(dir: string, version: string): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const file of [join(dir, "Cargo.toml"), join(dir, "stage0", "Cargo.toml")]) {
    const manifest = await readToml(file);
    for (const table of [at(manifest, "workspace", "package"), at(manifest, "package")]) {
      const wishes = [
        { key: "rust-version", needed: (value: string) => value },
        { key: "edition", needed: (value: string) => EDITIONS[value] },
      ].flatMap(({ key, needed }) => {
        const value = at(table, key);
        const oldest = typeof value === "string" ? needed(value) : undefined;
        return oldest !== undefined && isOlder(version, oldest) ? [`${oldest} or later, by ${key} = "${value}"`] : [];
      });
      const [unmet] = wishes;
      if (unmet === undefined) continue;
      problems.push({
        what: "the workspace needs a newer Rust",
        expected: printable(unmet),
        got: version,
        file: printable(file),
        fix: "update the Rust that cargo belongs to, or set FASTBOOP_STAGE0_TOOLCHAIN=debian for Debian's",
      });
    }
  }
  return problems;
}

/** Whether a version comes before another, number by number; what one of them leaves open does not tell. */
export function isOlder(version: string, other: string): boolean {
  const [own = [], others = []] = [version, other].map((text) => (text.match(/[0-9]+/g) ?? []).map(Number));
  const index = others.findIndex((number, place) => own[place] !== undefined && own[place] !== number);
  return index >= 0 && (own[index] ?? 0) < (others[index] ?? 0);
}
