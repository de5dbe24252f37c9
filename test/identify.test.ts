/** What make identify finds in the files that carry a stage0, each made by the usual tools. */
import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { startGitHub } from "./github/server.ts";
import { ASSET, assets, BYTES, digest, type Env, fetchRun, OTHER, OTHER_BYTES, sumsOf, TAG } from "./lib/fetching.ts";
import { lacking, type Outcome, runProgram, script, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { watchMemory } from "./lib/processes.ts";

const test = suite("identify");
const folder = temporaryFolder("identify");
const caller = join(folder, "caller");
fs.mkdirSync(caller);

/** The same executable, with its name and version in it, so that it is known for a stage0 when its digest is not. */
const NAMED = Buffer.from(BYTES);
NAMED.write("fastboop-stage0 1.2.3\0", 600_000);
const SHA256 = digest(NAMED);
const ALTERED = Buffer.from(NAMED);
ALTERED.writeUInt8(ALTERED.readUInt8(900_000) ^ 1, 900_000);
fs.writeFileSync(
  join(caller, "stage0.lock"),
  [
    [ASSET, SHA256],
    [OTHER, digest(OTHER_BYTES)],
  ]
    .map(([asset, sha256]) => `[[pin]]\ntag = "${TAG}"\nasset = "${asset}"\nsha256 = "${sha256}"\n`)
    .join(""),
);

const identify = (
  file: string,
  args: readonly string[] = [],
  started: (pid: number) => void = () => {},
): Promise<Outcome> =>
  script("identify.ts", args, {
    env: { FILE: file, CALLER_DIR: caller, FASTBOOP_STAGE0_CACHE: join(folder, "cache") },
    started,
  });

async function sh(command: string): Promise<void> {
  const { code, stderr } = await runProgram(["sh", "-euc", command], { cwd: folder });
  assert.is(code, 0, stderr);
}

/** Writes a file into the folder. Returns its path. */
function put(name: string, ...pieces: (Buffer | string)[]): string {
  const path = join(folder, name);
  fs.mkdirSync(join(path, ".."), { recursive: true });
  fs.writeFileSync(path, Buffer.concat(pieces.map((piece) => Buffer.from(piece))));
  return path;
}
const read = (name: string): Buffer => fs.readFileSync(join(folder, name));

const OK = `${ASSET} of ${TAG} (stage0.lock), x86_64-unknown-linux-musl, 1,234,567 bytes (1.2 MiB), version 1.2.3, sha256 ${SHA256}`;
const UNKNOWN = `UNKNOWN, x86_64-unknown-linux-musl, 1,234,567 bytes (1.2 MiB), version 1.2.3, sha256 ${digest(ALTERED)}`;

test("should know a stage0 itself, an altered one, one that is cut off, and a file that holds none", async () => {
  const known = await identify(put("stage0", NAMED));
  assert.is(known.code, 0, known.stderr);
  assert.is(known.stdout, `ok   byte 0: ${OK}\n`);
  const altered = await identify(put("altered", ALTERED));
  assert.is(altered.code, 1);
  assert.is(altered.stdout, `FAIL byte 0: ${UNKNOWN}\n`);
  assert.match(
    altered.stderr,
    /^error: .*altered: the stage0 at byte 0 is altered, or of no release that is known here$/m,
  );
  const cut = await identify(put("cut", NAMED.subarray(0, 1_000_000)));
  assert.is(cut.code, 1);
  assert.match(cut.stderr, /the stage0 at byte 0 is cut off$/m);
  const none = await identify(put("none", "nothing"));
  assert.is(none.code, 3);
  assert.is(none.stdout, "");
  await sh("mkfifo fifo");
  const fifo = await identify(join(folder, "fifo"));
  assert.match(fifo.stderr, /^error: .*\/fifo: can't be read\n {2}expected: a regular file\n {2}got: {6}a fifo$/m);
  assert.is(fifo.code, 3);
});

const programs = ["cpio", "gzip", "zstd", "xz", "lz4", "dpkg-deb", "tar"];
testUnless(
  test,
  lacking({ programs }),
  "should find it in initrds of every compression, several in a row",
  async () => {
    put("root/usr/lib/fastboop/stage0/stage0-x86_64", NAMED);
    put("root/init", "#!/bin/sh\n");
    put("early/kernel/x86/microcode/GenuineIntel.bin", "m".repeat(5000));
    // Compressed files in a plain archive are none of its parts.
    put("early/lib/module.ko", "k".repeat(50_000));
    await sh(
      "for f in root early; do (cd $f; find . | cpio -o -H newc --quiet > ../$f.cpio); done; gzip -f early/lib/module.ko",
    );
    await sh("(cd early; find . | cpio -o -H newc --quiet > ../early.cpio)");
    await sh(
      "gzip -k root.cpio; zstd -q root.cpio; xz -k root.cpio; lz4 -q -l root.cpio root.cpio.lz4; xz -k early.cpio",
    );
    const early = read("early.cpio");
    const plain = await identify(put("plain", early, read("root.cpio")));
    assert.is(plain.code, 0, plain.stderr);
    assert.match(plain.stdout, new RegExp(`^ok {3}byte \\d+: ${OK.replace(/[()]/g, "\\$&")}\n$`));
    for (const [suffix, program] of [
      ["gz", "gzip"],
      ["zst", "zstd"],
      ["xz", "xz"],
      ["lz4", "lz4"],
    ]) {
      const initrd = put(`initrd.${suffix}`, early, read(`root.cpio.${suffix}`));
      const { code, stdout, stderr } = await identify(initrd);
      assert.is(code, 0, stderr);
      assert.match(stdout, new RegExp(`^ok {3}byte \\d+ of the ${program} part at byte ${early.length}: `));
      assert.is(stdout.split("\n").length, 2);
    }
    // Compressed archives in a row, of different kinds, with zeros between them.
    const row = put("row", read("early.cpio.xz"), Buffer.alloc(512), read("root.cpio.gz"), Buffer.alloc(4), ALTERED);
    const { code, stdout } = await identify(row, ["--json"]);
    assert.is(code, 1);
    const found = JSON.parse(stdout) as { intact: boolean; part: string | null; release: unknown; target: string }[];
    assert.equal(
      found.map(({ intact, part }) => [intact, part?.replace(/ at .*/, "") ?? null]),
      [
        [false, null],
        [true, "the gzip part"],
      ],
    );
    assert.equal(found[1]?.release, { tag: TAG, asset: ASSET, by: "stage0.lock" });
  },
);

testUnless(
  test,
  lacking({ programs }),
  "should find it in a boot image, a package and the program around it",
  async () => {
    put("root/usr/lib/fastboop/stage0/stage0-x86_64", NAMED);
    await sh("(cd root; find . | cpio -o -H newc --quiet | gzip > ../ramdisk.gz)");
    const image = put("boot.img", "ANDROID!", Buffer.alloc(4088), Buffer.alloc(8192, "kernel"), read("ramdisk.gz"));
    // A dynamic program has an interpreter; that it names stage0 too does not make it one.
    const program = put("fastboop", BYTES.subarray(0, 64), "fastboop-stage0", Buffer.alloc(4096), NAMED, OTHER_BYTES);
    put(
      "deb/DEBIAN/control",
      "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.com>\nDescription: x\n",
    );
    put("deb/usr/lib/fastboop/stage0/stage0-x86_64", NAMED);
    await sh("for z in gzip xz zstd; do dpkg-deb -Z$z --root-owner-group -b deb $z.deb >/dev/null; done");
    // Signature, control and data of an apk are three gzip streams in a row.
    await sh(
      "tar -C deb -cf - DEBIAN | gzip > one.gz; tar -C deb -cf - usr | gzip > two.gz; cat one.gz one.gz two.gz > x.apk",
    );
    for (const file of [
      image,
      join(folder, "gzip.deb"),
      join(folder, "xz.deb"),
      join(folder, "zstd.deb"),
      join(folder, "x.apk"),
    ]) {
      const { code, stdout, stderr } = await identify(file);
      assert.is(code, 0, `${file}: ${stderr}`);
      assert.ok(stdout.endsWith(`: ${OK}\n`) && stdout.split("\n").length === 2, `${file}: ${stdout}`);
    }
    const { code, stdout } = await identify(program);
    assert.is(code, 0);
    assert.equal(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.replace(/ \(stage0\.lock\).*/, "")),
      [`ok   byte 4175: ${ASSET} of ${TAG}`, `ok   byte ${4175 + 1_234_567}: ${OTHER} of ${TAG}`],
    );
  },
);

testUnless(
  test,
  lacking({ programs: ["rpmbuild"] }),
  "should find it in an rpm, however that is compressed",
  async () => {
    const name = put("payload/stage0-x86_64", NAMED);
    const spec = put(
      "x.spec",
      "Name: x\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%description\nx\n",
      `%install\ninstall -D -m 0644 '${name}' %{buildroot}/usr/lib/stage0-x86_64\n%files\n/usr/lib/stage0-x86_64\n`,
    );
    for (const payload of ["w9.gzdio", "w6.xzdio", "w3.zstdio"]) {
      await sh(
        `rpmbuild -bb --quiet --define '_topdir ${folder}/rpm' --define '_binary_payload ${payload}' --define '__os_install_post %{nil}' ${spec}`,
      );
      const { code, stdout, stderr } = await identify(join(folder, "rpm", "RPMS", "noarch", "x-1-1.noarch.rpm"));
      assert.is(code, 0, stderr);
      assert.ok(stdout.endsWith(`: ${OK}\n`) && stdout.split("\n").length === 2, `${payload}: ${stdout}`);
    }
  },
);

const SIZE = 200_000_000;
const MOST_MEMORY = 150 * 1024 * 1024;
testUnless(test, lacking({ programs }), "should look through 200 MB, packed or not, in little memory", async () => {
  const name = put("large");
  fs.truncateSync(name, SIZE);
  fs.appendFileSync(name, NAMED);
  await sh("zstd -q -1 -k large");
  for (const [file, place] of [
    [name, `byte ${SIZE}`],
    [`${name}.zst`, `byte ${SIZE} of the zstd part at byte 0`],
  ] as const) {
    let stop = (): number => 0;
    const { code, stdout, stderr } = await identify(file, [], (pid) => {
      stop = watchMemory(pid);
    });
    assert.is(code, 0, stderr);
    assert.is(stdout, `ok   ${place}: ${OK}\n`);
    const peak = stop();
    assert.ok(peak > 0 && peak < MOST_MEMORY, `${peak} bytes`);
  }
});

test("should know the release's other files by the list that an earlier fetch saw", async () => {
  const github = await startGitHub({ tls: true });
  const cache = temporaryFolder("cache");
  try {
    await github.addRelease({ tag: TAG, assets: assets() });
    const env = { FASTBOOP_STAGE0_CACHE: cache };
    assert.is((await fetchRun(github, env)).code, 0);
  } finally {
    await github.close();
  }
  // Of the two only the other one was fetched.
  const env = { FILE: put("other", OTHER_BYTES), CALLER_DIR: temporaryFolder(), FASTBOOP_STAGE0_CACHE: cache };
  const { code, stdout, stderr } = await script("identify.ts", [], { env });
  assert.is(code, 0, stderr);
  assert.match(stdout, `ok   byte 0: ${OTHER} of ${TAG} (SHA256SUMS of an earlier fetch), `);
  const list = fs.readdirSync(cache, { recursive: true, encoding: "utf8" }).find((name) => name.endsWith("SHA256SUMS"));
  fs.appendFileSync(join(cache, list ?? ""), "no line of a list\n");
  assert.is((await script("identify.ts", [], { env })).code, 3);
});

test("should know what the newest releases list, when TAG=all asks for them", async () => {
  const github = await startGitHub({ tls: true });
  try {
    const older = assets({ [ASSET]: { bytes: NAMED }, SHA256SUMS: { bytes: sumsOf({ [ASSET]: NAMED }) } });
    await github.addRelease({ tag: "v1.2.2", assets: older });
    await github.addRelease({ tag: TAG, assets: assets() });
    await github.addRelease({ tag: "v1.2.4", draft: true, assets: assets() });
    await github.addRelease({ tag: "v1.2.1", assets: assets({ SHA256SUMS: { bytes: "no line of a list\n" } }) });
    await github.addRelease({ tag: "v1.2.0", assets: assets({ SHA256SUMS: undefined }) });
    const env = {
      ...{ TAG: "all", CALLER_DIR: temporaryFolder(), FASTBOOP_STAGE0_CACHE: temporaryFolder() },
      ...{ GITHUB_SERVER_URL: github.server, GITHUB_API_URL: github.api, NODE_EXTRA_CA_CERTS: github.caFile },
    };
    const run = (file: string, more: Env = {}) => script("identify.ts", [], { env: { ...env, FILE: file, ...more } });
    const both = await run(put("both", NAMED, OTHER_BYTES));
    assert.is(both.code, 0, both.stderr);
    assert.equal(
      both.stdout.split("\n").map((line) => line.replace(/\), .*/, ")")),
      [`ok   byte 0: ${ASSET} of v1.2.2 (SHA256SUMS)`, `ok   byte 1234567: ${OTHER} of ${TAG} (SHA256SUMS)`, ""],
    );
    const none = await run(put("altered", ALTERED));
    assert.is(none.code, 1, none.stderr);
    const mirror = await run(put("stage0", NAMED), { FASTBOOP_STAGE0_MIRROR: `file://${temporaryFolder()}` });
    assert.is(mirror.code, 2);
    assert.match(mirror.stderr, /^error: a mirror can't tell which releases there are$/m);
    assert.is((await run(put("stage0", NAMED), { FASTBOOP_STAGE0_OFFLINE: "1" })).code, 3);
    assert.is((await run(put("stage0", NAMED), { FASTBOOP_STAGE0_REPO: "none/here" })).code, 3);
    assert.equal(github.errors, []);
  } finally {
    await github.close();
  }
});

test.run();
