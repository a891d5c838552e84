// The probe process: reads everything that the registry holds. Whatever a torn file does to it, the doctor only sees
// how it ended.
import { reasonOf } from '../base/errors.ts';
import { tellParent } from '../base/managed-child.ts';
import { ALL_MODELS, ALL_VERSIONS } from '../registry/store/keys.ts';
import { openStore } from '../registry/store/store.ts';
import type { ProbeAnswer } from './findings.ts';

function look(dataDir: string): ProbeAnswer {
  try {
    const store = openStore({ dataDir, readOnly: true });
    // Every record is decoded, so that damage in the middle of the file is found.
    store.dump();
    return {
      kind: 'contents',
      contents: store.read(() => ({ models: store.list(ALL_MODELS), versions: store.list(ALL_VERSIONS) })),
    };
  } catch (error) {
    return { kind: 'refused', reason: reasonOf(error) };
  }
}

process.once('message', (dataDir: string) => {
  void tellParent(look(dataDir)).finally(() => process.disconnect());
});
