/**
 * usage: ending.ts WAY FOLDER [JSON]   starts a program that writes its pid and its child's into FOLDER, in a temporary
 * folder; WAY says how this process then ends: exit, or wait for a signal. JSON: options of the
 * program's group, null for Infinity.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { withTemporaryFolder } from "../../scripts/lib/cleanup.ts";
import { groupSpawner } from "../../scripts/lib/process.ts";
import { shell } from "../../scripts/lib/shell.ts";

const [way, folder = "", group = "{}"] = process.argv.slice(2);
const text = `sleep 1006 >sleep 2>&1 & echo $! >child; printf %s "$0" >temporary; for s in INT TERM; do trap "echo $s >>got" $s; done
echo $$ >new; mv new pid; while ! test -e end; do sleep 0.05; done; echo >ended`;
await withTemporaryFolder(async (temporary) => {
  const $ = await shell({
    cwd: folder,
    spawn: groupSpawner(JSON.parse(group, (_, value) => value ?? Number.POSITIVE_INFINITY)),
  });
  const program = $`sh -c ${text} ${temporary}`;
  while (!existsSync(join(folder, "pid"))) await setTimeout(20);
  if (way === "exit") process.exit(5);
  await program;
  process.stdout.write("went on\n");
});
