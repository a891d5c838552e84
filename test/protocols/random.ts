// A small generator with a fixed seed, so that every run of a fuzz test reads the same tokens.

export class Random {
  #state: number;
  readonly #bits = new DataView(new ArrayBuffer(8));

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 32 random bits (xorshift). */
  bits(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.bits() % limit;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** A double with random bits, or one with random float32 bits; never NaN or an infinity. */
  double(): number {
    for (;;) {
      this.#bits.setUint32(0, this.bits());
      this.#bits.setUint32(4, this.bits());
      const value = this.#bits.getFloat64(0);
      if (Number.isFinite(value)) return value;
    }
  }

  single(): number {
    for (;;) {
      this.#bits.setUint32(0, this.bits());
      const value = this.#bits.getFloat32(0);
      if (Number.isFinite(value)) return value;
    }
  }

  digits(count: number): string {
    let text = '';
    for (let index = 0; index < count; index += 1) text += String(this.below(10));
    return text;
  }
}
