/** The page of a reproduced release: each file, where it differs, with both byte runs, and what was otherwise in the build. */
import { type Content, facts, html, type Markup, pagePieces, pill, table } from "../html.ts";
import { size } from "../log.ts";
import type { Difference } from "./reproduce.ts";
import type { Reproduction, Twin } from "./reproduce-release.ts";

/** The page in pieces. The same result gives the same bytes. */
export function reproductionPage({ tag, source, twins }: Reproduction): Iterable<string> {
  const other = twins.filter(({ difference }) => difference !== undefined).length;
  return pagePieces({
    title: "stage0 reproduced",
    verdict: other > 0 ? "fail" : "pass",
    headline: other > 0 ? `${other} of ${twins.length} files of ${tag} differ` : `${tag} is what its sources give`,
    style: STYLE,
    body: [
      html`<section class="card">${facts([
        ["release", tag],
        ["commit", html`<code>${source?.commit ?? "none"}</code>`],
        ["sources", source?.modified ? "changed after the commit" : "as committed"],
      ])}</section>`,
      ...twins.map(card),
    ],
  });
}

const card = ({ asset, release, built, difference, sections, surroundings }: Twin): Markup => html`
<article class="card"><h2>${asset} ${pill(difference === undefined ? "pass" : "fail", difference === undefined ? "the same bytes" : "differs")}</h2>
${facts([
  ["published", html`${size(release.size)}, sha256 <code>${release.sha256}</code>`],
  ["built here", html`${size(built.size)}, sha256 <code>${built.sha256}</code>`],
])}
${difference !== undefined && runs(difference)}
${
  surroundings.length > 0 &&
  html`<h3>Otherwise in the build</h3>${table(
    "Otherwise in the build",
    ["what", "the release", "here"],
    surroundings.map(({ what, release: there, here }) => [what, there, here]),
  )}`
}
<details${difference !== undefined && html` open`}><summary>${sections.length} sections</summary>${table(
  "Sections",
  ["section", "published, bytes", "built here, bytes", "contents"],
  sections.map(({ name, sizes: [one, other], isSame }) => [
    html`<code>${name}</code>`,
    one ?? "–",
    other ?? "–",
    isSame ? "the same" : pill("fail", "differ"),
  ]),
)}</details></article>`;

const runs = ({ section, offset, texts, bytes, cause }: Difference): Content => html`
<h3>First difference: byte ${offset} of ${section ?? "the file"}</h3>
<p>Likely ${cause}.</p>
${table(
  "Bytes around the first difference",
  ["", "bytes", "as text"],
  ["published", "built here"].map((name, index) => [
    name,
    html`<code>${(bytes[index] ?? "").replace(/(..)(?=.)/g, "$1 ")}</code>`,
    html`<code>${texts[index] ?? ""}</code>`,
  ]),
)}`;

const STYLE =
  "h2 .pill { margin-left: .5rem; } h3 { margin-top: 1.25rem; } .facts { grid-template-columns: minmax(0, 1fr); }";
