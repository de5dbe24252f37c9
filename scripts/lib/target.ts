/** The target that a run is about. */
import { findTarget, TARGETS, type Target } from "./contract.ts";
import { printable, usageFailure } from "./errors.ts";
import { knob } from "./knobs.ts";

/**
 * TARGET, else FASTBOOP_STAGE0_TARGET, else the default (specification, "Embed Modes").
 * @throws Failure (2) for a target that is unknown
 */
export function selectedTarget(): Target {
  const given = knob("TARGET");
  return given === undefined
    ? supportedTarget("FASTBOOP_STAGE0_TARGET", knob("FASTBOOP_STAGE0_TARGET"))
    : supportedTarget("TARGET", given);
}

/**
 * The target of a triple.
 * @param name the variable or option that holds the triple, for the message
 * @throws Failure (2) for a target that is unknown
 */
export function supportedTarget(name: string, triple: string): Target {
  const target = findTarget(triple);
  if (target !== undefined) return target;
  throw usageFailure({
    what: `${name} names an unknown target`,
    expected: TARGETS.map((known) => known.triple).join(", "),
    got: `"${printable(triple)}"`,
    fix: `set ${name} to one of them`,
  });
}
