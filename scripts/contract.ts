import { runScript } from "./lib/cli.ts";
import { contract } from "./lib/contract.ts";

await runScript({
  name: "contract.ts",
  summary: "Prints the distribution contract: targets, asset names, tags, URLs, and a matrix for CI.",
  options: {},
  knobs: [],
  prints: "JSON",
  main() {
    process.stdout.write(`${JSON.stringify(contract(), null, 2)}\n`);
    return 0;
  },
});
