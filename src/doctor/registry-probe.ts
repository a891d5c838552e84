// The probe process: reads everything that the registry holds. Whatever a torn file does to it, the doctor only sees
// how it ended.
import type { FailedTask } from '../base/errors.ts';
import { answerParent } from '../base/managed-child.ts';
import { inNaturalOrder } from '../base/names.ts';
import type { ModelRecord, VersionRecord } from '../domain/records.ts';
import { openStore } from '../registry/opening/open-store.ts';
import { ALL_MODELS, ALL_VERSIONS } from '../registry/store/keys.ts';

/** What is read here and not by the doctor, because LMDB may die of a torn file. */
export interface RegistryContents {
  /** The format of an older build that it has; null when it is this one's. */
  readonly olderFormat: number | null;
  readonly models: readonly ModelRecord[];
  readonly versions: readonly VersionRecord[];
}

export type ProbeAnswer =
  | { readonly kind: 'contents'; readonly contents: RegistryContents }
  | FailedTask;

answerParent((dataDir: string): ProbeAnswer => {
  let olderFormat: number | null = null;
  const store = openStore({ dataDir, readOnly: true, onOlder: (format) => (olderFormat = format) });
  // Every record is decoded, so that damage in the middle of the file is found.
  store.dump();
  const [models, stored] = store.read(() => [store.list(ALL_MODELS), store.list(ALL_VERSIONS)] as const);
  const versions = inNaturalOrder(stored, ({ model, version }) => `${model} ${version}`);
  return { kind: 'contents', contents: { olderFormat, models, versions } };
});
