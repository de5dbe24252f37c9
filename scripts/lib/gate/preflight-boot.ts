/** The last check, for files that pass all others: does a kernel start them? */
import { bootAll, type Verdict } from "../boot.ts";
import { findTarget } from "../contract.ts";
import { Failure, type Problem, printable } from "../errors.ts";
import { say } from "../log.ts";
import { showProgress } from "../progress.ts";
import type { BootRequest } from "../requests.ts";
import { findingOf, type Preflight, preflightOf } from "./preflight.ts";
import type { FileReport, Finding } from "./report.ts";
import { writeTestResult } from "./test-result.ts";

/** What happened when a file was tried. */
interface Tried {
  path: string;
  /** 1: the file is wrong; 3: it was not reached. */
  exitCode: 0 | 1 | 3;
  outcome: string;
  problem?: Problem;
  /** The machine, in words. */
  machine: string;
  log: string;
}

/** A way to try files in a machine: the rules for a file that fails and for a machine that does, and how it is done. */
interface Trial {
  rules: { file: string; machine: string };
  did: string;
  run(requests: readonly BootRequest[]): Promise<Tried[]>;
}

const BOOT: Trial = {
  rules: { file: "boot", machine: "boot-machine" },
  did: "booted",
  async run(requests) {
    const verdicts = await showProgress("boot", (progress) => bootAll(requests, progress));
    return verdicts.map((verdict) => ({ ...verdict, machine: machineName(verdict) }));
  },
};

const PHONE: Trial = {
  rules: { file: "phone", machine: "phone-machine" },
  did: "booted a phone with",
  async run(requests) {
    const { bootPhones, forPhones } = await import("../phone.ts");
    const verdicts = await showProgress("phone", (progress) => bootPhones(forPhones(requests), progress));
    return verdicts.map((verdict) => ({ ...verdict, machine: `Linux ${verdict.kernel}, ${verdict.fastboop}` }));
  },
};

/** Boots the files that passed; a boot that goes wrong is a finding. @throws as tryPassed */
export const bootPassed = (gated: Preflight): Promise<Preflight> => tryPassed(gated, BOOT);

/** Boots a phone with each file that passed; a boot that goes wrong is a finding. @throws as tryPassed */
export const phonePassed = (gated: Preflight): Promise<Preflight> => tryPassed(gated, PHONE);

/** @throws Failure (2) when what the user names for the machine is wrong */
async function tryPassed(gated: Preflight, { rules, did, run }: Trial): Promise<Preflight> {
  const requests = gated.files.flatMap(requestFor);
  if (requests.length === 0) return gated;
  try {
    const tried = await run(requests);
    for (const { path, outcome, machine } of tried) say(`${did} ${printable(path)} on ${machine}: ${outcome}`);
    const files = gated.files.map((file) => {
      const found = tried.filter(({ path }) => path === file.path).flatMap((one) => findingsOf(one, rules));
      return { ...file, findings: [...file.findings, ...found] };
    });
    const result = preflightOf(files, gated.findings);
    for (const file of result.files) {
      const own = tried.filter(({ path }) => path === file.path);
      const runs = own.map(({ machine, outcome, exitCode }) => {
        return { name: `${did} it on ${machine}: ${outcome}`, machine, passed: exitCode === 0 };
      });
      if (runs.length > 0) writeTestResult(file, runs);
    }
    return result;
  } catch (error) {
    if (!(error instanceof Failure) || error.exitCode === 2) throw error;
    const rule = error.exitCode === 3 ? rules.machine : rules.file;
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
function findingsOf({ exitCode, outcome, problem, log, machine }: Tried, rules: Trial["rules"]): Finding[] {
  if (exitCode === 0) return [];
  const { what, got, ...rest } = problem ?? { what: outcome };
  const seen = [what, got, machine, `console in ${printable(log)}`];
  const told = { what: seen.filter((part) => part !== undefined).join("; "), ...rest };
  return [asFinding(exitCode === 3 ? rules.machine : rules.file, told)];
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
