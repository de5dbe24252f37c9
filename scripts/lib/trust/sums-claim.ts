/** What a release's SHA256SUMS claims of an asset. Apart from trust.ts, since most runs read no list. */
import { contractFailure, printable } from "../errors.ts";
import type { Claim } from "../trust.ts";
import { parseSums } from "./sums.ts";

/**
 * What a release's list says of an asset.
 * @param list undefined: the release has none
 * @throws Failure (1) when the list is malformed, or does not name the asset: a list that leaves out what the contract
 *   demands is no list to trust
 */
export function sumsClaim(list: Uint8Array | undefined, asset: string, where: string): Claim {
  if (list === undefined) return "absent";
  const { entries, problems } = parseSums(list);
  const file = `${printable(where)}`;
  if (problems.length > 0) {
    throw contractFailure(
      ...problems.map((problem) => ({
        file,
        fix: "tell the publisher: no line of this list can be trusted",
        ...problem,
      })),
    );
  }
  const sha256 = entries.get(asset);
  if (sha256 !== undefined) return { sha256 };
  throw contractFailure({
    file,
    what: `does not name ${printable(asset)}`,
    expected: "every asset of the release",
    got: `${entries.size} other names`,
    fix: "tell the publisher: the list is not complete",
  });
}
