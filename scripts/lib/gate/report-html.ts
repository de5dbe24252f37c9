/** The gate's result as a page: a picture of each file, its findings beside it. */
import { basename } from "node:path";
import { type Content, facts, html, type Markup, pagePieces, pill, table, type Verdict } from "../html.ts";
import { shortSize, size } from "../log.ts";
import { type Parts, unpackParts } from "./parts.ts";
import { allFindings, type Preflight } from "./preflight.ts";
import type { FileReport, Finding } from "./report.ts";
import { diskMap, legend, memoryMap, PICTURE_STYLE, sectionBars } from "./report-picture.ts";
import { RULES } from "./rules.ts";

/** The page for a result, in pieces. The same result gives the same bytes. */
export function htmlReport(result: Preflight): Iterable<string> {
  const { ok } = result;
  return pagePieces({
    title: "stage0 preflight",
    verdict: verdictOf(ok, allFindings(result)),
    headline: headline(result),
    style: `${PICTURE_STYLE}${FILE_STYLE}`,
    body: cards(result),
  });
}

function* cards({ files, findings }: Preflight): Generator<Content> {
  if (findings.length > 0)
    yield html`<section class="card"><h2>The files together</h2>${findingList(findings)}</section>`;
  if (files.length > 1) yield html`<section class="card">${overview(files)}</section>`;
  for (const [index, file] of files.entries()) yield fileCard(file, index);
  yield html`<details><summary>The gate's ${RULES.length} rules</summary>${table(
    "Rules",
    ["rule", "severity", "demands", "why"],
    RULES.map(({ id, severity, demands, why }) => [html`<code>${id}</code>`, severity, demands, why]),
  )}</details>`;
}

const verdictOf = (ok: boolean, findings: readonly Finding[]): Verdict =>
  !ok ? "fail" : findings.length > 0 ? "warn" : "pass";

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

function headline({ ok, files }: Preflight): string {
  const failed = files.filter((file) => !file.ok).length;
  if (failed > 0) return `${failed} of ${plural(files.length, "file")} ${failed === 1 ? "fails" : "fail"}`;
  const verb = files.length === 1 ? "passes" : "pass";
  if (ok) return `${plural(files.length, "file")} ${verb}`;
  return files.length === 0 ? "The release fails" : `${plural(files.length, "file")} ${verb}, the release fails`;
}

function verdictPill({ ok, findings }: FileReport): Markup {
  const verdict = verdictOf(ok, findings);
  return verdict === "warn" ? pill("warn", `pass, ${plural(findings.length, "warning")}`) : pill(verdict);
}

const overview = (files: readonly FileReport[]): Markup =>
  table(
    "Files",
    ["verdict", "file", "linkage", "size"],
    files.map((file, index) => [
      verdictPill(file),
      html`<a href="#file-${index + 1}">${basename(file.path)}</a>`,
      file.linkage ?? "–",
      file.size === null ? "–" : shortSize(file.size),
    ]),
  );

const NO_PARTS: Parts = { segments: [], sections: [], more: { segments: 0, sections: 0, bytes: 0 } };

/** One file: its facts, pictures and findings. */
export function fileCard(file: FileReport, index: number): Markup {
  const name = basename(file.path);
  const folder = file.path.slice(0, file.path.length - name.length);
  const clean = file.findings.length === 0;
  const drawn = { ...file, ...(file.parts === null ? NO_PARTS : unpackParts(file.parts)) };
  return html`
<article class="card" id="file-${index + 1}">
<div class="name"><h2>${folder !== "" && html`<span>${folder}</span>`}${name}</h2>${verdictPill(file)}</div>
<div class="${clean ? "alone" : "beside"}">
${!clean && html`<aside aria-label="Findings">${findingList(file.findings)}</aside>`}
${file.size !== null && html`<div>${factList(file)}${diskMap(drawn)}${memoryMap(drawn)}${legend(drawn)}${sectionBars(drawn)}${segmentTable(drawn)}</div>`}
</div>
</article>`;
}

const findingList = (findings: readonly Finding[]): Markup =>
  html`<ul class="findings">${findings.map(
    ({ rule, severity, expected, got, fix }) => html`
<li class="${severity}"><p><code>${rule}</code> ${pill(severity)}</p>
<dl><dt>expected</dt><dd>${expected}</dd><dt>got</dt><dd>${got}</dd><dt>fix</dt><dd>${fix}</dd></dl></li>`,
  )}</ul>`;

const code = (value: string): Markup => html`<code>${value}</code>`;

/** What the headers say; a file that is not ELF has only a size and a digest. */
function factList(file: FileReport): Markup {
  const { target, linkage, type, machine, entry, alignment, stripped, interpreter, needed, buildId, sha256 } = file;
  const headers: (readonly [string, Content])[] = [
    ["linkage", linkage ?? "none"],
    ["machine", machine ?? "–"],
    ["type", type ?? "–"],
    ["entry", code(entry ?? "")],
    ["alignment", alignment === null ? "–" : shortSize(alignment)],
    ["symbols", stripped ? "stripped" : "not stripped"],
    ["interpreter", interpreter === null ? "none" : code(interpreter)],
    ["needed libraries", needed.length === 0 ? "none" : needed.map((name) => html`${code(name)} `)],
  ];
  return html`${facts([
    ["target", target ?? "unknown"],
    ["size", size(file.size ?? 0)],
    ...(type === null ? [] : headers),
  ])}${facts([
    ["build id", buildId === null ? "none" : code(buildId)],
    ["sha256", sha256 === null ? "not read: the file is over the size budget" : code(sha256)],
  ])}`;
}

const segmentTable = ({ segments, more }: Parts): Content =>
  segments.length > 0 &&
  html`<details><summary>${plural(segments.length + more.segments, "program header")}</summary>${table(
    "Program headers",
    ["type", "rights", "at byte", "bytes", "address", "in memory", "alignment"],
    segments.map(({ type, rights, offset, size: bytes, address, memory, alignment }) => [
      type,
      code(rights || "–"),
      offset,
      bytes,
      code(address),
      memory,
      alignment,
    ]),
  )}${more.segments > 0 && html`<p>and ${more.segments} more</p>`}</details>`;

/** What `fileCard` needs besides the pictures' style. */
export const FILE_STYLE = `
.name { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; justify-content: space-between; margin-bottom: 1rem; }
.name h2 { min-width: 0; } .name span { display: block; } h2 > span { font-weight: 400; font-size: .875rem; color: var(--quiet); }
.beside > *, .alone > * { min-width: 0; }
.beside { display: grid; gap: 1.5rem; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 60rem) {
  .beside { grid-template-columns: minmax(0, 1fr) 21rem; gap: 2rem; }
  .beside > aside { order: 1; padding-left: 2rem; border-left: 1px solid var(--line); }
}
.facts:first-child > :first-child { grid-column: span 2; }
.facts + .facts { grid-template-columns: minmax(0, 1fr); margin-top: .75rem; }
.findings { margin: 0; padding: 0; list-style: none; display: grid; gap: 1rem; }
.findings li { border-left: 4px solid; padding-left: .85rem; min-width: 0; }
.findings li.fail { border-color: var(--fail); } .findings li.warn { border-color: var(--warn); }
.findings p { margin: 0 0 .25rem; } .findings dl { margin: 0; font-size: .9375rem; } .findings dd { margin-bottom: .35rem; }
h2 + .findings { margin-top: 1rem; }
`;
