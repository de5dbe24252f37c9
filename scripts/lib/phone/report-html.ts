/** Boots of emulated phones as a page: the stages as a time line in three lanes, and the console at each. */
import { basename } from "node:path";
import { facts, html, type Markup, page, pill, table } from "../html.ts";
import { duration } from "../log.ts";
import type { PhoneVerdict } from "./parts.ts";
import { shares } from "./shares.ts";
import type { Lane } from "./stages.ts";

const LANES: readonly Lane[] = ["bootloader", "fastboop", "stage0"];

/** The page for some boots. The same boots give the same bytes. */
export function htmlReport(verdicts: readonly PhoneVerdict[]): string {
  const failed = verdicts.filter(({ ok }) => !ok).length;
  const boots = `${verdicts.length} boot${verdicts.length === 1 ? "" : "s"}`;
  return page({
    title: "emulated phones",
    verdict: failed === 0 ? "pass" : "fail",
    headline: failed === 0 ? `${boots} passed` : `${failed} of ${boots} failed`,
    style: STYLE,
    body: [
      shares(verdicts).map(({ text }) => html`<section class="card"><p>${text}</p></section>`),
      verdicts.length > 1 && html`<section class="card">${overview(verdicts)}</section>`,
      verdicts.map(card),
    ],
  });
}

const overview = (verdicts: readonly PhoneVerdict[]): Markup =>
  table(
    "Boots",
    ["verdict", "file", "boot", "outcome"],
    verdicts.map(({ ok, path, number, outcome }, index) => [
      pill(ok ? "pass" : "fail"),
      html`<a href="#boot-${index + 1}">${basename(path)}</a>`,
      number,
      outcome,
    ]),
  );

function card(verdict: PhoneVerdict, index: number): Markup {
  const { path, number, ok, outcome, problem, kernel, fastboop, throughput, target, milliseconds } = verdict;
  return html`
<article class="card" id="boot-${index + 1}">
<div class="name"><h2>${basename(path)}${number > 1 && html` <span>boot ${number}</span>`}</h2>${pill(ok ? "pass" : "fail")}</div>
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
<details><summary>The stages, and what proves each</summary>${table(
    "Stages",
    ["at", "who", "stage", "the line that proves it"],
    verdict.stages.map(({ seconds, lane, name, proof }) => [
      seconds === null ? "–" : `${seconds.toFixed(2)} s`,
      lane,
      name,
      proof === null ? html`<strong>not reached</strong>` : html`<code>${proof}</code>`,
    ]),
  )}</details>
<details><summary>The console's end</summary><pre>${verdict.console.join("\n")}</pre></details>
</article>`;
}

/** Drawing units: the picture scales to the page's width. */
const [WIDTH, LEFT, RIGHT, LANE, TOP] = [1000, 90, 20, 56, 24];

/** Each stage as a bar in its lane, from the moment when the one before was reached. */
function timeline({ stages, ok }: PhoneVerdict): Markup | false {
  const reached = stages.flatMap((stage) => (stage.seconds === null ? [] : [{ ...stage, seconds: stage.seconds }]));
  const end = Math.max(...reached.map(({ seconds }) => seconds));
  if (reached.length === 0) return false;
  const x = (seconds: number): number => Math.round((LEFT + ((WIDTH - LEFT - RIGHT) * seconds) / end) * 10) / 10;
  const step = [1, 2, 5, 10, 20, 50, 100].find((seconds) => end / seconds <= 10) ?? 200;
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
  const height = TOP + LANES.length * LANE;
  const label = `Time line: ${reached.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)} s`).join(", ")}`;
  return html`
<div class="scroll" tabindex="0" role="region" aria-label="Time line"><svg class="timeline" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">
${ticks.map((tick) => html`<line class="tick" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP - 4}" y2="${height}"/><text class="quiet" x="${x(tick)}" y="14" text-anchor="middle">${tick} s</text>`)}
${LANES.map((lane, index) => html`<text x="0" y="${TOP + index * LANE + LANE / 2 + 4}">${lane}</text>`)}
${reached.map(({ lane, name, seconds }, index) => {
  const from = x(reached[index - 1]?.seconds ?? 0);
  const y = TOP + LANES.indexOf(lane) * LANE;
  const last = index === reached.length - 1;
  return html`<g><title>${name}: ${seconds.toFixed(2)} s</title><rect class="${last && !ok ? "bad" : lane}" x="${from}" y="${y + 8}" width="${Math.max(1.5, Math.round((x(seconds) - from) * 10) / 10)}" height="${LANE - 16}" rx="2"/></g>`;
})}
</svg></div>`;
}

const STYLE = `
.name { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; justify-content: space-between; margin-bottom: .5rem; }
.name h2 span { font-weight: 400; color: var(--quiet); }
.problem { margin: 0 0 1rem; border-left: 4px solid var(--fail); padding-left: .85rem; }
.timeline { display: block; width: 100%; min-width: 40rem; margin-top: 1.25rem; font: 13px system-ui, "DejaVu Sans", sans-serif; }
.timeline text { fill: var(--ink); } .timeline .quiet { fill: var(--quiet); font-size: 12px; }
.timeline .tick { stroke: var(--line); }
.timeline .bootloader { fill: #7a6ad8; } .timeline .fastboop { fill: #2f7fc1; } .timeline .stage0 { fill: var(--pass); } .timeline .bad { fill: var(--fail); }
.timeline rect { stroke: var(--card); stroke-width: 1; }
pre { overflow-x: auto; font: .8125rem/1.45 var(--mono); margin: 0; }
`;
