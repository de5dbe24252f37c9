#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../../scripts/lib/typescript.cjs" "$0" "$@"'
import { join } from "node:path";
import { runScript } from "../../scripts/lib/cli.ts";
import { contractFailure } from "../../scripts/lib/errors.ts";
import { writeText } from "../../scripts/lib/files.ts";
import { PROJECT } from "../../scripts/lib/paths.ts";
import { staleDocs } from "./lib/docs.ts";

await runScript({
  name: "docs.ts",
  summary: "Writes the parts of the docs and of the Makefile that are made from the code.",
  options: { check: { type: "boolean", means: "write nothing; fail when a part differs from the code" } },
  knobs: [],
  prints: "the files that were written",
  async main({ check }) {
    const stale = await staleDocs();
    if (check && stale.length > 0) {
      throw contractFailure(
        ...stale.map(({ file }) => ({ file, what: "differs from the code it is made from", fix: "make docs" })),
      );
    }
    for (const { file, text } of stale) {
      writeText(join(PROJECT, file), text);
      process.stdout.write(`${file}\n`);
    }
    return 0;
  },
});
