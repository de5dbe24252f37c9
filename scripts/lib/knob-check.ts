/** What is wrong with the variables that a run is given, told before it does anything. */
import { Failure, type Problem, printable, usageFailure } from "./errors.ts";
import { environment, forget, KNOBS, type KnobName, knob } from "./knobs.ts";
import { say } from "./log.ts";

const PREFIX = "FASTBOOP_STAGE0_";
/** Variables with the prefix that fastboop itself reads. */
const FASTBOOPS: readonly string[] = ["FASTBOOP_STAGE0_PATH", "FASTBOOP_STAGE0_ROLE"];

const isKnob = (name: string): name is KnobName => Object.hasOwn(KNOBS, name);

/**
 * Checks the names on make's command line, the names in the environment that start like ours, and the values of what the
 * script reads. An unknown name on make's command line that resembles no knob gets a line in the log: other tools pass
 * theirs to every make.
 * @param declared the knobs that the script reads
 * @throws Failure (2) naming every variable that is misspelled or does not parse
 */
export function checkKnobs(declared: readonly KnobName[]): void {
  const given = (knob("MAKE_VARIABLES") ?? "").split(/\s+/).filter((name) => name !== "");
  // Once is enough: what this process starts was not called with them.
  forget("MAKE_VARIABLES");
  const ours = Object.entries(environment()).flatMap(([name, value]) =>
    name.startsWith(PREFIX) && value !== "" ? [name] : [],
  );
  const unknown = [...new Set([...given, ...ours])].sort().filter((name) => !isKnob(name) && !FASTBOOPS.includes(name));
  const harmless = unknown.filter((name) => !name.startsWith(PREFIX) && resembled(name).length === 0);
  const problems = [
    ...unknown.filter((name) => !harmless.includes(name)).map(misspelled),
    ...[...new Set([...declared, ...given.filter(isKnob)])].flatMap(unparsed),
  ];
  if (problems.length > 0) throw usageFailure(...problems);
  if (harmless.length > 0) say(`no knobs of this project, only handed on: ${harmless.map(printable).join(", ")}`);
}

function misspelled(name: string): Problem {
  const near = resembled(name);
  const expected = near.length > 0 ? near : Object.keys(KNOBS).filter((known) => known.startsWith(PREFIX));
  return {
    what: `nothing reads the variable ${printable(name)}`,
    expected: expected.join(", "),
    fix: near.length > 0 ? `set ${near.join(" or ")} instead` : `unset ${printable(name)}`,
  };
}

/** The knobs that a name was meant for, the nearest: upper for lower case, or two edits away, one in a short name. */
function resembled(name: string): string[] {
  const most = name.length < 3 ? 0 : name.length < 5 ? 1 : 2;
  const near = Object.keys(KNOBS).map((known) => ({ known, far: edits(name.toUpperCase(), known.toUpperCase()) }));
  const least = Math.min(...near.map(({ far }) => far));
  return near.filter(({ far }) => far === least && far <= most).map(({ known }) => known);
}

/** How many letters have to be added, removed, replaced or swapped with the next to get from one text to the other. */
function edits(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      rows[i]?.push(Math.min(replaced, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}

/** The problem of a value that does not parse. Those of the host are looked at where they count: they may be for others. */
function unparsed(name: KnobName): readonly Problem[] {
  if (KNOBS[name].audience === "host") return [];
  try {
    knob(name);
    return [];
  } catch (error) {
    if (error instanceof Failure) return error.problems;
    throw error;
  }
}
