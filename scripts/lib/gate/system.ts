/** What the notes of a file say about the system, the C library and the processor that it is for. */
import { MACHINES } from "../contract.ts";
import { NT_GNU_ABI_TAG, NT_GNU_PROPERTY_TYPE_0, X86_ISA_1_NEEDED } from "../elf/names.ts";
import type { Elf, Note } from "../elf/types.ts";

/** Systems whose linkers leave EI_OSABI at 0 and say in a note of their name and type 1 whose file it is. */
const NAMED = ["NetBSD", "OpenBSD", "FreeBSD", "DragonFly"];
/** The systems of NT_GNU_ABI_TAG after Linux, which is 0, by the first word of its description (glibc, abi-tags). */
const GNU_SYSTEMS = ["the Hurd", "Solaris", "FreeBSD", "NetBSD", "Syllable", "Native Client"];

const word = ({ description }: Note, order: Elf["order"]): number => {
  const bytes = Buffer.from(description.padEnd(8, "0"), "hex");
  return order === "little" ? bytes.readUInt32LE() : bytes.readUInt32BE();
};
const abiTags = ({ notes, order }: Elf): number[] =>
  notes.filter(({ name, type }) => name === "GNU" && type === NT_GNU_ABI_TAG).map((note) => word(note, order));

/** Systems other than Linux that notes name. */
export const otherSystems = (elf: Elf): string[] => [
  ...elf.notes.filter(({ name, type }) => type === 1 && NAMED.includes(name)).map(({ name }) => name),
  ...abiTags(elf).flatMap((system) =>
    system === 0 ? [] : [GNU_SYSTEMS[system - 1] ?? `system ${system} of NT_GNU_ABI_TAG`],
  ),
];

/** Whether glibc's start files are in a file: they bring NT_GNU_ABI_TAG, and no other library's do. */
export const isOfGlibc = (elf: Elf): boolean => abiTags(elf).includes(0);

/** What a file of x86-64 needs of a processor above the first ones (x86-64 psABI, GNU_PROPERTY_X86_ISA_1_NEEDED). */
export function neededLevels({ header, notes, bits }: Elf): string[] {
  if (header.machine !== MACHINES["x86-64"]) return [];
  const needed = notes
    .filter(({ name, type }) => name === "GNU" && type === NT_GNU_PROPERTY_TYPE_0)
    .flatMap(({ description }) => properties(Buffer.from(description, "hex"), bits / 8))
    .filter(({ type }) => type === X86_ISA_1_NEEDED)
    .reduce((all, { value }) => all | value, 0);
  // Bit 0 stands for what every x86-64 processor can.
  return ["x86-64-v2", "x86-64-v3", "x86-64-v4"].filter((_, level) => (needed & (2 << level)) !== 0);
}

/** The properties of 4 bytes in a description. */
function properties(bytes: Buffer, align: number): { type: number; value: number }[] {
  const found: { type: number; value: number }[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const [type, size] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    if (size === 4) found.push({ type, value: bytes.readUInt32LE(at + 8) });
    at += 8 + Math.ceil(size / align) * align;
  }
  return found;
}
