/** Changes to real files, as a broken disk, a cut download or somebody on purpose would make them, most of them in the headers. */
import type { Random } from "../lib/random.ts";
import { Patch, TYPES } from "./patch.ts";

export interface Base {
  name: string;
  bytes: Buffer;
}
interface Mutant {
  bytes: Buffer;
  /** What was done, in short. */
  story: string;
}

/** A range of bytes that the reader looks at. */
type Region = readonly [start: number, length: number];

const regionsOf = new Map<Base, Region[]>();

/** The file header, the tables, and what they point at. */
function regions(base: Base): Region[] {
  const known = regionsOf.get(base);
  if (known !== undefined) return known;
  const patch = new Patch(base.bytes);
  const [ph, sh] = patch.bits === 64 ? [56, 64] : [32, 40];
  const found: Region[] = [
    [0, patch.bits === 64 ? 64 : 52],
    [Number(patch.get("phoff")), Number(patch.get("phnum")) * ph],
    [Number(patch.get("shoff")), Number(patch.get("shnum")) * sh],
  ];
  for (const type of [TYPES.DYNAMIC, TYPES.INTERP, TYPES.NOTE]) {
    try {
      found.push([Number(patch.getSegment(type, "offset")), Number(patch.getSegment(type, "filesz"))]);
    } catch {
      // The file has none of these.
    }
  }
  regionsOf.set(base, found);
  return found;
}

/** Numbers at which arithmetic goes wrong. */
const ODD = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0xfffn,
  0x1000n,
  0xffffn,
  0x10000n,
  1n << 31n,
  (1n << 32n) - 1n,
  1n << 63n,
  -1n,
  -2n,
  -4096n,
];

function place(base: Base, next: Random): number {
  // The program headers weigh most: every second mutation goes there.
  const all = regions(base);
  const [start, length] = next.below(2) === 0 ? (all[1] ?? [0, 1]) : next.pick(all);
  return start + next.below(Math.max(length, 1));
}

type Mutation = (bytes: Buffer, base: Base, next: Random, bases: readonly Base[]) => Buffer;

const MUTATIONS: Record<string, Mutation> = {
  flip(bytes, base, next) {
    const at = place(base, next);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << next.below(8));
    return bytes;
  },
  byte(bytes, base, next) {
    bytes[place(base, next)] = next.pick([0, 1, 0x7f, 0x80, 0xff, next.below(256)]);
    return bytes;
  },
  /** A whole field, where fields are: at a multiple of its width. */
  field(bytes, base, next) {
    const width = next.pick([2, 4, 8]);
    const at = place(base, next) & -width;
    const value = next.pick([...ODD, BigInt(bytes.length), BigInt(bytes.length - 1), BigInt(next.below(2 ** 31))]);
    if (at + width <= bytes.length) new Patch(bytes, "in place").write(at, width, value);
    return bytes;
  },
  /** One entry of a table over another. */
  entry(bytes, base, next) {
    const [start, length] = next.pick(regions(base).slice(1, 3));
    const size = length === 0 ? 1 : next.pick([32, 40, 56, 64]);
    const [from, to] = [
      next.below(Math.ceil(length / size) || 1) * size,
      next.below(Math.ceil(length / size) || 1) * size,
    ];
    bytes.copyWithin(start + to, start + from, Math.min(start + from + size, start + length));
    return bytes;
  },
  /** Another file's table, or a part of it, over this one's. */
  splice(bytes, base, next, bases) {
    const other = next.pick(bases);
    const [from, length] = next.pick(regions(other));
    other.bytes.copy(bytes, place(base, next) & -8, from, from + next.below(length + 1));
    return bytes;
  },
  cut: (bytes, base, next) => bytes.subarray(0, next.below(2) === 0 ? next.below(bytes.length) : place(base, next)),
  end: (bytes, _base, next) => bytes.subarray(0, bytes.length - next.below(64)),
  more: (bytes, _base, next) => Buffer.concat([bytes, next.bytes(1 + next.below(64))]),
};
const NAMES = Object.keys(MUTATIONS);

/** One to four mutations of one of the bases. */
export function mutate(bases: readonly Base[], next: Random): Mutant {
  const base = next.pick(bases);
  let bytes: Buffer = Buffer.from(base.bytes);
  const done: string[] = [];
  for (let count = 1 + next.below(4); count > 0; count--) {
    const name = next.pick(NAMES);
    done.push(name);
    if (bytes.length >= base.bytes.length) bytes = MUTATIONS[name]?.(bytes, base, next, bases) ?? bytes;
  }
  return { bytes, story: `${base.name}: ${done.join(", ")}` };
}

const IN_HEADERS = ["flip", "byte", "field", "entry"];

/** One or two changes of the headers alone. */
export function changeHeaders(base: Base, next: Random): Mutant {
  const bytes = Buffer.from(base.bytes);
  const done = Array.from({ length: 1 + next.below(2) }, () => next.pick(IN_HEADERS));
  for (const name of done) MUTATIONS[name]?.(bytes, base, next, [base]);
  return { bytes, story: `${base.name}: ${done.join(", ")}` };
}
