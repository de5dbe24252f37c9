/**
 * The shell of the project's HTML pages: one file each, readable on paper, phone and desktop, light and dark, without a
 * script and without a byte from elsewhere. What goes into a page is text unless a template of ours made it markup.
 */
import * as fs from "node:fs";
import { createHash } from "./crypto.ts";
import { printable, usageFailure } from "./errors.ts";
import { readRegular } from "./files.ts";
import { fromCaller } from "./paths.ts";

/** Markup that a page takes as it is. Only `html` makes it. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
export type Content = Markup | string | number | bigint | undefined | false | readonly Content[];

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text for an element or a quoted attribute; control and bidirectional characters are spelled out. */
export const escapeHtml = (text: string): string =>
  printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

function render(content: Content): string {
  if (content instanceof Markup) return content.text;
  if (content === undefined || content === false) return "";
  return typeof content === "object" ? content.map(render).join("") : escapeHtml(String(content));
}

/** A template of HTML or SVG: every value but Markup is escaped, lists are joined, undefined and false leave nothing. */
export const html = (parts: TemplateStringsArray, ...values: Content[]): Markup =>
  new Markup(parts.map((part, index) => part + render(values[index])).join(""));

export type Verdict = "pass" | "warn" | "fail";

/** A word in the colour of its verdict; the word carries the meaning, the colour repeats it. */
export const pill = (verdict: Verdict, word: string = verdict): Markup =>
  html`<span class="pill ${verdict}">${word}</span>`;

/** Name and value pairs that flow into as many columns as fit. */
export const facts = (pairs: readonly (readonly [name: string, value: Content])[]): Markup =>
  html`<dl class="facts">${pairs.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** A table that scrolls in its own box when it is wider than the screen. */
export const table = (label: string, head: readonly string[], rows: readonly (readonly Content[])[]): Markup => html`
<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table></div>`;

interface Page {
  /** Name of the report, for the tab and the top of the page. */
  title: string;
  verdict: Verdict;
  /** The result in one sentence. */
  headline: string;
  body: Iterable<Content>;
  /** CSS of this report, added to the shell's. */
  style?: string;
}

/** What every page of ours begins with. */
const DOCTYPE = "<!doctype html>";

/**
 * Where a page that the user asked for goes: the absolute path.
 * @throws Failure (2) when something else than a page is there, so that a slip does not write over an artifact
 */
export function pagePath(given: string): string {
  const path = fromCaller(given);
  const status = given === "" ? undefined : fs.lstatSync(path, { throwIfNoEntry: false });
  if (given !== "" && (status === undefined || (status.isFile() && (status.size === 0 || isPage(path))))) return path;
  throw usageFailure({
    what: "the page can't be written there",
    expected: "a new file, or an earlier page",
    got: given === "" ? "an empty name" : status?.isFile() ? "a file that is no page" : "no regular file",
    fix: "name another file",
    file: printable(given),
  });
}

function isPage(path: string): boolean {
  const read = readRegular(path, DOCTYPE.length);
  return "bytes" in read && read.bytes.toString("latin1") === DOCTYPE;
}

/** A whole page, whose body may be long, in pieces. The policy in it allows this very style sheet and nothing else (Content Security Policy 3). */
export function* pagePieces({ title, verdict, headline, body, style = "" }: Page): Generator<string> {
  const css = `${STYLE}${style}`;
  const hash = createHash("sha256").update(css).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  yield `${DOCTYPE}
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
${html`<title>${title}: ${headline}</title>`.text}
<style>${css}</style>
</head>
<body>
<main>
${html`<header class="${verdict}"><p>${title}</p><h1>${headline}</h1></header>`.text}
`;
  for (const part of body) yield render(part);
  yield `
</main>
</body>
</html>
`;
}

export const page = (content: Page): string => [...pagePieces(content)].join("");

const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f3f5f8; --card: #fff; --ink: #17202a; --quiet: #566372; --line: #dce2e9; --shade: #eef1f5;
  --pass: #0f7a55; --warn: #8f5b00; --fail: #bd2735;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1218; --card: #151c24; --ink: #e4ebf2; --quiet: #97a5b4; --line: #2a3541; --shade: #1d2630;
    --pass: #4fc78f; --warn: #efb24a; --fail: #ff8188;
  }
}
* { box-sizing: border-box; }
html { text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: clamp(1rem, 4vw, 2.5rem); }
header { border-left: 6px solid; padding-left: 1rem; margin-bottom: clamp(1.25rem, 3vw, 2rem); }
header.pass { border-color: var(--pass); } header.warn { border-color: var(--warn); } header.fail { border-color: var(--fail); }
header p { margin: 0; color: var(--quiet); }
h1 { margin: 0; font-size: clamp(1.5rem, 5vw, 2.25rem); line-height: 1.2; letter-spacing: -.015em; }
h2 { margin: 0; font-size: 1.125rem; line-height: 1.35; overflow-wrap: anywhere; }
h3 { margin: 0 0 .5rem; font-size: .875rem; font-weight: 600; color: var(--quiet); }
p { margin: 0 0 .75rem; }
code, .mono { font-family: var(--mono); font-size: .9em; overflow-wrap: anywhere; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: clamp(1rem, 3vw, 1.5rem); margin-bottom: 1.25rem; }
.pill { display: inline-block; padding: .05rem .6rem; border: 1px solid; border-radius: 99px; font-size: .8125rem; font-weight: 600; white-space: nowrap; }
.pill.pass { color: var(--pass); } .pill.warn { color: var(--warn); } .pill.fail { color: var(--fail); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(8.5rem, 100%), 1fr)); gap: .75rem 1.25rem; margin: 0; }
.facts > div { min-width: 0; }
dt { font-size: .8125rem; color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
th { font-weight: 600; color: var(--quiet); white-space: nowrap; }
details { margin-top: 1rem; }
a { color: inherit; }
summary { cursor: pointer; color: var(--quiet); font-size: .875rem; }
details[open] > summary { margin-bottom: .5rem; }
:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; border-radius: 3px; }
@media print {
  :root { --ground: #fff; }
  .card { break-inside: avoid-page; }
}
`;
