/** The stages of a boot as a time line, drawn. */
import { html, type Markup } from "../html.ts";
import type { PhoneVerdict } from "./parts.ts";
import type { Lane } from "./stages.ts";

const LANES: readonly Lane[] = ["bootloader", "fastboop", "stage0"];

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

/** When a boot came to its end, by the kernel's clock; 0: it never began. */
export const endOf = (verdict: PhoneVerdict): number => barsOf(verdict).at(-1)?.to ?? 0;

const told = ({ name, to, failed }: Bar): string => `${name}${failed ? " failed" : ""}: ${to.toFixed(2)} s`;
const classOf = ({ failed, lane }: Bar): string => (failed ? "bad" : lane);

/** @param end seconds at the right edge: boots that are compared have one scale */
export function timeline(verdict: PhoneVerdict, end: number): Markup | false {
  const bars = barsOf(verdict);
  if (endOf(verdict) === 0) return false;
  const round = (units: number): number => Math.round(units * 10) / 10;
  const x = (seconds: number): number => round(LEFT + ((WIDTH - LEFT - RIGHT) * seconds) / end);
  const step = [1, 2, 5, 10, 20, 50, 100].find((seconds) => end / seconds <= 10) ?? 200;
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
  const height = TOP + LANES.length * LANE;
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
  return html`<g><title>${told(bar)}</title><rect class="${classOf(bar)}" x="${left}" y="${y + 22}" width="${width}" height="${LANE - 28}" rx="2"/>${label}</g>`;
})}
</svg></div>`;
}

/** The same in one row, to see many boots at once. */
export function strip(verdict: PhoneVerdict, end: number): Markup {
  const x = (seconds: number): number => Math.round((WIDTH * seconds) / end);
  const blocks = barsOf(verdict).map(
    (bar) =>
      html`<rect class="${classOf(bar)}" x="${x(bar.from)}" width="${Math.max(2, x(bar.to) - x(bar.from))}" height="12"><title>${told(bar)}</title></rect>`,
  );
  return html`<svg class="strip" viewBox="0 0 ${WIDTH} 12" preserveAspectRatio="none" role="img" aria-label="Boot ${verdict.number}">${blocks}</svg>`;
}
