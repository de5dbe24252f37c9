/** Boots of emulated phones as a page: what took how long, the stages of each as a time line, and the console at each. */
import { basename } from "node:path";
import { facts, html, type Markup, page, pill, table } from "../html.ts";
import { duration } from "../log.ts";
import type { PhoneVerdict } from "./parts.ts";
import { type Share, shares } from "./shares.ts";
import { endOf, strip, timeline } from "./timeline.ts";

/** Gives the lines of a boot's console. */
type Console = (verdict: PhoneVerdict) => readonly string[];

/** The page for some boots. The same boots give the same bytes. */
export function htmlReport(verdicts: readonly PhoneVerdict[], consoleOf: Console): string {
  const failed = verdicts.filter(({ ok }) => !ok).length;
  const repeated = shares(verdicts).map((share) => ({
    share,
    boots: verdicts.filter(({ path }) => path === share.path),
  }));
  const others = verdicts.filter((verdict) => !repeated.some(({ boots }) => boots.includes(verdict)));
  const scaleOf = (verdict: PhoneVerdict): number =>
    Math.max(...(repeated.find(({ boots }) => boots.includes(verdict))?.boots ?? [verdict]).map(endOf));
  const boots = `${verdicts.length} boot${verdicts.length === 1 ? "" : "s"}`;
  return page({
    title: "emulated phones",
    verdict: failed === 0 ? "pass" : "fail",
    headline: failed === 0 ? `${boots} passed` : `${failed} of ${boots} failed`,
    style: STYLE,
    body: [
      repeated.map(({ share, boots }) => repeats(share, boots, verdicts)),
      others.length > 1 && html`<section class="card">${overview(others, verdicts)}</section>`,
      verdicts.map((verdict, index) => card(verdict, index, scaleOf(verdict), consoleOf(verdict))),
    ],
  });
}

/** Where a boot's card is on the page. */
const anchorOf = (verdict: PhoneVerdict, all: readonly PhoneVerdict[]): string => `#boot-${all.indexOf(verdict) + 1}`;

/** Boots of different files, or with different faults: each has an outcome of its own. */
function overview(verdicts: readonly PhoneVerdict[], all: readonly PhoneVerdict[]): Markup {
  const files = new Set(verdicts.map(({ path }) => path)).size > 1;
  const faults = verdicts.some(({ fault }) => fault !== undefined);
  const rows = verdicts.map((verdict) => [
    pill(verdict.ok ? "pass" : "fail"),
    html`<a href="${anchorOf(verdict, all)}">${files ? basename(verdict.path) : (verdict.fault ?? verdict.number)}</a>`,
    ...(files ? [verdict.fault ?? verdict.number] : []),
    ...(faults ? [verdict.expected ?? "all stages"] : []),
    verdict.outcome,
  ]);
  const head = ["verdict", ...(files ? ["file"] : []), "boot", ...(faults ? ["expected"] : []), "outcome"];
  return table("Boots", head, rows);
}

/** The boots of one file: how many passed, what took how long, and each of them in a row. */
function repeats({ ok, text }: Share, boots: readonly PhoneVerdict[], all: readonly PhoneVerdict[]): Markup {
  const end = Math.max(...boots.map(endOf));
  const rows = boots.map((verdict) => [
    pill(verdict.ok ? "pass" : "fail"),
    html`<a href="${anchorOf(verdict, all)}">${verdict.number}</a>`,
    [end > 0 && strip(verdict, end), !verdict.ok && verdict.outcome],
    figure(`${endOf(verdict).toFixed(1)} s`),
    figure(speedOf(verdict)),
  ]);
  return html`<section class="card">
<p class="share">${pill(ok ? "pass" : "fail")} ${text}</p>
${table("Each boot", ["verdict", "boot", "bootloader, fastboop, stage0", "in all", "over the cable"], rows)}
<details open><summary>What took how long, of the boots that came so far</summary>${spread(boots)}</details>
</section>`;
}

/** How long each stage took: in the fastest boot, in the middle one, in the slowest. */
function spread(boots: readonly PhoneVerdict[]): Markup {
  const rows = (boots[0]?.stages ?? []).map(({ lane, name }, index) => {
    const took = boots
      .flatMap(({ stages }) => {
        const [to, from] = [stages[index]?.seconds ?? null, index === 0 ? 0 : (stages[index - 1]?.seconds ?? null)];
        return to === null || from === null ? [] : [Math.max(0, to - from)];
      })
      .sort((a, b) => a - b);
    const at = (place: number): Markup => {
      const seconds = took[Math.floor((took.length - 1) * place)];
      return figure(seconds === undefined ? "–" : `${seconds.toFixed(2)} s`);
    };
    return [name, lane, at(0), at(0.5), at(1), took.length];
  });
  return table("Stages of all boots", ["stage", "who", "fastest", "median", "slowest", "boots"], rows);
}

/** A number with its unit, on one line. */
const figure = (text: string): Markup => html`<span class="figure">${text}</span>`;

const speedOf = ({ throughput }: PhoneVerdict): string =>
  throughput === null ? "–" : `${(throughput / 1e6).toFixed(1)} MB/s`;

function card(verdict: PhoneVerdict, index: number, end: number, lines: readonly string[]): Markup {
  const { path, number, fault, ok, outcome, problem, kernel, fastboop, target, milliseconds } = verdict;
  return html`
<article class="card" id="boot-${index + 1}">
<div class="name"><h2>${basename(path)}${(fault ?? number) !== 1 && html` <span>${fault ?? `boot ${number}`}</span>`}</h2>${pill(ok ? "pass" : "fail")}</div>
<p>${outcome}</p>
${problem !== undefined && html`<dl class="problem"><dt>expected</dt><dd>${problem.expected}</dd><dt>got</dt><dd>${problem.got}</dd><dt>fix</dt><dd>${problem.fix}</dd></dl>`}
${facts([
  ["target", target],
  ["kernel", kernel],
  ["fastboop", fastboop],
  ["over the cable", speedOf(verdict)],
  ["in all", duration(milliseconds)],
])}
${timeline(verdict, end)}
<details><summary>The stages, what proves each, and the console up to it</summary>${stageTable(verdict, lines)}</details>
<details${!ok && html` open`}><summary>The console's end</summary>${consoleLines(verdict.console)}</details>
</article>`;
}

const consoleLines = (lines: readonly string[]): Markup => html`<pre>${lines.map((line) => html`${line}\n`)}</pre>`;

/** A row for each stage: its proof opens to the lines since the stage before. */
function stageTable({ stages }: PhoneVerdict, lines: readonly string[]): Markup {
  let from = 0;
  const rows = stages.map(({ seconds, lane, name, proof, line }) => {
    const since = line === null ? [] : lines.slice(from, line);
    from = Math.max(from, line ?? 0);
    const cell =
      proof === null
        ? html`<strong>not reached</strong>`
        : html`<details><summary><code>${proof}</code></summary>${consoleLines(since)}</details>`;
    return [seconds === null ? "–" : `${seconds.toFixed(2)} s`, lane, name, cell];
  });
  return table("Stages", ["at", "who", "stage", "the line that proves it"], rows);
}

const STYLE = `
.name { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; justify-content: space-between; margin-bottom: .5rem; }
.name h2 span { font-weight: 400; color: var(--quiet); }
.problem { margin: 0 0 1rem; border-left: 4px solid var(--fail); padding-left: .85rem; }
.timeline { display: block; width: 100%; min-width: 40rem; margin-top: 1.25rem; font: 13px system-ui, "DejaVu Sans", sans-serif; }
.timeline text { fill: var(--ink); } .timeline .quiet, .timeline .failed { fill: var(--quiet); font-size: 12px; } .timeline .failed { fill: var(--fail); }
.timeline .tick { stroke: var(--line); }
.bootloader { fill: #7a6ad8; } .fastboop { fill: #2f7fc1; } .stage0 { fill: var(--pass); } .bad { fill: var(--fail); }
.figure { white-space: nowrap; font-variant-numeric: tabular-nums; }
.strip { display: block; width: 100%; min-width: 8rem; height: 1.1em; margin-top: .2em; }
.timeline rect { stroke: var(--card); stroke-width: 1; }
.share { display: flex; gap: .75rem; align-items: baseline; overflow-wrap: anywhere; }
td details { margin: 0; } td summary { color: inherit; } td:first-child { white-space: nowrap; }
pre { font: .8125rem/1.45 var(--mono); margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
`;
