/** What a long job is doing and for how long: a moving line on a terminal, a line for each phase elsewhere. */
import { dim, duration, interactive, say } from "./log.ts";

/** Told the phase that begins, e.g. "unpacking". */
export type Progress = (phase: string) => void;

/**
 * Shows the phases of a job while it runs: name, and the seconds since the job began.
 * @param subject what the lines begin with
 */
export async function showProgress<T>(subject: string, job: (progress: Progress) => Promise<T>): Promise<T> {
  const start = performance.now();
  let phase = "";
  const line = (): string => `${subject}: ${phase} ${dim(`(${duration(performance.now() - start)})`)}`;
  const moving = interactive();
  const clear = (): boolean => moving && process.stderr.write("\r\x1b[K");
  const redraw = (): boolean => moving && phase !== "" && clear() && process.stderr.write(line());
  const timer = moving ? setInterval(redraw, 500) : undefined;
  try {
    const result = await job((next) => {
      clear();
      phase = next;
      say(line());
    });
    clear();
    if (phase !== "") say(`${subject}: done in ${duration(performance.now() - start)}`);
    return result;
  } finally {
    clearInterval(timer);
    clear();
  }
}
