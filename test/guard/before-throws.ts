import { test } from "uvu";

test.before(() => {
  throw new Error("a hook that throws");
});
test("should never be reached", () => {});
test("should never be reached either", () => {});
test.run();
