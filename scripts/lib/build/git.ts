/** git, asked of a folder. */
import { type Output, run } from "../process.ts";

/** The repository's owner may be another, as in a CI's container. */
export const git = (folder: string, ...args: string[]): Promise<Output> =>
  run(["git", "-c", "safe.directory=*", "-c", "advice.detachedHead=false", ...args], { cwd: folder });
