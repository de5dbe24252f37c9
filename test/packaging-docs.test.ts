import * as fs from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PROJECT } from "../scripts/lib/paths.ts";
import { copyWorkspace, lacking, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { releaseFiles } from "./lib/release.ts";

const test = suite("snippets of docs/packaging.md");
const ASSET = "fastboop-stage0-aarch64-unknown-linux-musl";
const TOOLS = ["cargo", "dpkg-buildpackage", "dh", "rpmbuild", "busybox"];
const DOCS = fs.readFileSync(join(PROJECT, "docs", "packaging.md"), "utf8");
const WHOLE_PROGRAM = DOCS.slice(DOCS.indexOf("## A package of the whole program"));

/** The one code block of a language in the part about whole programs: what a maintainer pastes. */
function snippet(language: string): string {
  const blocks = [...WHOLE_PROGRAM.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))];
  assert.is(blocks.length, 1, language);
  return blocks[0]?.[1] ?? "";
}

const BUILD = "cargo build --release --locked --offline --package fastboop-cli";

/** A copy of the example workspace with the packaging that a maintainer would have, and our snippet in it. */
const RECIPES: Record<
  string,
  { write(folder: string): void; command(folder: string): string[]; sources(folder: string): string; program: string }
> = {
  deb: {
    write(folder) {
      const files: Record<string, string> = {
        "source/format": "3.0 (native)\n",
        control:
          "Source: fastboop\nMaintainer: A <a@example.org>\nBuild-Depends: debhelper-compat (= 13)\n\nPackage: fastboop\nArchitecture: any\nDescription: fastboop\n All of it.\n",
        changelog:
          "fastboop (0.1.0) unstable; urgency=medium\n\n  * Release.\n\n -- A <a@example.org>  Thu, 01 Jan 2026 00:00:00 +0000\n",
        rules: [
          "#!/usr/bin/make -f",
          snippet("make"),
          "%:\n\tdh $@ --buildsystem=none",
          `override_dh_auto_build:\n\t${BUILD}`,
          "override_dh_auto_install:\n\tinstall -D target/release/fastboop-cli debian/fastboop/usr/bin/fastboop",
          "",
        ].join("\n"),
      };
      for (const [name, text] of Object.entries(files)) {
        fs.mkdirSync(join(folder, "debian", "source"), { recursive: true });
        fs.writeFileSync(join(folder, "debian", name), text, { mode: name === "rules" ? 0o755 : 0o644 });
      }
    },
    command: () => ["dpkg-buildpackage", "-b", "-us", "-uc"],
    sources: (folder) => folder,
    program: "debian/fastboop/usr/bin/fastboop",
  },
  apk: {
    write(folder) {
      fs.writeFileSync(
        join(folder, "APKBUILD"),
        [
          'source=""',
          'builddir="$startdir"',
          "build() {",
          snippet("sh"),
          BUILD,
          "}",
          "package() {",
          "install -D target/release/fastboop-cli $pkgdir/usr/bin/fastboop",
          "}",
          "",
        ].join("\n"),
      );
    },
    command: (folder) => [
      "sh",
      "-c",
      `startdir=$PWD srcdir=$PWD/src pkgdir=$PWD/pkg; . ./APKBUILD; set -e; build; package`,
      folder,
    ],
    sources: (folder) => join(folder, "src"),
    program: "pkg/usr/bin/fastboop",
  },
  rpm: {
    write(folder) {
      fs.writeFileSync(
        join(folder, "fastboop.spec"),
        [
          "%global debug_package %{nil}",
          "Name: fastboop\nVersion: 0.1.0\nRelease: 1\nSummary: fastboop\nLicense: GPL-3.0-only\nAutoReqProv: no",
          "%description\nAll of it.",
          `%build\n${snippet("spec")}${BUILD}`,
          "%install\ninstall -D target/release/fastboop-cli %{buildroot}/usr/bin/fastboop\ncp target/release/fastboop-cli packaged",
          "%files\n/usr/bin/fastboop",
          "",
        ].join("\n"),
      );
    },
    command: (folder) => [
      "rpmbuild",
      "-bb",
      "--build-in-place",
      "--define",
      `_topdir ${folder}/top`,
      "--define",
      `_sourcedir ${folder}/sources`,
      "fastboop.spec",
    ],
    sources: (folder) => join(folder, "sources"),
    program: "packaged",
  },
};

// debhelper gives the build a home folder of its own.
const homes = {
  RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(homedir(), ".rustup"),
  CARGO_HOME: process.env.CARGO_HOME ?? join(homedir(), ".cargo"),
};

for (const [kind, recipe] of Object.entries(RECIPES)) {
  testUnless(
    test,
    lacking({ programs: TOOLS }),
    `should embed a file that is given, or one among the sources, in a ${kind}`,
    async () => {
      const aarch64 = (await releaseFiles())["aarch64-unknown-linux-musl"];
      const size = fs.statSync(aarch64).size;
      const folder = join(temporaryFolder(), "fastboop");
      copyWorkspace(folder);
      recipe.write(folder);
      fs.mkdirSync(recipe.sources(folder), { recursive: true });
      const build = (env: Record<string, string>, ...extra: string[]) => {
        const [program = "", ...args] = recipe.command(folder);
        return runProgram([program, ...extra, ...args], { cwd: folder, env: { ...homes, ...env } });
      };
      const embedded = async (): Promise<string> => (await runProgram([join(folder, recipe.program)])).stdout;

      const none = await build({});
      assert.match(none.stdout + none.stderr, "FASTBOOP_STAGE0_EMBED_PATH is unset: set it to a stage0 executable");
      assert.is.not(none.code, 0);

      const given = await build({ FASTBOOP_STAGE0_EMBED_PATH: aarch64 });
      assert.is(given.code, 0, given.stdout + given.stderr);
      assert.is(await embedded(), `fastboop-cli 0.1.0 embeds ${size} bytes from ${aarch64}\n`);

      const source = join(recipe.sources(folder), ASSET);
      fs.copyFileSync(aarch64, source);
      const among = await build({});
      assert.is(among.code, 0, among.stdout + among.stderr);
      assert.is(await embedded(), `fastboop-cli 0.1.0 embeds ${size} bytes from ${source}\n`);

      if (kind !== "rpm") return;
      const defined = await build({}, "--define", `fastboop_stage0_embed_path ${aarch64}`);
      assert.is(defined.code, 0, defined.stdout + defined.stderr);
      assert.is(await embedded(), `fastboop-cli 0.1.0 embeds ${size} bytes from ${aarch64}\n`);
    },
  );
}

test.run();
