/** Pictures of an executable, to scale: where its segments and sections are in the file, and in memory. */

import { type Content, html, type Markup } from "../html.ts";
import { shortSize } from "../log.ts";
import type { Parts, SectionView, SegmentView } from "./parts.ts";
import type { FileReport } from "./report.ts";

/** A file with what its picture shows. */
type Drawn = FileReport & Parts;

/** A block of a picture: where it starts and how long it is, in parts of the whole. */
interface Block {
  from: number;
  length: number;
  className: string;
  title: string;
  label?: string;
}

/** Blocks under this share of the picture are drawn this wide, to be seen at all. */
const THINNEST = 0.003;
/** Share that a block needs for its label to fit on a phone. */
const LABELLED = 0.12;
/** Sections that get a bar of their own; the rest share one. */
const BARS = 12;

const percent = (share: number): string => `${(share * 100).toFixed(3)}%`;
const loads = (segments: readonly SegmentView[]): SegmentView[] => segments.filter(({ type }) => type === "LOAD");
const rightsClass = (rights: string): string => `rights-${rights.toLowerCase() || "none"}`;
const sectionClass = ({ loaded }: SectionView): string => (loaded ? "section" : "section idle");

/** One lane of a picture. Widths are percentages: it scales to any width, and its text keeps its size. */
function lane(blocks: readonly Block[], y: number, height: number): Content {
  const drawn = blocks.map(({ from, length, className, title, label }) => {
    const share = Math.max(Math.min(length, 1 - from), THINNEST);
    const start = percent(Math.min(from, 1 - share));
    const text = label !== undefined && share >= LABELLED && html`<text x="50%" y="50%" class="label">${label}</text>`;
    return html`<svg x="${start}" y="${y}" width="${percent(share)}" height="${height}"><rect width="100%" height="100%" class="${className}"><title>${title}</title></rect>${text}</svg>`;
  });
  return [html`<rect y="${y}" width="100%" height="${height}" class="ground"></rect>`, drawn];
}

interface Picture {
  caption: string;
  /** What the picture shows, for those who cannot see it. */
  described: string;
  height: number;
  content: Content;
  /** What stands below its two ends. */
  ends: readonly [Content, Content];
}

const picture = ({ caption, described, height, content, ends: [left, right] }: Picture): Markup => html`
<figure><figcaption><h3>${caption}</h3></figcaption>
<svg class="map" width="100%" height="${height}" role="img" aria-label="${described}">${content}</svg>
<div class="ends"><span>${left}</span><span>${right}</span></div></figure>`;

/** The file from its first byte to its last: segments above, sections below. Nothing for a file without either. */
export function diskMap({ segments, sections, more, size: total }: Drawn): Content {
  if (total === null || total === 0 || segments.length + sections.length === 0) return undefined;
  const extent = (offset: number, length: number) => ({ from: Math.min(offset / total, 1), length: length / total });
  const upper = loads(segments).map(({ rights, offset, size }) => ({
    ...extent(offset, size),
    className: rightsClass(rights),
    title: `segment ${rights}: ${shortSize(size)} at byte ${offset}`,
    label: rights,
  }));
  const lower = sections.map((section) => ({
    ...extent(section.offset, section.size),
    className: sectionClass(section),
    title: `section ${section.name}: ${shortSize(section.size)} at byte ${section.offset}`,
  }));
  return picture({
    caption: "In the file: segments above, sections below",
    described: `${upper.length} segments and ${lower.length + more.sections} sections in ${shortSize(total)}, to scale`,
    height: 64,
    content: [lane(upper, 0, 40), lane(lower, 46, 18)],
    ends: ["0", shortSize(total)],
  });
}

/** The addresses from the first segment to the end of the last, and where the kernel jumps to. Nothing for a file without a PT_LOAD. */
export function memoryMap({ segments, entry }: Drawn): Content {
  const mapped = loads(segments).map((segment) => {
    const start = BigInt(segment.address);
    return { ...segment, start, end: start + BigInt(segment.memory) };
  });
  const [low, high] = bounds(mapped);
  if (high <= low) return undefined;
  const share = (length: bigint): number => Number((length * 1_000_000n) / (high - low)) / 1_000_000;
  const blocks = mapped.flatMap(({ rights, start, end, size, memory, address }): Block[] => {
    const [from, to] = [share(start - low), share(end - low)];
    const filled = memory === 0 ? 0 : (to - from) * Math.min(size / memory, 1);
    const title = `segment ${rights}: ${shortSize(memory)} at ${address}`;
    const zeros = `${title}, of which ${shortSize(memory - size)} start as zeros`;
    return [
      { from, length: filled, className: rightsClass(rights), title, label: rights },
      ...(memory > size
        ? [{ from: from + filled, length: to - from - filled, className: `${rightsClass(rights)} zeros`, title: zeros }]
        : []),
    ];
  });
  const start = entry === null ? -1n : BigInt(entry);
  return picture({
    caption: "In memory, paler where it starts as zeros",
    described: `${mapped.length} segments in ${shortSize(Number(high - low))} of addresses, to scale`,
    height: 58,
    content: [lane(blocks, 0, 40), start >= low && start < high && entryMark(share(start - low))],
    ends: [html`<code>0x${low.toString(16)}</code>`, html`<code>0x${high.toString(16)}</code>`],
  });
}

/** The lowest start and the highest end; Math.min does not take bigint. */
function bounds(ranges: readonly { start: bigint; end: bigint }[]): [low: bigint, high: bigint] {
  let [low, high] = [ranges[0]?.start ?? 0n, 0n];
  for (const { start, end } of ranges) {
    if (start < low) low = start;
    if (end > high) high = end;
  }
  return [low, high];
}

function entryMark(share: number): Markup {
  const [x, side] = share < 0.5 ? [5, ""] : [-5, " left"];
  return html`<svg x="${percent(share)}" overflow="visible"><line y2="54" class="entry"></line><text x="${x}" y="53" class="entry${side}">entry</text></svg>`;
}

/** What the colours of the two maps mean. */
export function legend({ segments }: Drawn): Content {
  const kinds = [...new Set(loads(segments).map(({ rights }) => rights))].sort();
  if (kinds.length === 0) return undefined;
  const names: Record<string, string> = { R: "read", W: "write", X: "execute" };
  const words = (rights: string): string => [...rights].map((right) => names[right]).join(", ") || "no rights";
  const key = (className: string, text: string): Markup =>
    html`<li><svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" rx="3" class="${className}"></rect></svg> ${text}</li>`;
  return html`<ul class="legend">${kinds.map((rights) => key(rightsClass(rights), `${rights}: ${words(rights)}`))}${key("section", "section, loaded")}${key("section idle", "section, not loaded")}</ul>`;
}

/** The sections with the most bytes in the file, as bars. Nothing for a file without sections. */
export function sectionBars({ sections, more }: Drawn): Content {
  const sorted = sections.toSorted((a, b) => b.size - a.size);
  const rest = Math.max(sorted.length - BARS, 0) + more.sections;
  const together = sorted.slice(BARS).reduce((sum, { size }) => sum + size, more.bytes);
  const longest = Math.max(sorted[0]?.size ?? 0, together);
  const bar = (name: Content, size: number, className: string): Markup =>
    html`<li><span>${name}</span><svg width="100%" height="12" aria-hidden="true"><rect width="${percent(Math.max(size / longest, THINNEST))}" height="12" rx="2" class="${className}"></rect></svg><span>${shortSize(size)}</span></li>`;
  if (longest === 0) return undefined;
  return html`<h3>Sections by size</h3><ol class="bars">${sorted
    .slice(0, BARS)
    .map((section) =>
      bar(html`<code>${section.name || "(no name)"}</code>`, section.size, sectionClass(section)),
    )}${rest > 0 && bar(`${rest} more`, together, "section idle")}</ol>`;
}

/** The rights' colours are Okabe and Ito's, which colour-blind readers can tell apart; the letters say the same. */
export const PICTURE_STYLE = `
.rights-r { fill: #56b4e9; } .rights-rx, .rights-x { fill: #e69f00; } .rights-rw, .rights-w { fill: #2bb58b; }
.rights-rwx, .rights-wx { fill: #e5604c; } .rights-none { fill: #9aa7b4; } .zeros { opacity: .45; }
.section { fill: #8a7fc4; } .idle { opacity: .45; } .ground { fill: var(--shade); }
.map { display: block; border-radius: 4px; }
.map > svg > rect { stroke: var(--card); stroke-width: 1px; }
.label { fill: #14202b; font: 600 12px var(--mono); text-anchor: middle; dominant-baseline: central; }
line.entry { stroke: var(--ink); stroke-width: 2; } text.entry { fill: var(--ink); font: 12px var(--mono); } .left { text-anchor: end; }
figure { margin: 1.5rem 0 0; } figcaption h3 { margin-bottom: .35rem; }
.ends { display: flex; justify-content: space-between; gap: 1rem; font-size: .8125rem; color: var(--quiet); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: .75rem 0 1.5rem; padding: 0; list-style: none; font-size: .8125rem; color: var(--quiet); }
.legend svg { vertical-align: -2px; }
.bars { margin: 0; padding: 0; list-style: none; font-size: .875rem; }
.bars li { display: grid; grid-template-columns: minmax(0, 8.75rem) minmax(0, 1fr) 5.25rem; gap: .75rem; align-items: center; }
.bars li > :last-child { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.bars svg { display: block; }
`;
