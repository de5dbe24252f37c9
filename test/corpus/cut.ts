/** Files of which something is missing, or that have something behind their end. */
import { cut, type Entry, NO_RELRO, NO_STACK } from "./entry.ts";

export const CUT: Entry[] = [
  { name: "cut to nothing", bytes: () => Buffer.alloc(0), findings: [["elf", "an empty file"]] },
  cut("cut inside the magic", "x-static", () => 3, [["elf", "data that begins with 7f454c"]]),
  cut("cut after the magic", "x-static", () => 4, [["elf-header", "EI_CLASS missing, EI_DATA missing"]]),
  cut("cut inside the file header", "x-static", () => 63, [["elf-header", "a file of 63 bytes"]]),
  cut("cut after the file header", "x-bare", () => 64, [
    ["program-headers", /^bytes 64 to [0-9]+$/],
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
    ["load", "none"],
    ["entry", "0x401000"],
    NO_STACK,
    NO_RELRO,
  ]),
  cut("cut to 1 KiB", "x-static", () => 1024, [
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
    ["segment-bounds", /^LOAD bytes 0 to [0-9]+, LOAD bytes 4096 to [0-9]+, LOAD .* and 3 more$/],
  ]),
  cut("cut to half", "x-static", (size) => size >> 1, [
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
    ["segment-bounds", /^LOAD bytes 4096 to [0-9]+, LOAD /],
  ]),
  cut("cut to half, a static-pie", "x-static-pie", (size) => size >> 1, [
    ["type", "ET_DYN without DF_1_PIE"],
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
    ["segment-bounds", /^LOAD bytes [0-9]+ to [0-9]+, LOAD /],
    ["dynamic", /^bytes [0-9]+ to [0-9]+$/],
  ]),
  cut("cut by one byte", "x-static", (size) => size - 1, [["section-headers", /^bytes [0-9]+ to [0-9]+$/]]),
  cut("cut by one byte, aarch64", "a-static", (size) => size - 1, [
    ["machine", "aarch64"],
    ["section-headers", /^bytes [0-9]+ to [0-9]+$/],
  ]),
  {
    name: "one byte more",
    bytes: (built) => Buffer.concat([built("x-static"), Buffer.alloc(1)]),
    findings: [["trailing-bytes", /^an end at byte [0-9]+$/]],
  },
  {
    name: "two files in one",
    bytes: (built) => Buffer.concat([built("x-bare"), built("x-bare-pie")]),
    findings: [["trailing-bytes", /^an end at byte [0-9]{5}$/], NO_RELRO],
  },
];
