/** A machine that runs until there is nothing more to learn from its console. */
import type { readConsole } from "./console.ts";
import { type Machine, runMachine } from "./qemu.ts";
import type { Stop } from "./verdict.ts";

/** How a run ended. */
export interface Run {
  /** undefined: the machine stopped by itself. */
  stopped: Stop | undefined;
  /** QEMU's exit code; null: a signal ended it. */
  code: number | null;
  stderr: string;
  milliseconds: number;
}

/**
 * Runs a machine until it stops, or the time limit is reached, or `enough` was seen and the machine watched a little longer.
 * @param console is fed what the machine prints
 * @param enough asked after each piece, with the milliseconds so far: how long to watch from then on; undefined: not yet, or
 *   no more
 */
export async function watchMachine(
  machine: Machine,
  limitMs: number,
  console: ReturnType<typeof readConsole>,
  enough: (milliseconds: number) => number | undefined,
): Promise<Run> {
  const stop = new AbortController();
  const stopAfter = (milliseconds: number, why: Stop): NodeJS.Timeout =>
    setTimeout(() => stop.abort(why), milliseconds);
  let timer = stopAfter(limitMs, "limit");
  let watched: number | undefined;
  const start = performance.now();
  const passed = (): number => performance.now() - start;
  try {
    const { code, stderr } = await runMachine(machine, stop.signal, (bytes) => {
      console.feed(bytes);
      const more = enough(passed());
      if (more === undefined ? watched === undefined : more >= (watched ?? Number.POSITIVE_INFINITY)) return;
      watched = more;
      clearTimeout(timer);
      timer = more === undefined ? stopAfter(limitMs - passed(), "limit") : stopAfter(more, "watched");
    });
    console.flush();
    return { stopped: stop.signal.reason, code, stderr, milliseconds: Math.round(passed()) };
  } finally {
    clearTimeout(timer);
  }
}
