/** The target that a run is about. */
import { findTarget, TARGETS, type Target } from "./contract.ts";
import { printable, usageFailure } from "./errors.ts";
import { knob } from "./knobs.ts";

/**
 * TARGET, else FASTBOOP_STAGE0_TARGET, else the default (specification, "Embed Modes").
 * @throws Failure (2) for a target that is unknown, or deferred, with the reason
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
 * @throws Failure (2) for a target that is unknown, or deferred, with the reason
 */
export function supportedTarget(name: string, triple: string): Target {
  const target = findTarget(triple);
  if (target !== undefined && target.status !== "deferred") return target;
  throw usageFailure({
    what:
      target === undefined ? `${name} names an unknown target` : `the target ${triple} is deferred: ${target.reason}`,
    expected: TARGETS.filter(({ status }) => status !== "deferred")
      .map((known) => known.triple)
      .join(", "),
    got: `"${printable(triple)}"`,
    fix: `set ${name} to one of them`,
  });
}
