import { test } from "uvu";

test("should pass and leave a handle open", () => {
  setInterval(() => {}, 1000);
});
test.run();
