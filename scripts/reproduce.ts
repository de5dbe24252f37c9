#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { readFileSync } from "node:fs";
import { buildTwice, type Difference, firstDifference } from "./lib/build/reproduce.ts";
import { withTemporaryFolder } from "./lib/cleanup.ts";
import { runScript } from "./lib/cli.ts";
import { contractFailure, type Problem, printable, usageFailure } from "./lib/errors.ts";
import { FETCH_KNOBS } from "./lib/fetch/request.ts";
import { digestFile } from "./lib/hash.ts";
import { knob } from "./lib/knobs.ts";
import { say, size } from "./lib/log.ts";
import { showProgress } from "./lib/progress.ts";
import { selectedTarget } from "./lib/target.ts";
import { findWorkspace } from "./lib/workspace.ts";

await runScript({
  name: "reproduce.ts",
  summary:
    "Builds stage0 twice, with different folders, CARGO_HOME, HOME, user, umask, locale, time zone and jobs, and compares\n" +
    "the bytes. With TAG it builds that release's files once more, from the commit that its buildinfo names in WORKSPACE's git.\n" +
    "A difference is named by its place in the file, with its likely cause. TARGET: only that file of the release.",
  options: { html: { type: "string", value: "PAGE", means: "write a page of the comparison with a release, too" } },
  knobs: [...FETCH_KNOBS, "TARGET", "FASTBOOP_STAGE0_TARGET", "FASTBOOP_STAGE0_TOOLCHAIN", "CARGO_HOME"],
  prints: "the sha256 of both builds; with TAG a line for each file",
  async main({ html }) {
    if (knob("TAG") === undefined && html !== undefined)
      throw usageFailure({ what: "--html is about a release", fix: "name one: TAG=vX.Y.Z" });
    await withTemporaryFolder(knob("TAG") === undefined ? twice : (work) => release(work, html));
    return 0;
  },
});

function problemOf(what: string, difference: Difference, sha256: [string, string]): Problem {
  const { offset, section, texts, cause } = difference;
  return {
    what: `${what} first at byte ${offset} of ${section ?? "the file"}`,
    expected: `${sha256[0]}: ${texts[0]}`,
    got: `${sha256[1]}: ${texts[1]}`,
    fix: `look for ${cause}`,
  };
}

async function twice(work: string): Promise<void> {
  const { triple } = selectedTarget();
  const { dir } = findWorkspace();
  const [one, other] = await showProgress("reproduce", (progress) => buildTwice(dir, triple, work, progress));
  const difference = firstDifference(readFileSync(one), readFileSync(other));
  const [{ sha256 }, second] = [digestFile(one), digestFile(other)];
  if (difference !== undefined)
    throw contractFailure(problemOf(`two builds of ${triple} differ`, difference, [sha256, second.sha256]));
  say(`both builds of ${triple} are the same ${second.size} bytes`);
  process.stdout.write(`${sha256}\n`);
}

async function release(work: string, html: string | undefined): Promise<void> {
  const page = html === undefined ? undefined : (await import("./lib/html.ts")).pagePath(html);
  const { reproduceRelease } = await import("./lib/build/reproduce-release.ts");
  const target = knob("TARGET") === undefined ? undefined : selectedTarget();
  const result = await showProgress("reproduce", (progress) => reproduceRelease(target, work, progress));
  const { tag, source, twins } = result;
  for (const { asset, release: published, difference, surroundings } of twins) {
    for (const { what, release: there, here } of surroundings)
      say(`note: ${asset}: another ${printable(`${what}: ${there} in the release, ${here} here`)}`);
    const verdict = difference === undefined ? "ok  " : "FAIL";
    const words = difference === undefined ? "the same bytes as its sources give" : "not what its sources give";
    process.stdout.write(
      `${verdict} ${asset} of ${tag}: ${words}, ${size(published.size)}, sha256 ${published.sha256}\n`,
    );
  }
  say(`built from commit ${source?.commit ?? "none"}`);
  if (page !== undefined) {
    const { writePieces } = await import("./lib/files.ts");
    writePieces(page, (await import("./lib/build/reproduce-html.ts")).reproductionPage(result));
  }
  const problems = twins.flatMap(({ asset, difference, release: { sha256 }, built }) =>
    difference === undefined
      ? []
      : [problemOf(`${asset} of ${tag} is not what its sources give: it differs`, difference, [sha256, built.sha256])],
  );
  if (problems.length > 0) throw contractFailure(...problems);
}
