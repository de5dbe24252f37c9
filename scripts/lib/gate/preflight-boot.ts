/** The last check, for files that pass all others: does a kernel start them? */
import { type BootRequest, bootAll, type Verdict } from "../boot.ts";
import { findTarget } from "../contract.ts";
import { Failure, type Problem, printable } from "../errors.ts";
import { say } from "../log.ts";
import { showProgress } from "../progress.ts";
import { findingOf, type Preflight, preflightOf } from "./preflight.ts";
import type { FileReport, Finding } from "./report.ts";

/**
 * Boots the files that passed; a boot that goes wrong is a finding.
 * @throws Failure (2) when what the user names as a kernel is none
 */
export async function bootPassed(gated: Preflight): Promise<Preflight> {
  const requests = gated.files.flatMap(requestFor);
  if (requests.length === 0) return gated;
  try {
    const verdicts = await showProgress("boot", (progress) => bootAll(requests, progress));
    for (const { path, outcome, ...machine } of verdicts) {
      say(`booted ${printable(path)} on ${machineName(machine)}: ${outcome}`);
    }
    const files = gated.files.map((file) => {
      const found = verdicts.filter(({ path }) => path === file.path).flatMap(findingsOf);
      return { ...file, findings: [...file.findings, ...found] };
    });
    return preflightOf(files, gated.findings);
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode === 2) throw error;
    const rule = error.exitCode === 3 ? "boot-machine" : "boot";
    // Without a boot no file has passed; the findings on the files remain.
    const named = error.problems.map(({ file, what, ...rest }) => ({ ...rest, what: file ? `${file} ${what}` : what }));
    return preflightOf(gated.files, [...gated.findings, ...named.map((problem) => asFinding(rule, problem))]);
  }
}

function requestFor({ ok, path, sha256, target: triple }: FileReport): BootRequest[] {
  const target = ok && triple !== null ? findTarget(triple) : undefined;
  return target === undefined || sha256 === null ? [] : [{ path, target, sha256 }];
}

const machineName = ({ kernel, processor }: Pick<Verdict, "kernel" | "processor">): string =>
  `${kernel === null ? "an unknown kernel" : `Linux ${kernel}`}, ${processor}`;

/** The findings of a boot; none when it succeeded. */
function findingsOf({ exitCode, outcome, problem, log, ...machine }: Verdict): Finding[] {
  if (exitCode === 0) return [];
  const { what, got, ...rest } = problem ?? { what: outcome };
  const seen = [what, got, machineName(machine), `console in ${printable(log)}`];
  const told = { what: seen.filter((part) => part !== undefined).join("; "), ...rest };
  return [asFinding(exitCode === 3 ? "boot-machine" : "boot", told)];
}

/** A problem of a boot as a finding. */
function asFinding(rule: string, { what, expected, got, fix }: Problem): Finding {
  const finding = findingOf(
    rule,
    expected ?? "the file started as PID 1",
    got === undefined ? what : `${what}; ${got}`,
  );
  return fix === undefined ? finding : { ...finding, fix };
}
