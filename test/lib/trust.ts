/** What the tests of trust/ share: two digests, witnesses, and lists as they are parsed. */
import { parseSums } from "../../scripts/lib/trust/sums.ts";
import type { Witness } from "../../scripts/lib/trust.ts";

export const A = "a".repeat(64);
export const B = "b".repeat(64);
export const pin = (name: string, claim: Witness["claim"]): Witness => ({ name, kind: "pin", claim });
export const release = (name: string, claim: Witness["claim"]): Witness => ({ name, kind: "release", claim });

/** What a malformed line is told to be. */
export const LINE = "64 hexadecimal digits, two spaces, a file name";
export const parse = (list: string) => {
  const { entries, problems } = parseSums(Buffer.from(list, "latin1"));
  return { entries: [...entries], problems };
};
