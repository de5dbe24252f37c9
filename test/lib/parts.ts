/** What a report holds for its picture. */
import { type Parts, unpackParts } from "../../scripts/lib/gate/parts.ts";

export function partsIn(packed: string | null): Parts {
  if (packed === null) throw new Error("the report has nothing for a picture");
  return unpackParts(packed);
}
