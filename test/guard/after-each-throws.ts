import { test } from "uvu";

test.after.each(() => {
  throw new Error("a hook that throws");
});
test("should pass by itself", () => {});
test.run();
