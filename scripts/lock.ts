#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { fetchAllAssets, recordWithdrawal, writeLock } from "./lib/fetch/release-assets.ts";
import { FETCH_KNOBS } from "./lib/fetch/request.ts";
import { WithdrawnFailure } from "./lib/trust/withdrawn.ts";

await runScript({
  name: "lock.ts",
  summary:
    "Fetches every stage0 of a release, verified, and pins its size, sha256 and sha512 in stage0.lock: in the workspace, " +
    "else in your folder. Entries that are there already have to agree. A withdrawn release is refused, and recorded there as such. Review the difference and commit it.",
  options: {},
  knobs: FETCH_KNOBS,
  prints: "the absolute path of stage0.lock",
  async main() {
    try {
      process.stdout.write(`${await writeLock(await fetchAllAssets())}\n`);
      return 0;
    } catch (error) {
      if (error instanceof WithdrawnFailure) await recordWithdrawal(error.withdrawal);
      throw error;
    }
  },
});
