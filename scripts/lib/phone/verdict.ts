/** What a phone's boot proves, by the lines of its console alone. */
import type { Problem } from "../errors.ts";
import { printable } from "../errors.ts";
import { duration } from "../log.ts";
import { explain, type Signature } from "./signatures.ts";
import { INIT_EXECUTED, type Lane, STAGES } from "./stages.ts";

interface Stage {
  id: string;
  lane: Lane;
  name: string;
  /** Seconds of the kernel's clock when it was reached; null: it was not. */
  seconds: number | null;
  /** The line that proves it. */
  proof: string | null;
  /** That line's number in the console, from 1. */
  line: number | null;
}

export interface Judgement {
  ok: boolean;
  /** 1: the artifact failed; 3: the boot did not come as far as the artifact. */
  exitCode: 0 | 1 | 3;
  /** What happened, in words. */
  outcome: string;
  problem?: Problem;
  /** The known cause, if it is one. */
  signature?: Signature;
  /** The id of the first stage that was not reached, or not right; absent: all were. */
  failedAt?: string;
  stages: Stage[];
  /** Seconds of the kernel's clock when it last spoke; null: it never did. */
  ended: number | null;
  /** Bytes each second that the root file system's init read over the cable; null: it did not. */
  throughput: number | null;
}

/** What the boot had to show. */
interface Expected {
  path: string;
  /** undefined: the root file system is the user's, whose init has only to be reached. */
  rootfs?: { nonce: string; sha256: string; files?: string | undefined };
  limitMs: number;
  /** Whether time was up. */
  timedOut: boolean;
  /** How QEMU ended, for a machine that never spoke. */
  qemu: string;
}

interface Line {
  seconds: number | null;
  text: string;
}

/** The line by which stage0 hands over to a root file system's init, whoever wrote it. */
export const HANDED_OVER = /fastboop_stage0: pid1: exec \/\S+/;

/** Judges a boot. A stage counts only when its line came after that of the stage before; silence never counts. */
export function judge(console: readonly string[], expected: Expected): Judgement {
  const lines = console.map(lineOf);
  const { rootfs } = expected;
  const rules =
    rootfs === undefined
      ? STAGES.slice(
          0,
          STAGES.findIndex(({ id }) => id === "nonce"),
        )
      : STAGES;
  const stages: Stage[] = [];
  let from = 0;
  for (const { id, lane, name, proof } of rules) {
    const wanted = id === "init" && rootfs === undefined ? HANDED_OVER : proof;
    const at = from < 0 ? -1 : lines.findIndex(({ text }, index) => index >= from && wanted.test(text));
    // Programs and the kernel speak side by side: what is proven next may have been said in the same moment.
    from = at < 0 ? -1 : Math.max(from, at - SIDE_BY_SIDE);
    const line = lines[at];
    const found = line === undefined ? { seconds: null, proof: null } : { seconds: line.seconds, proof: line.text };
    stages.push({ id, lane, name, ...found, line: line === undefined ? null : at + 1 });
  }
  const last = lines.findLast(({ seconds }) => seconds !== null)?.seconds ?? null;
  const data = /^rootfs: data [0-9a-f]+ ([0-9]+) bytes in ([0-9]+) ms/.exec(textOf(stages, "data"));
  const throughput = data === null ? null : Math.round((Number(data[1]) * 1000) / Math.max(1, Number(data[2])));
  const wrong = wrongFact(lines, stages, rootfs);
  const missing = rules.find((_, index) => stages[index]?.proof === null);
  const failed = wrong ?? (missing === undefined ? undefined : { id: missing.id, what: missing.lacks });
  if (failed === undefined) {
    const speed = throughput === null ? "" : `, ${megabytes(throughput)} over the cable`;
    const end =
      rootfs === undefined ? "reached the root file system's init" : "booted the root file system and powered off";
    return {
      ok: true,
      exitCode: 0,
      outcome: `${end} after ${stages.at(-1)?.seconds?.toFixed(1)} s${speed}`,
      stages,
      ended: last,
      throughput,
    };
  }
  const texts = lines.map(({ text }) => text);
  const signature = explain(texts);
  const beforeStage0 = STAGES.findIndex(({ id }) => id === failed.id) <= STAGES.findIndex(({ id }) => id === "parts");
  // What the artifact can't be blamed for: the boot did not come as far.
  const exitCode = beforeStage0 && wrong === undefined ? 3 : 1;
  const said = [
    // "Error: " is followed by its causes, of which the innermost comes last.
    lastOf(texts, /ERROR fastboop_stage0|^ +[0-9]+: /, "stage0") ||
      lastOf(texts, /fastboop_stage0|^Error: |smoo_gadget/, "stage0"),
    lastOf(texts, /^cli: /, "fastboop"),
  ];
  const ended = expected.timedOut ? `time was up after ${duration(expected.limitMs)}` : endOf(texts, expected.qemu);
  const what = signature === undefined ? failed.what : `${failed.what}: ${signature.means}`;
  return {
    ok: false,
    exitCode,
    outcome: what,
    problem: {
      what,
      expected: wrong?.expected ?? `${rules.find(({ id }) => id === failed.id)?.name}, after ${reachedOf(stages)}`,
      got: wrong?.got ?? [ended, ...said.filter((text) => text !== "")].join("; "),
      fix: signature?.fix ?? "read the console from there on",
      file: printable(expected.path),
    },
    ...(signature === undefined ? {} : { signature }),
    failedAt: failed.id,
    stages,
    ended: last,
    throughput,
  };
}

/** How many lines apart two stages may be said in the wrong order. */
const SIDE_BY_SIDE = 8;

const STAMP = /^\[ *([0-9]+\.[0-9]+)\] ?/;

function lineOf(line: string): Line {
  const stamp = STAMP.exec(line);
  return stamp === null
    ? { seconds: null, text: line }
    : { seconds: Number(stamp[1]), text: line.slice(stamp[0].length) };
}

const textOf = (stages: readonly Stage[], id: string): string => stages.find((stage) => stage.id === id)?.proof ?? "";

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB/s`;

interface Wrong {
  id: string;
  what: string;
  expected: string;
  got: string;
}

/** A fact that was told and is not the right one. */
function wrongFact(lines: readonly Line[], stages: readonly Stage[], rootfs: Expected["rootfs"]): Wrong | undefined {
  for (const { text } of lines) {
    const [, part = "", got = ""] = /^bootloader: (kernel|device tree|\/init) ((?:differs|missing).*)/.exec(text) ?? [];
    if (part !== "")
      return { id: "parts", what: `the boot image's ${part} is not what went in`, expected: "the same bytes", got };
  }
  const identity = wrongIdentity(lines);
  if (identity !== undefined) return identity;
  const checks: [id: string, wanted: string | undefined, what: string][] = [
    ["nonce", rootfs?.nonce, "the root file system is not that of this boot"],
    ["data", rootfs?.sha256, "the data did not come over the cable as it is"],
  ];
  for (const [id, wanted, what] of checks) {
    const got = /^rootfs: \w+ (\S+)/.exec(textOf(stages, id))?.[1];
    if (got !== undefined && wanted !== undefined && got !== wanted) return { id, what, expected: wanted, got };
  }
  const files = lines.map(({ text }) => /^rootfs: files (\S+)/.exec(text)?.[1]).find((got) => got !== undefined);
  if (rootfs?.files === undefined || files === rootfs.files || textOf(stages, "off") === "") return undefined;
  return {
    id: "data",
    what: "the files did not come over the cable as they are",
    expected: rootfs.files,
    got: files ?? "nothing",
  };
}

/** What stage0 is when it is told nothing. */
const DEFAULTS: Record<string, string> = { "smoo.vendor": "0xdead", "smoo.product": "0xbeef", "smoo.serial": "0001" };

/** stage0's gadget, by what the kernel says of it and the settings that stage0 got. The CLI hands the phone's serial on. */
function wrongIdentity(lines: readonly Line[]): Wrong | undefined {
  const start = lines.findIndex(({ text }) => INIT_EXECUTED.test(text));
  if (start < 0) return undefined;
  const after = lines.slice(start).map(({ text }) => text);
  const found = after
    .map((text) => /^usb 1-1: New USB device found, idVendor=(\w+), idProduct=(\w+)/.exec(text))
    .find(Boolean);
  const serial = after.map((text) => /^usb 1-1: SerialNumber: (.*)/.exec(text)?.[1]).find((text) => text !== undefined);
  if (!found || serial === undefined) return undefined;
  const given = (name: string): string | undefined =>
    lines
      .map(({ text }) => new RegExp(`^machine: setting ${name}=(.*)`).exec(text)?.[1])
      .find((value) => value !== undefined);
  const setting = (name: string): string => given(name) ?? DEFAULTS[name] ?? "";
  const number = (text: string): string => Number(text).toString(16).padStart(4, "0");
  const wanted = `${number(setting("smoo.vendor"))}:${number(setting("smoo.product"))} ${given("stage0.serial") ?? setting("smoo.serial")}`;
  const got = `${found[1]}:${found[2]} ${serial}`;
  return got === wanted
    ? undefined
    : { id: "enumerated", what: "the gadget has another USB identity", expected: wanted, got };
}

function lastOf(texts: readonly string[], pattern: RegExp, who: string): string {
  const text = texts.findLast((line) => pattern.test(line));
  return text === undefined ? "" : `${who} said last: ${text.trim()}`;
}

const PANIC = "Kernel panic - not syncing";
const END = new RegExp(`${PANIC}.*|^beside: fastboop ended.*|^(machine|beside): .*can't.*|^reboot: .*`);

/** The last lines that tell something: after a panic only the kernel's own state follows. */
export function lastLines(lines: readonly string[]): string[] {
  const panic = lines.findIndex((line) => line.includes(PANIC));
  return (panic < 0 ? lines : lines.slice(0, panic + 1)).slice(-LAST);
}
const LAST = 24;

function endOf(texts: readonly string[], qemu: string): string {
  // The kernel panics in the middle of what a program was saying.
  const ends = texts.map((text) => END.exec(text)?.[0]);
  return (
    ends.findLast((end) => end !== undefined) ?? (texts.length === 0 ? qemu : "the machine stopped without a word")
  );
}

function reachedOf(stages: readonly Stage[]): string {
  const reached = stages.filter(({ proof }) => proof !== null).at(-1);
  return reached === undefined
    ? "the start"
    : `"${reached.name}"${reached.seconds === null ? "" : ` at ${reached.seconds.toFixed(1)} s`}`;
}
