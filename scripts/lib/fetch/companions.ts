/** The files by which a release describes itself: how it was built, of what, and under which licences. */
import { BUILDINFO, bundleName, NOTICE, RELEASE_ASSETS, SBOM } from "../contract.ts";
import { sha256Of } from "../crypto.ts";
import { contractFailure } from "../errors.ts";
import { releaseOrigin } from "../github/origin.ts";
import { knob } from "../knobs.ts";
import { parseSums } from "../trust/sums.ts";
import { provenanceOf } from "./provenance-witness.ts";
import { openSource } from "./release.ts";

/**
 * Fetches those that the release's SHA256SUMS names, and their bundles. Their digests are the list's, and what was signed.
 * @returns contents by name; none of a release from before there were any, and none offline
 * @throws Failure (1) when one is not what was listed or signed, (3) when provenance is demanded and absent
 */
export async function fetchCompanions(
  tag: string,
  names: readonly string[] = [BUILDINFO, SBOM, NOTICE],
): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const request = { origin: releaseOrigin(), tag };
  if (knob("FASTBOOP_STAGE0_OFFLINE") && !request.origin.mirror?.startsWith("file:")) return found;
  const source = await openSource(request, RELEASE_ASSETS[0] ?? "");
  const list = await source.sums();
  const { entries } = list === undefined ? { entries: new Map<string, string>() } : parseSums(list);
  for (const name of names) {
    const listed = entries.get(name);
    if (listed === undefined) continue;
    const bytes = await source.small(name);
    const got = bytes === undefined ? "no such file" : sha256Of(bytes);
    const { claim, bundle } = await provenanceOf(request, source, list, name);
    const signed = typeof claim === "object" ? claim.sha256 : listed;
    const other = [listed, signed].find((sha256) => sha256 !== got);
    if (bytes === undefined || other !== undefined) {
      throw contractFailure({
        file: source.list,
        what: `${name} of ${tag} is not what was published`,
        expected: other ?? listed,
        got,
        fix: "do not use this release before you know why",
      });
    }
    found.set(name, bytes);
    if (bundle !== undefined) found.set(bundleName(name), bundle);
  }
  return found;
}
