/** Every error message of the project with its remedy, read from the sources: what docs/troubleshooting.md is made of. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../../../scripts/lib/paths.ts";
import { type Node, nodesIn, parsed, walk } from "./syntax.ts";

/** A problem of an object literal with `what`: the texts that it can have, and the remedy in the same object. */
interface Message {
  /** Empty: all of it is only known at run time. */
  whats: string[];
  fix: string | undefined;
}

/** Headings by the path of the module, without scripts/. The first that matches counts. */
const AREAS: readonly [heading: string, modules: RegExp][] = [
  ["Building", /^(build-|lib\/(build|workspace|target|embed-path|progress|process)\b)/],
  ["Toolchain", /^(toolchain|lib\/(toolchain|debian|cache-folder|file-lock)\b)/],
  ["Gate", /^(preflight|lib\/(gate|elf|html)\b)/],
  ["Booting", /^(boot-|lib\/boot\b)/],
  ["Checksums, tags and pins", /^(sums|tag|lock|lib\/(dist|hash|tags|trust\/(sums|pins))\b)/],
  ["Fetching", /^(fetch-|verify|identify|lib\/(fetch|http|trust|provenance|verify|identify)\b|ci\/dev\/trusted-root)/],
  ["Publishing", /^(publish-|release-|ci\/dev\/(rehearse|lib\/rehearsal)|lib\/(github|release)\b)/],
  [
    "Packaging and workflows",
    /^(package|recipes|install|ci\/dev\/(bundle|lib\/(bundle|workflows))|lib\/(package|workflow-files)\b)/,
  ],
  ["Developing", /^(ci\/dev\/|help)/],
  ["Everything", /./],
];

/** The texts that an expression can have: both branches of a conditional. What is only known at run time is an ellipsis. */
function textsOf(node: Node): string[] {
  const among = (...keys: string[]): string[] => keys.flatMap((key) => nodesIn(node[key]).flatMap(textsOf));
  switch (node.type) {
    case "StringLiteral":
      return [node.value as string];
    case "TemplateLiteral":
      return [
        nodesIn(node.quasis)
          .map(({ value }) => (value as { cooked: string }).cooked)
          .join("…"),
      ];
    case "ConditionalExpression":
      return among("consequent", "alternate");
    case "LogicalExpression":
      return among("left", "right");
    case "ArrowFunctionExpression":
      return among("body");
    default:
      return [];
  }
}

/** The messages of a source, without those that repeat another problem's `what`. @throws SyntaxError when it does not parse */
export function messagesOf(source: string): Message[] {
  const values = (object: Node, key: string): Node[] =>
    nodesIn(object.properties).flatMap((one) =>
      (one.key as Node | undefined)?.name === key ? nodesIn(one.value) : [],
    );
  return [...walk(parsed(source))].flatMap((node): Message[] => {
    const [what] = node.type === "ObjectExpression" ? values(node, "what") : [];
    if (what === undefined) return [];
    const whats = textsOf(what).filter((text) => /\p{L}/u.test(text));
    if (whats.length === 0 && [...walk(what)].some(({ name }) => name === "what")) return [];
    return [{ whats, fix: values(node, "fix").flatMap(textsOf).join(" / ") || undefined }];
  });
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");

/** The sources that hold messages: name, messages. */
function collected(): [name: string, messages: Message[]][] {
  const read = (path: string): string => readFileSync(join(PROJECT, path), "utf8");
  const below = (folder: string): string[] =>
    readdirSync(join(PROJECT, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`);
  const scripts = [...below("scripts"), ...below("ci/dev")]
    .filter((name) => /\.(ts|cjs)$/.test(name))
    .sort()
    .map((name): [string, Message[]] => [name.replace(/^scripts\//, ""), messagesOf(read(name))]);
  const shell = (path: string, message: RegExp): Message[] =>
    [...read(path).matchAll(message)]
      .map(([, what = ""]) => what.replace(/\$(\w+|\([\w ]+\))/g, "…"))
      .filter((what) => /\p{L}/u.test(what))
      .map((what) => ({ whats: [what], fix: undefined }));
  return [
    ...scripts,
    ["package", shell("ci/packaging/payload.sh", /\bfail "([^"]+)"/g)],
    ["Makefile", shell("scripts/modules.sh", /\bproblem "([^"]+)"/g)],
    ["Makefile", shell("Makefile", /\$\(error (.*?)\)\)$/gm)],
  ];
}

/** A Markdown table for each part of the work. */
export function messageTables(): string {
  const byArea = new Map<string, Map<string, string>>();
  for (const [name, messages] of collected()) {
    const [heading = ""] = AREAS.find(([, modules]) => modules.test(name)) ?? [];
    const area = byArea.get(heading) ?? new Map<string, string>();
    for (const { whats, fix } of messages)
      for (const what of whats) if (!area.has(what) || fix !== undefined) area.set(what, fix ?? "");
    byArea.set(heading, area);
  }
  return AREAS.flatMap(([heading]) => {
    const rows = [...(byArea.get(heading) ?? [])].sort(([a], [b]) =>
      a.replace(/^[…"\s]+/, "") < b.replace(/^[…"\s]+/, "") ? -1 : 1,
    );
    if (rows.length === 0) return [];
    return [
      `## ${heading}`,
      "",
      "| message | what to do |",
      "|---|---|",
      ...rows.map(([what, fix]) => `| ${cell(what)} | ${cell(fix) || "what the message itself says"} |`),
      "",
    ];
  }).join("\n");
}
