/** What an emulated phone is to fastboop: its USB identity, its profile, its device tree. */

export const DEVICE = { vendor: "0x1209", device: "0xb007", serial: "PHONE0001", product: "emulated" } as const;

/**
 * The device profile.
 * @param old whether the CLI is one that embeds stage0, whose profiles have a part for it
 */
export const profile = (old: boolean): string => `id: emulated
display_name: Emulated phone
devicetree_name: emulated/phone
match:
  - fastboot:
      vid: ${DEVICE.vendor}
      pid: ${DEVICE.device}
probe:
  - fastboot.getvar: product
    equals: ${DEVICE.product}
boot:
  fastboot_boot:
    android_bootimg:
      header_version: 2
      page_size: 4096
      kernel:
        encoding: image
${old ? "stage0: {}\n" : ""}`;

const [BEGIN_NODE, END_NODE, PROPERTY, END] = [1, 2, 3, 9];

/** A device tree with a root and two properties (Devicetree Specification 0.4, chapter 5). */
export function deviceTree(): Buffer {
  const words = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4);
    for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
    return bytes;
  };
  const padded = (text: string): Buffer => {
    const bytes = Buffer.from(`${text}\0`);
    return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  };
  const strings = Buffer.from("compatible\0model\0");
  const property = (name: number, value: string): Buffer[] => [words(PROPERTY, value.length + 1, name), padded(value)];
  const structure = Buffer.concat([
    words(BEGIN_NODE, 0),
    ...property(0, "emulated,phone"),
    ...property("compatible\0".length, "Emulated phone"),
    words(END_NODE, END),
  ]);
  const reserved = Buffer.alloc(16);
  const [header, structureAt] = [40, 40 + reserved.length];
  const stringsAt = structureAt + structure.length;
  const total = stringsAt + strings.length;
  return Buffer.concat([
    words(0xd00dfeed, total, structureAt, stringsAt, header, 17, 16, 0, strings.length, structure.length),
    reserved,
    structure,
    strings,
  ]);
}
