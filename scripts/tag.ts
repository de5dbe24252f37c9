#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { usageFailure } from "./lib/errors.ts";
import { knob } from "./lib/knobs.ts";
import { readTag, spellTag } from "./lib/tags.ts";

await runScript({
  name: "tag.ts",
  summary: "Prints VERSION, a tag or a distribution's spelling of one, as a tag or in the spelling of FORMAT.",
  options: {},
  knobs: ["VERSION", "FORMAT"],
  prints: "the tag or the version",
  main() {
    const version = knob("VERSION");
    if (version === undefined) {
      throw usageFailure({
        what: "VERSION is not set",
        expected: "a tag or a distribution's spelling of one",
        fix: "make -s tag VERSION=0.0.1~rc7",
      });
    }
    process.stdout.write(`${spellTag(readTag(version, "VERSION"), knob("FORMAT"))}\n`);
    return 0;
  },
});
