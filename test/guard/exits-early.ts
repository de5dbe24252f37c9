import { test } from "uvu";

test("should end the process in the middle", () => process.exit(0));
test("should never be reached", () => {});
test.run();
