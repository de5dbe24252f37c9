#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../../scripts/lib/typescript.cjs" "$0" "$@"'
import { join } from "node:path";
import { withTemporaryFolder } from "../../scripts/lib/cleanup.ts";
import { runScript } from "../../scripts/lib/cli.ts";
import { missingFailure, printable } from "../../scripts/lib/errors.ts";
import { writeText } from "../../scripts/lib/files.ts";
import { PROJECT } from "../../scripts/lib/paths.ts";

await runScript({
  name: "trusted-root.ts",
  summary:
    "Takes Sigstore's public trusted root of today into the project, by TUF: each root has to be signed by the keys of the one before.",
  options: {},
  knobs: [],
  prints: "the path of the root",
  async main() {
    const path = join(PROJECT, "scripts", "lib", "provenance", "trusted-root.json");
    const root = await withTemporaryFolder(takeRoot);
    writeText(path, `${JSON.stringify({ taken: new Date().toISOString().slice(0, 10), root }, null, 2)}\n`);
    process.stdout.write(`${path}\n`);
    return 0;
  },
});

async function takeRoot(cachePath: string): Promise<unknown> {
  const { getTrustedRoot } = await import("@sigstore/tuf");
  const { TrustedRoot } = await import("@sigstore/protobuf-specs");
  try {
    return TrustedRoot.toJSON(await getTrustedRoot({ cachePath, forceInit: true, retry: 1 }));
  } catch (error) {
    throw missingFailure({
      what: "Sigstore's trusted root can't be downloaded",
      got:
        error instanceof Error
          ? printable(`${error.message}: ${String((error as { cause?: unknown }).cause ?? "")}`)
          : "",
      fix: "check the network; npm's @sigstore/tuf, updated, brings a newer first root when Sigstore's keys have changed",
    });
  }
}
