/** The page that a rehearsal leaves: what was run, what that proved, and the way of the bytes. */

import type { Preflight } from "../../../scripts/lib/gate/preflight.ts";
import { FILE_STYLE, fileCard } from "../../../scripts/lib/gate/report-html.ts";
import { PICTURE_STYLE } from "../../../scripts/lib/gate/report-picture.ts";
import { type Content, html, page, pill, table } from "../../../scripts/lib/html.ts";
import { duration, size } from "../../../scripts/lib/log.ts";
import type { Done, Link } from "./rehearsal.ts";

interface Rehearsal {
  tag: string;
  workspace: string;
  faults: boolean;
  done: readonly Done[];
  custody: readonly Link[];
  gated: Preflight;
}

export function rehearsalReport({ tag, workspace, faults, done, custody, gated }: Rehearsal): string {
  const total = done.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return page({
    title: "stage0 rehearsal",
    verdict: "pass",
    headline: `${tag} went from source to packages in ${duration(total)}`,
    style: `${PICTURE_STYLE}${FILE_STYLE}${STYLE}`,
    body: [
      html`<section class="card"><h2>Steps</h2><p>Workspace <code>${workspace}</code>, ${faults ? "with a fault at every network step" : "against a local GitHub that did as GitHub does"}.</p>${table(
        "Steps",
        ["step", "time", "requests", "proved"],
        done.map(({ step, milliseconds, requests }): Content[] => [
          html`${pill("pass")} ${step.name}`,
          html`<span class="time">${duration(milliseconds)}</span>`,
          requests,
          html`${step.proves}${faults && step.fault !== undefined && html` <span class="fault">in spite of: ${step.fault.kind} (${step.fault.on})</span>`}`,
        ]),
      )}</section>`,
      html`<section class="card"><h2>Chain of custody of the aarch64 payload</h2><ol class="chain">${custody.map(
        (link) =>
          html`<li><strong>${link.place}</strong><br><code>${link.path}</code><br>${size(link.size)}, sha256 <code>${link.sha256}</code></li>`,
      )}</ol></section>`,
      gated.files.map(fileCard),
    ],
  });
}

const STYLE = `
.time { white-space: nowrap; }
.fault { color: var(--warn); }
.chain { list-style: none; margin: .75rem 0 0; padding: 0 0 0 1.25rem; border-left: 2px solid var(--pass); }
.chain li { position: relative; padding: 0 0 1rem; font-size: .875rem; overflow-wrap: anywhere; }
.chain li:last-child { padding-bottom: 0; }
.chain li::before { content: ""; position: absolute; left: calc(-1.25rem - 6px); top: .45rem; width: 10px; height: 10px; border-radius: 50%; background: var(--pass); }
`;
