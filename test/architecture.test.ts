import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { PROJECT } from "../scripts/lib/paths.ts";
import { suite } from "./lib/harness.ts";

const test = suite("architecture");
const read = (path: string): string => fs.readFileSync(join(PROJECT, path), "utf8");

/** What a source imports, static or not: paths from the project's folder, and names of packages without subpaths. */
const imports = (path: string): string[] =>
  [...read(path).matchAll(/(?:\bfrom|\bimport\(?)\s*"([^",\s]+)"/g)].map(([, name = ""]) =>
    name.startsWith(".") ? join(dirname(path), name) : (/^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? ""),
  );

test("should have users' scripts that import neither tests nor what only contributors install", () => {
  const { dependencies } = JSON.parse(read("package.json")) as { dependencies: Record<string, string> };
  const allowed = (name: string): boolean =>
    name.startsWith("scripts/") || /^node:/.test(name) || Object.hasOwn(dependencies, name);
  const sources = fs
    .readdirSync(join(PROJECT, "scripts"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `scripts/${name}`);
  assert.ok(sources.flatMap(imports).includes("zx"));
  assert.equal(
    sources.flatMap((path) =>
      imports(path)
        .filter((name) => !allowed(name))
        .map((name) => `${path} imports ${name}`),
    ),
    [],
  );
});

const PAGE = read("docs/architecture.md");
/** The folders that the page's paths count from. */
const ROOTS = ["", "scripts/lib", "ci", "ci/dev", "test"];
/** The files and folders that a text names: what ends like a source or with a slash. */
const named = (text: string): string[] =>
  [...text.matchAll(/(?<![\w./*-])[\w.-]+(?:\/[\w.-]+)*(?:\.(?:ts|cjs|sh)|\/)(?![\w*])|\bMakefile\b/g)].map(
    ([path]) => path,
  );

test("should name no file and no folder that is not there", () => {
  const names = named(PAGE);
  assert.ok(names.length > 50, `${names.length}`);
  assert.equal(
    names.filter((path) => !ROOTS.some((root) => fs.existsSync(join(PROJECT, root, path)))),
    [],
  );
});

test("should know a path wherever it is", () => {
  assert.equal(named("`a/b.ts`, c/ and d.sh (e/f/) ─► g.ts, x/*.ts, i.e. no path."), [
    ...["a/b.ts", "c/", "d.sh", "e/f/", "g.ts"],
  ]);
});

test("should place every module of the library and every folder", () => {
  const inside = (folder: string): string[] =>
    fs
      .readdirSync(join(PROJECT, folder), { withFileTypes: true })
      .filter(({ name }) => !name.startsWith("."))
      .map((entry) => `${folder}/${entry.name}${entry.isDirectory() ? "/" : ""}`);
  const library = inside("scripts/lib");
  const own = library.filter((path) => !library.includes(path.replace(/\.ts$/, "/")) || path.endsWith("/"));
  const folders = ["test", "ci/dev/lib", "ci"].flatMap(inside).filter((path) => path.endsWith("/"));
  const names = named(PAGE).flatMap((path) => ROOTS.map((root) => join(root, path)));
  assert.equal(
    [...own, ...folders].filter((path) => !names.includes(path)),
    [],
  );
});

test.run();
