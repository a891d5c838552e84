// Seeded chance for simulations: the same seed gives the same stream on every machine. Pure but for its own state.

/** Points of a tabulated law. */
const TABLE_POINTS = 16_384;

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) | 0;
    // Neighbouring seeds begin alike; a few steps take them apart.
    for (let step = 0; step < 8; step += 1) this.next();
  }

  /** Uniform in [0, 1), 32 bits (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** Exponential with mean 1. */
  exponential(): number {
    return -Math.log(1 - this.next());
  }

  normal(): number {
    return Math.sqrt(2 * this.exponential()) * Math.cos(2 * Math.PI * this.next());
  }

  /** Gamma with scale 1 (Marsaglia and Tsang; shapes below 1 by the boost). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.next()) ** (1 / shape);
    const d = shape - 1 / 3;
    const c = 1 / Math.sqrt(9 * d);
    for (;;) {
      const x = this.normal();
      const v = (1 + c * x) ** 3;
      if (v > 0 && Math.log(1 - this.next()) < x * x / 2 + d - d * v + d * Math.log(v)) return d * v;
    }
  }

  beta(a: number, b: number): number {
    const x = this.gamma(a);
    return x / (x + this.gamma(b));
  }
}

/** A law that is drawn from by one look into its table: what makes a thousand days affordable. */
export type Law = (random: Random) => number;

/** Tabulates the quantiles of `draw`; between two of them values are spread evenly, so none comes twice. */
export function tabulated(seed: number, draw: Law): Law {
  const random = new Random(seed);
  const sorted = Float64Array.from({ length: TABLE_POINTS + 1 }, () => draw(random)).sort();
  return (by) => {
    const place = by.next() * TABLE_POINTS;
    const below = Math.floor(place);
    return sorted[below]! + (place - below) * (sorted[below + 1]! - sorted[below]!);
  };
}
