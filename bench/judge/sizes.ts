// How much is simulated: the model-days of each rate, the same for every stream, and the runs of each damage.

export interface HealthyRate {
  readonly perSecond: number;
  readonly text: string;
  /** Days of all streams together. */
  readonly days: number;
  /** Days of one simulated host, each with a baseline of its own. */
  readonly hostDays: number;
}
export interface DamageRate {
  readonly perSecond: number;
  readonly text: string;
  readonly runs: number;
  /** The generation answers well for so many seconds, and up to a tenth more, before the damage begins. */
  readonly wellSeconds: number;
  /** A damage that was not found after so many seconds is missed. */
  readonly secondsMax: number;
}
export interface Size {
  readonly healthy: readonly HealthyRate[];
  readonly damages: readonly DamageRate[];
  readonly monitorSeconds: number;
  /** Of each damage that keeps the margins. */
  readonly pairRuns: number;
}

const MINUTE = 1 / 60;
const TWELVE = 0.2;

/** Long enough to find the slowest check at each rate; first those from the first request on, then the later ones. */
const DAMAGES: readonly DamageRate[] = [
  { perSecond: MINUTE, text: '1/min', runs: 10, wellSeconds: 0, secondsMax: 2 * 86_400 },
  { perSecond: 1, text: '1/s', runs: 10, wellSeconds: 0, secondsMax: 4 * 3_600 },
  { perSecond: 20, text: '20/s', runs: 10, wellSeconds: 0, secondsMax: 3_600 },
  { perSecond: 1_000, text: '1,000/s', runs: 5, wellSeconds: 0, secondsMax: 300 },
  { perSecond: MINUTE, text: '1/min', runs: 10, wellSeconds: 86_400, secondsMax: 2 * 86_400 },
  { perSecond: 1, text: '1/s', runs: 10, wellSeconds: 3_600, secondsMax: 4 * 3_600 },
  { perSecond: 20, text: '20/s', runs: 10, wellSeconds: 3_600, secondsMax: 3_600 },
  { perSecond: 1_000, text: '1,000/s', runs: 1, wellSeconds: 3_600, secondsMax: 300 },
];

export const SIZES = {
  full: {
    healthy: [
      { perSecond: MINUTE, text: '1/min', days: 840, hostDays: 8 },
      { perSecond: TWELVE, text: '12/min', days: 104, hostDays: 8 },
      { perSecond: 1, text: '1/s', days: 39, hostDays: 3 },
      { perSecond: 20, text: '20/s', days: 13, hostDays: 0.5 },
      { perSecond: 200, text: '200/s', days: 1.3, hostDays: 0.1 },
      { perSecond: 1_000, text: '1,000/s', days: 0.39, hostDays: 0.03 },
      { perSecond: 10_000, text: '10,000/s', days: 0.052, hostDays: 0.004 },
    ],
    damages: DAMAGES,
    monitorSeconds: 5, pairRuns: 50,
  },
  tenth: {
    healthy: [
      { perSecond: MINUTE, text: '1/min', days: 84, hostDays: 4 },
      { perSecond: TWELVE, text: '12/min', days: 10.4, hostDays: 0.8 },
      { perSecond: 1, text: '1/s', days: 3.9, hostDays: 0.3 },
      { perSecond: 20, text: '20/s', days: 1.3, hostDays: 0.1 },
      { perSecond: 200, text: '200/s', days: 0.13, hostDays: 0.01 },
      { perSecond: 1_000, text: '1,000/s', days: 0.039, hostDays: 0.003 },
      { perSecond: 10_000, text: '10,000/s', days: 0.0065, hostDays: 0.0005 },
    ],
    damages: DAMAGES,
    monitorSeconds: 5, pairRuns: 50,
  },
  hundredth: {
    healthy: [
      { perSecond: MINUTE, text: '1/min', days: 25, hostDays: 1 },
      { perSecond: TWELVE, text: '12/min', days: 5, hostDays: 0.2 },
      { perSecond: 1, text: '1/s', days: 2.5, hostDays: 0.1 },
      { perSecond: 20, text: '20/s', days: 0.5, hostDays: 0.02 },
      { perSecond: 200, text: '200/s', days: 0.05, hostDays: 0.002 },
    ],
    damages: [
      { perSecond: 1, text: '1/s', runs: 1, wellSeconds: 0, secondsMax: 4 * 3_600 },
      { perSecond: 20, text: '20/s', runs: 2, wellSeconds: 0, secondsMax: 3_600 },
      { perSecond: 20, text: '20/s', runs: 1, wellSeconds: 3_600, secondsMax: 3_600 },
    ],
    monitorSeconds: 1, pairRuns: 50,
  },
  smallest: {
    healthy: [
      { perSecond: MINUTE, text: '1/min', days: 10, hostDays: 0.4 },
      { perSecond: 1, text: '1/s', days: 0.35, hostDays: 0.02 },
      { perSecond: 200, text: '200/s', days: 0.007, hostDays: 0.0005 },
    ],
    damages: [
      { perSecond: 20, text: '20/s', runs: 1, wellSeconds: 0, secondsMax: 7_200 },
      { perSecond: 5, text: '5/s', runs: 1, wellSeconds: 3_600, secondsMax: 7_200 },
    ],
    monitorSeconds: 0.05, pairRuns: 10,
  },
} as const satisfies Record<string, Size>;
export type SizeName = keyof typeof SIZES;
