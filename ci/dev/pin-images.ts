#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../../scripts/lib/typescript.cjs" "$0" "$@"'
import { join } from "node:path";
import { runScript } from "../../scripts/lib/cli.ts";
import { writeText } from "../../scripts/lib/files.ts";
import { NETWORK_KNOBS } from "../../scripts/lib/knobs.ts";
import { WORKFLOW_FOLDER, workflowFiles } from "../../scripts/lib/workflow-files.ts";
import { DOCKER_HUB, indexDigest, pinImages } from "./lib/images.ts";

await runScript({
  name: "pin-images.ts",
  summary: "Writes beside the tag of each container image in ci/workflows the digest that Docker Hub has for it now.",
  options: {},
  knobs: NETWORK_KNOBS,
  prints: "the path of each workflow that was changed",
  async main() {
    for (const { file, text } of workflowFiles()) {
      const pinned = await pinImages(text, (name, tag) => indexDigest(DOCKER_HUB, name, tag));
      if (pinned === text) continue;
      const path = join(WORKFLOW_FOLDER, file);
      writeText(path, pinned);
      process.stdout.write(`${path}\n`);
    }
    return 0;
  },
});
