import * as assert from "uvu/assert";
import { lacking, suite, testUnless } from "../lib/harness.ts";

const test = suite("lacks");
test("should run", () => assert.ok(true));
testUnless(test, lacking({ programs: ["no-such-program", "nor-this"] }), "should be skipped", () => {});
test.run();
