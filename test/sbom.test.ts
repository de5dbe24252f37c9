/** make sbom: the crates of stage0 as CycloneDX and with their licences' texts. */
import * as fs from "node:fs";
import { join } from "node:path";
import { Version } from "@cyclonedx/cyclonedx-library/Spec";
import { JsonStrictValidator } from "@cyclonedx/cyclonedx-library/Validation";
import * as assert from "uvu/assert";
import { PROJECT } from "../scripts/lib/paths.ts";
import { stage0Crate } from "./lib/crate.ts";
import {
  copyProject,
  lacking,
  namesIn,
  type Outcome,
  RUNTIME,
  runProgram,
  script,
  suite,
  temporaryFolder,
  testUnless,
} from "./lib/harness.ts";

const test = suite("sbom");
const needsCargo = lacking({ programs: ["cargo"] });

const manifest = (name: string, licence: string, rest = ""): string =>
  `[package]\nname = "${name}"\nversion = "1.0.0"\nedition = "2021"\n${licence}\n${rest}`;
const locked = (name: string, version = "1.0.0", dependencies: string[] = []): string =>
  `\n[[package]]\nname = "${name}"\nversion = "${version}"\n${dependencies.length > 0 ? `dependencies = [\n${dependencies.map((one) => ` "${one}",\n`).join("")}]\n` : ""}`;

/** A workspace with crates of each kind: inside, for another target, for tests, in the build alone. */
const workspace = (licences: Record<string, string> = {}): string => {
  const crate = (name: string, licence: string, rest?: string): Record<string, string> => ({
    [`${name}/Cargo.toml`]: manifest(name, licences[name] ?? licence, rest),
    [`${name}/src/lib.rs`]: "",
  });
  return stage0Crate({
    "stage0/Cargo.toml": manifest(
      "fastboop-stage0",
      'license = "GPL-3.0-only"',
      '[workspace]\n[dependencies]\ninner = { path = "../inner" }\nderive = { path = "../derive" }\n[build-dependencies]\nbuilder = { path = "../builder" }\n[dev-dependencies]\ntester = { path = "../tester" }\n[target.\'cfg(windows)\'.dependencies]\nelsewhere = { path = "../elsewhere" }\n',
    ),
    "stage0/Cargo.lock": `version = 3\n${[
      locked("builder"),
      locked("derive"),
      locked("elsewhere"),
      locked("fastboop-stage0", "1.0.0", ["builder", "derive", "elsewhere", "inner", "tester"]),
      locked("inner"),
      locked("tester"),
    ].join("")}`,
    "stage0/build.rs": "fn main() {}\n",
    LICENSE: "the text of the whole\r\n",
    ".git/HEAD": "",
    ...crate(
      "inner",
      'license = "MIT/Apache-2.0"\ndescription = """Some\n thing"""\nrepository = "https://example.invalid/inner"',
    ),
    "inner/LICENSE-MIT": "the text of MIT",
    ...crate("derive", 'license = "Zlib"', "[lib]\nproc-macro = true\n"),
    ...crate("builder", 'license = "ISC"'),
    ...crate("tester", 'license = "Proprietary"'),
    ...crate("elsewhere", 'license = "Proprietary"'),
  });
};

const WHOLE = "GPL-3.0-only AND (Apache-2.0 OR MIT) AND Apache-2.0 WITH LLVM-exception AND MIT";

const sbom = (folder: string, dist: string, args: string[] = []): Promise<Outcome> =>
  script("sbom.ts", args, { env: { WORKSPACE: folder, DIST: dist, FASTBOOP_STAGE0_OFFLINE: "1" } });

testUnless(
  test,
  needsCargo,
  "should write what is in stage0 and, apart, what only builds it, valid and reproducible",
  async () => {
    const dist = temporaryFolder("dist");
    const { code, stdout, stderr } = await sbom(workspace(), dist);
    assert.is(code, 0, stderr);
    const [bom = "", notice = ""] = stdout.trimEnd().split("\n");
    assert.equal([bom, notice], [join(dist, "fastboop-stage0.cdx.json"), join(dist, "fastboop-stage0.NOTICE")]);
    const text = fs.readFileSync(bom, "utf8");
    assert.is(await new JsonStrictValidator(Version.v1dot6).validate(text), null);
    assert.ok(await new JsonStrictValidator(Version.v1dot6).validate(text.replace('"library"', '"crate"')));
    const { metadata, components, dependencies } = JSON.parse(text);
    assert.is(metadata.component.name, "fastboop-stage0");
    assert.equal(
      components.map((one: Record<string, unknown>) => [one.name, one.scope, one.licenses]),
      [
        ["builder", "excluded", [{ expression: "ISC" }]],
        ["derive", "excluded", [{ expression: "Zlib" }]],
        ["inner", "required", [{ expression: "Apache-2.0 OR MIT" }]],
        ["libunwind", "required", [{ expression: "Apache-2.0 WITH LLVM-exception" }]],
        ["musl", "required", [{ expression: "MIT" }]],
        ["std", "required", [{ expression: "Apache-2.0 OR MIT" }]],
      ],
    );
    assert.is(components[2].description, "Some thing");
    assert.equal(components[2].externalReferences, [{ url: "https://example.invalid/inner", type: "vcs" }]);
    assert.equal(dependencies.find((one: { ref: string }) => one.ref === "fastboop-stage0@1.0.0").dependsOn, [
      "builder@1.0.0",
      "derive@1.0.0",
      "inner@1.0.0",
      "libunwind",
      "musl",
      "std",
    ]);
    assert.is(
      fs.readFileSync(notice, "utf8"),
      [
        "fastboop-stage0 is made of the crates below, and of what the toolchain adds. Together their licence is",
        WHOLE,
        "",
        "fastboop-stage0 1.0.0: GPL-3.0-only",
        "inner 1.0.0: Apache-2.0 OR MIT",
        "std: Apache-2.0 OR MIT; has no text of it, by The Rust Project contributors",
        "libunwind: Apache-2.0 WITH LLVM-exception; has no text of it, by the LLVM contributors",
        "musl: MIT; has no text of it, by Rich Felker and others",
        "",
        "-".repeat(80),
        "fastboop-stage0 1.0.0:",
        "",
        "the text of the whole",
        "",
        "-".repeat(80),
        "inner 1.0.0:",
        "",
        "the text of MIT",
        "",
      ].join("\n"),
    );
    const other = temporaryFolder("dist");
    assert.is((await sbom(workspace(), other)).code, 0);
    for (const name of namesIn(dist)) {
      assert.is(fs.readFileSync(join(other, name), "utf8"), fs.readFileSync(join(dist, name), "utf8"));
    }
  },
);

testUnless(test, needsCargo, "should refuse every licence that is not on the list, and write nothing", async () => {
  const dist = temporaryFolder("dist");
  const folder = workspace({ inner: 'license = "MIT AND SSPL-1.0"', builder: 'license-file = "TEXT"', derive: "" });
  fs.writeFileSync(join(folder, "builder", "TEXT"), "do as you like");
  const { code, stderr } = await sbom(folder, dist);
  assert.is(code, 1, stderr);
  const got = stderr.split("\n").filter((line) => /^error|^ {2}got/.test(line));
  assert.equal(got, [
    `error: ${folder}/builder/Cargo.toml: the licence of builder 1.0.0 is not on the list`,
    "  got:      the text f185d8952b25023cf9f3f986b40a51fe66cd9436188ef09294057b7e2ead1cde",
    `error: ${folder}/derive/Cargo.toml: the licence of derive 1.0.0 is not on the list`,
    "  got:      none",
    `error: ${folder}/inner/Cargo.toml: the licence of inner 1.0.0 is not on the list`,
    "  got:      MIT AND SSPL-1.0",
  ]);
  assert.equal(namesIn(dist), []);
});

testUnless(
  test,
  needsCargo,
  "should write the licence of all crates into the recipes, and tell when they have another",
  async () => {
    const project = copyProject(join(temporaryFolder(), "project"));
    const run = (...args: string[]): Promise<Outcome> =>
      runProgram([...RUNTIME, join(project, "scripts", "sbom.ts"), ...args], {
        env: { WORKSPACE: workspace(), DIST: temporaryFolder("dist"), FASTBOOP_STAGE0_OFFLINE: "1" },
      });
    const files = ["alpine/APKBUILD", "debian/copyright", "rpm/fastboop-stage0.spec"];
    const read = (name: string): string => fs.readFileSync(join(project, "ci", "packaging", name), "utf8");
    const warned = ({ stderr }: Outcome): string[] => stderr.split("\n").filter((line) => line.startsWith("warning: "));
    const before = await run();
    assert.is(before.code, 0, before.stderr);
    assert.equal(
      warned(before),
      files.map((name) => `warning: ci/packaging/${name}: has another licence than stage0`),
    );
    const { code, stdout, stderr } = await run("--recipes");
    assert.is(code, 0, stderr);
    assert.equal(
      stdout.trimEnd().split("\n").slice(2),
      files.map((name) => join(project, "ci", "packaging", name)),
    );
    assert.match(read("alpine/APKBUILD"), `\nlicense="${WHOLE}"\n`);
    assert.match(read("debian/copyright"), `\nComment: stage0 is made of crates whose licences are\n ${WHOLE}.\n`);
    assert.match(read("rpm/fastboop-stage0.spec"), `\nLicense:        ${WHOLE}\n`);
    assert.equal(warned(await run()), []);
  },
);

testUnless(test, needsCargo, "should describe nothing else than what was built", async () => {
  const dist = temporaryFolder("dist");
  const none = await sbom(workspace(), dist, ["--built"]);
  assert.equal(
    [none.code, none.stdout, none.stderr],
    [0, "", "no fastboop-stage0.cdx.json: the release assets were not built here\n"],
  );
  const file = join(dist, "fastboop-stage0.buildinfo.json");
  fs.writeFileSync(file, JSON.stringify({ source: null, cargoLock: "0".repeat(64), builds: [] }));
  const { code, stderr } = await sbom(workspace(), dist, ["--built"]);
  assert.is(code, 1);
  assert.match(stderr, `error: ${file}: the release assets were built with another Cargo.lock\n`);
  const toolchain = {
    ...{ from: "rustup", rustc: ["rustc 1.91.0 (f8297e351 2025-10-28)"], cargo: "cargo", std: null, comment: [] },
    ...{ packages: {}, clang: null },
  };
  const build = { asset: "x", target: "x", size: 1, sha256: "0".repeat(64), profile: "release", rustflags: [] };
  const cargoLock = /got: +([0-9a-f]{64})/.exec(stderr)?.[1];
  const info = { source: null, cargoLock, builds: [{ ...build, environment: {}, toolchain }] };
  fs.writeFileSync(file, JSON.stringify(info));
  const right = await sbom(workspace(), dist, ["--built"]);
  assert.is(right.code, 0, right.stderr);
  const { components } = JSON.parse(fs.readFileSync(join(dist, "fastboop-stage0.cdx.json"), "utf8"));
  assert.is(components.find((one: { name: string }) => one.name === "std").version, "1.91.0");
  const broken = workspace();
  fs.rmSync(join(broken, "inner", "Cargo.toml"));
  const missing = await sbom(broken, temporaryFolder("dist"));
  assert.is(missing.code, 3);
  assert.match(missing.stderr, `error: ${broken}: cargo does not tell what stage0 is made of\n`);
});

test("should load CycloneDX's library in that verb alone", () => {
  const users = fs
    .readdirSync(join(PROJECT, "scripts"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .filter((name) =>
      /"(@cyclonedx|spdx-expression-parse|[./a-z]*sbom)[/"]/.test(
        fs.readFileSync(join(PROJECT, "scripts", name), "utf8"),
      ),
    );
  assert.equal(users.sort(), ["lib/sbom/bom.ts", "lib/sbom/licences.ts", "sbom.ts"]);
});

test.run();
