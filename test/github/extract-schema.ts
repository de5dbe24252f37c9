/**
 * Makes schema/github.json again: the part of GitHub's OpenAPI description that the local GitHub answers by, as JSON Schema.
 * Only the wording is left out, and OpenAPI 3.0's `nullable` becomes a type of its own.
 *
 * usage: extract-schema.ts   (needs the npm registry; the package is 28 MB)
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { $ } from "zx";
import { writeText } from "../../scripts/lib/files.ts";

const PACKAGE = "@octokit/openapi@23.0.2";
const FILE = "package/generated/api.github.com.json";
const REPO = "/repos/{owner}/{repo}";
const OPERATIONS: readonly (readonly [method: string, path: string])[] = [
  ["get", REPO],
  ["get", `${REPO}/releases`],
  ["post", `${REPO}/releases`],
  ["get", `${REPO}/releases/latest`],
  ["get", `${REPO}/releases/tags/{tag}`],
  ["get", `${REPO}/releases/{release_id}`],
  ["patch", `${REPO}/releases/{release_id}`],
  ["delete", `${REPO}/releases/{release_id}`],
  ["get", `${REPO}/releases/{release_id}/assets`],
  ["post", `${REPO}/releases/{release_id}/assets`],
  ["get", `${REPO}/releases/assets/{asset_id}`],
  ["patch", `${REPO}/releases/assets/{asset_id}`],
  ["delete", `${REPO}/releases/assets/{asset_id}`],
];
/** Errors that GitHub answers with anywhere, whether or not an operation lists them. */
const ERRORS = ["basic-error", "validation-error", "validation-error-simple"];
/** Optional properties that lead to large schemas of things that no release has to do with. */
const OMITTED: Readonly<Record<string, readonly string[]>> = {
  "full-repository": ["template_repository", "parent", "source", "security_and_analysis", "code_of_conduct"],
};
const WORDING = new Set(["title", "description", "example", "examples", "externalDocs", "deprecated"]);

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Node = { [key: string]: Json };

const isNode = (value: Json | undefined): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const child = (node: Json | undefined, ...path: string[]): Node => {
  let at = node;
  for (const key of path) at = isNode(at) ? at[key] : undefined;
  if (!isNode(at)) throw new Error(`the description has no ${path.join(" > ")}`);
  return at;
};

/** OpenAPI 3.0 to JSON Schema: no wording, `nullable` as a type, references to $defs. */
function convert(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(convert);
  if (!isNode(schema)) return schema;
  const result: Node = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "properties" && isNode(value)) {
      result[key] = Object.fromEntries(Object.entries(value).map(([name, property]) => [name, convert(property)]));
    } else if (key === "$ref" && typeof value === "string") {
      result[key] = value.replace("#/components/schemas/", "#/$defs/");
    } else if (key !== "nullable" && key !== "default" && !key.startsWith("x-") && !WORDING.has(key)) {
      result[key] = convert(value);
    }
  }
  if (schema.nullable !== true) return result;
  if (typeof result.type !== "string") return { anyOf: [result, { type: "null" }] };
  result.type = [result.type, "null"];
  if (Array.isArray(result.enum)) result.enum = [...result.enum, null];
  return result;
}

/** The schema of a JSON body, or null when there is none. */
function jsonSchema(description: Node, message: Json): Json {
  if (!isNode(message)) return null;
  const reference = message.$ref;
  if (typeof reference === "string")
    return jsonSchema(description, child(description, ...reference.split("/").slice(1)));
  const content = message.content;
  return isNode(content) && "application/json" in content
    ? convert(child(content, "application/json").schema ?? null)
    : null;
}

const folder = mkdtempSync(join(tmpdir(), "openapi-"));
try {
  await $({ cwd: folder })`npm pack --silent ${PACKAGE}`;
  await $({ cwd: folder })`sh -c ${'tar -xzf *.tgz "$@"'} sh ${[FILE, "package/LICENSE"]}`;
  const description: Node = JSON.parse(readFileSync(join(folder, FILE), "utf8"));

  const operations: Node = {};
  for (const [method, path] of OPERATIONS) {
    const operation = child(description, "paths", path, method);
    operations[`${method.toUpperCase()} ${path}`] = {
      docs: child(operation, "externalDocs").url ?? null,
      request:
        method === "get" || path.endsWith("/assets") ? null : jsonSchema(description, operation.requestBody ?? null),
      responses: Object.fromEntries(
        Object.entries(child(operation, "responses")).map(([status, response]) => [
          status,
          jsonSchema(description, response),
        ]),
      ),
    };
  }

  const definitions: Node = {};
  const wanted = [...ERRORS, ...references(operations)];
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
    if (name in definitions) continue;
    const schema = structuredClone(child(description, "components", "schemas", name));
    for (const property of OMITTED[name] ?? []) delete child(schema, "properties")[property];
    definitions[name] = convert(schema);
    wanted.push(...references(definitions[name]));
  }

  const here = join(dirname(fileURLToPath(import.meta.url)), "schema");
  const source = `${FILE.replace("package/", "")} of ${PACKAGE} (npm), extracted by extract-schema.ts; licence: LICENSE`;
  const extract = [
    "{",
    `"$comment": ${JSON.stringify(source)},`,
    `"operations": ${lines(operations)},`,
    `"$defs": ${lines(Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1))))}`,
    "}",
  ];
  writeText(join(here, "github.json"), `${extract.join("\n")}\n`);
  writeText(join(here, "LICENSE"), readFileSync(join(folder, "package/LICENSE"), "utf8"));
} finally {
  rmSync(folder, { recursive: true });
}

/** An object with one property a line, which diffs well and stays small. */
function lines(node: Node): string {
  const properties = Object.entries(node).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${properties.join(",\n")}\n}`;
}

/** Names of the definitions that a schema refers to. */
function references(schema: Json | undefined): string[] {
  return [...JSON.stringify(schema).matchAll(/"#\/\$defs\/([^"]+)"/g)].map((match) => match[1] ?? "");
}
