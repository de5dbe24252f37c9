/** The user's own files for the boots of phones: a CLI, a root file system. */
import type { Target } from "../contract.ts";
import { fileSource } from "../elf/bytes.ts";
import { machineName } from "../elf/names.ts";
import { readElf } from "../elf.ts";
import { missingFailure, printable, usageFailure } from "../errors.ts";
import { tryOpenRegular, withFd } from "../files.ts";
import { linkageOf } from "../gate/layout.ts";
import { knob } from "../knobs.ts";
import { size } from "../log.ts";
import { fromCaller } from "../paths.ts";
import { allOf } from "../pool.ts";

/** Bytes: the machine has it in memory twice, packed and unpacked. */
const LARGEST = 512 * 1024 ** 2;

/**
 * Checks FASTBOOP_CLI and ROOTFS before anything is built for a boot that can't come about.
 * @throws Failure (3) when one can't be read, (2) when the machine can't use one
 */
export async function checkGiven(targets: readonly Target[]): Promise<void> {
  await allOf([
    ...[...new Set(targets)].map((target) => async () => {
      check("FASTBOOP_CLI", `a static executable for ${target.triple}`, (fd, bytes) => whyNot(target, fd, bytes));
    }),
    async () => {
      const fits = (bytes: number): boolean => bytes > 0 && bytes <= LARGEST;
      check("ROOTFS", `an image of at most ${size(LARGEST)}`, (_, bytes) => (fits(bytes) ? undefined : size(bytes)));
    },
  ]);
}

/** @param wrong what an open file of so many bytes is in place of what is expected; undefined: it is that */
function check(
  variable: "FASTBOOP_CLI" | "ROOTFS",
  expected: string,
  wrong: (fd: number, bytes: number) => string | undefined,
): void {
  const given = knob(variable);
  if (given === undefined) return;
  const known = { expected, fix: `name another file, or unset ${variable}`, file: printable(given) };
  const opened = tryOpenRegular(fromCaller(given));
  if ("reason" in opened) throw missingFailure({ what: `${variable} can't be read`, got: opened.reason, ...known });
  const got = withFd(opened.fd, (fd) => wrong(fd, Number(opened.status.size)));
  if (got !== undefined) throw usageFailure({ what: `${variable} is of no use in the machine`, got, ...known });
}

function whyNot({ elf: wanted }: Target, fd: number, bytes: number): string | undefined {
  const { elf, error } = readElf(fileSource(fd, bytes));
  if (error !== undefined) return error.got;
  const { header, bits } = elf;
  if (header.machine !== wanted.machine || bits !== wanted.bits) return `one for ${machineName(header.machine)}`;
  const linkage = linkageOf(elf);
  return linkage?.startsWith("static") ? undefined : (linkage ?? "no executable");
}
