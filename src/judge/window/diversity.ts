// How many different inputs there were lately, and which answers come again and again. Monitor thread; fixed memory,
// O(1) per sample. A thousand answers to three different inputs say no more of a version than three do, so the checks
// of the answers' distribution count different inputs where there are fewer of them than samples.

const BITS = 16_384;
const WORDS = BITS / 32;
/** A block is kept for at least so many samples, however long they take. */
const BLOCK_SAMPLES_MIN = 4_096;
/** From this share of set bits on, the number is as good as unlimited. */
const FULL = 0.98;
const ANSWERS_KEPT = 32;

/** Spreads a hash over all its bits. */
function mix(hash: number): number {
  const first = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (first ^ (first >>> 15)) >>> 0;
}

/** Counts different inputs by the zeros of a bitmap, in two blocks of which the fuller one speaks. */
export class InputDiversity {
  readonly #blockUs: number;
  readonly #bits = new Uint32Array(WORDS);
  #ones = 0;
  #unknown = 0;
  #samples = 0;
  #sinceUs = -Infinity;
  #before = 0;

  constructor(blockMs: number) {
    this.#blockUs = blockMs * 1_000;
  }

  /** Adds the input of one answer; 0 stands for one that is not known and counts as different from all. */
  add(input: number, atUs: number): void {
    if (this.#sinceUs === -Infinity) this.#sinceUs = atUs;
    else if (this.#samples >= BLOCK_SAMPLES_MIN && atUs - this.#sinceUs >= this.#blockUs) this.#turn(atUs);
    this.#samples += 1;
    if (input === 0) {
      this.#unknown += 1;
      return;
    }
    const bit = mix(input) % BITS;
    const mask = 1 << (bit & 31);
    const word = this.#bits[bit >>> 5]!;
    if ((word & mask) !== 0) return;
    this.#bits[bit >>> 5] = word | mask;
    this.#ones += 1;
  }

  #turn(atUs: number): void {
    this.#before = this.#distinctNow();
    this.#bits.fill(0);
    this.#ones = 0;
    this.#unknown = 0;
    this.#samples = 0;
    this.#sinceUs = atUs;
  }

  #distinctNow(): number {
    const share = this.#ones / BITS;
    return this.#unknown + (share > FULL ? Infinity : Math.round(-BITS * Math.log1p(-share)));
  }

  /** About how many different inputs were seen lately; Infinity for more than can be told apart. */
  distinct(): number {
    return Math.max(this.#before, this.#distinctNow());
  }
}

/** Finds the most frequent answer: counters for 32 candidates, of which the rarest gives way (Space-Saving). */
export class FrequentAnswers {
  readonly #blockUs: number;
  readonly #answers = new Int32Array(ANSWERS_KEPT);
  readonly #lastInputs = new Int32Array(ANSWERS_KEPT);
  readonly #counts = new Float64Array(ANSWERS_KEPT);
  /** What a counter may owe to the candidates before it. */
  readonly #inherited = new Float64Array(ANSWERS_KEPT);
  #samples = 0;
  #sinceUs = -Infinity;
  #before = { samples: 0, hits: 0 };

  constructor(blockMs: number) {
    this.#blockUs = blockMs * 1_000;
  }

  /** Adds an answer; the same answer to the same input again is no repetition. */
  add(answer: number, input: number, atUs: number): void {
    if (this.#sinceUs === -Infinity) this.#sinceUs = atUs;
    else if (this.#samples >= BLOCK_SAMPLES_MIN && atUs - this.#sinceUs >= this.#blockUs) this.#turn(atUs);
    this.#samples += 1;
    let rarest = 0;
    for (let slot = 0; slot < ANSWERS_KEPT; slot += 1) {
      if (this.#answers[slot] === answer && this.#counts[slot]! > 0) {
        if (input !== 0 && this.#lastInputs[slot] === input) return;
        this.#counts[slot]! += 1;
        this.#lastInputs[slot] = input;
        return;
      }
      if (this.#counts[slot]! < this.#counts[rarest]!) rarest = slot;
    }
    this.#inherited[rarest] = this.#counts[rarest]!;
    this.#answers[rarest] = answer;
    this.#lastInputs[rarest] = input;
    this.#counts[rarest]! += 1;
  }

  #turn(atUs: number): void {
    this.#before = this.#now();
    this.#counts.fill(0);
    this.#inherited.fill(0);
    this.#samples = 0;
    this.#sinceUs = atUs;
  }

  #now(): { samples: number; hits: number } {
    let hits = 0;
    for (let slot = 0; slot < ANSWERS_KEPT; slot += 1) {
      hits = Math.max(hits, this.#counts[slot]! - this.#inherited[slot]!);
    }
    return { samples: this.#samples, hits };
  }

  /** The most frequent answer of the block that runs, or of the one before while this one is short. */
  most(samplesMin: number): { readonly samples: number; readonly hits: number } {
    const now = this.#now();
    return now.samples < samplesMin && this.#before.samples > now.samples ? this.#before : now;
  }
}
