import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { findTarget } from "../scripts/lib/contract.ts";
import { Failure } from "../scripts/lib/errors.ts";
import { inspect } from "../scripts/lib/gate.ts";
import { digestFile, sha512File } from "../scripts/lib/hash.ts";
import { KINDS, type PackageKind } from "../scripts/lib/package/kinds.ts";
import { buildPackage } from "../scripts/lib/package/packages.ts";
import { pinRecipes, RECIPES, type RecipeFile, readRecipes } from "../scripts/lib/package/recipes.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { readTag } from "../scripts/lib/tags.ts";
import { ensureToolchain } from "../scripts/lib/toolchain.ts";
import {
  copyProject,
  copyWorkspace,
  isDeno,
  lacking,
  make,
  namesIn,
  runProgram,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";
import { endsSoon, until } from "./lib/processes.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("packages");
const TOOLS = ["dpkg-buildpackage", "dh", "rpmbuild", "rpm2cpio", "cpio", "busybox"];
const ABUILD = join(PROJECT, "test", "packaging");
const PATH = `${ABUILD}:${process.env.PATH}`;
const ASSET = "fastboop-stage0-aarch64-unknown-linux-musl";
const NAMES: Record<PackageKind, string> = {
  deb: "fastboop-stage0_0.0.1.rc7_all.deb",
  rpm: "fastboop-stage0-0.0.1.rc7-1.noarch.rpm",
  apk: "fastboop-stage0-0.0.1_rc7-r0.apk",
};
const kinds = Object.keys(KINDS) as PackageKind[];

const files = await releaseFiles();
const aarch64 = files["aarch64-unknown-linux-musl"];
const x86_64 = files["x86_64-unknown-linux-musl"];

const verb = (kind: PackageKind, env: Record<string, string>) =>
  make([`package-${kind}`], { env: { PATH, TAG: "v0.0.1-rc.7", ...env } });

/** Takes the payload out of a package by hand, not by the project's code. */
async function payloadOf(kind: PackageKind, path: string): Promise<{ sha256: string; mode: number; names: string[] }> {
  const folder = temporaryFolder("inside");
  const commands: Record<PackageKind, string> = {
    deb: 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2"',
    rpm: 'cd "$2" && rpm2cpio "$1" | cpio -idm --quiet',
    apk: 'tar -xzf "$1" -C "$2"',
  };
  const { code, stderr } = await runProgram(["sh", "-c", commands[kind], "sh", path, folder]);
  assert.is(code, 0, stderr);
  const names = fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => fs.statSync(join(folder, name)).isFile());
  const payload = join(folder, "usr/lib/fastboop/stage0/stage0-aarch64");
  return { sha256: digestFile(payload).sha256, mode: fs.statSync(payload).mode & 0o7777, names: names.sort() };
}

testUnless(
  test,
  lacking({ programs: TOOLS }),
  "should end the build, and leave nothing, when a signal ends the run",
  async () => {
    const programs = temporaryFolder();
    const pidFile = join(programs, "pid");
    const builder = `#!/bin/sh\necho $$ >"${pidFile}.new"; mv "${pidFile}.new" "${pidFile}"; pwd >"${pidFile}.in"; exec sleep 1005\n`;
    fs.writeFileSync(join(programs, "dpkg-buildpackage"), builder, { mode: 0o755 });
    let run = 0;
    const ended = script("package.ts", ["deb"], {
      env: {
        PATH: `${programs}:${process.env.PATH}`,
        DIST: temporaryFolder("dist"),
        TAG: "v0.0.1-rc.7",
        FASTBOOP_STAGE0_EMBED_PATH: aarch64,
      },
      started: (pid) => (run = pid),
    });
    await until(() => fs.existsSync(`${pidFile}.in`), ended);
    const folder = fs.readFileSync(`${pidFile}.in`, "utf8").trim();
    assert.ok(fs.existsSync(folder));
    process.kill(run, "SIGTERM");
    const { signal } = await ended;
    assert.is(signal, "SIGTERM");
    assert.not(fs.existsSync(join(folder, "..")));
    assert.ok(await endsSoon(Number(fs.readFileSync(pidFile, "utf8"))));
  },
);

for (const kind of kinds) {
  testUnless(test, lacking({ programs: TOOLS }), `should carry a local file's exact bytes in a ${kind}`, async () => {
    const DIST = temporaryFolder("dist of it's");
    const { code, stdout, stderr } = await verb(kind, { DIST, FASTBOOP_STAGE0_EMBED_PATH: aarch64 });
    assert.is(code, 0, stderr);
    const path = join(DIST, NAMES[kind]);
    assert.is(stdout, `${path}\n`);
    const { size, sha256 } = digestFile(aarch64);
    assert.match(stderr, `packages ${aarch64}, from FASTBOOP_STAGE0_EMBED_PATH: ${size.toLocaleString("en-US")} bytes`);
    assert.match(stderr, new RegExp(`^packages .*, sha256 ${sha256}$`, "m"));
    assert.match(stderr, `the package contains the payload unchanged: ${size.toLocaleString("en-US")} bytes`);
    const inside = await payloadOf(kind, path);
    assert.is(inside.sha256, sha256);
    assert.is(inside.mode, 0o644);
    const documents =
      kind === "deb"
        ? [
            "usr/share/doc/fastboop-stage0/changelog.gz",
            "usr/share/doc/fastboop-stage0/copyright",
            "usr/share/lintian/overrides/fastboop-stage0",
          ]
        : kind === "rpm"
          ? ["usr/share/licenses/fastboop-stage0/LICENSE"]
          : [];
    assert.equal(inside.names, ["usr/lib/fastboop/stage0/stage0-aarch64", ...documents]);
    assert.equal(namesIn(DIST), [NAMES[kind], "log"].sort());
  });

  testUnless(
    test,
    lacking({ programs: TOOLS }),
    `should take the asset of dist/ for a ${kind} when no file is named`,
    async () => {
      const DIST = temporaryFolder();
      fs.copyFileSync(aarch64, join(DIST, ASSET));
      const { code, stdout, stderr } = await verb(kind, { DIST, TAG: "" });
      assert.is(code, 0, stderr);
      assert.match(stderr, `packages ${join(DIST, ASSET)}, from the folder of artifacts: `);
      assert.is((await payloadOf(kind, stdout.trim())).sha256, digestFile(aarch64).sha256);
    },
  );

  testUnless(test, lacking({ programs: TOOLS }), `should refuse a swapped architecture for a ${kind}`, async () => {
    const DIST = temporaryFolder();
    const { code, stdout, stderr } = await verb(kind, { DIST, FASTBOOP_STAGE0_EMBED_PATH: x86_64 });
    assert.match(stderr, `error: ${x86_64}: breaks the rule machine\n  expected: `);
    assert.is(stdout, "");
    assert.is(code, 2, "make's own code for a recipe that ended with 1");
    assert.equal(namesIn(DIST), []);
  });

  testUnless(
    test,
    lacking({ programs: TOOLS }),
    `should say the three ways to a payload for a ${kind} when there is none`,
    async () => {
      const DIST = temporaryFolder();
      const { code, stderr } = await verb(kind, { DIST, TAG: "" });
      assert.is(
        stderr.replace(/^make: .*\n/m, ""),
        [
          `error: ${join(DIST, ASSET)}: there is no stage0 to package`,
          "  fix:      set FASTBOOP_STAGE0_EMBED_PATH to a prebuilt one, download it with make fetch-stage0, or build it with make stage0",
          "",
        ].join("\n"),
      );
      assert.is(code, 2);
    },
  );

  testUnless(
    test,
    lacking({ programs: TOOLS }),
    `should see that the tool changed the payload of a ${kind}`,
    async () => {
      const spoil = (text: string): string =>
        text.replace(/^(.*install -D -m 0644 .*)$/m, (line) => `${line} && printf x >>${line.split(" ").at(-1)}`);
      const spoilt = pinned(aarch64).map((recipe) => ({
        ...recipe,
        text: recipe.path === "payload.sh" ? recipe.text : spoil(recipe.text),
      }));
      const dist = temporaryFolder();
      const failure = await failureOf(kind, spoilt, aarch64, dist);
      assert.is(failure.exitCode, 1);
      assert.is(failure.problems[0]?.what, "packaging changed the payload");
      assert.match(failure.problems[0]?.expected ?? "", digestFile(aarch64).sha256);
      assert.equal(namesIn(dist), ["log"]);
    },
  );

  testUnless(
    test,
    lacking({ programs: TOOLS }),
    `should refuse a payload that is not the pinned one in a ${kind}`,
    async () => {
      const other = join(temporaryFolder(), "other");
      fs.copyFileSync(aarch64, other);
      fs.appendFileSync(other, "x");
      const failure = await failureOf(kind, pinned(aarch64), other, temporaryFolder());
      assert.is(failure.exitCode, 3);
      assert.match(
        failure.problems[0]?.got ?? "",
        `error: stage0 is not the file that is pinned for v0.0.1-rc.7: ${other}`,
      );
      assert.match(failure.problems[0]?.got ?? "", `expected: sha256 ${digestFile(aarch64).sha256}`);
      assert.match(failure.problems[0]?.got ?? "", `got:      sha256 ${digestFile(other).sha256}`);
    },
  );
}

testUnless(
  test,
  lacking({ programs: TOOLS }),
  "should not say of a package that could not be unpacked that it has no payload",
  async () => {
    const [DIST, tools] = [temporaryFolder(), temporaryFolder()];
    fs.writeFileSync(
      join(tools, "dpkg-deb"),
      '#!/bin/sh\ncase $1 in -x) echo "dpkg-deb: no space left" >&2; exit 2;; esac\nexec /usr/bin/dpkg-deb "$@"\n',
      { mode: 0o755 },
    );
    const { code, stdout, stderr } = await script("package.ts", ["deb"], {
      env: { DIST, TAG: "v0.0.1-rc.7", FASTBOOP_STAGE0_EMBED_PATH: aarch64, PATH: `${tools}:${PATH}` },
    });
    assert.ok(
      stderr.endsWith(
        "error: dpkg-deb failed\n  got:      exit code 2\ndpkg-deb: no space left\n  fix:      check the space in the temporary folder\n",
      ),
      stderr,
    );
    assert.is(stdout, "");
    assert.is(code, 3);
    assert.equal(namesIn(DIST), ["log"]);
  },
);

testUnless(test, lacking({ programs: TOOLS }), "should not take a local build for a release", async () => {
  for (const kind of kinds) {
    const DIST = temporaryFolder();
    fs.copyFileSync(aarch64, join(DIST, ASSET));
    const { code, stdout, stderr } = await verb(kind, { DIST });
    assert.is(
      stderr.replace(/^make: .*\n/m, ""),
      [
        "error: TAG names the release v0.0.1-rc.7, and no file of it is given",
        "  expected: FASTBOOP_STAGE0_EMBED_PATH, the path of that release's stage0",
        `  got:      none; ${join(DIST, ASSET)} may be any build`,
        "  fix:      set it to what make -s fetch-stage0 TAG=v0.0.1-rc.7 prints, or to your own file, or unset TAG",
        "",
      ].join("\n"),
    );
    assert.is(stdout, "");
    assert.is(code, 2);
    assert.equal(namesIn(DIST), [ASSET]);
  }
});

test("should package nothing after the README's fetch has failed", async () => {
  const [block = ""] =
    /(?<=^```sh\n)[^`]*package-deb[^`]*(?=^```$)/m.exec(fs.readFileSync(join(PROJECT, "README.md"), "utf8")) ?? [];
  assert.match(block, "make -s fetch-stage0 TAG=");
  const DIST = temporaryFolder();
  fs.copyFileSync(aarch64, join(DIST, ASSET));
  const { code, stdout, stderr } = await runProgram(["sh", "-c", block], {
    env: { DIST, RUNTIME: isDeno ? "deno" : "node", FASTBOOP_STAGE0_OFFLINE: "1", XDG_CACHE_HOME: temporaryFolder() },
  });
  assert.is.not(code, 0);
  assert.match(stderr, /^error: .* is not available offline$/m);
  assert.not.match(stdout + stderr, "package");
  assert.equal(namesIn(DIST), [ASSET]);
});

const pinned = (file: string): RecipeFile[] =>
  pinRecipes(readRecipes(), {
    tag: readTag("v0.0.1-rc.7", "TAG"),
    url: "https://example.org/asset",
    sha256: digestFile(file).sha256,
    sha512: sha512File(file),
  });

async function failureOf(
  kind: PackageKind,
  recipes: readonly RecipeFile[],
  payload: string,
  dist: string,
): Promise<Failure> {
  const before = process.env.PATH;
  process.env.PATH = PATH;
  try {
    await buildPackage(kind, recipes, payload, dist, join(dist, "log", "package.log"), () => {});
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  } finally {
    process.env.PATH = before;
  }
  throw new Error("the package was built");
}

/** How a package manager works in a root of its own; each prints the version that is installed. */
const MANAGER = {
  deb: `install() { dpkg --root="$0" --force-script-chrootless -i "$1"; }
    remove() { dpkg --root="$0" --purge fastboop-stage0; }
    version() { dpkg-query --admindir="$0/var/lib/dpkg" -f '\${Version}\\n' -W fastboop-stage0; }
    mkdir -p "$0/var/lib/dpkg/info" "$0/var/lib/dpkg/updates" "$0/usr" && : >"$0/var/lib/dpkg/status"`,
  rpm: `install() { rpm --root "$0" -U --nodeps "$1"; }
    remove() { rpm --root "$0" -e fastboop-stage0; }
    version() { rpm --root "$0" -q --qf '%{VERSION}\\n' fastboop-stage0; }`,
};
for (const kind of ["deb", "rpm"] as const) {
  testUnless(
    test,
    lacking({ root: true, programs: TOOLS }),
    `should install, upgrade from a candidate to the release and remove a ${kind}, which leaves nothing`,
    async () => {
      const files: string[] = [];
      for (const TAG of ["v0.0.1-rc.7", "v0.0.1"]) {
        const settings = { DIST: temporaryFolder(), TAG, FASTBOOP_STAGE0_EMBED_PATH: aarch64 };
        const { code, stdout, stderr } = await verb(kind, { ...settings, SOURCE_DATE_EPOCH: "1790000000" });
        assert.is(code, 0, stderr);
        files.push(stdout.trim());
      }
      const folder = temporaryFolder();
      const steps = [
        'install "$1" >&2 && version && install "$2" >&2 && version',
        "cat usr/lib/fastboop/stage0/stage0-aarch64 | sha256sum",
        "remove >&2; find . -name '*fastboop*' ! -path './var/lib/*'",
      ];
      const { code, stdout, stderr } = await runProgram(
        ["sh", "-c", `cd "$0"; ${MANAGER[kind]}; ${steps.join("; ")}`, folder, ...files],
        { env: { PATH } },
      );
      assert.is(stdout, `0.0.1~rc7\n0.0.1\n${digestFile(aarch64).sha256}  -\n`, stderr);
      assert.is(code, 0);
    },
  );

  testUnless(
    test,
    lacking({ programs: TOOLS }),
    `should make the same ${kind} twice with SOURCE_DATE_EPOCH`,
    async () => {
      const digests: string[] = [];
      for (const zone of ["UTC", "Asia/Tokyo"]) {
        const DIST = temporaryFolder();
        const { code, stderr } = await verb(kind, {
          DIST,
          FASTBOOP_STAGE0_EMBED_PATH: aarch64,
          SOURCE_DATE_EPOCH: "1767225600",
          TZ: zone,
        });
        assert.is(code, 0, stderr);
        digests.push(digestFile(join(DIST, NAMES[kind])).sha256);
      }
      assert.is(digests[0], digests[1]);
    },
  );
}

testUnless(
  test,
  lacking({ programs: [...TOOLS, "lintian"] }),
  "should satisfy lintian but for what its overrides explain",
  async () => {
    const DIST = temporaryFolder();
    await verb("deb", { DIST, FASTBOOP_STAGE0_EMBED_PATH: aarch64 });
    const { code, stdout } = await runProgram([
      "lintian",
      "--allow-root",
      "--no-cfg",
      "--fail-on",
      "error",
      join(DIST, NAMES.deb),
    ]);
    assert.is(
      stdout
        .split("\n")
        .filter((line) => line.startsWith("E:"))
        .join("\n"),
      "",
    );
    assert.is(code, 0);
  },
);

testUnless(
  test,
  lacking({ programs: [...TOOLS, "rpmlint"] }),
  "should satisfy rpmlint but for what its filters explain",
  async () => {
    const DIST = temporaryFolder();
    const built = await verb("rpm", { DIST, FASTBOOP_STAGE0_EMBED_PATH: aarch64 });
    assert.is(built.code, 0, built.stderr);
    const checked = [join(DIST, NAMES.rpm), join(RECIPES, "rpm/fastboop-stage0.spec")];
    const lint = (...filters: string[]) => runProgram(["rpmlint", ...filters, ...checked]);
    const { code, stdout, stderr } = await lint("-r", join(RECIPES, "rpm/fastboop-stage0.rpmlintrc"));
    assert.match(stdout, / 1 packages and 1 specfiles checked; 0 errors, 0 warnings, /);
    assert.is(code, 0, stdout + stderr);
    assert.match((await lint()).stdout, /E: arch-independent-package-contains-binary-or-object /);
  },
);

const codename = /^VERSION_CODENAME=(\w+)$/m.exec(fs.readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";
testUnless(
  test,
  lacking({ root: true, programs: [...TOOLS, "mmdebstrap", "piuparts"] }),
  "should satisfy piuparts: what it installs in a real Debian goes away again",
  async () => {
    const DIST = temporaryFolder();
    const built = await verb("deb", { DIST, FASTBOOP_STAGE0_EMBED_PATH: aarch64 });
    assert.is(built.code, 0, built.stderr);
    const root = join(DIST, "root.tar.gz");
    const system = ["mmdebstrap", "--variant=apt", "--include=debsums,adduser", codename, root];
    const made = await runProgram(system);
    assert.is(made.code, 0, made.stderr);
    const options = ["--no-eatmydata", "--skip-minimize", "--no-upgrade-test", "-b", root, "-d", codename];
    const { code, stdout, stderr } = await runProgram(["piuparts", ...options, built.stdout.trim()]);
    assert.is(code, 0, stdout + stderr);
    assert.match(stdout + stderr, "PASS: All tests.");
  },
);

/** The recipes as a packager has them, laid into a folder. */
function lay(kind: PackageKind, folder: string): string {
  KINDS[kind].writeSources(readRecipes(), folder);
  return folder;
}
/** How a packager runs each tool by hand. */
const BY_HAND: Record<PackageKind, (folder: string, ...extra: string[]) => string[]> = {
  deb: () => ["dpkg-buildpackage", "-b", "-us", "-uc"],
  rpm: (folder, ...extra) => [
    "rpmbuild",
    "-bb",
    "--define",
    `_topdir ${folder}/top`,
    "--define",
    `_sourcedir ${folder}`,
    ...extra,
    `${folder}/fastboop-stage0.spec`,
  ],
  apk: (folder) => ["abuild", "-F", "-P", join(folder, "out"), "fetch", "verify", "build", "rootpkg"],
};
const found = (folder: string, kind: PackageKind): string => {
  const name = fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .find((path) => path.endsWith(KINDS[kind].suffix));
  assert.ok(name, `no ${kind} below ${namesIn(folder)}`);
  return join(folder, name ?? "");
};

testUnless(
  test,
  lacking({ programs: TOOLS }),
  "should fail by hand too, with the three ways, when there is no payload at all",
  async () => {
    for (const kind of kinds) {
      const folder = lay(kind, join(temporaryFolder(), "recipe"));
      const { code, stdout, stderr } = await runProgram(BY_HAND[kind](folder), { cwd: folder, env: { PATH } });
      assert.match(
        stdout + stderr,
        [
          "error: there is no stage0 to package; give one in one of three ways:",
          `  1. set FASTBOOP_STAGE0_EMBED_PATH to the absolute path of ${ASSET}`,
          `  2. put ${ASSET} beside the recipe's other sources`,
          "  3. build where stage0/Cargo.toml is, with a cargo that has the target aarch64-unknown-linux-musl",
        ].join("\n"),
      );
      assert.is.not(code, 0, kind);
    }
  },
);

testUnless(test, lacking({ programs: TOOLS }), "should take the asset from among the recipe's sources", async () => {
  for (const kind of kinds) {
    const parent = temporaryFolder();
    const folder = lay(kind, join(parent, "the recipe"));
    const place = kind === "apk" ? join(folder, "src") : folder;
    fs.mkdirSync(place, { recursive: true });
    fs.copyFileSync(aarch64, join(place, ASSET));
    const { code, stdout, stderr } = await runProgram(BY_HAND[kind](folder), { cwd: folder, env: { PATH } });
    assert.is(code, 0, stdout + stderr);
    assert.is((await payloadOf(kind, found(parent, kind))).sha256, digestFile(aarch64).sha256, kind);
  }
});

/** A cargo that has the phones' target, as the project's own build finds it. */
const phones = findTarget("aarch64-unknown-linux-musl");
async function cargoForPhones(): Promise<string> {
  assert.ok(phones);
  const { stdout } = await runProgram(["sh", "-c", "command -v cargo"]);
  return (await ensureToolchain({ cargo: stdout.trim(), target: phones, choice: "auto", folder: PROJECT })).cargo;
}

testUnless(test, lacking({ programs: TOOLS }), "should build stage0 itself where its source is", async () => {
  const cargo = await cargoForPhones();
  for (const kind of kinds) {
    const parent = temporaryFolder();
    const folder = join(parent, "source");
    copyWorkspace(folder);
    lay(kind, folder);
    const extra = kind === "rpm" ? ["--build-in-place"] : [];
    const { code, stdout, stderr } = await runProgram(BY_HAND[kind](folder, ...extra), {
      cwd: folder,
      env: { PATH, FASTBOOP_STAGE0_CARGO: cargo, RUSTFLAGS: "-Cdebuginfo=0" },
    });
    assert.is(code, 0, stdout + stderr);
    const inside = await payloadOf(kind, found(parent, kind));
    assert.is(inside.mode, 0o644);
    const built = join(folder, "target/stage0-package/aarch64-unknown-linux-musl/release/fastboop-stage0");
    assert.is(inside.sha256, digestFile(built).sha256);
    const report = inspect(built, { target: phones, maxSize: 2 ** 25 });
    assert.equal(
      report.findings.filter(({ severity }) => severity === "fail"),
      [],
    );
  }
});

testUnless(test, lacking({ programs: TOOLS }), "should honour rpm's --define before the environment", async () => {
  const folder = lay("rpm", join(temporaryFolder(), "recipe"));
  const { code, stdout, stderr } = await runProgram(
    BY_HAND.rpm(folder, "--define", `fastboop_stage0_embed_path ${aarch64}`),
    {
      cwd: folder,
      env: { FASTBOOP_STAGE0_EMBED_PATH: "/nonexistent" },
    },
  );
  assert.is(code, 0, stdout + stderr);
  assert.is((await payloadOf("rpm", found(folder, "rpm"))).sha256, digestFile(aarch64).sha256);
});

testUnless(
  test,
  lacking({ programs: TOOLS }),
  "should have no shell read a quote in the path that rpm is given",
  async () => {
    const folder = lay("rpm", join(temporaryFolder(), "recipe"));
    const payload = join(folder, "it's;'touch executed;'");
    fs.copyFileSync(aarch64, payload);
    const { code, stdout, stderr } = await runProgram(
      BY_HAND.rpm(folder, "--define", `fastboop_stage0_embed_path ${payload}`),
      { cwd: folder },
    );
    assert.is(code, 0, stdout + stderr);
    assert.is((await payloadOf("rpm", found(folder, "rpm"))).sha256, digestFile(aarch64).sha256);
    const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
    assert.not(names.some((name) => name.endsWith("executed")));
  },
);

testUnless(test, lacking({ programs: TOOLS }), "should install below DESTDIR and PREFIX", async () => {
  const cwd = temporaryFolder();
  const { code, stdout, stderr } = await make(["install", "DESTDIR=root of it"], {
    cwd,
    env: { FASTBOOP_STAGE0_EMBED_PATH: aarch64 },
  });
  assert.is(stderr, "");
  const path = join(cwd, "root of it/usr/lib/fastboop/stage0/stage0-aarch64");
  assert.is(stdout, `${path}\n`);
  assert.is(code, 0);
  assert.is(digestFile(path).sha256, digestFile(aarch64).sha256);
  assert.is(fs.statSync(path).mode & 0o7777, 0o644);
  const local = await make(["install", "DESTDIR=b", "PREFIX=/app"], {
    cwd,
    env: { FASTBOOP_STAGE0_EMBED_PATH: aarch64 },
  });
  assert.is(local.stdout, `${join(cwd, "b/app/lib/fastboop/stage0/stage0-aarch64")}\n`);
  const odd = await make(["install", "DESTDIR=it's $HOME", "PREFIX=/$(opt)"], {
    cwd,
    env: { FASTBOOP_STAGE0_EMBED_PATH: aarch64 },
  });
  assert.is(odd.stderr, "");
  assert.is(odd.stdout, `${join(cwd, "it's $HOME/$(opt)/lib/fastboop/stage0/stage0-aarch64")}\n`);
});

testUnless(
  test,
  lacking({ programs: TOOLS }),
  "should end with the gate's own exit code for a payload that does not pass",
  async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(join(folder, "page"), "<html>");
    for (const [name, code, said] of [
      [
        "missing",
        3,
        "breaks the rule readable\n  expected: a regular file that can be read\n  got:      no such file or folder\n  fix:      check the path, its owner and its mode, and that nothing is still writing the file\n",
      ],
      [
        "page",
        1,
        "breaks the rule elf\n  expected: an ELF file\n  got:      an HTML page, probably a server's error or login page saved under this name\n  fix:      look at what was saved under this name; download or build it again\n",
      ],
    ] as const) {
      const path = join(folder, name);
      for (const [entry, args] of [
        ["install.ts", []],
        ["package.ts", ["deb"]],
      ] as const) {
        const outcome = await script(entry, args, {
          env: { DESTDIR: folder, DIST: folder, TAG: "v1.0.0", FASTBOOP_STAGE0_EMBED_PATH: path },
        });
        assert.is(outcome.stderr, `error: ${path}: ${said}`);
        assert.is(outcome.stdout, "");
        assert.is(outcome.code, code, entry);
      }
    }
  },
);

testUnless(test, lacking({ programs: TOOLS }), "should say that a file is in the way of an installation", async () => {
  const folder = join(temporaryFolder(), "usr/lib/fastboop");
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(join(folder, "stage0"), "");
  const { code, stdout, stderr } = await script("install.ts", [], {
    env: { DESTDIR: join(folder, "../../.."), FASTBOOP_STAGE0_EMBED_PATH: aarch64 },
  });
  assert.is(
    stderr,
    `error: ${folder}/stage0/: a part of the path is not a folder\n  got:      ENOTDIR: not a directory, stat 'the path'\n  fix:      check the path, or choose another place with DESTDIR\n`,
  );
  assert.is(stdout, "");
  assert.is(code, 3);
});

test("should date the changelogs of Debian and RPM by the release", () => {
  const tag = readTag("v0.0.1-rc.7", "TAG");
  const dated = pinRecipes(readRecipes(), { tag, url: "", sha256: "", sha512: "", date: 1_790_000_000 });
  const text = (name: string): string => dated.find(({ path }) => path === name)?.text ?? "";
  assert.match(text("debian/changelog"), ">  Mon, 21 Sep 2026 14:13:20 +0000\n");
  assert.match(text("rpm/fastboop-stage0.spec"), "\n* Mon Sep 21 2026 fastboop maintainers ");
});

test("should write a release's pins into every recipe, and say which one differs", async () => {
  const project = copyProject(temporaryFolder("pins"));
  fs.writeFileSync(
    join(project, "stage0.lock"),
    `[[pin]]\ntag = "v0.0.1-rc.7"\nasset = "${ASSET}"\nsha256 = "${"a".repeat(64)}"\nsha512 = "${"b".repeat(128)}"\n`,
  );
  const here = (args: string[]) => make(args.concat("-C", project), { cwd: project });
  assert.is((await here(["recipes-check"])).code, 0);

  const { code, stdout, stderr } = await here(["recipes", "TAG=0.0.1~rc7"]);
  assert.is(code, 0, stderr);
  const changed = ["alpine/APKBUILD", "debian/changelog", "payload.sh", "rpm/fastboop-stage0.spec"];
  assert.is(stdout, changed.map((name) => `${join(project, "ci/packaging", name)}\n`).join(""));
  const text = (name: string): string => fs.readFileSync(join(project, "ci/packaging", name), "utf8");
  const url = `https://github.com/samcday/fastboop/releases/download/v0.0.1-rc.7/${ASSET}`;
  assert.match(text("payload.sh"), `tag='v0.0.1-rc.7'\nurl='${url}'\nsha256='${"a".repeat(64)}'\n`);
  assert.match(text("debian/changelog"), /^fastboop-stage0 \(0\.0\.1~rc7\) unstable;/);
  assert.match(text("debian/changelog"), "\n  * stage0 of fastboop 0.0.1-rc.7.\n");
  assert.match(text("rpm/fastboop-stage0.spec"), "\nVersion:        0.0.1~rc7\n");
  assert.match(text("rpm/fastboop-stage0.spec"), "\nProvides:       %{name} = 0.0.1_rc7\n");
  assert.match(text("rpm/fastboop-stage0.spec"), " - 0.0.1~rc7-1\n- stage0 of fastboop 0.0.1-rc.7.\n");
  assert.match(text("alpine/APKBUILD"), "\npkgver=0.0.1_rc7\n");
  assert.match(text("alpine/APKBUILD"), `\n_url="${url}"\n_sha512="${"b".repeat(128)}"\n`);
  assert.match(text("alpine/APKBUILD"), `\n${sha512File(join(project, "ci/packaging/payload.sh"))}  payload.sh\n`);
  assert.is(fs.statSync(join(project, "ci/packaging/debian/rules")).mode & 0o777, 0o755);

  assert.is((await here(["recipes-check"])).code, 0);
  fs.writeFileSync(
    join(project, "ci/packaging/rpm/fastboop-stage0.spec"),
    text("rpm/fastboop-stage0.spec").replace("0.0.1~rc7", "0.0.2"),
  );
  const drift = await here(["recipes-check"]);
  assert.match(
    drift.stderr,
    "error: ci/packaging/rpm/fastboop-stage0.spec: differs from what stage0.lock pins for v0.0.1-rc.7\n  fix:      make recipes TAG=v0.0.1-rc.7\n",
  );
  assert.is(drift.code, 2);

  const payload = join(project, "ci/packaging/payload.sh");
  fs.writeFileSync(payload, text("payload.sh").replace("tag='v0.0.1-rc.7'", "tag=v0.0.1-rc.7"));
  const lost = await here(["recipes-check"]);
  assert.match(
    lost.stderr,
    "error: ci/packaging/alpine/APKBUILD: differs from a recipe without pins, and payload.sh names no release\n  fix:      make recipes TAG=vX.Y.Z, or revert the change\n",
  );
  assert.is(lost.code, 2);

  const absent = await here(["recipes", "TAG=v9.9.9"]);
  assert.match(
    absent.stderr,
    `error: no stage0.lock pins ${ASSET} of v9.9.9 with sha256 and sha512\n  fix:      make lock TAG=v9.9.9\n`,
  );
});

test("should read a payload whose name looks like an option", async () => {
  const folder = temporaryFolder();
  fs.writeFileSync(join(folder, "-v"), "text");
  // A program that took the name for an option would read its stdin, which holds a right one.
  const command = ["sh", "-c", 'exec sh "$0" out <"$1"', join(PROJECT, "ci/packaging/payload.sh"), aarch64];
  const { code, stderr } = await runProgram(command, { cwd: folder, env: { FASTBOOP_STAGE0_EMBED_PATH: "-v" } });
  assert.is(stderr, "error: stage0 is not an ELF file for aarch64: -v\n");
  assert.is(code, 1);
});

test("should keep the APKBUILD's checksum of payload.sh true", () => {
  assert.match(
    fs.readFileSync(join(RECIPES, "alpine/APKBUILD"), "utf8"),
    `\n${sha512File(join(RECIPES, "payload.sh"))}  payload.sh\n`,
  );
});

test.run();
