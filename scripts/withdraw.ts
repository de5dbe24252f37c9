#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { runScript } from "./lib/cli.ts";
import { usageFailure } from "./lib/errors.ts";
import { writableRepository } from "./lib/github/origin.ts";
import { knob, NETWORK_KNOBS, TOKEN_KNOBS } from "./lib/knobs.ts";
import { withdraw } from "./lib/release/withdraw.ts";
import { requiredTag, spellTag } from "./lib/tags.ts";
import { LONGEST_REASON, reasonOf } from "./lib/trust/withdrawn.ts";

await runScript({
  name: "withdraw.ts",
  summary:
    "Marks the release of TAG as withdrawn, with REASON in its text and in an asset: fetches, locks, kits, recipes and " +
    "packages refuse it then. Run it again after any failure.",
  options: { undo: { type: "boolean", means: "take the mark back" } },
  knobs: [
    ...(["TAG", "REASON", "FASTBOOP_STAGE0_REPO", "GITHUB_SERVER_URL", "GITHUB_API_URL"] as const),
    ...TOKEN_KNOBS,
    ...NETWORK_KNOBS,
  ],
  prints: "the address of the release",
  async main({ undo = false }) {
    const tag = spellTag(requiredTag());
    const reason = knob("REASON");
    if (!undo && (reason === undefined || reasonOf(reason) !== reason)) {
      throw usageFailure({
        what: "nothing says why the release is withdrawn",
        expected: `REASON, one line of at most ${LONGEST_REASON} characters`,
        fix: "REASON='it does not boot'",
      });
    }
    const origin = writableRepository("withdrawing");
    const { url } = await withdraw(origin, tag, undo ? undefined : reason);
    process.stdout.write(`${url}\n`);
    return 0;
  },
});
