#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { contract } from "./lib/contract.ts";
import { setOutputs } from "./lib/log.ts";

await runScript({
  name: "contract.ts",
  summary:
    "Prints the distribution contract: targets, asset names, tags, URLs, and a matrix, which is a step output in CI too.",
  options: {},
  knobs: ["GITHUB_OUTPUT"],
  prints: "JSON",
  main() {
    setOutputs({ matrix: JSON.stringify(contract().matrix) });
    process.stdout.write(`${JSON.stringify(contract(), null, 2)}\n`);
    return 0;
  },
});
