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

test.run();
