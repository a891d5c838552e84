// In whose pairs two versions disagree. Pure; fixed memory. What one client has searched out must not speak for all
// others, so the source of most disagreement is kept apart from the rest.
import { sourceText, UNKNOWN_SOURCE } from '../../shared-memory/source-ids.ts';
import type { PairFacts } from './pair-schema.ts';

/** Sources that are told apart; of more of them those with the fewest pairs are not. */
const SOURCES_MAX = 32;
/** Classes of one source that are told apart. */
const CLASSES_MAX = 256;

interface Tally {
  hits: number;
  pairs: number;
}
interface OfSource extends Tally {
  readonly classes: Map<number, Tally>;
}

export class DisagreementBySource {
  readonly #sources = new Map<number, OfSource>();

  /** `classIndex`: of the twin's answer; null where it has none. */
  note(source: number, classIndex: number | null, differs: boolean): void {
    let tally = this.#sources.get(source);
    if (tally === undefined) {
      if (this.#sources.size >= SOURCES_MAX) this.#forgetLightest();
      tally = { hits: 0, pairs: 0, classes: new Map() };
      this.#sources.set(source, tally);
    }
    count(tally, differs);
    if (classIndex === null) return;
    let ofClass = tally.classes.get(classIndex);
    if (ofClass === undefined) {
      if (tally.classes.size >= CLASSES_MAX) return;
      ofClass = { hits: 0, pairs: 0 };
      tally.classes.set(classIndex, ofClass);
    }
    count(ofClass, differs);
  }

  /** The source in whose pairs most differ; null while none can be told from the others. */
  heaviest(): NonNullable<PairFacts['heaviest']> | null {
    if ([...this.#sources.keys()].every((source) => source === UNKNOWN_SOURCE)) return null;
    const [source, { hits, pairs, classes }] = [...this.#sources].reduce((most, one) =>
      (one[1].hits > most[1].hits ? one : most));
    return {
      source: sourceText(source), hits, pairs,
      classes: [...classes].map(([classIndex, tally]) => ({ classIndex, ...tally })),
    };
  }

  #forgetLightest(): void {
    this.#sources.delete([...this.#sources].reduce((least, one) => (one[1].pairs < least[1].pairs ? one : least))[0]);
  }
}

function count(tally: Tally, differs: boolean): void {
  tally.pairs += 1;
  if (differs) tally.hits += 1;
}
