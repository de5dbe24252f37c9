/** make phone's script around its machine: its console, and what it leaves when it is killed. A stand-in for QEMU, which boots nothing. */
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { assetName, findTarget } from "../scripts/lib/contract.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { phoneProgram } from "../scripts/lib/phone/program.ts";
import { startGitHub } from "./github/server.ts";
import { lacking, namesIn, RUNTIME, runProgram, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { processesWith, until } from "./lib/processes.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("phone, its script");
const X = "x86_64-unknown-linux-musl";
const RELEASE = "6.12.0-test";

/** Everything that a boot needs, and nothing that boots: the files of a kernel, of fastboop and of stage0. */
async function machineRoom(
  qemu: (folder: string) => string,
): Promise<{ file: string; env: Record<string, string>; folder: string }> {
  const folder = temporaryFolder("phone");
  const put = (path: string, text: string, mode = 0o644): string => {
    const file = join(folder, path);
    fs.mkdirSync(dirname(file), { recursive: true });
    fs.writeFileSync(file, text, { mode });
    return file;
  };
  const kernel = join("cache", "phone-kernels", "x86_64", "linux-image_1");
  for (const name of ["vmlinuz", "Image", join("lib", "modules", RELEASE, "modules.dep")]) put(join(kernel, name), "");
  put(join("bin", "qemu-system-x86_64"), `#!/bin/sh\n${qemu(folder)}\n`, 0o755);
  const target = findTarget(X);
  if (target === undefined) throw new Error(X);
  const program = await phoneProgram(target, () => {});
  fs.symlinkSync(dirname(dirname(program)), join(folder, "cache", "phone-programs"));
  for (const name of ["tmp", "dist"]) fs.mkdirSync(join(folder, name));
  const file = put(assetName(X), "stage0.rootfs");
  return {
    folder,
    file,
    env: {
      PATH: `${join(folder, "bin")}:${process.env.PATH}`,
      TMPDIR: join(folder, "tmp"),
      DIST: join(folder, "dist"),
      FASTBOOP_STAGE0_CACHE: join(folder, "cache"),
      FASTBOOP_CLI: program,
    },
  };
}

const TOOLS = ["cargo", "mkfs.erofs", "depmod", "xz", "zstd"];

testUnless(test, lacking({ programs: TOOLS }), "should give the console to a person", async () => {
  const { folder, file, env } = await machineRoom(() => 'read -r line; echo "$line: $@"');
  const busybox = join(folder, "cache", "phone-shells", "amd64", "usr", "bin", "busybox");
  fs.mkdirSync(dirname(busybox), { recursive: true });
  fs.writeFileSync(busybox, "busybox");
  for (const CONSOLE of ["1", "break"]) {
    // By a pipe, as the shell makes it: what a runtime calls one is a socket.
    const command = ["sh", "-c", 'echo hello | "$@"', "sh", ...RUNTIME, join(PROJECT, "scripts", "phone.ts"), file];
    const { code, stdout, stderr } = await runProgram(command, { env: { ...env, CONSOLE } });
    assert.is(code, 0, stderr);
    assert.match(
      stdout,
      /^hello: .* -serial mon:stdio .*rdinit=\/box\/init printk\.devkmsg=on tp_printk trace_event=sched:sched_process_exec thp_anon=16K-512K:always\n$/,
    );
    assert.match(stderr, /^phone: the console is yours; Ctrl-A X ends the machine$/m);
  }
  const two = await script("phone.ts", [file, file], { env: { ...env, CONSOLE: "1" } });
  assert.is(
    two.stderr,
    "error: a console is that of one phone\n  got:      2 files\n  fix:      set TARGET, or name one file\n",
  );
  assert.is(two.code, 2);
  assert.equal([namesIn(join(folder, "tmp")), namesIn(join(folder, "dist"))], [[], []]);
});

testUnless(
  test,
  lacking({ programs: [...TOOLS, "mkfifo"] }),
  "should leave no process when it is killed, and no file after the next run",
  async () => {
    // Opening a pipe that nobody writes to takes for ever, without a process more.
    const { folder, file, env } = await machineRoom(
      (room) => `[ -e "${room}/wait" ] && read -r _ <"${room}/wait"; exit 0`,
    );
    const wait = join(folder, "wait");
    assert.is((await runProgram(["mkfifo", wait])).code, 0);
    let pid = 0;
    const ended = script("phone.ts", [file], {
      env: { ...env, LOAD: "1" },
      started: (started) => {
        pid = started;
      },
    });
    const machines = (): number => processesWith("qemu-system-x86_64", `TMPDIR=${env.TMPDIR}`).length;
    // The shell, three that it forked, the watcher among them, and QEMU.
    await until(() => machines() === 5, ended);
    process.kill(pid, "SIGKILL");
    assert.is((await ended).signal, "SIGKILL");
    // Nothing keeps the processors busy either.
    await until(() => processesWith("", `TMPDIR=${env.TMPDIR}`).length === 0);
    assert.is(namesIn(join(folder, "tmp")).length, 1);
    fs.rmSync(wait);
    const next = await script("phone.ts", [file], { env });
    assert.match(
      next.stdout,
      /^FAIL \S+ \(Linux 6\.12\.0-test, \S+\): fastboop did not find the bootloader, [^\n]*\n$/,
    );
    assert.is(next.code, 3, next.stderr);
    assert.equal([namesIn(join(folder, "tmp")), namesIn(join(folder, "dist"))], [[], ["log"]]);
  },
);

testUnless(
  test,
  lacking({ programs: ["mkfifo"] }),
  "should refuse what the machine can't use, before anything is built",
  async () => {
    const folder = temporaryFolder("phone");
    const at = (name: string): string => join(folder, name);
    assert.is((await runProgram(["mkfifo", at("fifo")])).code, 0);
    fs.writeFileSync(at(assetName(X)), "stage0.rootfs");
    fs.writeFileSync(at("huge"), "");
    fs.truncateSync(at("huge"), 512 * 1024 ** 2 + 1);
    const { "aarch64-unknown-linux-musl": aarch64 } = await releaseFiles();
    const told = async (
      FASTBOOP_CLI: string | undefined,
      ROOTFS: string | undefined,
    ): Promise<[number | null, string]> => {
      const env = { DIST: folder, FASTBOOP_STAGE0_CACHE: at("cache"), FASTBOOP_CLI, ROOTFS };
      const { code, stdout, stderr } = await script("phone.ts", [at(assetName(X))], { env });
      assert.equal([stdout, fs.existsSync(at("cache"))], ["", false]);
      return [code, stderr];
    };
    const cli = (file: string, what: string, got: string): string =>
      `error: ${file}: FASTBOOP_CLI ${what}\n  expected: a static executable for ${X}\n  got:      ${got}\n  fix:      name another file, or unset FASTBOOP_CLI\n`;
    const rootfs = (file: string, what: string, got: string): string =>
      `error: ${file}: ROOTFS ${what}\n  expected: an image of at most 536,870,912 bytes (512.0 MiB)\n  got:      ${got}\n  fix:      name another file, or unset ROOTFS\n`;
    const [unreadable, useless] = ["can't be read", "is of no use in the machine"];
    assert.equal(await told(at("fifo"), folder), [
      3,
      cli(at("fifo"), unreadable, "a fifo") + rootfs(folder, unreadable, "a folder"),
    ]);
    assert.equal(await told(aarch64, at("huge")), [
      2,
      cli(aarch64, useless, "one for aarch64") + rootfs(at("huge"), useless, "536,870,913 bytes (512.0 MiB)"),
    ]);
    assert.equal(await told("/bin/sh", undefined), [2, cli("/bin/sh", useless, "dynamic")]);
  },
);

testUnless(
  test,
  lacking({ programs: TOOLS }),
  "should build a workspace's own fastboop with what its sources need, and say whose build script fails",
  async () => {
    const { folder, file, env } = await machineRoom(() => "");
    const put = (path: string, text: string, mode = 0o644): void => {
      fs.mkdirSync(dirname(join(folder, path)), { recursive: true });
      fs.writeFileSync(join(folder, path), text, { mode });
    };
    for (const name of ["stage0", "cli"]) put(`workspace/${name}/Cargo.toml`, "");
    put("workspace/Cargo.lock", 'source = "git+https://git.example.invalid/x#0123"\n');
    put("cache/phone-workspace/x86_64-unknown-linux-musl/headers/usr/include/x.h", "");
    put("bin/x86_64-linux-gnu-gcc", "#!/bin/sh\n", 0o755);
    // As one that is made of Debian's packages, which leaves git dependencies to the program git.
    put("made/packages.json", "{}");
    put("made/lib/rustlib/x86_64-unknown-linux-musl/lib/libstd-1.rlib", "");
    put("made/bin/rustc", `#!/bin/sh\necho '${join(folder, "made")}'\n`, 0o755);
    const failed = [
      "error: failed to run custom build command for `libusb1-sys v0.7.0`",
      "Caused by:",
      "  process did not exit successfully",
      "  --- stderr",
      "  libusb.h:3: no such header",
    ];
    put(
      "made/bin/cargo",
      `#!/bin/sh\necho "$1 $CARGO_NET_GIT_FETCH_WITH_CLI" >>"$0.log"\n[ "$1" = build ] || exit 0\ncat >&2 <<'E'\n${failed.join("\n")}\nE\nexit 101\n`,
      0o755,
    );
    const cargo = join(folder, "made", "bin", "cargo");
    const workspace = join(folder, "workspace");
    const { code, stdout, stderr } = await script("phone.ts", [file], {
      env: { ...env, FASTBOOP_CLI: undefined, FASTBOOP_STAGE0_CARGO: cargo, WORKSPACE: workspace },
    });
    assert.equal([code, stdout], [3, ""], stderr);
    assert.is(fs.readFileSync(`${cargo}.log`, "utf8"), "tree true\nbuild true\n");
    assert.is(
      stderr.slice(stderr.lastIndexOf("\nerror: ") + 1),
      `error: ${workspace}: the build script of libusb1-sys v0.7.0 failed\n` +
        `  expected: a build for ${X}\n  got:      libusb.h:3: no such header\n`,
    );
  },
);

/** The x86_64 file of a release, with the name of fastboop's setting in place of a path that the compiler left in it. */
async function fastboops(): Promise<Buffer> {
  const bytes = fs.readFileSync((await releaseFiles())[X]);
  const at = bytes.indexOf("library/std/src/");
  assert.ok(at > 0);
  bytes.write("stage0.rootfs", at, "latin1");
  return bytes;
}

testUnless(
  test,
  lacking({ programs: TOOLS }),
  "should let nothing pass, and publish nothing, that fastboop does not boot a phone with",
  async () => {
    const { folder, env } = await machineRoom(() => "");
    const { "aarch64-unknown-linux-musl": aarch64 } = await releaseFiles();
    fs.writeFileSync(join(env.DIST ?? "", assetName(X)), await fastboops(), { mode: 0o755 });
    fs.copyFileSync(aarch64, join(env.DIST ?? "", basename(aarch64)));
    const gated = await script("preflight.ts", [], { env: { ...env, PHONE: "1" } });
    assert.is(gated.code, 3, gated.stderr);
    assert.match(gated.stderr, /^phone: leaves out .*aarch64-unknown-linux-musl, which reads no stage0\.rootfs/m);
    assert.match(
      gated.stderr,
      /: breaks the rule phone-machine\n.*\n {2}got: {6}fastboop did not find the bootloader; /,
    );

    assert.is((await script("sums.ts", [], { env })).code, 0);
    const github = await startGitHub({});
    try {
      await github.addRelease({ tag: "v0.0.0" });
      const publisher = {
        ...{ ...env, TAG: "v0.0.1", UNDRAFT: "1", GH_ENTERPRISE_TOKEN: github.token },
        ...{ GITHUB_SERVER_URL: github.server, GITHUB_API_URL: github.api },
      };
      const isDraft = () => github.releases().find(({ tag }) => tag === "v0.0.1")?.draft;
      const kept = await script("publish-stage0.ts", [], { env: { ...publisher, PHONE: "1" } });
      assert.equal([kept.code, isDraft()], [3, true], kept.stderr);
      assert.match(kept.stderr, /^error: \S+: fastboop did not find the bootloader$/m);
      const published = await script("publish-stage0.ts", [], { env: publisher });
      assert.equal([published.code, isDraft()], [0, false], published.stderr);
    } finally {
      await github.close();
    }
    assert.equal(namesIn(join(folder, "tmp")), []);
  },
);

test.run();
