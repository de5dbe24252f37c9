import { test } from "uvu";
import * as assert from "uvu/assert";

test("should pass", () => assert.is(1, 1));
test("should fail", () => assert.is(1, 2));
test.run();
