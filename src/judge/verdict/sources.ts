// Is one client alone to blame for what a version failed? Pure. A verdict has to hold without the source that failed
// most, as far as the others can be judged: they fail over no limit in any window, and in one of them clearly seldomer
// than that source does. What follows is computed from what is stored with the decision alone.
import { z } from 'zod';
import { binomialUpperTail } from '../statistics/binomial.ts';
import { percentText } from '../types/number-text.ts';
import type { CheckName } from '../types/messages.ts';

/** Chance explains so seldom that the others fail as often as the heaviest source. */
const DIFFERENCE_CHANCE = 1e-3;

const tallySchema = z.object({
  /** Estimated from some of them. */
  requests: z.number().min(0),
  failed: z.number().min(0),
  nonFinite: z.number().min(0),
});
export type SourceTally = z.infer<typeof tallySchema>;

/** Who asked the active version, and whom it failed: hashes and counts. */
export const sourcesSchema = z.object({
  /** The known source that was failed most; null when none was. */
  heaviest: z.string().nullable(),
  /** The shortest first. */
  windows: z.array(z.object({ windowMs: z.number(), all: tallySchema, heaviest: tallySchema })),
  /** The sources of most requests in the longest window. */
  shares: z.array(tallySchema.extend({ source: z.string() })),
  limits: z.object({ failed: z.number(), nonFinite: z.number(), chance: z.number(), samplesMin: z.number() }),
});
export type SourceFacts = z.infer<typeof sourcesSchema>;

/** What a check counts; of the others it is not asked who was hit. */
const EVENTS: Readonly<Partial<Record<CheckName, 'failed' | 'nonFinite'>>> = {
  hard_failure: 'failed', error_rate: 'failed', non_finite: 'nonFinite',
};

/** Names the one source that these failing checks are due to, in a sentence without a full stop; null when none is. */
export function oneSourceOf(evidence: Readonly<Record<string, unknown>>, failing: readonly CheckName[]): string | null {
  const facts = sourcesSchema.safeParse(evidence['sources']).data;
  const events = failing.map((check) => EVENTS[check]);
  if (facts === undefined || facts.heaviest === null || failing.length === 0 || events.includes(undefined)) return null;
  const { heaviest: source, windows } = facts;
  const longest = windows.at(-1);
  if (longest === undefined || requestsOfOthers(longest) < facts.limits.samplesMin) return null;
  if (!events.every((event) => isOfHeaviest(facts, event!))) return null;
  const event = events[0]!;
  const { all, heaviest } = longest;
  return `source ${source} has ${heaviest[event]} of ${all[event]} of it; without it ` +
    `${all[event] - heaviest[event]} of ${Math.round(requestsOfOthers(longest))} requests ` +
    `(${percentText((all[event] - heaviest[event]) / requestsOfOthers(longest))})`;
}

type Window = SourceFacts['windows'][number];

const requestsOfOthers = ({ all, heaviest }: Window): number => Math.max(0, all.requests - heaviest.requests);

function isOfHeaviest({ windows, limits }: SourceFacts, event: 'failed' | 'nonFinite'): boolean {
  const breaks = windows.some((window) => {
    const { hits, trials } = othersOf(window, event);
    return hits > 0 && hits / trials > limits[event] && tailOf(hits, trials, limits[event]) <= limits.chance;
  });
  return !breaks && windows.some((window) => {
    const { hits, trials } = othersOf(window, event);
    const { heaviest } = window;
    const share = Math.min(1, heaviest[event] / Math.max(1, heaviest.requests, heaviest[event]));
    return share > 0 && trials > 0 && 1 - tailOf(hits + 1, trials, share) <= DIFFERENCE_CHANCE;
  });
}

// Of estimated requests there are at least as many as events.
function othersOf(window: Window, event: 'failed' | 'nonFinite'): { readonly hits: number; readonly trials: number } {
  const hits = window.all[event] - window.heaviest[event];
  return { hits, trials: Math.max(hits, Math.round(requestsOfOthers(window))) };
}

const tailOf = (hits: number, trials: number, rate: number): number =>
  (hits > trials ? 0 : rate >= 1 ? 1 : binomialUpperTail(hits, trials, rate));
