// Seeded recordings of healthy and damaged streams, as the lines of a file.
import { randomOf } from '../shared-memory/seeded.ts';

export type Random = () => number;
export type Stream = (random: Random) => readonly (number | null)[];

/** A sample of Beta(a, b) for whole a and b: the a-th smallest of a + b - 1 even numbers. */
export function beta(random: Random, a: number, b: number): number {
  return Array.from({ length: a + b - 1 }, random).sort((x, y) => x - y)[a - 1]!;
}
/** A sample of Beta(0.3, 0.3), after Jöhnk. */
function sharp(random: Random): number {
  for (;;) {
    const x = random() ** (1 / 0.3);
    const y = random() ** (1 / 0.3);
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
}
const normal = (random: Random): number => Array.from({ length: 12 }, random).reduce((sum, one) => sum + one, -6);

/** An even mix of Beta(2, 8) and Beta(8, 2). */
export const score = (random: Random): number => (random() < 0.5 ? beta(random, 2, 8) : beta(random, 8, 2));
export const scores: Stream = (random) => [score(random)];

/** The damages of scores that a judge of answers has to see. */
export const DAMAGES: Readonly<Record<string, Stream>> = {
  'collapse to 0.5': (random) => [0.5 + normal(random) / 100],
  'constant 0.9': () => [0.9],
  'all in the middle': (random) => [beta(random, 5, 5)],
  'sharpened': (random) => [sharp(random)],
  'mean and half a sigma': (random) => [Math.min(1, score(random) + 0.16)],
  'a tenth of zeros': (random) => [random() < 0.1 ? 0 : score(random)],
  'class mix 50 to 70 %': (random) => [random() < 0.3 ? beta(random, 2, 8) : beta(random, 8, 2)],
  'one in twenty not finite': (random) => [random() < 0.05 ? null : score(random)],
};

export interface Recording {
  readonly model?: string;
  readonly rate?: number;
  /** Samples of version 1 and then of version 2. */
  readonly before?: number;
  readonly after?: number;
  readonly good?: Stream;
  readonly bad?: Stream;
  readonly latencyMs?: (random: Random) => number;
  readonly ok?: (random: Random) => boolean;
  readonly baselineRows?: number;
  readonly seed?: number;
  readonly startMs?: number;
}

/** Version 1 answers well, then version 2 is promoted, with the same baseline. */
export function recording(options: Recording): string[] {
  const { model = 'm', rate = 20, before = 600, after = 600, good = scores, seed = 1 } = options;
  const bad: Stream = options.bad ?? good;
  const { baselineRows = 1_500 } = options;
  const latencyMs = options.latencyMs ?? ((chance: Random): number => 5 + 5 * chance());
  const ok = options.ok ?? ((): boolean => true);
  const random = randomOf(seed);
  const baseline = Array.from({ length: baselineRows }, () => good(random));
  let t = options.startMs ?? 1_700_000_000_000;
  const promote = (version: string): string => JSON.stringify({ event: 'promote', t, model, version, baseline });
  const sample = (version: string, stream: Stream, isGood: boolean, latency: number): string => {
    t += 1_000 / rate;
    return JSON.stringify({ t, model, version, latency_ms: latency, ok: isGood, outputs: stream(random) });
  };
  return [
    promote('1'),
    ...Array.from({ length: before }, () => sample('1', good, true, 5 + 5 * random())),
    promote('2'),
    ...Array.from({ length: after }, () => sample('2', bad, ok(random), latencyMs(random))),
  ];
}
