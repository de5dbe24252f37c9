import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import * as assert from "uvu/assert";
import { Failure } from "../scripts/lib/errors.ts";
import { KNOBS, type KnobName, knob } from "../scripts/lib/knobs.ts";
import { PROJECT } from "../scripts/lib/paths.ts";
import { redact } from "../scripts/lib/redact.ts";
import { RUNTIME, runProgram, script, suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("knobs");

function withVariable<T>(name: KnobName, value: string, body: () => T): T {
  const before = process.env[name];
  process.env[name] = value;
  try {
    return body();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}
const parsed = (name: KnobName, value: string): unknown => withVariable(name, value, () => knob(name));
function refused(name: KnobName, value: string): Failure {
  try {
    parsed(name, value);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error(`${name} took ${JSON.stringify(value)}`);
}

test("should count an empty variable as unset", () => {
  assert.is(parsed("FASTBOOP_STAGE0_TARGET", ""), "aarch64-unknown-linux-musl");
  assert.is(parsed("WORKSPACE", ""), undefined);
});

test("should read sizes with units", () => {
  const sizes = { "33554432": 33554432, "32M": 33554432, "32MiB": 33554432, "1 KiB": 1024, "7B": 7, "2G": 2147483648 };
  for (const [value, bytes] of Object.entries(sizes))
    assert.is(parsed("FASTBOOP_STAGE0_MAX_SIZE", value), bytes, value);
  for (const value of ["0", "-1", "1.5M", "M", "32 MB", "1e3", "999999999999999G", "0x10"]) {
    assert.is(refused("FASTBOOP_STAGE0_MAX_SIZE", value).exitCode, 2, value);
  }
});

test("should name the variable, what it takes and what it got", () => {
  assert.equal(refused("FASTBOOP_STAGE0_MAX_SIZE", "big\x1b[31m").problems, [
    {
      what: "the environment variable FASTBOOP_STAGE0_MAX_SIZE does not parse",
      expected: "a size such as 33554432, 32M or 32MiB",
      got: '"big\\x1b[31m"',
      fix: "set FASTBOOP_STAGE0_MAX_SIZE to a size such as 33554432, 32M or 32MiB, or unset it for the default, 32MiB",
    },
  ]);
});

test("should take plain http for this machine only, and no credentials in an address", () => {
  for (const value of ["https://ghe.example.org", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1"]) {
    assert.is(parsed("GITHUB_SERVER_URL", value), value);
  }
  assert.is(parsed("GITHUB_SERVER_URL", "https://ghe.example.org/"), "https://ghe.example.org");
  for (const value of [
    "http://example.org",
    "ftp://example.org",
    "https://u:p@example.org",
    "https://example.org?x=1",
    "http://localhost.example.org",
    "nonsense",
  ]) {
    assert.is(refused("GITHUB_SERVER_URL", value).exitCode, 2, value);
  }
});

test("should take every spelling of a folder's address, and none that would lead to another folder", () => {
  for (const value of ["file:///a/b%20c", "file:///a/b c/", "file:/a/b%20c", "FILE://localhost/a/b%20c"]) {
    assert.is(parsed("FASTBOOP_STAGE0_MIRROR", value), "file:///a/b%20c", value);
  }
  for (const value of ["file:a", "file://host/a", "file:///a#b", "file:///a?b", "file:///a%2Fb", "file:///%zz"]) {
    assert.is(refused("FASTBOOP_STAGE0_MIRROR", value).exitCode, 2, value);
  }
});

test("should take a token without the line break of its file, and show none that is malformed", () => {
  assert.is(parsed("GH_TOKEN", "ghp_secret\r\n"), "ghp_secret");
  for (const value of [" ", "ghp_\nsecret", "ghp_s\u00e9cret"]) {
    const { problems, exitCode } = refused("GH_TOKEN", value);
    assert.equal([problems[0]?.got, exitCode], ["(not shown)", 2]);
    assert.not.match(
      withVariable("GH_TOKEN", value, () => redact(`it is ${value}!`)),
      /secret|cret/,
    );
  }
});

test("should take a repository as OWNER/NAME alone", () => {
  assert.is(parsed("FASTBOOP_STAGE0_REPO", "samcday/fastboop"), "samcday/fastboop");
  for (const value of ["fastboop", "a/b/c", "../x", "a/..", "a/.", "a b/c", "a/b?c", "-a/b", "a/b%2f"]) {
    assert.is(refused("FASTBOOP_STAGE0_REPO", value).exitCode, 2, value);
  }
});

test("should end a script with exit code 2 and a clear message", async () => {
  const { code, stdout, stderr } = await script("preflight.ts", [], {
    env: { FASTBOOP_STAGE0_MAX_SIZE: "huge", DIST: temporaryFolder() },
  });
  assert.is(
    stderr,
    [
      "error: the environment variable FASTBOOP_STAGE0_MAX_SIZE does not parse",
      "  expected: a size such as 33554432, 32M or 32MiB",
      '  got:      "huge"',
      "  fix:      set FASTBOOP_STAGE0_MAX_SIZE to a size such as 33554432, 32M or 32MiB, or unset it for the default, 32MiB",
      "",
    ].join("\n"),
  );
  assert.is(stdout, "");
  assert.is(code, 2);
});

test("should refuse a misspelled variable of ours in the environment, and take fastboop's own", async () => {
  const tag = (env: Record<string, string>) => script("tag.ts", [], { env: { VERSION: "v0.0.1", ...env } });
  const { code, stdout, stderr } = await tag({ FASTBOOP_STAGE0_SHA265: "0", "FASTBOOP_STAGE0_\x1b": "0" });
  const all = Object.keys(KNOBS).filter((name) => name.startsWith("FASTBOOP_STAGE0_"));
  assert.is(
    stderr,
    [
      "error: nothing reads the variable FASTBOOP_STAGE0_\\x1b",
      `  expected: ${all.join(", ")}`,
      "  fix:      unset FASTBOOP_STAGE0_\\x1b",
      "error: nothing reads the variable FASTBOOP_STAGE0_SHA265",
      "  expected: FASTBOOP_STAGE0_SHA256",
      "  fix:      set FASTBOOP_STAGE0_SHA256 instead",
      "",
    ].join("\n"),
  );
  assert.is(stdout, "");
  assert.is(code, 2);
  const others = { FASTBOOP_STAGE0_PATH: "/x", FASTBOOP_STAGE0_ROLE: "init", FASTBOOP_STAGE0_EMPTY: "", TRAGET: "x" };
  const fine = await tag(others);
  assert.equal([fine.code, fine.stdout, fine.stderr], [0, "v0.0.1\n", ""]);
});

test("should refuse every value that does not parse before anything is done, needed in this run or not", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "stage0");
  writeFileSync(file, "");
  const local = { DIST: folder, FASTBOOP_STAGE0_EMBED_PATH: file };
  const built = await script("build-stage0.ts", [], {
    env: { ...local, PROFILE: "dev", FASTBOOP_STAGE0_TOOLCHAIN: "gcc" },
  });
  assert.equal(
    [...built.stderr.matchAll(/^error: .*$/gm)].map(([line]) => line),
    [
      "error: the environment variable PROFILE does not parse",
      "error: the environment variable FASTBOOP_STAGE0_TOOLCHAIN does not parse",
    ],
  );
  assert.is(built.code, 2);
  const fetched = await script("fetch-stage0.ts", [], { env: { ...local, FASTBOOP_STAGE0_TRUST: "none" } });
  assert.match(fetched.stderr, /^error: the environment variable FASTBOOP_STAGE0_TRUST does not parse\n/);
  assert.is(fetched.code, 2);
  // Not read by this script, or the system's and of no account here.
  const other = { VERSION: "v0.0.1", PROFILE: "dev", https_proxy: "socks5://x", GH_TOKEN: "a b" };
  assert.is((await script("tag.ts", [], { env: other })).stdout, "v0.0.1\n");
});

const SOURCES = ["scripts", "ci/dev"]
  .flatMap((folder) =>
    readdirSync(join(PROJECT, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
  )
  .filter((name) => /\.(ts|mjs)$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(PROJECT, name), "utf8") }));

test("should be the only file that touches the environment", () => {
  const others = SOURCES.filter(
    ({ name, text }) =>
      name !== "scripts/lib/knobs.ts" && /process\.env|Deno\.env/.test(text.replace(/^\s*(\/\/|\*).*$/gm, "")),
  );
  assert.equal(
    others.map(({ name }) => name),
    [],
  );
});

/** Names that stand in no knob("…"). */
const INDIRECT: Record<string, readonly string[]> = {
  EMBED_PATH: ["FASTBOOP_STAGE0_EMBED_PATH"],
  // In fetch/request.ts.
  name: ["TAG", "FASTBOOP_STAGE0_TAG"],
  // In phone/given.ts.
  variable: ["FASTBOOP_CLI", "ROOTFS"],
  "knobOf(arch)": Object.keys(KNOBS).filter((name) => name.startsWith("KERNEL_")),
};

/** The knobs that are left in an entry script once esbuild has taken out every function that it does not reach. */
async function reads(entry: string): Promise<string[]> {
  const { outputFiles } = await build({
    entryPoints: [join(PROJECT, entry)],
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    write: false,
    logLevel: "silent",
    // What it reads, every script reads.
    plugins: [
      {
        name: "without cli.ts",
        setup: ({ onResolve }) => onResolve({ filter: /\/cli\.ts$/ }, ({ path }) => ({ path, external: true })),
      },
    ],
  });
  const calls =
    outputFiles[0]?.text.replace(/^function knob\(.*$/m, "").matchAll(/\bknob\(((?:[^()]|\([^()]*\))*)\)/g) ?? [];
  return [...calls].flatMap(([, name = ""]) => INDIRECT[name] ?? [JSON.parse(name) as string]);
}

test("should tell in each script's --help exactly what it can read, and know no knob that nothing reads", async () => {
  const entries = ["scripts", "ci/dev"].flatMap((folder) =>
    readdirSync(join(PROJECT, folder))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => `${folder}/${name}`),
  );
  assert.ok(entries.length > 20);
  // Read by the tests, which may skip nothing then, and by make.
  const unread = new Set(Object.keys(KNOBS).filter((name) => name !== "CI" && name !== "RUNTIME"));
  for (const entry of entries) {
    const { stdout } = await runProgram([...RUNTIME, join(PROJECT, entry), "--help"]);
    const [, user = ""] = /^environment:\n((?: {2}.*\n)*)/m.exec(stdout) ?? [];
    const [, host = ""] = /^and what the system sets \(docs\/distribution\.md\): (.*)$/m.exec(stdout) ?? [];
    const told = [...user.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name).concat(host.split(", "));
    const everywhere = ["CALLER_DIR", "MAKE_VARIABLES", "NO_COLOR", "GITHUB_ACTIONS"];
    assert.equal([...told].sort(), [...new Set([...(await reads(entry)), ...everywhere])].sort(), entry);
    for (const name of told) unread.delete(name ?? "");
  }
  assert.equal([...unread], []);
});

test.run();
