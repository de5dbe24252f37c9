/** What there is to know of each knob, for `make help` and the docs. */
import { KNOBS, type KnobName } from "./knobs.ts";

export interface KnobRow {
  name: KnobName;
  takes: string;
  means: string;
  fallback: string;
  audience: "user" | "host";
}

export const knobRows = (): KnobRow[] =>
  Object.entries(KNOBS).map(([name, knob]) => ({
    name: name as KnobName,
    takes: knob.takes,
    means: knob.means,
    fallback: "default" in knob && knob.default !== undefined ? knob.default : "",
    audience: knob.audience,
  }));

/** Every knob in full, for a terminal. */
export const knobList = (): string =>
  knobRows()
    .map(({ name, takes, means, fallback }) => `${name}${fallback && `=${fallback}`}\n    ${means} (${takes})`)
    .join("\n");
