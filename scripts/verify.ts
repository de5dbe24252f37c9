#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { basename } from "node:path";
import { runScript } from "./lib/cli.ts";
import { targetOfAsset } from "./lib/contract.ts";
import { printable, printableJson, usageFailure } from "./lib/errors.ts";
import { RELEASE_KNOBS } from "./lib/fetch/request.ts";
import { knob } from "./lib/knobs.ts";
import { report, size } from "./lib/log.ts";
import { fromCaller } from "./lib/paths.ts";
import type { Attestation } from "./lib/provenance/attestation.ts";
import { readTag, spellTag } from "./lib/tags.ts";
import { selectedTarget } from "./lib/target.ts";
import { witnessLines } from "./lib/trust.ts";
import { exitCodeOf, type Verification, verifyFile } from "./lib/verify.ts";

await runScript({
  name: "verify.ts",
  summary:
    "Says all that can be said of the stage0 FILE: the gate, pins, SHA256SUMS, provenance and signed test results. With TAG\n" +
    "it is held against that release's, and with FASTBOOP_STAGE0_TRUSTED_ROOT against GitHub's own attestation of the\n" +
    "release; without TAG against those that lie beside it, and no network is used.",
  options: { json: { type: "boolean", means: "print the result as JSON" } },
  knobs: ["FILE", "TARGET", "FASTBOOP_STAGE0_TARGET", "FASTBOOP_STAGE0_SHA256", ...RELEASE_KNOBS],
  prints: "a line for each thing that is known, or JSON; stderr tells what is wrong",
  async main({ json }) {
    const given = knob("FILE");
    if (given === undefined) throw usageFailure({ what: "no file is named", fix: "FILE=path/of/stage0" });
    const named = knob("TAG");
    const tag = named === undefined ? undefined : spellTag(readTag(named, "TAG"));
    const target = (knob("TARGET") === undefined ? targetOfAsset(basename(given)) : undefined) ?? selectedTarget();
    const result = await verifyFile(fromCaller(given), target, tag);
    const exitCode = exitCodeOf(result);
    process.stdout.write(json ? `${printableJson(asJson(given, result))}\n` : asText(given, result));
    for (const problem of result.failures.flatMap(({ problems }) => problems)) report(problem);
    return exitCode;
  },
});

function asText(path: string, result: Verification): string {
  const { asset, tag, gate, witnesses, sha256, provenance, tests, release } = result;
  const signed = (what: string, { signer, commit, run, time, root }: Attestation): string[] => [
    `${what} signed by ${printable(signer)} at ${time} (${root})`,
    `  commit ${printable(commit ?? "none")}`,
    `  run    ${printable(run ?? "none")}`,
  ];
  const lines = [
    `${exitCodeOf(result) === 0 ? "ok  " : "FAIL"} ${printable(path)}: ${asset} of ${tag ?? "no release that is known"}`,
    `  ${size(result.size)}, sha256 ${sha256}`,
    `  gate ${gate ? "passed" : "failed"}`,
    ...witnessLines(witnesses, sha256),
    ...(provenance === undefined ? [] : signed("provenance", provenance)),
    ...(tests === undefined ? [] : [...signed("test results", tests), ...testLines(tests.predicate)]),
    ...(release === undefined ? [] : signed("release", release).slice(0, 1)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** The parts of an in-toto test result that name something, each on a line. */
function testLines(predicate: unknown): string[] {
  const { result, configuration, ...lists } = (predicate ?? {}) as Record<string, unknown>;
  const texts = (value: unknown): string[] =>
    (Array.isArray(value) ? value : []).map((one) =>
      printable(typeof one === "object" && one !== null ? String((one as { name?: unknown }).name) : String(one)),
    );
  return [
    `  result ${printable(String(result))}`,
    ...texts(configuration).map((name) => `  with   ${name}`),
    ...Object.entries(lists).flatMap(([name, value]) => texts(value).map((text) => `  ${printable(name)}: ${text}`)),
  ];
}

function asJson(file: string, result: Verification): unknown {
  const { asset, tag, size: bytes, sha256, gate, witnesses, provenance, tests, release, failures } = result;
  return {
    ok: exitCodeOf(result) === 0,
    file,
    asset,
    tag: tag ?? null,
    size: bytes,
    sha256,
    gate,
    witnesses: witnesses.map(({ name, kind, claim }) => ({ name, kind, claim })),
    provenance: provenance ?? null,
    tests: tests ?? null,
    release: release ?? null,
    problems: failures.flatMap(({ problems }) => problems),
  };
}
