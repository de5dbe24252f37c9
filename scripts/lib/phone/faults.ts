/** Boots in which something goes wrong on purpose, each with what has to come of it. */
import { withTemporaryFolder } from "../cleanup.ts";
import { knob } from "../knobs.ts";
import type { Phone } from "./machine.ts";
import { bootPhone, type Parts, type PhoneVerdict, phoneOf } from "./parts.ts";
import { makeRootfs, type RootfsType } from "./rootfs.ts";
import type { Judgement } from "./verdict.ts";

interface Fault {
  id: string;
  /** What is wrong, or other than usual. */
  title: string;
  /** passes: all stages; a stage's id: it is the first that is not reached or not right; upstream: fastboop's own answer. */
  expect: "passes" | "upstream" | (string & {});
  /** A line that the console has to show. */
  shows?: RegExp;
  phone?: Partial<Phone>;
  rootfs?: Partial<Parameters<typeof makeRootfs>[3]>;
}

const ENDED = /^\[[^\]]*\] beside: fastboop ended with (?!exit code 0$)/;

export const FAULTS: readonly Fault[] = [
  {
    id: "product",
    title: "a bootloader of another product",
    expect: "received",
    shows: ENDED,
    phone: { product: "other" },
  },
  {
    id: "fail-boot",
    title: "a bootloader that refuses to boot",
    expect: "parts",
    shows: ENDED,
    phone: { fault: "fail-boot" },
  },
  {
    id: "half-download",
    title: "a bootloader that leaves in the middle of the download",
    expect: "received",
    shows: ENDED,
    phone: { fault: "half-download" },
  },
  {
    id: "restart-cli",
    title: "fastboop killed in the middle of the data and started again",
    expect: "upstream",
    shows: /beside: fastboop started again/,
    phone: { fault: "restart-cli" },
  },
  {
    id: "cable",
    title: "the cable pulled for 3 s in the middle of the data",
    expect: "upstream",
    shows: /beside: cable in/,
    phone: { fault: "cable" },
  },
  { id: "damaged", title: "a damaged block of the data", expect: "data", rootfs: { damaged: true } },
  { id: "no-init", title: "a root file system without an init", expect: "init", rootfs: { without: "sbin/init" } },
  { id: "ext4", title: "ext4", expect: "passes", rootfs: { type: "ext4" } },
  { id: "lz4", title: "erofs, compressed with lz4", expect: "passes", rootfs: { type: "erofs", lz4: true } },
  {
    id: "no-module",
    title: "a root file system without the module ublk_drv",
    expect: "upstream",
    rootfs: { without: "ublk_drv" },
  },
  {
    id: "no-controller",
    title: "no USB controller for stage0",
    expect: "controller",
    phone: { fault: "no-controller" },
  },
  {
    id: "serial",
    title: "--serial",
    expect: "passes",
    shows: /beside: \/dev\/ttyACM0 says "\[ *[0-9.]+\] /,
    phone: { fault: "serial", arguments: ["--serial"] },
  },
  {
    id: "own-identity",
    title: "--impersonate-fastboot=false",
    expect: "passes",
    phone: { arguments: ["--impersonate-fastboot=false"] },
  },
  {
    id: "64-gib",
    title: "an export of 64 GiB, all but its start a hole",
    expect: "passes",
    phone: { exportSize: 64 * 1024 ** 3 },
  },
  { id: "files", title: "200 files read in any order, twice", expect: "passes", rootfs: { files: 200 } },
];

/** A boot with a fault, and whether what came of it is what had to. */
interface FaultVerdict extends PhoneVerdict {
  /** What the real programs made of it, where that is for them to say. */
  finding?: string;
}

interface Answer {
  /** Whether what had to come of it came of it. */
  right: boolean;
  /** What it came to, in a line. */
  what: string;
  /** The same, with what upstream's programs said where it is for them to say. */
  outcome: string;
  expected: string;
  finding?: string;
}

/** What came of a boot with a fault, by its verdict and its console. */
export function answerTo({ title, expect, shows }: Fault, verdict: Judgement, lines: readonly string[]): Answer {
  const shown = shows === undefined || lines.some((line) => shows.test(line));
  const right = (expect === "upstream" || expect === (verdict.failedAt ?? "passes")) && shown;
  const ends: Record<string, string> = { passes: "all stages", upstream: "upstream's answer" };
  const expected = ends[expect] ?? `an end at "${expect}"`;
  const end = verdict.problem === undefined ? "all stages passed" : verdict.outcome;
  const told = verdict.problem !== undefined && expect === "upstream" ? `${end}; ${verdict.problem.got}` : end;
  const wrong = right ? "" : `, expected ${expected}${shown ? "" : `, and a line like ${shows?.source}`}`;
  return {
    right,
    what: `${title}: ${end}${wrong}`,
    outcome: `${title}: ${told}${wrong}`,
    expected,
    ...(expect === "upstream" && !verdict.ok ? { finding: told } : {}),
  };
}

/** Boots a phone with a fault. */
export async function bootWithFault(part: Parts, fault: Fault): Promise<FaultVerdict> {
  return withTemporaryFolder(async (folder) => {
    const type: RootfsType = knob("ROOTFS_TYPE");
    const rootfs = await makeRootfs(folder, part.kernel, part.program, { type, ...fault.rootfs });
    const phone = { ...phoneOf(part, rootfs.image), ...fault.phone };
    const { verdict, lines } = await bootPhone(part, fault.id, phone, rootfs);
    const { right, what, outcome, expected, finding } = answerTo(fault, verdict, lines);
    const { problem, ...rest } = verdict;
    return {
      ...rest,
      ok: right,
      exitCode: right ? 0 : 1,
      outcome,
      ...(right || problem === undefined ? {} : { problem: { ...problem, what } }),
      fault: fault.id,
      expected,
      ...(finding === undefined ? {} : { finding }),
    };
  });
}
