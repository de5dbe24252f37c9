/** The parts of the docs that are generated from the code, and the files that hold them between markers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type KnobRow, knobRows } from "../../../scripts/lib/knob-list.ts";
import { PROJECT } from "../../../scripts/lib/paths.ts";

/** The knobs as the Makefile's own comments: `#? NAME=default`. */
const knobComments = (): string =>
  knobRows()
    .filter(({ audience }) => audience === "user")
    .map(({ name, fallback }) => `#? ${name}${fallback && `=${fallback}`}`)
    .join("\n");

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** The knobs as a Markdown table. */
const knobTable = (audience: KnobRow["audience"]): string =>
  [
    "| variable | takes | default | meaning |",
    "|---|---|---|---|",
    ...knobRows()
      .filter((row) => row.audience === audience)
      .map(
        ({ name, takes, means, fallback }) =>
          `| \`${name}\` | ${cell(takes)} | ${fallback && `\`${fallback}\``} | ${cell(means)} |`,
      ),
  ].join("\n");

/** The generated parts of each file, between a line with `made: NAME` and one with `made: end`. */
const PARTS: readonly { file: string; name: string; text: () => string | Promise<string> }[] = [
  { file: "Makefile", name: "knobs", text: knobComments },
  { file: "docs/distribution.md", name: "user-knobs", text: () => knobTable("user") },
  { file: "docs/distribution.md", name: "host-knobs", text: () => knobTable("host") },
  {
    file: "docs/troubleshooting.md",
    name: "messages",
    text: async () => (await import("./messages.ts")).messageTables(),
  },
  {
    file: "docs/preflight.md",
    name: "rules",
    text: async () => (await import("../../../scripts/lib/gate/report-markdown.ts")).rulesTable(),
  },
];

/** The files whose generated parts are out of date, with the text that they should have. @throws Error on a missing marker */
export async function staleDocs(): Promise<{ file: string; text: string }[]> {
  const texts = new Map<string, string>();
  const read = (file: string): string => texts.get(file) ?? readFileSync(join(PROJECT, file), "utf8");
  for (const { file, name, text } of PARTS) {
    const marked = new RegExp(`(made: ${name}\\b[^\\n]*\\n)([^]*?)([^\\n]*made: end)`);
    if (!marked.test(read(file))) throw new Error(`${file} has no part between "made: ${name}" and "made: end"`);
    const made = await text();
    texts.set(
      file,
      read(file).replace(marked, (_, before, __, after) => `${before}${made}\n${after}`),
    );
  }
  return [...texts]
    .filter(([file, text]) => text !== readFileSync(join(PROJECT, file), "utf8"))
    .map(([file, text]) => ({ file, text }));
}
