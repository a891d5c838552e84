// Remembers across processes how far the engine got with each model's active version, so that a version which brings
// the process down is found out at the next start. Main thread of the engine that owns the directory.
//
//   (start) -> starting -> serving -> stopped (told to end)         a process that dies leaves `starting` or `serving`
//
// Who is found in `starting`, or in `serving` while on probation, has one crash more. A new generation counts from 0.
// Where nobody wrote down what was running, a model cannot be told from its neighbours: every version on probation is
// a suspect. Where somebody did (shared-memory/in-flight.ts), only those are charged that were running something, and
// only after it was asked again and did not show who is to blame.
import { bootKey, modelKey } from './store/keys.ts';
import { RegistryReader } from './reader.ts';
import type { BootRecord } from './store/keys.ts';
import type { RegistryStore } from './store/store.ts';

const CRASHES_STARTING_MAX = 2;
export const CRASHES_SERVING_MAX = 3;

export const NO_CRASHES = { crashesStarting: 0, crashesServing: 0 } as const;

/** A version that must not be started again. */
export interface Culprit {
  readonly model: string;
  readonly version: string;
  readonly generation: number;
  /** What it did, for the history. */
  readonly reason: string;
}

/** Whose crash the end of a process counts as, by how far each had got. */
interface Counted {
  readonly starting: boolean;
  readonly serving: boolean;
}
const ALL: Counted = { starting: true, serving: true };

/** A crash of a version, as what it counts. */
export interface Charge {
  readonly model: string;
  readonly version: string;
  readonly as: 'crashesStarting' | 'crashesServing';
}

/** What the last process left, read as its end. Pure. */
export function countCrash(
  boot: BootRecord | undefined, generation: number, isOnProbation: boolean, counted = ALL,
): BootRecord {
  if (boot?.generation !== generation) return { ...NO_CRASHES, generation, state: 'stopped' };
  const { state, crashesStarting, crashesServing } = boot;
  if (state === 'starting') return { ...boot, crashesStarting: crashesStarting + Number(counted.starting) };
  // A start that succeeded makes up for the ones that did not.
  if (!isOnProbation) return { ...boot, ...NO_CRASHES };
  const isCounted = state === 'serving' && counted.serving;
  return { ...boot, crashesStarting: 0, crashesServing: crashesServing + Number(isCounted) };
}

/** What speaks against a version, or null. Pure. */
export function guiltOf({ crashesStarting, crashesServing }: BootRecord): string | null {
  if (crashesStarting >= CRASHES_STARTING_MAX) return `the process died ${crashesStarting} times while it was starting`;
  if (crashesServing >= CRASHES_SERVING_MAX) return `the process died ${crashesServing} times during its probation`;
  return null;
}

export class BootGuard {
  readonly #store: RegistryStore;
  readonly #registry: RegistryReader;

  constructor(store: RegistryStore) {
    this.#store = store;
    this.#registry = new RegistryReader(store);
  }

  /**
   * Counts how the last process ended; call it once, before any model is loaded. Suspects were being started when it
   * did: each is to be started by itself, because it is not known which of them brought it down.
   */
  begin(counted = ALL): { readonly culprits: readonly Culprit[]; readonly suspects: readonly string[] } {
    const store = this.#store;
    return store.transaction(() => {
      const culprits: Culprit[] = [];
      const suspects: string[] = [];
      for (const record of this.#registry.models()) {
        const { model, generation, activeVersion: version, probationEndedAtMs } = record;
        const left = store.get(bootKey(model));
        if (left?.state === 'starting') suspects.push(model);
        const boot = countCrash(left, generation, probationEndedAtMs === null, counted);
        store.put(bootKey(model), { ...boot, state: 'stopped' });
        const reason = guiltOf(boot);
        if (reason !== null && version !== null) culprits.push({ model, version, generation, reason });
      }
      return { culprits, suspects };
    });
  }

  /** Counts a crash that `begin` did not, once it is known that nobody else is to blame; returns who is out now. */
  charge(charged: readonly Charge[]): Culprit[] {
    const store = this.#store;
    return store.transaction(() => charged.flatMap(({ model, version, as }) => {
      const record = store.get(modelKey(model));
      const boot = store.get(bootKey(model));
      if (record?.activeVersion !== version || boot?.generation !== record.generation) return [];
      if (as === 'crashesServing' && record.probationEndedAtMs !== null) return [];
      const after = { ...boot, [as]: boot[as] + 1 };
      store.put(bootKey(model), after);
      const reason = guiltOf(after);
      return reason === null ? [] : [{ model, version, generation: record.generation, reason }];
    }));
  }

  /** Writes down how far these models have got. */
  mark(models: readonly string[], state: BootRecord['state']): void {
    const store = this.#store;
    store.transaction(() => {
      for (const model of models) {
        const generation = store.get(modelKey(model))?.generation;
        if (generation === undefined) continue;
        const boot = store.get(bootKey(model));
        const { crashesStarting, crashesServing } = boot?.generation === generation ? boot : NO_CRASHES;
        store.put(bootKey(model), { generation, state, crashesStarting, crashesServing });
      }
    });
  }
}
