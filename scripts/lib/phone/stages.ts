/** The stages of a phone's boot, each proven by a line of the kernel's or of a program's. */

/** Who is at work in a stage. */
export type Lane = "bootloader" | "fastboop" | "stage0";

interface StageRule {
  id: string;
  lane: Lane;
  /** What is reached. */
  name: string;
  /** What failed when it is not. */
  lacks: string;
  /** The line that proves it, without the kernel's time. */
  proof: RegExp;
}

/** What the kernel says when process 1 executes /init: whoever looks may be too late when that ends at once. */
export const INIT_EXECUTED = /^sched_process_exec: filename=\/init pid=1 /;

/** In the order in which a boot goes through them. A line counts only after that of the stage before. */
export const STAGES: readonly StageRule[] = [
  {
    id: "bootloader",
    lane: "bootloader",
    name: "bootloader found",
    lacks: "fastboop did not find the bootloader",
    proof: /^bootloader: got "/,
  },
  {
    id: "probed",
    lane: "fastboop",
    name: "probed",
    lacks: "fastboop did not probe the bootloader",
    proof: /^bootloader: got "getvar:product", answered OKAY/,
  },
  {
    id: "received",
    lane: "fastboop",
    name: "boot image received",
    lacks: "no whole boot image was sent",
    proof: /^bootloader: [0-9]+ bytes downloaded/,
  },
  {
    id: "parts",
    lane: "bootloader",
    name: "its parts are right",
    lacks: "the boot image was not booted",
    proof: /^bootloader: \/init equal/,
  },
  {
    id: "pid1",
    lane: "stage0",
    name: "/init is PID 1",
    lacks: "the received /init did not start",
    proof: INIT_EXECUTED,
  },
  {
    id: "settings",
    lane: "stage0",
    name: "settings read",
    lacks: "stage0 did not read its settings",
    proof: /fastboop_stage0: pid1: switchroot filesystem configured/,
  },
  {
    id: "modules",
    lane: "stage0",
    name: "modules loaded",
    lacks: "stage0 did not load its modules",
    proof: /fastboop_stage0: pid1: waiting for UDC/,
  },
  {
    id: "controller",
    lane: "stage0",
    name: "USB controller found",
    lacks: "stage0 found no USB controller",
    proof: /fastboop_stage0: pid1: UDC ready/,
  },
  {
    id: "gadget",
    lane: "stage0",
    name: "gadget bound",
    lacks: "stage0 did not bind its gadget",
    proof: /fastboop_stage0: pid1: gadget bound to UDC/,
  },
  {
    id: "enumerated",
    lane: "stage0",
    name: "enumerated",
    lacks: "the gadget was not enumerated",
    proof: /^usb 1-1: SerialNumber: /,
  },
  {
    id: "connected",
    lane: "fastboop",
    name: "fastboop connected",
    lacks: "fastboop did not connect to stage0's gadget",
    proof: /^cli: .*smoo gadget connected/,
  },
  {
    id: "block",
    lane: "stage0",
    name: "block device there",
    lacks: "stage0 got no block device",
    proof: /fastboop_stage0: pid1: found ublk device/,
  },
  {
    id: "mounted",
    lane: "stage0",
    name: "root file system mounted",
    lacks: "the root file system was not mounted",
    proof: /^(erofs: \(device ublkb0\): mounted|EXT4-fs \(ublkb0\): mounted)/,
  },
  {
    id: "switched",
    lane: "stage0",
    name: "root switched",
    lacks: "stage0 did not switch to the root file system",
    proof: /fastboop_stage0: pid1: switched root/,
  },
  {
    id: "init",
    lane: "stage0",
    name: "init reached",
    lacks: "the root file system's init was not reached",
    proof: /^rootfs: reached as PID 1/,
  },
  {
    id: "nonce",
    lane: "stage0",
    name: "nonce right",
    lacks: "the root file system's nonce was not read",
    proof: /^rootfs: nonce /,
  },
  {
    id: "data",
    lane: "stage0",
    name: "digest right",
    lacks: "the data was not read to its end",
    proof: /^rootfs: data /,
  },
  {
    id: "off",
    lane: "stage0",
    name: "powered off",
    lacks: "the machine was not powered off",
    proof: /^reboot: Power down/,
  },
];
