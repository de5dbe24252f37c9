#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { releaseAssets } from "./lib/contract.ts";
import { type Check, checkList, renameHosted, writeList } from "./lib/dist.ts";
import { Failure, printableJson, usageFailure } from "./lib/errors.ts";
import { knob } from "./lib/knobs.ts";
import { duration, report, say, setOutputs, shortSize } from "./lib/log.ts";
import { distDir } from "./lib/paths.ts";
import { nameText } from "./lib/trust/sums.ts";

/** What a machine reads: a name that is not UTF-8 is given in base64. */
function asJson({ list, digests, problems, unread, notes }: Check): string {
  const files = [...digests].map(([name, digest]) => {
    const text = nameText(name);
    return { ...(text === undefined ? { nameBase64: btoa(name) } : { name: text }), ...digest };
  });
  return printableJson({ list, files, problems: [...problems, ...unread], notes });
}

await runScript({
  name: "sums.ts",
  summary:
    "Writes SHA256SUMS over the artifacts in DIST, or checks them against it. Every regular file is an artifact but hidden ones, *.log and *.env.",
  options: {
    verify: { type: "boolean", means: "check instead of writing; every problem is reported in one run" },
    rename: { type: "boolean", means: "first give files the names that GitHub keeps them by" },
    json: { type: "boolean", means: "print files, digests and problems as JSON" },
  },
  knobs: ["DIST", "TOOLS", "GITHUB_OUTPUT"],
  prints: "the path of SHA256SUMS, or JSON",
  main({ verify = false, rename = false, json = false }) {
    const start = performance.now();
    if (verify && rename)
      throw usageFailure({ what: "--rename changes what --verify checks", fix: "give one of them" });
    if (rename) renameHosted(distDir());
    const assets = releaseAssets(knob("TOOLS"));
    const check = (verify ? checkList : writeList)(distDir(), assets);
    const trouble = [...check.problems, ...check.unread];
    for (const note of check.notes) report(note, "warning");
    if (json) process.stdout.write(`${asJson(check)}\n`);
    if (trouble.length > 0) {
      throw new Failure(
        check.problems.length > 0 ? 1 : 3,
        ...trouble.map((problem) => ({ file: check.list, ...problem })),
      );
    }
    const bytes = [...check.digests.values()].reduce((sum, { size }) => sum + size, 0);
    const count = `${check.digests.size} files, ${shortSize(bytes)}, ${duration(performance.now() - start)}`;
    say(`${verify ? "checked" : "listed"} ${count}`);
    setOutputs({ path: check.list });
    if (!json) process.stdout.write(`${check.list}\n`);
    return 0;
  },
});
