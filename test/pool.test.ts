import * as assert from "uvu/assert";
import { contractFailure, type Failure, missingFailure, usageFailure } from "../scripts/lib/errors.ts";
import { inParallel } from "../scripts/lib/pool.ts";
import { failureOf, suite } from "./lib/harness.ts";

const test = suite("pool");
const tick = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("should give results in the order of the items, and never do more at once than it may", async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([30, 1, 20, 2, 10], 2, async (pause, index) => {
    most = Math.max(most, ++running);
    await tick(pause);
    running--;
    return `${index}: ${pause}`;
  });
  assert.equal(results, ["0: 30", "1: 1", "2: 20", "3: 2", "4: 10"]);
  assert.is(most, 2);
  assert.equal(await inParallel([], 4, async () => assert.unreachable()), []);
});

test("should do everything in spite of failures, and throw them together in the order of the items", async () => {
  const done: number[] = [];
  const failing = (codes: readonly (1 | 2 | 3 | 0)[]): Promise<Failure> =>
    failureOf(() =>
      inParallel(codes, 2, async (code, index) => {
        await tick(10 - index);
        done.push(index);
        const of = [undefined, contractFailure, usageFailure, missingFailure][code];
        if (of !== undefined) throw of({ what: `item ${index}` });
      }),
    );
  const { exitCode, problems } = await failing([3, 0, 1, 2]);
  assert.equal([exitCode, problems], [1, [{ what: "item 0" }, { what: "item 2" }, { what: "item 3" }]]);
  assert.equal(done.sort(), [0, 1, 2, 3]);
  assert.is((await failing([2, 3])).exitCode, 3);
  assert.is((await failing([2])).exitCode, 2);
});

test("should let an error that is no Failure through, and begin nothing more in its place", async () => {
  const begun: number[] = [];
  const error = new TypeError("a defect");
  try {
    await inParallel([0, 1, 2, 3], 1, async (item) => {
      begun.push(item);
      if (item === 1) throw error;
    });
    assert.unreachable();
  } catch (thrown) {
    assert.is(thrown, error);
  }
  assert.equal(begun, [0, 1]);
});

test.run();
