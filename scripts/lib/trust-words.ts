/** What a release says of an asset's digest: in its list, and through the API. */
import { contractFailure, printable } from "./errors.ts";
import { parseSums } from "./sums.ts";
import type { Word } from "./trust.ts";

/**
 * What a release's list says of an asset.
 * @param list undefined: the release has none
 * @throws Failure (1) when the list is malformed, or does not name the asset: a list that leaves out what the contract
 *   demands is no list to trust
 */
export function sumsWord(list: Uint8Array | undefined, asset: string, where: string): Word {
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

/** What the API says of an asset (`digest` of release-asset: missing, null, or `sha256:` and 64 digits). @throws Failure (1) on anything else */
export function apiWord(digest: string | null | undefined): Word {
  if (digest === undefined) return "absent";
  if (digest === null) return "null";
  const [, sha256] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (sha256 !== undefined) return { sha256 };
  throw contractFailure({
    what: "the API's digest is in no form that is known here",
    expected: "sha256: and 64 hexadecimal digits",
    got: printable(digest),
  });
}
