import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { firstDifference } from "../scripts/lib/build/reproduce.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { HOST_TARGET, stage0Crate } from "./lib/crate.ts";
import { lacking, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("reproduce");
/** In a changed root folder nobody gets a name space of users: then only the variables are another's. */
const hasNamespaces = spawnSync("unshare", ["--user", "--map-user=1", "true"]).status === 0;
const needsCargo = lacking({ programs: ["cargo"] });

testUnless(test, needsCargo, "should give the same bytes in other surroundings, and leave nothing", async () => {
  const dist = temporaryFolder("dist");
  const env = { DIST: dist, WORKSPACE: join(PROJECT, "test", "workspace"), TARGET: "x86_64-unknown-linux-musl" };
  const { code, stdout, stderr } = await script("reproduce.ts", [], { env });
  assert.is(code, 0, stderr);
  assert.match(stdout, /^[0-9a-f]{64}\n$/);
  assert.match(stderr, /^both builds of x86_64-unknown-linux-musl are the same [0-9]+ bytes$/m);
  assert.equal(fs.readdirSync(dist), [], "nothing of it is an artifact");
});

testUnless(test, needsCargo, "should say where two builds differ and what is the likely cause", async () => {
  const workspace = stage0Crate({
    "stage0/src/main.rs": 'fn main() {\n    println!("built in {}", env!("CARGO_MANIFEST_DIR"));\n}\n',
  });
  const { code, stdout, stderr } = await script("reproduce.ts", [], {
    env: { WORKSPACE: workspace, TARGET: HOST_TARGET },
  });
  assert.equal([code, stdout], [1, ""], stderr);
  assert.match(
    stderr,
    new RegExp(`^error: two builds of ${HOST_TARGET} differ first at byte [0-9]+ of \\.rodata$`, "m"),
  );
  assert.match(stderr, /^ {2}fix: {6}look for a path of the machine: a build script or env!\(\) wrote it$/m);
});

testUnless(test, needsCargo, "should build as another user", async () => {
  const workspace = stage0Crate({
    "stage0/build.rs": `fn main() {
    let uid = std::process::Command::new("id").arg("-u").output().unwrap().stdout;
    let other = (uid == b"4321\\n") == ${hasNamespaces} && std::env::var("USER").as_deref() == Ok("another");
    println!("cargo:rustc-env=WHO=built by {}", if other { "another" } else { "oneself" });
}
`,
    "stage0/src/main.rs": 'fn main() {\n    println!("{}", env!("WHO"));\n}\n',
  });
  const { code, stderr } = await script("reproduce.ts", [], { env: { WORKSPACE: workspace, TARGET: HOST_TARGET } });
  assert.is(code, 1, stderr);
  assert.match(stderr, /^ {2}expected: [0-9a-f]{64}: .*built by oneself/m);
  assert.match(stderr, /^ {2}got: {6}[0-9a-f]{64}: .*built by another/m);
});

test("should name the cause by what differs", () => {
  const cause = (a: string, b: string): string | undefined =>
    firstDifference(Buffer.from(a.padEnd(80)), Buffer.from(b.padEnd(80)))?.cause;
  assert.is(cause("same", "same"), undefined);
  assert.is(cause("in /home/a/src", "in /home/b/src"), "a path of the machine: a build script or env!() wrote it");
  assert.is(cause("on 2026-01-02", "on 2026-01-03"), "a date or time: read SOURCE_DATE_EPOCH in its place");
  assert.is(cause("at 10:11:12", "at 10:11:13"), "a date or time: read SOURCE_DATE_EPOCH in its place");
  assert.is(cause("abc", "abd"), "a build script's output, or another compiler");
});

test.run();
