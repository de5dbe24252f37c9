import { setTimeout } from "node:timers/promises";
import * as assert from "uvu/assert";
import { showProgress } from "../scripts/lib/progress.ts";
import { stderrOf, suite } from "./lib/harness.ts";

const test = suite("progress");

/** What a call writes to stderr, which is no terminal here, without the seconds. */
const said = async (call: () => Promise<unknown>): Promise<string> =>
  (await stderrOf(call)).replace(/\d+\.\d s/g, "N s");

test("should show a phase again while it goes on, and each phase when it begins", async () => {
  const text = await said(() =>
    showProgress(
      "job",
      async (progress) => {
        await setTimeout(250);
        progress("waiting");
        await setTimeout(250);
        progress("short");
      },
      100,
    ),
  );
  // How often depends on how busy the machine is.
  assert.match(text, /^(job: waiting \(N s\)\n){2,}job: short \(N s\)\njob: done in N s\n$/);
});

test("should say nothing more when the job failed", async () => {
  const text = await said(async () => {
    const failing = showProgress(
      "job",
      async (progress) => {
        progress("waiting");
        throw new Error("broken");
      },
      20,
    );
    await failing.catch(() => {});
    await setTimeout(100);
  });
  assert.is(text, "job: waiting (N s)\n");
});

test("should say nothing of a job without phases", async () => {
  assert.is(await said(() => showProgress("job", () => setTimeout(100), 20)), "");
});

test.run();
