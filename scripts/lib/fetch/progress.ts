/** How far a download is: a moving line on a terminal, a line every 10 s elsewhere. */
import { interactive, say, shortSize } from "../log.ts";

const FRAME_MS = 100;
const LINE_MS = 10_000;

/** 742792 of 5949672 bytes after 2 s → "725.4 KiB of 5.7 MiB, 362.7 KiB/s, 14 s left". */
export function progressText(have: number, total: number | undefined, came: number, milliseconds: number): string {
  const rate = milliseconds > 0 ? (came / milliseconds) * 1000 : 0;
  const left = total === undefined || rate === 0 ? undefined : Math.ceil((total - have) / rate);
  return [
    total === undefined ? shortSize(have) : `${shortSize(have)} of ${shortSize(total)}`,
    `${shortSize(Math.round(rate))}/s`,
    ...(left === undefined ? [] : [`${left} s left`]),
  ].join(", ");
}

/** "━━━━━────" of so many columns. */
export function bar(part: number, columns: number): string {
  const full = Math.round(Math.min(Math.max(part, 0), 1) * columns);
  return `${"━".repeat(full)}${"─".repeat(columns - full)}`;
}

export class DownloadProgress {
  readonly #start = performance.now();
  readonly #interactive = interactive();
  readonly #begin: number;
  readonly #total: number | undefined;
  #have: number;
  #shown = performance.now();

  /** @param have bytes that are there already @param total size in bytes, when known */
  constructor(have: number, total: number | undefined) {
    this.#have = have;
    this.#begin = have;
    this.#total = total;
  }

  advance(bytes: number): void {
    this.#have += bytes;
    const now = performance.now();
    if (now - this.#shown < (this.#interactive ? FRAME_MS : LINE_MS)) return;
    this.#shown = now;
    const text = progressText(this.#have, this.#total, this.#have - this.#begin, now - this.#start);
    if (!this.#interactive) {
      say(text);
      return;
    }
    const columns = Math.min((process.stderr.columns || 80) - text.length - 3, 40);
    const graph = this.#total === undefined || columns < 5 ? "" : `${bar(this.#have / this.#total, columns)}  `;
    process.stderr.write(`\r\x1b[K${graph}${text}`);
  }

  /** Clears the moving line. */
  end(): void {
    if (this.#interactive) process.stderr.write("\r\x1b[K");
  }
}
