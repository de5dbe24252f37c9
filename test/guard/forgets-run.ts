import { test } from "uvu";

test("should fail, but nobody runs it", () => {
  throw new Error("never seen");
});
