import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as assert from "uvu/assert";
import { hasApt, withArchive } from "../scripts/lib/debian.ts";
import { Failure } from "../scripts/lib/errors.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import {
  cleanEnvironment,
  lacking,
  namesIn,
  type Outcome,
  RUNTIME,
  runProgram,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { asNobody, viewing } from "./lib/mounts.ts";
import { endsSoon, isRunning, until } from "./lib/processes.ts";

const test = suite("debian");
const withoutApt = hasApt() ? undefined : "needs Debian's apt";
const quiet = (): void => {};

const maker = join(PROJECT, "test", "lib", "cache-folder.ts");
const make = (...args: string[]): Promise<Outcome> => runProgram([...RUNTIME, maker, ...args]);

interface Run {
  pid: number;
  /** What it printed so far. */
  printed: () => string;
  ended: Promise<NodeJS.Signals | number | null>;
}

function start(...given: string[]): Run {
  const [program = "", ...args] = [...RUNTIME, maker, ...given];
  const child = spawn(program, args, { cwd: PROJECT, env: cleanEnvironment(), stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (text: Buffer) => {
    printed += text;
  });
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) =>
    child.once("close", (code, signal) => resolve(signal ?? code)),
  );
  return { pid: child.pid ?? 0, printed: () => printed, ended };
}

/** Starts the making of a folder that never ends, and comes out when it runs its command. */
async function hang(folder: string): Promise<Run & { command: number }> {
  const run = start(folder, "half", "hang");
  const parent = join(folder, "..");
  for (;;) {
    const [staging = ""] = namesIn(parent).filter((name) => name.endsWith(".tmp"));
    const file = join(parent, staging, "pid");
    const command = staging !== "" && fs.existsSync(file) ? Number(fs.readFileSync(file, "utf8")) : 0;
    if (command > 0) return { ...run, command };
    if (!isRunning(run.pid)) throw new Error(`it ended: ${run.printed()}`);
    await setTimeout(20);
  }
}

test("should make a folder of the cache once, however many want it at once", async () => {
  const folder = join(temporaryFolder(), "cache", "thing");
  const runs = await Promise.all(["a", "b", "c", "d"].map((mark) => make(folder, mark)));
  for (const { code, stderr } of runs) assert.equal([code, stderr], [0, ""]);
  assert.is(runs.filter(({ stdout }) => stdout.includes("making")).length, 1);
  assert.equal(namesIn(join(folder, "..")), [".lock", "thing"]);
  const mark = fs.readFileSync(join(folder, "mark"), "utf8");
  assert.equal(await make(folder, "e"), { code: 0, signal: null, stdout: "there\n", stderr: "" });
  assert.is(fs.readFileSync(join(folder, "mark"), "utf8"), mark);
});

test("should leave nothing of a folder whose making failed", async () => {
  const folder = join(temporaryFolder(), "thing");
  const { code, stdout } = await make(folder, "a", "fail");
  assert.equal([code, stdout], [3, "making\nFailure: out of clay\n"]);
  assert.equal(namesIn(join(folder, "..")), [".lock"]);
  assert.is((await make(folder, "b")).stdout, "making\nthere\n");
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`should leave nothing of a folder whose making ${signal} ended, and end what it ran`, async () => {
    const folder = join(temporaryFolder(), "thing");
    const { pid, command, ended } = await hang(folder);
    process.kill(pid, signal);
    assert.is(await ended, signal);
    assert.equal(namesIn(join(folder, "..")), [".lock"]);
    assert.ok(await endsSoon(command));
  });
}

test("should go on after a run was killed in the middle, and clear away what it left", async () => {
  const folder = join(temporaryFolder(), "thing");
  const { pid, command, ended } = await hang(folder);
  process.kill(pid, "SIGKILL");
  assert.is(await ended, "SIGKILL");
  process.kill(command, "SIGKILL");
  const [left = ""] = namesIn(join(folder, "..")).filter((name) => name.startsWith(".thing."));
  assert.is(fs.readFileSync(join(folder, "..", left, "mark"), "utf8"), "half");
  assert.not(fs.existsSync(folder));
  assert.is((await make(folder, "whole")).stdout, "making\nthere\n");
  assert.equal(namesIn(join(folder, "..")), [".lock", "thing"]);
  assert.is(fs.readFileSync(join(folder, "mark"), "utf8"), "whole");
});

test("should say that it waits for another run, and make the folder when that one fails", async () => {
  const folder = join(temporaryFolder(), "thing");
  const { pid, ended } = await hang(folder);
  const second = start(folder, "second");
  const waiting = `waiting for another run that works in ${join(folder, "..")}\n`;
  await until(() => second.printed() === waiting, second.ended);
  assert.is(namesIn(join(folder, "..")).length, 2);
  process.kill(pid, "SIGTERM");
  await ended;
  assert.is(await second.ended, 0);
  assert.is(second.printed(), `${waiting}making\nthere\n`);
});

testUnless(
  test,
  withoutApt,
  "should unpack packages of a foreign architecture and leave the system as it was",
  async () => {
    const foreign = async (): Promise<string> => (await runProgram(["dpkg", "--print-foreign-architectures"])).stdout;
    const before = [await foreign(), fs.statSync("/var/lib/dpkg/status").mtimeMs, namesIn("/var/lib/apt/lists").join()];
    const folder = temporaryFolder();
    await withArchive(["arm64"], quiet, async (archive) => {
      const names = ["linux-image-cloud-arm64", "musl-dev", "no-such-package"];
      const found = await archive.find(names);
      assert.equal([...found.keys()], names.slice(0, 2));
      assert.match(found.get("linux-image-cloud-arm64")?.depends[0] ?? "", /^linux-image-\d.*-cloud-arm64$/);
      assert.match(found.get("musl-dev")?.version ?? "", /^1\.2\.\d-/);
      await archive.unpack([{ packages: ["musl-dev"], folder }]);
      const absent = archive.unpack([{ packages: ["musl-dev", "no-such-package", "nor-this:armhf"], folder }]);
      const failure = await absent.catch((error: unknown) => error);
      if (!(failure instanceof Failure)) throw failure;
      assert.is(failure.exitCode, 3);
      assert.is(failure.problems[0]?.what, "apt has no package no-such-package for arm64, nor-this for armhf");
    });
    const { stdout } = await runProgram(["ar", "p", join(folder, "usr/lib/aarch64-linux-musl/libc.a"), "printf.lo"]);
    assert.ok(stdout.startsWith("\x7fELF"));
    assert.equal(
      [await foreign(), fs.statSync("/var/lib/dpkg/status").mtimeMs, namesIn("/var/lib/apt/lists").join()],
      before,
    );
  },
);

const caller = join(PROJECT, "test", "lib", "debian-packages.ts");
/** What the library says to a request in a process of its own: its problems as JSON, or null. */
const ask = (...args: string[]): string[] => [...RUNTIME, caller, ...args];
const needsRoot = withoutApt ?? lacking({ root: true, programs: ["unshare", "setpriv"] });

testUnless(test, needsRoot, "should unpack packages for a user who may do nothing", async () => {
  const folder = temporaryFolder();
  fs.chmodSync(folder, 0o777);
  const { stdout } = await runProgram(asNobody(ask("unpack", join(folder, "new"), "musl-dev")), {
    env: { HOME: folder },
  });
  assert.is(stdout, "null\n");
  assert.ok(fs.existsSync(join(folder, "new", "usr/lib/aarch64-linux-musl/libc.a")));
});

testUnless(test, needsRoot, "should say what apt says when there is no network", async () => {
  const { stdout } = await runProgram(viewing({ offline: true }, ask("unpack", temporaryFolder(), "musl-dev")));
  const [problem] = JSON.parse(stdout);
  assert.is(problem.what, "apt has no package musl-dev for arm64");
  assert.match(problem.got, /^W: Failed to fetch .* Temporary failure resolving /);
});

testUnless(test, needsRoot, "should take nothing from an archive that nobody signed", async () => {
  const folder = temporaryFolder();
  fs.mkdirSync(join(folder, "archive"));
  fs.mkdirSync(join(folder, "sources"));
  const entry = "Package: musl-dev\nVersion: 9\nArchitecture: arm64\nFilename: ./x.deb\nSize: 1\n";
  fs.writeFileSync(join(folder, "archive", "Packages"), entry);
  fs.writeFileSync(join(folder, "sources", "own.list"), `deb file:${folder}/archive ./\n`);
  fs.chmodSync(folder, 0o755);
  fs.writeFileSync(join(folder, "none"), "");
  const binds = {
    "/etc/apt/sources.list.d": join(folder, "sources"),
    ...(fs.existsSync("/etc/apt/sources.list") ? { "/etc/apt/sources.list": join(folder, "none") } : {}),
  };
  const { stdout } = await runProgram(viewing({ binds }, ask("unpack", join(folder, "new"), "musl-dev")));
  const [problem] = JSON.parse(stdout);
  assert.is(problem.what, "apt has no package musl-dev for arm64");
  assert.match(problem.got, /^E: The repository 'file:.* Release' does not have a Release file\.$/);
});

/** dpkg's status file as if other packages were installed. */
function statusWith(...entries: string[]): Record<string, string> {
  const status = join(temporaryFolder(), "status");
  const extra = entries.map(
    (entry) => `${entry}\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: x\nDescription: x\n`,
  );
  fs.writeFileSync(status, [fs.readFileSync("/var/lib/dpkg/status", "utf8"), ...extra].join("\n"));
  return { "/var/lib/dpkg/status": status };
}

testUnless(test, needsRoot, "should not remove what somebody installed", async () => {
  const binds = statusWith("Package: hello-own\nVersion: 1\nConflicts: hello");
  const { stdout } = await runProgram(viewing({ binds }, ask("install", "", "hello")));
  assert.equal(JSON.parse(stdout), [
    {
      what: "installing hello would remove hello-own",
      fix: "decide yourself: apt-get update && apt-get install --no-install-recommends hello",
    },
  ]);
});

testUnless(
  test,
  withoutApt,
  "should keep apt's temporary files in its own folder, where apt's user may write",
  async () => {
    const folder = temporaryFolder();
    const seen = join(folder, "seen");
    const program = `#!/bin/sh\nstat -c '%n %a' "$TMPDIR" >'${seen}'\nexit 100\n`;
    fs.writeFileSync(join(folder, "apt-get"), program, { mode: 0o755 });
    await runProgram(ask("unpack", join(folder, "out"), "hello"), { env: { PATH: `${folder}:${process.env.PATH}` } });
    const [, state = "", mode] = /^(.*)\/tmp ([0-7]+)\n$/.exec(fs.readFileSync(seen, "utf8")) ?? [];
    assert.match(state, /\/stage0-[^/]+$/);
    assert.is(mode, "1777");
    assert.not(fs.existsSync(state));
  },
);

testUnless(test, needsRoot, "should start no service of what it installs", async () => {
  const folder = temporaryFolder();
  const found = join(folder, "found");
  fs.mkdirSync(join(folder, "x", "DEBIAN"), { recursive: true });
  fs.chmodSync(folder, 0o755);
  const control = "Package: stage0-test-service\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n";
  fs.writeFileSync(join(folder, "x", "DEBIAN", "control"), control);
  const script = [
    "#!/bin/sh -e",
    "invoke-rc.d x start",
    "deb-systemd-invoke start x",
    `for name in invoke-rc.d deb-systemd-invoke dpkg; do command -v $name; done > '${found}'`,
  ];
  fs.writeFileSync(join(folder, "x", "DEBIAN", "postinst"), script.join("\n"), { mode: 0o755 });
  const built = await runProgram(["dpkg-deb", "-b", join(folder, "x"), join(folder, "x.deb")]);
  assert.is(built.code, 0, built.stderr);
  try {
    const { stdout } = await runProgram(ask("install", "", join(folder, "x.deb")));
    assert.is(stdout, "null\n");
    const [first = "", second = "", third] = fs.readFileSync(found, "utf8").split("\n");
    assert.match(first, /\/stage0-[^/]+\/invoke-rc\.d$/);
    assert.is(second, join(first, "..", "deb-systemd-invoke"));
    assert.is(third, "/usr/bin/dpkg");
    assert.not.ok(fs.existsSync(join(first, "..")));
  } finally {
    await runProgram(["dpkg", "--purge", "stage0-test-service"]);
  }
});

testUnless(test, needsRoot, "should tell who is not root what root has to run", async () => {
  const { stdout } = await runProgram(asNobody(ask("install", "", "hello", "lld")));
  assert.equal(JSON.parse(stdout), [
    {
      what: "Debian packages have to be installed: hello, lld",
      fix: "run as root: apt-get update && apt-get install --no-install-recommends hello lld",
    },
  ]);
});

testUnless(test, needsRoot, "should say that it needs apt where there is none", async () => {
  const view = { hidden: ["/usr/bin/apt-get"] };
  for (const request of [
    ["unpack", temporaryFolder(), "hello"],
    ["install", "", "hello"],
  ]) {
    const { stdout } = await runProgram(viewing(view, ask(...request)));
    assert.equal(JSON.parse(stdout), [
      {
        what: "this system has no apt",
        expected: "Debian 12 or 13, whose packages this uses",
        fix: "run it on one of them, in a container for example",
      },
    ]);
  }
});

testUnless(test, needsRoot, "should name the way to boot where there are no kernels of Debian's", async () => {
  const view = { hidden: ["/usr/bin/apt-get"] };
  const env = { FASTBOOP_STAGE0_CACHE: temporaryFolder() };
  const { stdout } = await runProgram(viewing(view, ask("kernels", "aarch64-unknown-linux-musl")), { env });
  assert.equal(JSON.parse(stdout), [
    {
      what: "this system has no apt",
      expected: "Debian 12 or 13, whose packages this uses",
      fix: "run it on one of them, in a container for example; or set KERNEL_aarch64 to a kernel image",
    },
  ]);
});

test.run();
