/** Failures whose cause is known, by what the console shows of them. */

export interface Signature {
  id: string;
  /** The cause, in words. */
  means: string;
  fix: string;
}

interface Rule extends Signature {
  /** Each has to match a line. */
  lines: readonly RegExp[];
}

const RULES: readonly Rule[] = [
  {
    id: "wrong-number",
    means: "the block device came under another number than 0, which stage0 does not look for",
    fix: "in stage0, wait for the device that smoo reports (dev_id), or remove the timed-out one before it is tried again",
    lines: [/start_dev .*dev_id=[1-9]/, /timed? ?out waiting for \/dev\/ublkb0|timeout waiting for \/dev\/ublkb0/],
  },
  {
    id: "not-openable",
    means: "the block device was there before it could be opened, and stage0 does not try again",
    fix: "in stage0, open the device before it is mounted, and wait while that ends in ENXIO",
    lines: [/ublkb0: Can't open blockdev/, /No such device or address \(os error 6\)|Kernel panic/],
  },
  {
    id: "no-crc32c",
    means: "crc32c is missing, which libcrc32c asks the kernel for by name",
    fix: "have crc32c_generic in the root file system, and load it before libcrc32c",
    lines: [/libcrc32c\S* load failed|Cannot load crc32c driver/, /mount (erofs|ext4) lower/],
  },
  {
    id: "no-controller",
    means: "there is no USB device controller",
    fix: "see whether the controller's driver is among the modules that stage0 loads",
    lines: [/UDC not ready after/],
  },
  {
    id: "no-settings",
    means: "stage0 got no settings",
    fix: "see whether this fastboop hands them over as this stage0 reads them",
    lines: [/missing required stage0\.rootfs setting/],
  },
];

/** The cause, when it is a known one. */
export function explain(lines: readonly string[]): Signature | undefined {
  const rule = RULES.find(({ lines: all }) => all.every((pattern) => lines.some((line) => pattern.test(line))));
  return rule === undefined ? undefined : { id: rule.id, means: rule.means, fix: rule.fix };
}
