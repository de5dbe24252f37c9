import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { hardWorkspace } from "./lib/hard-workspace.ts";
import { lacking, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("workspace-hard");

testUnless(
  test,
  lacking({ programs: ["git"] }),
  "should lock its git dependency at the commit of its files",
  async () => {
    const folder = temporaryFolder("hard workspace");
    const workspace = await hardWorkspace(folder);
    const repository = join(folder, "demo-ports");
    const { stdout } = await runProgram(["git", "-C", repository, "log", "--format=%H %an <%ae> %ct %s"]);
    const [, commit] = /^([0-9a-f]{40}) Demo <demo@example\.invalid> 1767225600 Give the vendor/.exec(stdout) ?? [];
    const lock = fs.readFileSync(join(workspace, "Cargo.lock"), "utf8");
    assert.match(lock, `source = "git+file://${encodeURI(repository)}#${commit}"\n`);
    assert.match(fs.readFileSync(join(workspace, "Cargo.toml"), "utf8"), `git = "file://${encodeURI(repository)}"`);
  },
);

test.run();
