/** Every error message of the project with its remedy, read from the sources: what docs/troubleshooting.md is made of. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../../scripts/lib/paths.ts";

interface Message {
  what: string;
  fix: string | undefined;
}

/** Which part of the work a module's messages belong to, by its path, below scripts/ where it is there. The first that fits is the one. */
const AREAS: readonly [heading: string, modules: RegExp][] = [
  ["Building", /^(build-|lib\/(build|workspace|target|handoff|phases|run)\b)/],
  ["Toolchain", /^(toolchain|lib\/(toolchain|debian|cache-folder)\b)/],
  ["Gate", /^(preflight|lib\/(gate|elf|html)\b)/],
  ["Booting", /^(boot-|lib\/boot\b)/],
  ["Checksums, tags and pins", /^(sums|tag|lock|lib\/(dist|hash|tags|trust\/(sums|pins))\b)/],
  ["Fetching", /^(fetch-|lib\/(fetch|http|trust|release\/github)\b)/],
  ["Publishing", /^(publish-|release-|dev\/(rehearse|lib\/rehearsal)|lib\/release\b)/],
  [
    "Packaging and workflows",
    /^(package|recipes|install|dev\/(bundle|lib\/(bundle|workflows))|lib\/(package|workflow-files)\b)/,
  ],
  ["Developing", /^(dev\/|help)/],
  ["Everything", /./],
];

/**
 * The string literal that begins at an index of a source text, as a reader meets it: what is only known when it runs
 * becomes an ellipsis. Undefined when there is none. `end` is the index after it.
 */
function literalAt(source: string, start: number): { text: string; end: number } | undefined {
  const quote = source[start];
  if (quote !== '"' && quote !== "`") return undefined;
  let text = "";
  for (let at = start + 1; at < source.length; at++) {
    const character = source[at];
    if (character === "\\") text += source[++at] === "n" ? " " : source[at];
    else if (character === quote) return { text, end: at + 1 };
    else if (quote === "`" && character === "$" && source[at + 1] === "{") {
      at = closing(source, at + 2);
      text += "…";
    } else text += character;
  }
  return undefined;
}

/** The index of the brace that closes what is open at an index, past strings and templates with braces of their own. */
function closing(source: string, start: number): number {
  for (let at = start, depth = 1; at < source.length; at++) {
    const literal = literalAt(source, at);
    if (literal !== undefined) at = literal.end - 1;
    else if (source[at] === "{") depth++;
    else if (source[at] === "}" && --depth === 0) return at;
  }
  return source.length;
}

/**
 * The string literals that a property's value may come to, by the index where it begins: a conditional's branches, but
 * nothing that is compared with or handed to a call. `end` is the index after the value.
 */
function literalsAt(source: string, start: number): { texts: string[]; end: number } {
  const texts: string[] = [];
  let at = start;
  for (let depth = 0; at < source.length; at++) {
    const character = source[at] ?? "";
    const literal = literalAt(source, at);
    if (literal !== undefined) {
      if (depth === 0 && !/[!=]==\s*$/.test(source.slice(start, at))) texts.push(literal.text);
      at = literal.end - 1;
    } else if ("([{".includes(character)) depth++;
    else if (")]}".includes(character) && --depth < 0) break;
    else if (",;".includes(character) && depth === 0) break;
  }
  return { texts, end: at };
}

/** The messages of one source text, each with the remedy that stands in the same object. */
export function messagesOf(source: string): Message[] {
  return [...source.matchAll(/\bwhat:\s*/g)].flatMap((match) => {
    const { texts, end } = literalsAt(source, match.index + match[0].length);
    const object = source.slice(end, closing(source, end));
    const fix = /\bfix:\s*/.exec(object);
    const fixes = fix === null ? [] : literalsAt(object, fix.index + fix[0].length).texts;
    // Without a word of its own it only repeats another message.
    const told = texts.filter((what) => /\p{L}/u.test(what));
    return told.map((what) => ({ what, fix: fixes.length === 0 ? undefined : fixes.join(" / ") }));
  });
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");

/** The sources that hold messages: name, messages. */
function collected(): [name: string, messages: Message[]][] {
  const read = (path: string): string => readFileSync(join(PROJECT, path), "utf8");
  const below = (folder: string): string[] =>
    readdirSync(join(PROJECT, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`);
  const scripts = [...below("scripts"), ...below("dev")]
    .filter((name) => name.endsWith(".ts") && name !== "dev/lib/messages.ts")
    .sort()
    .map((name): [string, Message[]] => [name.replace(/^scripts\//, ""), messagesOf(read(name))]);
  const shell = (path: string, message: RegExp): Message[] =>
    [...read(path).matchAll(message)].map(([, what = ""]) => ({
      what: what.replace(/\$(\w+|\(\w+\))/g, "…"),
      fix: undefined,
    }));
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
    for (const { what, fix } of messages) if (!area.has(what) || fix !== undefined) area.set(what, fix ?? "");
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
