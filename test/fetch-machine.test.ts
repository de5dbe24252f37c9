/** Fetches on a real machine: killed at any moment, side by side, behind a proxy, without a network, on a full disk. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as assert from "uvu/assert";
import { errorCode } from "../scripts/lib/errors.ts";
import { startGitHub } from "./github/server.ts";
import type { GitHub } from "./github/types.ts";
import { elfFile } from "./lib/elf-file.ts";
import {
  ASSET,
  assets,
  BYTES,
  digest,
  type Env,
  fetchRun,
  keepSecret,
  leaks,
  newFolder,
  OTHER,
  OTHER_BYTES,
  placed,
  Servers,
  SHA256,
  SUMS,
  says,
  TAG,
} from "./lib/fetching.ts";
import { envLines, lacking, make, namesIn, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { random } from "./lib/random.ts";

const test = suite("fetch: machine");
const START = `fetching ${ASSET} of ${TAG} from`;
const END = `${ASSET} of ${TAG}: 1,234,567 bytes (1.2 MiB), sha256 SHA256 (T s)`;
const NO_NETWORK = ["unshare", "-n"];
const noNamespace = lacking({ root: true, programs: ["unshare"] });

const servers = { http: new Servers(1, {}), https: new Servers(1, { tls: true }) };
const withRelease = <T>(protocol: "http" | "https", body: (github: GitHub) => Promise<T>): Promise<T> =>
  servers[protocol].lend(async (github) => {
    await github.addRelease({ tag: TAG, assets: assets() });
    return body(github);
  });
/** A body that takes about a second, so that what happens in between can be met. */
const slowly = (github: GitHub): void =>
  github.fault({ kind: "drip", bytes: 25_000, every: 20, on: "blob", path: /./, times: Number.POSITIVE_INFINITY });

function killAfter(milliseconds: number, pid: number): void {
  setTimeout(() => {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      // It had ended before.
      if (errorCode(error) !== "ESRCH") throw error;
    }
  }, milliseconds);
}

test("should end right after fifty kills at random moments, with nothing but the whole file ever under its name", async () => {
  await withRelease("http", async (github) => {
    slowly(github);
    const { below } = random(20_261_122);
    const folders = Array.from({ length: 5 }, newFolder);
    const clock = performance.now();
    await Promise.all(folders.map(() => fetchRun(github)));
    const whole = Math.ceil(performance.now() - clock);
    await Promise.all(
      folders.map(async (folder) => {
        const path = join(folder, "dist", "fetched", TAG, ASSET);
        for (let killed = 0; killed < 10; ) {
          const run = await fetchRun(github, {}, { folder, started: (pid) => killAfter(below(whole), pid) });
          if (run.signal === "SIGKILL") killed += 1;
          if (!fs.existsSync(path)) continue;
          assert.ok(fs.readFileSync(path).equals(BYTES));
          // Gone, so that there is something to kill in the next round.
          fs.rmSync(path);
          fs.rmSync(join(folder, "cache"), { recursive: true, force: true });
        }
        const last = await fetchRun(github, {}, { folder });
        assert.is(last.code, 0);
        assert.equal(last.left, [ASSET]);
        assert.ok(fs.readFileSync(path).equals(BYTES));
      }),
    );
    const resumed = github.requests.filter(({ status }) => status === 206);
    assert.ok(resumed.length > 0, "none went on from what a killed one had left");
  });
});

for (const count of [2, 10]) {
  test(`should end right when ${count} fetch the same file at once`, async () => {
    await withRelease("http", async (github) => {
      slowly(github);
      const folder = newFolder();
      const runs = await Promise.all(Array.from({ length: count }, () => fetchRun(github, {}, { folder })));
      for (const run of runs) {
        assert.is(run.code, 0, run.log);
        assert.is(run.stdout, `${placed(run)}\n`);
      }
      assert.equal(namesIn(join(folder, "dist", "fetched", TAG)), [ASSET]);
      assert.ok(fs.readFileSync(join(folder, "dist", "fetched", TAG, ASSET)).equals(BYTES));
      assert.is(namesIn(join(folder, "cache", "assets")).join(), SHA256);
    });
  });
}

testUnless(
  test,
  lacking({ root: true, programs: ["unshare"] }),
  "should leave a live download in another container alone, however long it has been still",
  async () => {
    await withRelease("http", async (github) => {
      slowly(github);
      const folder = newFolder();
      const where = join(folder, "dist", "fetched", TAG);
      let stopped = 0;
      // The process that fetches is unshare's child: the first of its own process namespace.
      const first = fetchRun(
        github,
        {},
        { folder, prefix: ["unshare", "--pid", "--fork"], started: (pid) => (stopped = pid) },
      );
      const begun = (): string[] => namesIn(where).filter((name) => name.endsWith(".part"));
      const bytes = (): number => fs.statSync(join(where, begun()[0] ?? ""), { throwIfNoEntry: false })?.size ?? 0;
      while (begun().length === 0 || bytes() < 100_000) await new Promise((resolve) => setTimeout(resolve, 5));
      const [child] = fs.readFileSync(`/proc/${stopped}/task/${stopped}/children`, "utf8").trim().split(" ");
      process.kill(Number(child), "SIGSTOP");
      const longAgo = new Date(Date.now() - 3_600_000);
      for (const name of begun()) fs.utimesSync(join(where, name), longAgo, longAgo);
      const second = await fetchRun(github, {}, { folder });
      assert.is(second.code, 0, second.log);
      assert.ok(fs.readFileSync(placed(second)).equals(BYTES));
      fs.rmSync(join(folder, "cache"), { recursive: true, force: true });
      process.kill(Number(child), "SIGCONT");
      const run = await first;
      assert.is(run.code, 0, run.log);
      assert.ok(fs.readFileSync(placed(second)).equals(BYTES));
      assert.equal(namesIn(where), [ASSET]);
    });
  },
);

testUnless(
  test,
  lacking({ root: true, programs: ["mount", "umount"] }),
  "should leave nothing on a full disk and say so",
  async () => {
    await withRelease("http", async (github) => {
      const folder = newFolder();
      const small = join(folder, "dist", "fetched");
      fs.mkdirSync(small, { recursive: true });
      const mounted = await runProgram(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small]);
      assert.is(mounted.code, 0, mounted.stderr);
      try {
        const run = await fetchRun(github, {}, { folder });
        says(
          run.log,
          `${START} SERVER/samcday/fastboop
         error: FOLDER/dist/fetched/${TAG}/${ASSET}: the disk is full
         got: …o space left on device…
         fix: free some space and run it again, or choose another place with DIST`,
        );
        assert.is(run.code, 3);
        assert.equal(run.left, []);
      } finally {
        await runProgram(["umount", small]);
      }
    });
  },
);

/** A mirror on the disk. */
function mirrorFolder(): string {
  const files = { [ASSET]: BYTES, [OTHER]: OTHER_BYTES, SHA256SUMS: SUMS };
  const folder = temporaryFolder("mirror with space");
  fs.mkdirSync(join(folder, TAG));
  for (const [name, bytes] of Object.entries(files)) fs.writeFileSync(join(folder, TAG, name), bytes);
  return folder;
}
const witnesses = (pin: string, lock: string, sums: string, api: string, signed = "absent"): string =>
  `FASTBOOP_STAGE0_SHA256 ${pin}\nstage0.lock ${lock}\nSHA256SUMS ${sums}\nAPI digest ${api}\nprovenance ${signed}`;

testUnless(
  test,
  noNamespace,
  "should take a local file without a network, gated and compared with the pins",
  async () => {
    const folder = newFolder();
    const local = join(folder, "my stage0");
    fs.writeFileSync(local, BYTES, { mode: 0o644 });
    const run = (env: Env) =>
      fetchRun(
        undefined,
        { FASTBOOP_STAGE0_EMBED_PATH: local, TAG: undefined, ...env },
        { folder, prefix: NO_NETWORK },
      );
    const good = await run({ FASTBOOP_STAGE0_SHA256: SHA256 });
    says(
      good.log,
      `FASTBOOP_STAGE0_SHA256 agrees
     stage0.lock absent
     FOLDER/my stage0: 1,234,567 bytes (1.2 MiB), sha256 SHA256, taken as it is (FASTBOOP_STAGE0_EMBED_PATH)`,
    );
    assert.is(good.stdout, `${local}\n`);
    assert.is(fs.readFileSync(join(folder, "dist", "stage0.env"), "utf8"), envLines(local));
    assert.equal(namesIn(join(folder, "dist")), ["stage0.env"]);

    const copied = await run({ OUT: "copy" });
    assert.is(copied.stdout, `${join(folder, "caller", "copy")}\n`);
    assert.ok(fs.readFileSync(join(folder, "caller", "copy")).equals(BYTES));
    assert.is(fs.statSync(join(folder, "caller", "copy")).mode & 0o7777, 0o755);

    fs.writeFileSync(
      join(folder, "caller", "stage0.lock"),
      `[[pin]]\ntag = "${TAG}"\nasset = "${ASSET}"\nsha256 = "${"0".repeat(64)}"\n`,
    );
    const wrong = await run({ TAG });
    says(
      wrong.log,
      `FASTBOOP_STAGE0_SHA256 absent
     stage0.lock differs: ${"0".repeat(64)}
     error: FOLDER/my stage0 has the wrong checksum
     expected: sha256 ${"0".repeat(64)} (stage0.lock)
     got: sha256 SHA256 (1234567 bytes)
     fix: …`,
    );
    assert.is(wrong.code, 1);
    assert.is(wrong.stdout, "");

    const none = await run({ FASTBOOP_STAGE0_EMBED_PATH: join(folder, "nothing") });
    says(none.log, "error: FOLDER/nothing: breaks the rule readable\nexpected: …\ngot: no such file or folder\nfix: …");
    assert.is(none.code, 3);
    const other = await run({ FASTBOOP_STAGE0_EMBED_PATH: local, TARGET: "aarch64-unknown-linux-musl" });
    assert.match(other.log, /^error: FOLDER\/my stage0: breaks the rule /);
    assert.is(other.code, 1);
  },
);

testUnless(test, noNamespace, "should find what an earlier run brought without a network", async () => {
  await withRelease("https", async (github) => {
    const folder = newFolder();
    await fetchRun(github, {}, { folder });
    const there = await fetchRun(github, {}, { folder, prefix: NO_NETWORK });
    says(there.log, `${ASSET} of ${TAG} is already there: sha256 SHA256 (SHA256SUMS)`);
    assert.is(there.stdout, `${placed(there)}\n`);
    fs.rmSync(placed(there));
    const cached = await fetchRun(github, { FASTBOOP_STAGE0_OFFLINE: "1" }, { folder, prefix: NO_NETWORK });
    says(
      cached.log,
      `${START} SERVER/samcday/fastboop
       the bytes come from the cache
       FASTBOOP_STAGE0_SHA256 absent
       stage0.lock absent
       SHA256SUMS, earlier agrees
       SHA256SUMS not asked
       API digest not asked
       provenance not asked
       ${END}`,
    );
    assert.ok(fs.readFileSync(placed(cached)).equals(BYTES));
  });
});

test("should open no connection when that is forbidden, and say what would do instead", async () => {
  await withRelease("http", async (github) => {
    const bare = await fetchRun(github, { FASTBOOP_STAGE0_OFFLINE: "1" });
    const fix =
      "fix: unset FASTBOOP_STAGE0_OFFLINE once, or set FASTBOOP_STAGE0_EMBED_PATH to a file or FASTBOOP_STAGE0_MIRROR to a file: folder";
    const expected = "expected: its digest by a pin or an earlier fetch, and its bytes in the cache";
    says(
      bare.log,
      `${START} SERVER/samcday/fastboop\nerror: ${ASSET} of ${TAG} is not available offline\n${expected}\ngot: no digest\n${fix}`,
    );
    const pinned = await fetchRun(github, { FASTBOOP_STAGE0_OFFLINE: "1", FASTBOOP_STAGE0_SHA256: SHA256 });
    says(
      pinned.log,
      `${START} SERVER/samcday/fastboop\nerror: ${ASSET} of ${TAG} is not available offline\n${expected}\ngot: sha256 SHA256, and no such bytes in the cache\n${fix}`,
    );
    const latest = await fetchRun(github, { FASTBOOP_STAGE0_OFFLINE: "1", TAG: "latest" });
    assert.match(
      latest.log,
      /^error: API\/repos\/samcday\/fastboop\/releases\/latest is needed, and FASTBOOP_STAGE0_OFFLINE forbids every connection\n/,
    );
    for (const run of [bare, pinned, latest]) assert.is(run.code, 3);
    assert.equal(github.requests, []);
  });
});

testUnless(test, noNamespace, "should take a folder as a mirror without a network", async () => {
  const mirror = mirrorFolder();
  const env = { FASTBOOP_STAGE0_MIRROR: pathToFileURL(mirror).href, FASTBOOP_STAGE0_OFFLINE: "1" };
  const run = await fetchRun(undefined, env, { prefix: NO_NETWORK });
  says(
    run.log,
    `${START} file://…mirror%20with%20space…\n${witnesses("absent", "absent", "agrees", "not asked")}\n${END}`,
  );
  assert.ok(fs.readFileSync(placed(run)).equals(BYTES));

  const unpinned = await fetchRun(undefined, { ...env, FASTBOOP_STAGE0_TRUST: undefined });
  assert.is(unpinned.code, 2);
  fs.mkdirSync(join(mirror, "v1.2.4"));
  fs.writeFileSync(join(mirror, "v1.2.4", "other"), "");
  const other = await fetchRun(undefined, { ...env, TAG: "v1.2.4", FASTBOOP_STAGE0_SHA256: SHA256 });
  says(
    other.log,
    `${START.replace(TAG, "v1.2.4")} …
     error: …/mirror with space-… holds no v1.2.4/${ASSET}
     got: …${TAG}/${ASSET}, v1.2.4/other
     fix: check FASTBOOP_STAGE0_MIRROR, TAG and TARGET`,
  );
  assert.is(other.code, 3);
  const release = await fetchRun(undefined, { ...env, TAG: "v1.2.5" });
  says(
    release.log,
    `${START.replace(TAG, "v1.2.5")} …
     error: …/mirror with space-… holds no release v1.2.5
     got: …${TAG}/${ASSET}, v1.2.4/other
     fix: check FASTBOOP_STAGE0_MIRROR and TAG`,
  );
  assert.is(release.code, 3);
  const none = await fetchRun(undefined, { ...env, FASTBOOP_STAGE0_MIRROR: "file:///nowhere/at/all" });
  assert.match(none.log, /error: the mirror \/nowhere\/at\/all is not there\n/);
  assert.is(none.code, 3);
});

testUnless(test, noNamespace, "should take the kit of a release without a network, as it is and unpacked", async () => {
  await withRelease("https", async (github) => {
    const folder = newFolder();
    const kit = await fetchRun(github, {}, { folder, name: "fetch-kit.ts" });
    const file = join(folder, "dist", "fetched", TAG, `stage0-kit-${TAG}.tar`);
    assert.is(kit.stdout, `${file}\n`);
    const unpacked = temporaryFolder("kit");
    const tar = await runProgram(["tar", "-xvf", file, "-C", unpacked]);
    assert.is(tar.stderr, "");
    assert.equal(tar.stdout.trim().split("\n"), [
      "LICENSE",
      "stage0.lock",
      `${TAG}/SHA256SUMS`,
      `${TAG}/${OTHER}`,
      `${TAG}/${ASSET}`,
    ]);
    const check = await runProgram(["sha256sum", "-c", "--strict", "SHA256SUMS"], { cwd: join(unpacked, TAG) });
    assert.is(check.code, 0, check.stderr);
    assert.is(fs.statSync(join(unpacked, TAG, ASSET)).mode & 0o7777, 0o755);
    // Whoever makes it, and whenever: the same bytes.
    const other = await fetchRun(github, { OUT: join(folder, "other.tar") }, { name: "fetch-kit.ts" });
    assert.is(digest(fs.readFileSync(other.stdout.trim())), digest(fs.readFileSync(file)));

    for (const mirror of [file, unpacked]) {
      const env = { FASTBOOP_STAGE0_MIRROR: pathToFileURL(mirror).href };
      const run = await fetchRun(undefined, env, { prefix: NO_NETWORK });
      says(run.log, `${START} file://…\n${witnesses("absent", "absent", "agrees", "not asked")}\n${END}`);
      assert.ok(fs.readFileSync(placed(run)).equals(BYTES));
      // The kit's own lock is no pin until someone has put it where pins are looked for.
      const unpinned = await fetchRun(undefined, { ...env, FASTBOOP_STAGE0_TRUST: undefined });
      assert.is(unpinned.code, 2);
      const pinned = newFolder();
      fs.mkdirSync(join(pinned, "caller"));
      fs.copyFileSync(join(unpacked, "stage0.lock"), join(pinned, "caller", "stage0.lock"));
      const trusted = await fetchRun(undefined, { ...env, FASTBOOP_STAGE0_TRUST: undefined }, { folder: pinned });
      says(trusted.log, `${START} file://…\n${witnesses("absent", "agrees", "agrees", "not asked")}\n${END}`);
    }
    fs.truncateSync(file, 700_000);
    const cut = await fetchRun(undefined, { FASTBOOP_STAGE0_MIRROR: pathToFileURL(file).href });
    assert.match(cut.log, /error: the mirror .* is no whole archive\n.*\n.*archive is truncated/);
    assert.is(cut.code, 2);
  });
});

/** A proxy on loopback while a body runs. */
async function withProxy<T>(
  lines: readonly string[],
  body: (address: string, log: () => string) => Promise<T>,
): Promise<T> {
  const folder = temporaryFolder("proxy");
  const port = await freePort();
  const file = join(folder, "log");
  fs.writeFileSync(
    join(folder, "conf"),
    [`Port ${port}`, "Listen 127.0.0.1", "Timeout 30", `LogFile "${file}"`, "LogLevel Connect", ...lines, ""].join(
      "\n",
    ),
  );
  const proxy = spawn("tinyproxy", ["-d", "-c", join(folder, "conf")], { stdio: "ignore" });
  try {
    while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 20));
    return await body(`127.0.0.1:${port}`, () => fs.readFileSync(file, "utf8"));
  } finally {
    proxy.kill("SIGKILL");
  }
}
/** Below the ports that the system gives out by itself, so that no server or connection of another test takes it first. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    server.on("error", () => resolve(freePort()));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
  });
const answers = async (port: number): Promise<boolean> => {
  const { connect } = await import("node:net");
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
  });
};
const throughProxy = (address: string): Env => ({ http_proxy: `http://${address}`, HTTPS_PROXY: `http://${address}` });
const noProxy = lacking({ programs: ["tinyproxy"] });

for (const protocol of ["http", "https"] as const) {
  testUnless(test, noProxy, `should go through a proxy, over ${protocol}`, async () => {
    await withRelease(protocol, (github) =>
      withProxy(["BasicAuth alice SECRETPASSWORD"], async (address, log) => {
        keepSecret("SECRETPASSWORD");
        github.fault({ kind: "short", after: 500_000, framing: "length", on: "blob", skip: 1 });
        const run = await fetchRun(github, throughProxy(`alice:SECRETPASSWORD@${address}`));
        says(
          run.log,
          `${START} SERVER/samcday/fastboop\nBLOBS broke the connection off; trying again in T s (2 of 5)\n${witnesses("absent", "absent", "agrees", "not asked")}\n${END}`,
        );
        assert.ok(fs.readFileSync(placed(run)).equals(BYTES));
        assert.ok(log().includes(new URL(github.server).host), log());
        const api = await fetchRun(github, {
          ...throughProxy(`alice:SECRETPASSWORD@${address}`),
          GH_ENTERPRISE_TOKEN: github.token,
        });
        assert.is(api.code, 0, api.log);

        const stranger = await fetchRun(github, throughProxy(address));
        assert.is(stranger.code, 3);
        assert.match(
          stranger.log,
          /^error: the proxy (wants a user name and a password|does not open a connection to SERVER)$/m,
        );
        if (protocol === "https") {
          const unchecked = await fetchRun(github, {
            ...throughProxy(`alice:SECRETPASSWORD@${address}`),
            NODE_EXTRA_CA_CERTS: undefined,
            NODE_TLS_REJECT_UNAUTHORIZED: "0",
          });
          assert.match(unchecked.log, /^error: the TLS connection to SERVER can't be trusted$/m);
          assert.is(unchecked.code, 3);
        }
        const around = await fetchRun(github, {
          ...throughProxy("127.0.0.1:9"),
          no_proxy: "example.org, localhost,127.0.0.1",
        });
        assert.is(around.code, 0, around.log);
      }),
    );
  });
}

testUnless(test, noProxy, "should say that a proxy opens no connection, or is not there", async () => {
  await withRelease("https", (github) =>
    withProxy(["ConnectPort 443"], async (address) => {
      const [denied, dead] = await Promise.all([
        fetchRun(github, throughProxy(address)),
        fetchRun(github, throughProxy("127.0.0.1:9")),
      ]);
      says(
        denied.log,
        `${START} SERVER/samcday/fastboop
         error: the proxy does not open a connection to SERVER
         got: …
         fix: check the proxy's address, user and rules, or add the host to NO_PROXY`,
      );
      assert.is(denied.code, 3);
      const refuses = "the proxy http://127.0.0.1:9 refuses the connection";
      says(
        dead.log,
        `${START} SERVER/samcday/fastboop
         ${[2, 3, 4, 5].map((attempt) => `${refuses}; trying again in T s (${attempt} of 5)`).join("\n")}
         error: ${refuses}
         got: …
         fix: check the proxy, or add SERVER to NO_PROXY`,
      );
      assert.is(dead.code, 3);
      assert.equal(github.requests, []);
    }),
  );
});

test("should say how to add a certificate authority that it does not know", async () => {
  await withRelease("https", async (github) => {
    const run = await fetchRun(github, { NODE_EXTRA_CA_CERTS: undefined });
    says(
      run.log,
      `${START} SERVER/samcday/fastboop
       error: the TLS connection to SERVER can't be trusted
       got: …
       fix: if your network or server has a certificate authority of its own, set NODE_EXTRA_CA_CERTS=/path/to/ca.pem`,
    );
    assert.is(run.code, 3);
    const unchecked = await fetchRun(github, { NODE_EXTRA_CA_CERTS: undefined, NODE_TLS_REJECT_UNAUTHORIZED: "0" });
    assert.match(unchecked.log, /^error: the TLS connection to SERVER can't be trusted$/m);
    assert.equal([unchecked.code, github.requests], [3, []]);
  });
});

test("should find an enterprise server's API below its address", async () => {
  const github = await startGitHub({ enterprise: true });
  try {
    await github.addRelease({ tag: TAG, assets: assets() });
    const run = await fetchRun(github, { GITHUB_API_URL: undefined, GH_ENTERPRISE_TOKEN: github.token });
    says(run.log, `${START} …/samcday/fastboop\n${witnesses("absent", "absent", "agrees", "agrees")}\n${END}`);
    assert.equal(github.errors, []);
    assert.ok(github.requests.some(({ path }) => path.startsWith("/api/v3/repos/")));
  } finally {
    await github.close();
  }
});

test("should work through make, from another folder, for the default target", async () => {
  await servers.http.lend(async (github) => {
    const bytes = elfFile("aarch64-unknown-linux-musl", 400_000, 7);
    await github.addRelease({
      tag: TAG,
      assets: assets({ [OTHER]: { bytes }, SHA256SUMS: { bytes: `${digest(bytes)}  ${OTHER}\n` } }),
    });
    const folder = newFolder();
    const settings = {
      env: {
        PWD: folder,
        GITHUB_SERVER_URL: github.server,
        GITHUB_API_URL: github.api,
        FASTBOOP_STAGE0_TRUST: "sums",
        FASTBOOP_STAGE0_CACHE: join(folder, "cache"),
        DIST: join(folder, "dist"),
      },
    };
    const { code, stdout, stderr } = await make(["fetch-stage0", `TAG=${TAG}`, "OUT=here"], settings);
    assert.is(code, 0, stderr);
    assert.is(stdout, `${join(folder, "here")}\n`);
    assert.ok(fs.readFileSync(join(folder, "here")).equals(bytes));
  });
});

test("should have let no secret into any log", () => assert.equal(leaks(), []));

test.after(async () => {
  for (const pool of Object.values(servers)) await pool.close();
});
test.run();
