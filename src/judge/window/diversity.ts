// How many different inputs there were lately, and which answers come again and again. Monitor thread; fixed memory,
// O(1) per sample. A thousand answers to three different inputs say no more of a version than three do, and those to
// inputs of which a few are most of the traffic no more than Kish's effective number (Survey Sampling, 1965).

const BUCKETS = 16_384;
/** A block is kept for at least so many samples, however long they take. */
const BLOCK_SAMPLES_MIN = 4_096;
/** From this share of used buckets on, the number is as good as unlimited. */
const FULL = 0.98;
/** Repetitions count beyond so many standard errors of what inputs that share a bucket by chance look like. */
const SIGMAS = 3;
const ANSWERS_KEPT = 32;

/** Spreads a hash over all its bits. */
function mix(hash: number): number {
  const first = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (first ^ (first >>> 15)) >>> 0;
}

/** What a block of samples says of the inputs, in numbers that can be added up. */
interface Repetition {
  /** Ordered pairs of samples, and about how many of them ask the same. */
  readonly pairs: number;
  readonly equal: number;
}

/**
 * Counts different inputs, and how often two samples ask the same, by how many samples fall into each of many buckets;
 * in two blocks, of which both speak.
 */
export class InputDiversity {
  readonly #blockUs: number;
  readonly #counts = new Uint32Array(BUCKETS);
  #used = 0;
  /** Of all buckets' counts. */
  #squares = 0;
  #unknown = 0;
  #samples = 0;
  #sinceUs = -Infinity;
  #before = 0;
  #repeatedBefore: Repetition = { pairs: 0, equal: 0 };

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
    const bucket = mix(input) % BUCKETS;
    const count = this.#counts[bucket]!;
    this.#counts[bucket] = count + 1;
    this.#squares += 2 * count + 1;
    if (count === 0) this.#used += 1;
  }

  #turn(atUs: number): void {
    this.#before = this.#distinctNow();
    this.#repeatedBefore = this.#repeatedNow();
    this.#counts.fill(0);
    this.#used = 0;
    this.#squares = 0;
    this.#unknown = 0;
    this.#samples = 0;
    this.#sinceUs = atUs;
  }

  #distinctNow(): number {
    const share = this.#used / BUCKETS;
    return this.#unknown + (share > FULL ? Infinity : Math.round(-BUCKETS * Math.log1p(-share)));
  }

  // Two different inputs share a bucket with probability 1/BUCKETS, so the buckets' squares overstate those of the
  // inputs by that part of all pairs; what is left of them after chance has had its share is repetition.
  #repeatedNow(): Repetition {
    const known = this.#samples - this.#unknown;
    const squares = (this.#squares - known ** 2 / BUCKETS) / (1 - 1 / BUCKETS);
    const byChance = SIGMAS * Math.sqrt(2 / BUCKETS) * known;
    return { pairs: this.#samples * (this.#samples - 1), equal: Math.max(0, squares - known - byChance) };
  }

  /** About how many different inputs were seen lately; Infinity for more than can be told apart. */
  distinct(): number {
    return Math.max(this.#before, this.#distinctNow());
  }

  /**
   * How many independent answers `samples` answers are worth when inputs come as often as they did lately: Kish's
   * (Σ c)² / Σ c² of the c times that each is expected to be asked. Inputs of which a few make up most of the traffic
   * are worth fewer than there are different ones.
   */
  effective(samples: number): number {
    const now = this.#repeatedNow();
    const pairs = now.pairs + this.#repeatedBefore.pairs;
    const share = pairs === 0 ? 0 : (now.equal + this.#repeatedBefore.equal) / pairs;
    return samples <= 1 ? samples : samples / (1 + (samples - 1) * Math.min(1, share));
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
