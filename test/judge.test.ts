import * as assert from "uvu/assert";
import { judgeMutants } from "../ci/dev/lib/judge.ts";
import { PROGRAMS } from "./corpus/compile.ts";
import { lacking, suite, testUnless } from "./lib/harness.ts";

const test = suite("judge");

testUnless(
  test,
  lacking({ root: true, programs: [...PROGRAMS, "busybox", "chroot", "qemu-aarch64-static"] }),
  "should find that what passes the gate runs, and see what does not",
  async () => {
    const { made, passed, wrong } = await judgeMutants(400, 20_261_126);
    assert.equal([made, wrong], [400, []]);
    assert.ok(passed > 80, `${passed}`);
    // A judge that takes every file for right would find nothing.
    const blind = await judgeMutants(60, 20_261_126, undefined, () => true);
    assert.ok(blind.wrong.length > 10, `${blind.wrong.length}`);
  },
);

test.run();
