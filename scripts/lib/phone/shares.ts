/** How many of a file's boots passed, and what the others failed by: a race shows in nothing else. */
import { printable } from "../errors.ts";
import type { PhoneVerdict } from "./parts.ts";

export interface Share {
  path: string;
  target: string;
  boots: number;
  passed: number;
  /** Whether all did. */
  ok: boolean;
  /** How often each failure came. */
  failures: Record<string, number>;
  /** All of it in a sentence. */
  text: string;
}

/** The share of each file that was booted more than once. */
export function shares(verdicts: readonly PhoneVerdict[]): Share[] {
  const paths = [...new Set(verdicts.map(({ path }) => path))];
  return paths.flatMap((path) => {
    const boots = verdicts.filter((verdict) => verdict.path === path);
    // Boots with faults have each an end of their own.
    if (boots.length < 2 || boots.some(({ fault }) => fault !== undefined)) return [];
    const failures: Record<string, number> = {};
    for (const { ok, signature, outcome } of boots) {
      if (ok) continue;
      const name = signature?.id ?? outcome;
      failures[name] = (failures[name] ?? 0) + 1;
    }
    const passed = boots.filter(({ ok }) => ok).length;
    const causes = Object.entries(failures).map(([name, count]) => `${count} × ${printable(name)}`);
    const text = `${printable(path)}: ${passed} of ${boots.length} boots passed${causes.length === 0 ? "" : `; ${causes.join(", ")}`}`;
    return [
      {
        path,
        target: boots[0]?.target ?? "",
        boots: boots.length,
        passed,
        ok: passed === boots.length,
        failures,
        text,
      },
    ];
  });
}
