// What pairs say of a version: the same question to it and to the version before, its twin, counted by metric. Pure;
// time is an argument. One pair counts for each different input in a slot of time, so that a question that is asked
// again and again says no more than once. Counts begin anew after so many pairs, or a day: damage that comes late is
// not diluted by what was right before, and each block spends half of the error that the one before it may spend.
import { UNKNOWN_SOURCE } from '../../shared-memory/source-ids.ts';
import type { OutputKind } from '../../domain/records.ts';
import { DisagreementBySource } from './disagreement-by-source.ts';
import { disagree } from './disagreement.ts';
import { InputSlots } from './input-slots.ts';
import type { Differences, PairExpectation, PairFacts } from './pair-schema.ts';

const PAIRS_PER_BLOCK = 20_000;
const BLOCK_US = 86_400e6;
/** Classes that are counted apart; the rest is counted with all others only. */
const CLASSES_MAX = 1_000;
/** Their answers differ or not, whatever the baseline says. */
const WITHOUT_SIGMA: readonly OutputKind[] = ['labels', 'classes', 'score'];

/** One version's answer to a question. */
export interface PairedAnswer {
  readonly outcome: 'answered' | 'failed' | 'nonFinite';
  /** As in a PredictionSummary; NaN and -1 when it was not answered. */
  readonly value: number;
  readonly classIndex: number;
}

/** One question with both answers. */
export interface Pair {
  /** Hash of the input; 0 when it is not known: then it counts as one of its own. */
  readonly input: number;
  readonly atUs: number;
  /** Who asked, as in source-ids.ts; nobody knows by default. */
  readonly source?: number;
  readonly fresh: PairedAnswer;
  readonly twin: PairedAnswer;
  /** Of the two answers; null unless they are vectors of one length. */
  readonly cosine: number | null;
}

interface Paired {
  readonly version: string;
  readonly twin: string;
  readonly kind: OutputKind;
  /** Standard deviation of the version's answers by its baseline; null without one. */
  readonly sigma: number | null;
}

interface Tally {
  hits: number;
  pairs: number;
}

const noDifferences = (): Differences => ({ plus: 0, zero: 0, minus: 0 });

export class PairCounts {
  readonly #about: Paired;
  #block = -1;
  #blockUs = -Infinity;
  #pairs = 0;
  #pairsInAll = 0;
  #failed = noDifferences();
  #nonFinite = noDifferences();
  #both = { failed: 0, nonFinite: 0 };
  #disagreement: Tally = { hits: 0, pairs: 0 };
  #classes = new Map<number, Tally>();
  #bySource = new DisagreementBySource();
  readonly #slots = new InputSlots();

  constructor(about: Paired) {
    this.#about = about;
  }

  /** Counts a pair; false when its input has counted in this slot of time already. */
  add(pair: Pair): boolean {
    if (!this.#slots.isNew(pair.input, pair.atUs)) return false;
    if (this.#pairs >= PAIRS_PER_BLOCK || pair.atUs - this.#blockUs >= BLOCK_US) this.#beginBlock(pair.atUs);
    this.#pairs += 1;
    this.#pairsInAll += 1;
    const { fresh, twin } = pair;
    addDifference(this.#failed, fresh.outcome === 'failed', twin.outcome === 'failed');
    addDifference(this.#nonFinite, fresh.outcome === 'nonFinite', twin.outcome === 'nonFinite');
    if (fresh.outcome !== 'answered' && fresh.outcome === twin.outcome) this.#both[fresh.outcome] += 1;
    if (fresh.outcome === 'answered' && twin.outcome === 'answered') this.#compare(pair);
    return true;
  }

  /** The counts of the block under way, to be judged by what is expected now. */
  facts(expectation: PairExpectation | null = null): PairFacts {
    const { version, twin, kind } = this.#about;
    return {
      version, twin, kind, block: Math.max(0, this.#block), pairs: this.#pairs, pairsInAll: this.#pairsInAll,
      failed: { ...this.#failed }, nonFinite: { ...this.#nonFinite }, both: { ...this.#both },
      disagreement: this.#disagreement.pairs === 0 ? null : { ...this.#disagreement },
      classes: [...this.#classes].map(([classIndex, tally]) => ({ classIndex, ...tally })),
      heaviest: this.#bySource.heaviest(), expectation,
    };
  }

  #beginBlock(nowUs: number): void {
    this.#block += 1;
    this.#blockUs = nowUs;
    this.#pairs = 0;
    this.#failed = noDifferences();
    this.#nonFinite = noDifferences();
    this.#both = { failed: 0, nonFinite: 0 };
    this.#disagreement = { hits: 0, pairs: 0 };
    this.#classes = new Map();
    this.#bySource = new DisagreementBySource();
  }

  #compare(pair: Pair): void {
    const differs = disagrees(this.#about, pair);
    if (differs === null) return;
    note(this.#disagreement, differs);
    const isLabel = this.#about.kind === 'labels';
    const classIndex = isLabel ? pair.twin.value : pair.twin.classIndex;
    this.#bySource.note(pair.source ?? UNKNOWN_SOURCE, isLabel || classIndex >= 0 ? classIndex : null, differs);
    if (!isLabel && classIndex < 0) return;
    let tally = this.#classes.get(classIndex);
    if (tally === undefined) {
      if (this.#classes.size >= CLASSES_MAX) return;
      tally = { hits: 0, pairs: 0 };
      this.#classes.set(classIndex, tally);
    }
    note(tally, differs);
  }
}

function note(tally: Tally, isHit: boolean): void {
  tally.pairs += 1;
  if (isHit) tally.hits += 1;
}

function addDifference(counts: Differences, fresh: boolean, twin: boolean): void {
  if (fresh === twin) counts.zero += 1;
  else if (fresh) counts.plus += 1;
  else counts.minus += 1;
}

// Null when nothing says whether they do: vectors of other lengths, numbers without a baseline.
function disagrees({ kind, sigma }: Paired, { fresh, twin, cosine }: Pair): boolean | null {
  const isMeasured = sigma !== null && sigma > 0;
  if (kind === 'vector' ? cosine === null : !isMeasured && !WITHOUT_SIGMA.includes(kind)) return null;
  return disagree(kind, fresh, twin, { cosine, sigma: sigma ?? NaN });
}
