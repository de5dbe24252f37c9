/** Pages in a real browser: Debian's chromium, headless, without a network. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as assert from "uvu/assert";
import { runProgram, temporaryFolder } from "./harness.ts";

/** A page as rendered at one width. Lengths are CSS pixels. */
interface Rendering {
  width: number;
  /** Width that the content needs; above `width` the page scrolls sideways. */
  scrollWidth: number;
  height: number;
  scripts: number;
  headline: string;
  /** The blocks of each picture: start and length in parts of its width, and whether they are filled and wide enough to be seen. */
  maps: { start: number; share: number; visible: boolean }[][];
  /** Colour of the page. */
  ground: string;
  /** Text whose contrast with what lies behind it is under 4.5 : 1 (WCAG 2.2, 1.4.3). */
  faint: string[];
}

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--hide-scrollbars",
];

/** Runs chromium on a page. `console` holds every line that the page or its policy had logged. */
async function chromium(page: string, flags: readonly string[]): Promise<{ stdout: string; console: string[] }> {
  const home = temporaryFolder("chromium");
  const { code, stdout, stderr } = await runProgram(
    ["chromium", ...FLAGS, "--enable-logging=stderr", `--user-data-dir=${home}`, ...flags, pathToFileURL(page).href],
    { env: { HOME: home } },
  );
  if (code !== 0) throw new Error(`chromium ended with ${code}: ${stderr}`);
  return { stdout, console: stderr.split("\n").filter((line) => line.includes(":CONSOLE")) };
}

/**
 * Loads pages in light or dark, each at each width, and measures them.
 * @returns a rendering for each page and width, those of the first page first, and all that was logged
 */
export async function renderPages(
  pages: readonly string[],
  widths: readonly number[],
  scheme: "light" | "dark",
): Promise<{ renderings: Rendering[]; console: string[] }> {
  // A frame has the very width that is asked for; a headless window has a minimum of its own.
  const folder = temporaryFolder("bench");
  const frames = pages.flatMap((page, index) => {
    writeFileSync(join(folder, `${index}.html`), page);
    return widths.map(
      (width) => `<iframe width="${width}" height="900" style="border:0" src="${index}.html"></iframe>`,
    );
  });
  const bench = join(folder, "bench.html");
  writeFileSync(
    bench,
    `<!doctype html><meta name="color-scheme" content="light dark">${frames.join("")}<script>${MEASURE}</script>`,
  );
  const { stdout, console } = await chromium(bench, [
    "--allow-file-access-from-files",
    `--blink-settings=preferredColorScheme=${scheme === "dark" ? 0 : 1}`,
    "--dump-dom",
  ]);
  const measured = /<pre id="measured">([^<]*)<\/pre>/.exec(stdout)?.[1];
  if (measured === undefined) throw new Error(`the pages were not measured: ${console.join("\n")}`);
  return { renderings: JSON.parse(decodeURIComponent(measured)), console };
}

/**
 * Renders pages and holds each against what every page has to be: as wide as its frame, with its headline, without a script,
 * faint text or a word in the browser's log.
 */
export async function assertRendered(
  pages: readonly (readonly [page: string, headline: string])[],
  widths: readonly number[],
  scheme: "light" | "dark",
): Promise<Rendering[]> {
  const { renderings, console } = await renderPages(
    pages.map(([page]) => page),
    widths,
    scheme,
  );
  assert.equal(console, []);
  assert.equal(
    renderings.map(({ width, scrollWidth, scripts, headline, faint }) => [
      width,
      scrollWidth,
      scripts,
      headline,
      faint,
    ]),
    pages.flatMap(([, headline]) => widths.map((width) => [width, width, 0, headline, []])),
  );
  return renderings;
}

/** Runs in the browser. */
const MEASURE = `
const luminance = (color) => {
  const [r, g, b] = color.match(/[\\d.]+/g).map((part) => {
    const c = Number(part) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (view, element) => {
  for (let at = element; at; at = at.parentElement) {
    const color = view.getComputedStyle(at).backgroundColor;
    if (!/, 0\\)$/.test(color)) return color;
  }
  return "rgb(255, 255, 255)";
};
const faint = (view, page) => [...page.querySelectorAll("body *:not(svg *)")].filter((element) => {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
  if (!own || element.checkVisibility() === false) return false;
  const [light, dark] = [view.getComputedStyle(element).color, behind(view, element)].map(luminance).sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05) < 4.5;
}).map((element) => element.textContent);
addEventListener("load", () => {
  const renderings = [...document.querySelectorAll("iframe")].map((frame) => {
    const [view, page] = [frame.contentWindow, frame.contentDocument];
    // Folded parts are checked too.
    for (const details of page.querySelectorAll("details")) details.open = true;
    return {
      width: view.innerWidth,
      scrollWidth: page.documentElement.scrollWidth,
      height: page.documentElement.scrollHeight,
      scripts: page.querySelectorAll("script").length,
      headline: page.querySelector("h1").textContent,
      maps: [...page.querySelectorAll("svg.map")].map((map) =>
        [...map.querySelectorAll("svg > svg > rect")].map((rect) => {
          const { left, width, height } = rect.getBoundingClientRect();
          const whole = map.getBoundingClientRect();
          return {
            start: (left - whole.left) / whole.width,
            share: width / whole.width,
            visible: width >= 0.8 && height > 0 && !/^(none|rgba\\(.*, 0\\))$/.test(view.getComputedStyle(rect).fill),
          };
        }),
      ),
      ground: view.getComputedStyle(page.body).backgroundColor,
      faint: faint(view, page),
    };
  });
  const measured = document.createElement("pre");
  measured.id = "measured";
  measured.textContent = encodeURIComponent(JSON.stringify(renderings));
  document.body.append(measured);
});
`;
