import { test } from "uvu";
import * as assert from "uvu/assert";

test("should pass", () => assert.is(1, 1));
test.skip("should be counted as skipped", () => {});
test.run();
