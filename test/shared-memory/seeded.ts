// Numbers that look like chance and are the same in every run.

/** Returns a generator of numbers in [0, 1) that depends on the seed only (xorshift, 32 bits). */
export function randomOf(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x85ebca6b) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
