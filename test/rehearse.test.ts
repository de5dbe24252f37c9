import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { steps } from "../ci/dev/lib/rehearsal.ts";
import { EXAMPLE_WORKSPACE, PROJECT } from "../scripts/lib/paths.ts";
import type { GitHub } from "./github/types.ts";
import { renderPages } from "./lib/browser.ts";
import { copyWorkspace, lacking, make, suite, temporaryFolder, testUnless } from "./lib/harness.ts";

const test = suite("rehearse");
const NEEDS = lacking({
  programs: ["cargo", "qemu-system-x86_64", "qemu-system-aarch64", "dpkg-buildpackage", "rpmbuild", "busybox"],
});
const STEPS = [
  "build",
  "preflight",
  "boot",
  "sums",
  "draft",
  "upload",
  "verify",
  "un-draft",
  "fetch",
  "embed",
  "deb",
  "rpm",
  "apk",
];
let report = "";

/** What a maintainer's shell may hold, each of it enough to lead a step elsewhere. */
const AROUND = {
  TARGET: "x86_64-unknown-linux-musl",
  FASTBOOP_STAGE0_TARGET: "x86_64-unknown-linux-musl",
  FASTBOOP_STAGE0_EMBED_PATH: "/nowhere/stage0",
  FASTBOOP_STAGE0_MIRROR: "https://nowhere.invalid",
  FASTBOOP_STAGE0_OFFLINE: "1",
  FASTBOOP_STAGE0_SHA256: "0".repeat(64),
  OUT: "/nowhere/out",
  UNDRAFT: "1",
  GH_TOKEN: "another",
  GITHUB_TOKEN: "another",
  GH_ENTERPRISE_TOKEN: "another",
  GITHUB_ENV: "/nowhere/env",
  http_proxy: "http://127.0.0.1:9",
  https_proxy: "http://127.0.0.1:9",
};

testUnless(test, NEEDS, "should go the whole way though a different fault waits at every network step", async () => {
  const DIST = temporaryFolder("rehearse");
  const { code, stdout, stderr } = await make(["rehearse", "FAULTS=1"], {
    env: { ...AROUND, DIST, WORKSPACE: EXAMPLE_WORKSPACE },
  });
  assert.is(code, 0, stderr);
  assert.is(stdout, `${join(DIST, "rehearsal", "report.html")}\n`);
  assert.equal(
    [...stderr.matchAll(/^ok (\S+) +[0-9.]+ s {2}\S/gm)].map(([, step]) => step),
    STEPS,
  );
  const standIn = lacking({ programs: ["abuild"] }) === undefined ? "" : ", with a stand-in for abuild";
  assert.match(stderr, `the apk contains the payload unchanged${standIn}\n`);
  assert.match(stderr, /^ok the same bytes in 8 places: sha256 [0-9a-f]{64}$/m);
  report = fs.readFileSync(stdout.trim(), "utf8");
  const inSpite = [...report.matchAll(/in spite of: ([^<]*)</g)].map(([, fault]) => fault);
  assert.equal(inSpite, ["rate-limit (api)", "reset (upload)", "short (blob)", "status (api)", "expired (blob)"]);
  for (const name of STEPS) assert.ok(fs.existsSync(join(DIST, "rehearsal", "log", `${name}.log`)), name);
  assert.match(fs.readFileSync(join(DIST, "rehearsal", "log", "un-draft.log"), "utf8"), "published v0.1.0");
});

testUnless(
  test,
  NEEDS ?? lacking({ programs: ["chromium"] }),
  "should leave a page that a phone and a desktop show whole, in light and dark",
  async () => {
    for (const scheme of ["light", "dark"] as const) {
      const { renderings, console } = await renderPages([report], [390, 1280], scheme);
      assert.equal(console, []);
      assert.is(renderings.length, 2);
      for (const { width, scrollWidth, scripts, headline, faint } of renderings) {
        assert.ok(scrollWidth <= width, `${scrollWidth} at ${width}`);
        assert.is(scripts, 0);
        assert.match(headline, /^v0\.1\.0 went from source to packages in [0-9.]+ s$/);
        assert.equal(faint, []);
      }
    }
  },
);

testUnless(test, NEEDS, "should stop at the first step that fails, with its exit code and what it said", async () => {
  const folder = temporaryFolder("workspace");
  copyWorkspace(folder);
  fs.rmSync(join(folder, "Cargo.lock"));
  const DIST = temporaryFolder("rehearse");
  const { code, stdout, stderr } = await make(["rehearse"], { env: { DIST, WORKSPACE: folder } });
  assert.match(
    stderr,
    /error: the step build failed\n {2}expected: cargo makes both release assets\n {2}got: {6}exit code [123]\n/,
  );
  assert.is(stdout, "");
  assert.is(code, 2);
});

test("should boot a phone when asked to, and embed nothing where a workspace holds stage0 alone", () => {
  const { PHONE, WORKSPACE } = process.env;
  Object.assign(process.env, { PHONE: "1", WORKSPACE: join(PROJECT, "test", "phone") });
  try {
    const github = { server: "", api: "", caFile: "", token: "" } as GitHub;
    const names = steps("/nowhere", github, "v0.0.1").map(({ name }) => name);
    assert.equal(names, STEPS.filter((name) => name !== "embed").toSpliced(3, 0, "phone"));
  } finally {
    Object.assign(process.env, { PHONE: PHONE ?? "", WORKSPACE: WORKSPACE ?? "" });
  }
});

test.run();
