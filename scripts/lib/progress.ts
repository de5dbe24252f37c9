/** What a long job is doing and for how long: a moving line on a terminal; elsewhere a line for each phase and each wait. */
import { dim, duration, interactive, say } from "./log.ts";

/** Told the phase that begins, e.g. "unpacking". */
export type Progress = (phase: string) => void;

/** How often a log without a terminal shows that a phase still runs, in milliseconds. */
const HEARTBEAT_MS = 20_000;

/**
 * Shows the phases of a job while it runs: name, and the seconds since the job began.
 * @param subject what the lines begin with
 * @param job is told how to begin a phase, and how to log a line of its own meanwhile
 */
export async function showProgress<T>(
  subject: string,
  job: (progress: Progress, log: (line: string) => void) => Promise<T>,
  heartbeatMs = HEARTBEAT_MS,
): Promise<T> {
  const start = performance.now();
  let phase = "";
  const line = (): string => `${subject}: ${phase} ${dim(`(${duration(performance.now() - start)})`)}`;
  const moving = interactive();
  const clear = (): boolean => moving && process.stderr.write("\r\x1b[K");
  const redraw = (): boolean => phase !== "" && clear() && process.stderr.write(line());
  const beat = (): NodeJS.Timeout => (moving ? setInterval(redraw, 500) : setInterval(() => say(line()), heartbeatMs));
  let timer: NodeJS.Timeout | undefined;
  try {
    const result = await job(
      (next) => {
        clear();
        clearInterval(timer);
        phase = next;
        say(line());
        timer = beat();
      },
      (text) => {
        clear();
        say(text);
      },
    );
    clear();
    if (phase !== "") say(`${subject}: done in ${duration(performance.now() - start)}`);
    return result;
  } finally {
    clearInterval(timer);
    clear();
  }
}
