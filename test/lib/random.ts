/** Pseudo-random values from a fixed seed, so that a property that fails fails again. */
export interface Random {
  /** A whole number, 0 or more and below the limit. */
  below(limit: number): number;
  /** One of some values. */
  pick<T>(values: readonly T[]): T;
  bytes(count: number): Buffer;
}

/** Marsaglia's xorshift of 32 bits (Journal of Statistical Software 8.14). */
export function random(seed: number): Random {
  let state = seed | 0 || 1;
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  return {
    below,
    pick<T>(values: readonly T[]): T {
      const value = values[below(values.length)];
      if (value === undefined) throw new Error("nothing to pick from");
      return value;
    },
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
  };
}
