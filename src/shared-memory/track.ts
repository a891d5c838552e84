// In what standing a version answers a batch: stamped into the slab when the batch is cut, carried on by every sample,
// so that numbers of a version on probation and of a proven one are never mixed up. Any thread.

export const Track = {
  /** The active version, its probation over. */
  stable: 0,
  /** The active version on probation. */
  canary: 1,
  /** A version that is not active and answers because the request named it. */
  named: 2,
  /** The standby, for what a version on probation failed. */
  shield: 3,
} as const;
export type Track = (typeof Track)[keyof typeof Track];

/** The names of the tracks, by number. */
export const TRACK_NAMES = ['stable', 'canary', 'named', 'shield'] as const;
