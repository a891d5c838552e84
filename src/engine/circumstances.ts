// What is written down beside a verdict of one model: how the other models of the host are, and what its standby
// answered. Main thread, for failing looks only.
import type { Circumstances } from '../judge/verdict/circumstances.ts';
import { OTHERS_MAX } from '../judge/verdict/circumstances.ts';
import type { CheckName } from '../judge/types/messages.ts';

interface Neighbour {
  readonly model: string;
  readonly failingChecks: CheckName[];
}

/** Gathers them for `model`; `own` is of the generation that the verdict is about. */
export function circumstancesOf(
  model: string, models: Iterable<Neighbour>, own: Omit<Circumstances, 'others'>,
): Circumstances {
  const others = [...models]
    .filter((one) => one.model !== model && one.failingChecks.length > 0)
    .slice(0, OTHERS_MAX)
    .map((one) => ({ model: one.model, checks: one.failingChecks }));
  return { others, ...own };
}
