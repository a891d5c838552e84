// Times one small piece of work: many calls in spells, the fastest spell counts, because everything else on a machine
// can only slow it down.

const SPELLS = 5;

export interface MicroResult {
  readonly name: string;
  /** Nanoseconds of one call. */
  readonly ns: number;
  /** A checksum of what was computed, so that nothing is optimised away and nothing runs idle. */
  readonly checksum: number;
}

/** Times `work`, which does `units` things in each call and returns a number that depends on them. */
export function timed(name: string, spellMs: number, units: number, work: () => number): MicroResult {
  let checksum = work();
  let calls = 1;
  let bestNs = Infinity;
  for (let spell = 0; spell <= SPELLS; spell += 1) {
    const beginMs = performance.now();
    let done = 0;
    let nowMs = beginMs;
    while (nowMs - beginMs < spellMs) {
      for (let call = 0; call < calls; call += 1) checksum = (checksum + work()) | 0;
      done += calls;
      nowMs = performance.now();
    }
    // Enough calls between two looks at the clock that looking costs nothing.
    calls = Math.max(1, Math.ceil(done / 20));
    // The first spell only warms up.
    if (spell > 0) bestNs = Math.min(bestNs, ((nowMs - beginMs) * 1e6) / done / units);
  }
  return { name, ns: bestNs, checksum };
}
