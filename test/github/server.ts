import type { GitHub, Options } from "./types.ts";

/** Starts a GitHub on loopback: web, API, uploads, blobs and a foreign host, each an origin of its own. */
export async function startGitHub(_options: Options = {}): Promise<GitHub> {
  throw new Error("not written yet");
}
