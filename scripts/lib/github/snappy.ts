/** Snappy's block format (github.com/google/snappy, format_description.txt), in which GitHub stores bundles. */

/**
 * @param most bytes that the result may have
 * @throws Error when the bytes are no such block, or make more than that
 */
export function unsnap(bytes: Uint8Array, most: number): Buffer {
  let at = 0;
  const next = (count: number): number => {
    let value = 0;
    for (let index = 0; index < count; index++) value += byteAt(bytes, at++) * 256 ** index;
    return value;
  };
  let size = 0;
  for (let shift = 0, more = true; more; shift += 7) {
    const byte = next(1);
    size += (byte & 0x7f) * 2 ** shift;
    more = byte >= 0x80;
    if (shift > 28 || size > most) throw new Error("it is no snappy block, or too large");
  }
  const output = Buffer.alloc(size);
  let length = 0;
  while (at < bytes.length) {
    const tag = next(1);
    const kind = tag & 3;
    const upper = tag >> 2;
    const count = kind === 0 ? 1 + (upper < 60 ? upper : next(upper - 59)) : kind === 1 ? 4 + (upper & 7) : 1 + upper;
    const distance = kind === 0 ? 0 : kind === 1 ? (upper >> 3) * 256 + next(1) : next(kind === 2 ? 2 : 4);
    const isInside = kind === 0 ? at + count <= bytes.length : distance > 0 && distance <= length;
    if (!isInside || length + count > size) throw new Error("a snappy block is damaged");
    for (let index = 0; index < count; index++, length++)
      output[length] = kind === 0 ? byteAt(bytes, at++) : byteAt(output, length - distance);
  }
  if (length !== size) throw new Error("a snappy block is cut off");
  return output;
}

function byteAt(bytes: Uint8Array, index: number): number {
  const byte = bytes[index];
  if (byte === undefined) throw new Error("a snappy block is cut off");
  return byte;
}
