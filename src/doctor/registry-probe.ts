// The probe process: reads everything that the registry holds. Whatever a torn file does to it, the doctor only sees
// how it ended.
import type { FailedTask } from '../base/errors.ts';
import { answerParent } from '../base/managed-child.ts';
import type { ModelRecord, VersionRecord } from '../domain/records.ts';
import { ALL_MODELS, ALL_VERSIONS } from '../registry/store/keys.ts';
import { openStore } from '../registry/store/store.ts';

/** What is read here and not by the doctor, because LMDB may die of a torn file. */
export interface RegistryContents {
  readonly models: readonly ModelRecord[];
  readonly versions: readonly VersionRecord[];
}

export type ProbeAnswer =
  | { readonly kind: 'contents'; readonly contents: RegistryContents }
  | FailedTask;

answerParent((dataDir: string): ProbeAnswer => {
  const store = openStore({ dataDir, readOnly: true });
  // Every record is decoded, so that damage in the middle of the file is found.
  store.dump();
  const contents = store.read(() => ({ models: store.list(ALL_MODELS), versions: store.list(ALL_VERSIONS) }));
  return { kind: 'contents', contents };
});
