#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { readFileSync } from "node:fs";
import { runScript } from "./lib/cli.ts";
import { knob } from "./lib/knobs.ts";
import { say, setOutputs } from "./lib/log.ts";
import { decideRelease } from "./lib/release/decision.ts";
import { checkOwnTag } from "./lib/release/own.ts";

await runScript({
  name: "release-gate.ts",
  summary:
    "Decides what a workflow run is: a release (push of a tag), a rehearsal (pull request from release/v…), or neither.\n" +
    "TOOLS=1: of this project itself, whose tag has to be that of package.json's version and in docs/changelog.md.",
  options: {},
  knobs: ["TOOLS", "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_REF", "GITHUB_OUTPUT"],
  prints: "the decision as JSON; in GitHub Actions it is the step's outputs mode, tag and epoch too",
  main() {
    const path = knob("GITHUB_EVENT_PATH");
    const decision = decideRelease({
      name: knob("GITHUB_EVENT_NAME") ?? "",
      ref: knob("GITHUB_REF") ?? "",
      payload: path === undefined ? {} : JSON.parse(readFileSync(path, "utf8")),
    });
    if (knob("TOOLS") && decision.tag !== "") checkOwnTag(decision.tag);
    say(`mode: ${decision.mode}${decision.tag && `, tag: ${decision.tag}`}`);
    setOutputs(decision);
    process.stdout.write(`${JSON.stringify(decision)}\n`);
    return 0;
  },
});
