/** Where some bytes occur among others. Both are byte strings: Deno looks for bytes in a Buffer twenty times as slowly. */

/** The bytes as a string of as many characters. */
export const byteString = (bytes: Buffer): string => bytes.toString("latin1");

/** Every place before `to` where `wanted` begins in a text. */
export function offsetsOf(text: string, wanted: string, to = text.length): number[] {
  const offsets: number[] = [];
  for (let at = text.indexOf(wanted); at !== -1 && at < to; at = text.indexOf(wanted, at + 1)) offsets.push(at);
  return offsets;
}
