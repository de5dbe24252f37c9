/**
 * usage: cache-folder.ts FOLDER MARK [MODE]   makes FOLDER, unless it is there, with a file `mark` that holds MARK
 * MODE fail: the making fails; hang: it begins and then never ends. stdout: what the making did.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { ensureFolder } from "../../scripts/lib/cache-folder.ts";
import { missingFailure } from "../../scripts/lib/errors.ts";
import { run } from "../../scripts/lib/process.ts";

const [folder = "", mark = "", mode] = process.argv.slice(2);
const print = (text: string): boolean => process.stdout.write(`${text}\n`);
try {
  await ensureFolder(folder, print, async (staging) => {
    writeFileSync(join(staging, "mark"), mark);
    print("making");
    if (mode === "fail") throw missingFailure({ what: "out of clay" });
    if (mode === "hang") await run(["sh", "-c", 'echo $$ >"$0"; exec sleep 1001', join(staging, "pid")]);
    await setTimeout(100);
  });
  print("there");
} catch (error) {
  print(String(error));
  process.exitCode = 3;
}
