/** Work on many things, a bounded number at once. */
import { type ExitCode, Failure } from "./errors.ts";

/**
 * Does the work for each item and returns the results in the items' order. A Failure does not stop the
 * other items.
 * @throws one Failure with the problems of all, in the items' order; at once, any error that is no Failure
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const failed: Failure[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      try {
        results[index] = await work(item, index);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        failed[index] = error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  const failures = Object.values(failed);
  if (failures.length === 0) return results;
  const codes = failures.map(({ exitCode }) => exitCode);
  // What is known to be wrong says more than what is not known.
  const exitCode = codes.includes(1) ? 1 : (Math.max(...codes) as ExitCode);
  throw new Failure(exitCode, ...failures.flatMap(({ problems }) => problems));
}

/** Takes every step, all at once. @throws as inParallel */
export const allOf = async (steps: readonly (() => Promise<void>)[]): Promise<void> => {
  await inParallel(steps, steps.length, (step) => step());
};
