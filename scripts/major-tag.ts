#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { say } from "./lib/log.ts";
import { PROJECT } from "./lib/paths.ts";
import { moveMajorTag } from "./lib/release/own.ts";
import { requiredTag, spellTag } from "./lib/tags.ts";

await runScript({
  name: "major-tag.ts",
  summary:
    "Moves this repository's tag vMAJOR, by which others use the actions, to the release of TAG, by git push. A candidate\n" +
    "does not move it, nor does a release that is not the newest of its major version.",
  options: {},
  knobs: ["TAG"],
  prints: "the tag that was moved",
  async main() {
    const tag = requiredTag();
    const moved = await moveMajorTag(tag, PROJECT);
    if (moved === undefined) say(`${spellTag(tag)} moves no tag: it is a candidate, or a newer release is there`);
    else process.stdout.write(`${moved}\n`);
    return 0;
  },
});
