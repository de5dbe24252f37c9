/** What the modules import of each other: no export without an importer, and no import circle. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Problem } from "../../../scripts/lib/errors.ts";
import { PROJECT } from "../../../scripts/lib/paths.ts";
import { type Node, nodesIn, parsed, walk } from "./syntax.ts";

/** The names that a module exports, and those that it imports, by the module they are from. */
interface Module {
  exports: string[];
  imports: Map<string, Set<string>>;
}

const nameOf = (node: unknown): string => {
  const { name, value } = node as { name?: string; value?: string };
  return name ?? value ?? "";
};

/** The names that a declaration declares. */
function declared({ declaration }: Node): string[] {
  const node = declaration as Node | null;
  if (node === null) return [];
  const declarations = node.type === "VariableDeclaration" ? nodesIn(node.declarations) : [node];
  return declarations.flatMap(({ id }) => ((id as Node).type === "Identifier" ? [nameOf(id)] : []));
}

/** Reads a module. Of a namespace, and of a module that is loaded late, every name that stands in the module counts as imported. */
function readModule(source: string, resolve: (specifier: string) => string | undefined): Module {
  const module: Module = { exports: [], imports: new Map() };
  const nodes = [...walk(parsed(source))];
  const mentioned = nodes.filter(({ type }) => type === "Identifier").map(nameOf);
  const take = (from: unknown, names: readonly string[]): void => {
    const path = (from as Node | null)?.type === "StringLiteral" ? resolve(nameOf(from)) : undefined;
    if (path === undefined) return;
    module.imports.set(path, new Set([...(module.imports.get(path) ?? []), ...names]));
  };
  for (const node of nodes) {
    const specifiers = nodesIn(node.specifiers);
    switch (node.type) {
      case "ImportDeclaration":
        take(
          node.source,
          specifiers.flatMap(({ imported }) => (imported === undefined ? mentioned : [nameOf(imported)])),
        );
        break;
      case "ExportNamedDeclaration":
        take(
          node.source,
          specifiers.map(({ local }) => nameOf(local)),
        );
        module.exports.push(...declared(node), ...specifiers.map(({ exported }) => nameOf(exported)));
        break;
      case "TSImportType":
        take(node.argument, mentioned);
        break;
      case "CallExpression":
        if ((node.callee as Node).type === "Import") take(nodesIn(node.arguments)[0], mentioned);
    }
  }
  return module;
}

/** The modules of a project, by their path in it. */
function readModules(root: string): Map<string, Module> {
  const paths = ["scripts", "ci/dev", "test"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
    )
    .filter((path) => path.endsWith(".ts"))
    .sort();
  const resolve = (path: string) => (specifier: string) =>
    specifier.startsWith(".") ? join(dirname(path), specifier) : undefined;
  return new Map(paths.map((path) => [path, readModule(readFileSync(join(root, path), "utf8"), resolve(path))]));
}

function unusedExports(modules: ReadonlyMap<string, Module>): Problem[] {
  const imported = new Map<string, Set<string>>();
  for (const { imports } of modules.values()) {
    for (const [path, names] of imports) imported.set(path, new Set([...(imported.get(path) ?? []), ...names]));
  }
  return [...modules].flatMap(([file, { exports }]) =>
    exports
      .filter((name) => !imported.get(file)?.has(name))
      .map((name) => ({ file, what: `exports ${name}, which no module imports`, fix: "take the export away" })),
  );
}

/** A circle for each back edge of a depth-first walk: none exactly when there is no circle. */
function importCircles(modules: ReadonlyMap<string, Module>): Problem[] {
  const problems: Problem[] = [];
  const done = new Set<string>();
  const visit = (file: string, above: readonly string[]): void => {
    if (above.includes(file)) {
      const circle = [...above.slice(above.indexOf(file)), file];
      problems.push({
        file,
        what: "is part of an import circle",
        got: circle.join(" → "),
        fix: "move what both need to a module below them",
      });
    } else if (!done.has(file)) {
      for (const next of modules.get(file)?.imports.keys() ?? []) visit(next, [...above, file]);
      done.add(file);
    }
  };
  for (const file of modules.keys()) visit(file, []);
  return problems;
}

/** What is wrong between the modules of a project. */
export function moduleProblems(root = PROJECT): Problem[] {
  const modules = readModules(root);
  return [...unusedExports(modules), ...importCircles(modules)];
}
