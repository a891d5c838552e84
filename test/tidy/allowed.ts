// What still offends against the layout's rules, by file, folder or name. An entry that offends no more has to leave,
// so that these lists can only shrink. Data.

/** Files that are tied to each other by their imports. */
export const IN_CIRCLES: readonly string[] = [
];

/** Folders with too many files. */
export const FULL_FOLDERS: readonly string[] = [
];

/** Files that are too small to be a place of their own. */
export const CRUMBS: readonly string[] = [
];

/** Names that stand for two things. */
export const DOUBLE_NAMES: readonly string[] = [
];

/** Small files that stand for a thing by themselves, for good. */
export const SMALL_FOR_GOOD: readonly string[] = [
  'src/base/names.ts',
  'src/base/telemetry-off.ts',
  'src/options/judge-constants.ts',
];

/** Folders that are lists of peers, one file each, for good: as many as there are, each as small as it is. */
export const LISTS_OF_PEERS: readonly string[] = [
  'src/judge/checks',
];
