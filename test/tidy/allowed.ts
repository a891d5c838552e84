// What the layout's rules allow for good. What once offended against them has been mended; nothing is added here for a
// while only. Data.

/** Small files that stand for a thing by themselves, for good. */
export const SMALL_FOR_GOOD: readonly string[] = [
  'src/base/telemetry-off.ts',
  'src/options/judge-constants.ts',
];

/** Folders that are lists of peers, one file each, for good: as many as there are, each as small as it is. */
export const LISTS_OF_PEERS: readonly string[] = [
  'src/judge/checks',
];
