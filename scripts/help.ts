#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runScript } from "./lib/cli.ts";
import { printable, usageFailure } from "./lib/errors.ts";
import { knobList } from "./lib/knob-list.ts";
import { knob } from "./lib/knobs.ts";
import { PROJECT } from "./lib/paths.ts";
import { run } from "./lib/process.ts";
import { scriptCommand } from "./lib/shell.ts";

await runScript({
  name: "help.ts",
  summary: "Prints the details of the make target that TARGET names: what its script takes and reads.",
  options: {},
  knobs: ["TARGET"],
  prints: "the text",
  async main() {
    const name = knob("TARGET") ?? "help";
    if (name === "knobs") return void process.stdout.write(`${knobList()}\n`);
    const makefile = readFileSync(join(PROJECT, "Makefile"), "utf8");
    const rules = new Map(
      [...makefile.matchAll(/^([a-z][a-z0-9-]*):.*## (.*)\n(?:\t(.*))?/gm)].map(([, rule = "", text, recipe = ""]) => [
        rule,
        { text, recipe },
      ]),
    );
    const rule = rules.get(name);
    if (rule === undefined) {
      throw usageFailure({
        what: `make has no verb "${printable(name)}"`,
        expected: [...rules.keys(), "knobs"].join(", "),
      });
    }
    const [script] = /(?:scripts\/(?!help)|ci\/dev\/)[a-z0-9-]+\.ts/.exec(rule.recipe) ?? [];
    process.stdout.write(`make ${name}: ${rule.text}\n`);
    if (script === undefined) return;
    const { stdout, exitCode } = await run(scriptCommand(join("..", script), ["--help"]));
    process.stdout.write(`\n${stdout}`);
    return exitCode ?? 3;
  },
});
