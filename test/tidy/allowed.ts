// What still offends against the layout's rules, by file, folder or name. An entry that offends no more has to leave,
// so that these lists can only shrink. Data.

/** Files that are tied to each other by their imports. */
export const IN_CIRCLES: readonly string[] = [
  'src/worker/messages.ts',
  'src/worker/run/row-sampler.ts',
  'src/worker/run/sampler.ts',
  'src/engine/models/model-views.ts',
  'src/engine/models/served-model.ts',
  'src/engine/api/operator-api.ts',
  'src/engine/engine.ts',
  'src/engine/api/serving-api.ts',
  'src/engine/api/metrics-page.ts',
  'src/engine/api/oip-api.ts',
  'src/engine/api/tfs-api.ts',
  'src/engine/unloading.ts',
];

/** Folders with too many files. */
export const FULL_FOLDERS: readonly string[] = [
];

/** Files that are too small to be a place of their own. */
export const CRUMBS: readonly string[] = [
  'src/doctor/registry-probe.ts',
  'src/engine/background.ts',
  'src/engine/choose-model.ts',
  'src/engine/unloading.ts',
  'src/registry/store/disk-probe.ts',
  'src/registry/empty-model.ts',
  'src/registry/store/lost-registry.ts',
  'src/registry/version-numbers.ts',
  'src/shared-memory/track.ts',
  'src/domain/row-source.ts',
  'src/worker/session/garbage.ts',
];

/** Names that stand for two things. */
export const DOUBLE_NAMES: readonly string[] = [
  'modelMetadata',
  'modelConfig',
  'indexEntries',
  'DecisionContext',
  'Blame',
  'countText',
  'Finding',
  'JsonTooLarge',
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
