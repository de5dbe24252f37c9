/** The two release files of the example workspace, really built: what other tests take as known-good input. */
import { join } from "node:path";
import { assetName } from "../../scripts/lib/contract.ts";
import { EXAMPLE_WORKSPACE, PROJECT } from "../../scripts/lib/paths.ts";
import { script } from "./harness.ts";

export interface ReleaseFiles {
  "x86_64-unknown-linux-musl": string;
  "aarch64-unknown-linux-musl": string;
}

let files: Promise<ReleaseFiles> | undefined;

/**
 * Builds them once per checkout, into test/.cache, and again when the sources changed. Test files may ask at the same
 * time: two builds into one folder both end right.
 * @returns absolute paths, which must not be written to
 */
export function releaseFiles(): Promise<ReleaseFiles> {
  files ??= build();
  return files;
}

async function build(): Promise<ReleaseFiles> {
  const dist = join(PROJECT, "test", ".cache", "release");
  const { code, stderr } = await script("build-stage0.ts", ["--all"], {
    env: { DIST: dist, WORKSPACE: EXAMPLE_WORKSPACE },
  });
  if (code !== 0) throw new Error(`the release files can't be built: ${stderr}`);
  return {
    "x86_64-unknown-linux-musl": join(dist, assetName("x86_64-unknown-linux-musl")),
    "aarch64-unknown-linux-musl": join(dist, assetName("aarch64-unknown-linux-musl")),
  };
}
