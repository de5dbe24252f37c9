/** Boots of emulated phones as a page: the stages as a time line in three lanes, and the console at each. */
import { basename } from "node:path";
import { facts, html, type Markup, page, pill, table } from "../html.ts";
import { duration } from "../log.ts";
import type { PhoneVerdict } from "./parts.ts";
import { shares } from "./shares.ts";
import type { Lane } from "./stages.ts";

const LANES: readonly Lane[] = ["bootloader", "fastboop", "stage0"];

/** Gives the lines of a boot's console. */
type Console = (verdict: PhoneVerdict) => readonly string[];

/** The page for some boots. The same boots give the same bytes. */
export function htmlReport(verdicts: readonly PhoneVerdict[], consoleOf: Console): string {
  const failed = verdicts.filter(({ ok }) => !ok).length;
  const boots = `${verdicts.length} boot${verdicts.length === 1 ? "" : "s"}`;
  return page({
    title: "emulated phones",
    verdict: failed === 0 ? "pass" : "fail",
    headline: failed === 0 ? `${boots} passed` : `${failed} of ${boots} failed`,
    style: STYLE,
    body: [
      shares(verdicts).map(
        ({ ok, text }) => html`<section class="card share">${pill(ok ? "pass" : "fail")} ${text}</section>`,
      ),
      verdicts.length > 1 && html`<section class="card">${overview(verdicts)}</section>`,
      verdicts.map((verdict, index) => card(verdict, index, consoleOf(verdict))),
    ],
  });
}

const overview = (verdicts: readonly PhoneVerdict[]): Markup =>
  table(
    "Boots",
    ["verdict", "file", "boot", "outcome"],
    verdicts.map(({ ok, path, number, fault, outcome }, index) => [
      pill(ok ? "pass" : "fail"),
      html`<a href="#boot-${index + 1}">${basename(path)}</a>`,
      fault ?? number,
      outcome,
    ]),
  );

function card(verdict: PhoneVerdict, index: number, lines: readonly string[]): Markup {
  const { path, number, fault, ok, outcome, problem, kernel, fastboop, throughput, target, milliseconds } = verdict;
  return html`
<article class="card" id="boot-${index + 1}">
<div class="name"><h2>${basename(path)}${(fault ?? number) !== 1 && html` <span>${fault ?? `boot ${number}`}</span>`}</h2>${pill(ok ? "pass" : "fail")}</div>
<p>${outcome}</p>
${problem !== undefined && html`<dl class="problem"><dt>expected</dt><dd>${problem.expected}</dd><dt>got</dt><dd>${problem.got}</dd><dt>fix</dt><dd>${problem.fix}</dd></dl>`}
${facts([
  ["target", target],
  ["kernel", kernel],
  ["fastboop", fastboop],
  ["over the cable", throughput === null ? "–" : `${(throughput / 1e6).toFixed(1)} MB/s`],
  ["in all", duration(milliseconds)],
])}
${timeline(verdict)}
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

/** Drawing units: the picture scales to the page's width. */
const [WIDTH, LEFT, RIGHT, LANE, TOP] = [1000, 90, 20, 56, 24];

/** About the width of a letter. */
const LETTER = 6.6;

interface Bar {
  name: string;
  lane: Lane;
  /** In seconds. */
  from: number;
  to: number;
  failed: boolean;
}

/** Each stage as a bar in its lane, from the moment when the one before was reached; a failed boot's rest as one of its own. */
function barsOf({ stages, ended, failedAt }: PhoneVerdict): Bar[] {
  const bars: Bar[] = [];
  let from = 0;
  for (const { id, lane, name, seconds } of stages) {
    const failed = id === failedAt;
    // A stage that was reached, and not rightly, has its time as the others.
    const to = seconds ?? (failed ? ended : null);
    if (to !== null) bars.push({ name, lane, from, to: Math.max(from, to), failed });
    from = Math.max(from, to ?? 0);
    if (failed) break;
  }
  return bars;
}

function timeline(verdict: PhoneVerdict): Markup | false {
  const bars = barsOf(verdict);
  const end = bars.at(-1)?.to ?? 0;
  if (end === 0) return false;
  const round = (units: number): number => Math.round(units * 10) / 10;
  const x = (seconds: number): number => round(LEFT + ((WIDTH - LEFT - RIGHT) * seconds) / end);
  const step = [1, 2, 5, 10, 20, 50, 100].find((seconds) => end / seconds <= 10) ?? 200;
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
  const height = TOP + LANES.length * LANE;
  const told = ({ name, to, failed }: Bar): string => `${name}${failed ? " failed" : ""}: ${to.toFixed(2)} s`;
  // The last one has room before the others.
  const labelled: Bar[] = [];
  const startOf = ({ name, to }: Bar): number => x(to) - name.length * LETTER;
  for (const bar of bars.toReversed()) {
    const next = labelled.findLast(({ lane }) => lane === bar.lane);
    if (startOf(bar) >= LEFT && (next === undefined || x(bar.to) < startOf(next) - LETTER)) labelled.push(bar);
  }
  return html`
<div class="scroll" tabindex="0" role="region" aria-label="Time line"><svg class="timeline" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Time line: ${bars.map(told).join(", ")}">
${ticks.map((tick) => html`<line class="tick" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP - 4}" y2="${height}"/><text class="quiet" x="${x(tick)}" y="14" text-anchor="middle">${tick} s</text>`)}
${LANES.map((lane, index) => html`<text x="0" y="${TOP + index * LANE + 39}">${lane}</text>`)}
${bars.map((bar) => {
  const y = TOP + LANES.indexOf(bar.lane) * LANE;
  const [left, width] = [x(bar.from), Math.max(1.5, round(x(bar.to) - x(bar.from)))];
  const label =
    labelled.includes(bar) &&
    html`<text class="${bar.failed ? "failed" : "quiet"}" x="${x(bar.to)}" y="${y + 16}" text-anchor="end">${bar.name}</text>`;
  return html`<g><title>${told(bar)}</title><rect class="${bar.failed ? "bad" : bar.lane}" x="${left}" y="${y + 22}" width="${width}" height="${LANE - 28}" rx="2"/>${label}</g>`;
})}
</svg></div>`;
}

const STYLE = `
.name { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; justify-content: space-between; margin-bottom: .5rem; }
.name h2 span { font-weight: 400; color: var(--quiet); }
.problem { margin: 0 0 1rem; border-left: 4px solid var(--fail); padding-left: .85rem; }
.timeline { display: block; width: 100%; min-width: 40rem; margin-top: 1.25rem; font: 13px system-ui, "DejaVu Sans", sans-serif; }
.timeline text { fill: var(--ink); } .timeline .quiet, .timeline .failed { fill: var(--quiet); font-size: 12px; } .timeline .failed { fill: var(--fail); }
.timeline .tick { stroke: var(--line); }
.timeline .bootloader { fill: #7a6ad8; } .timeline .fastboop { fill: #2f7fc1; } .timeline .stage0 { fill: var(--pass); } .timeline .bad { fill: var(--fail); }
.timeline rect { stroke: var(--card); stroke-width: 1; }
.share { display: flex; gap: .75rem; align-items: baseline; overflow-wrap: anywhere; }
td details { margin: 0; } td summary { color: inherit; } td:first-child { white-space: nowrap; }
pre { font: .8125rem/1.45 var(--mono); margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
`;
