import { runScript } from "./lib/cli.ts";
import { fetchBoth, writeLock } from "./lib/fetch-all.ts";

await runScript({
  name: "lock.ts",
  summary:
    "Fetches every stage0 of a release, verified, and pins its size, sha256 and sha512 in stage0.lock: in the workspace, " +
    "else in your folder. Entries that are there already have to agree. Review the difference and commit it.",
  options: {},
  knobs: [
    "TAG",
    "FASTBOOP_STAGE0_TAG",
    "DIST",
    "WORKSPACE",
    "FASTBOOP_STAGE0_TRUST",
    "FASTBOOP_STAGE0_REPO",
    "FASTBOOP_STAGE0_MIRROR",
    "FASTBOOP_STAGE0_CACHE",
    "FASTBOOP_STAGE0_MAX_SIZE",
    "FASTBOOP_STAGE0_STALL_TIMEOUT",
    "GITHUB_SERVER_URL",
    "GITHUB_API_URL",
    "GH_TOKEN",
    "GITHUB_TOKEN",
  ],
  prints: "the absolute path of stage0.lock",
  async main() {
    process.stdout.write(`${await writeLock(await fetchBoth())}\n`);
    return 0;
  },
});
