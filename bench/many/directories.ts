// Data directories of a hundred models, and of a model with a thousand versions: real in what is stored and served, but
// only one is registered; the others are copies of its record, so that making them takes seconds.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import type { Golden, VersionRecord } from '../../src/domain/records.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import { Registry } from '../../src/registry/registry.ts';
import { eventKey, modelKey } from '../../src/registry/store/keys.ts';
import type { RegistryStore } from '../../src/registry/store/store.ts';
import { attach, putVersion } from '../../src/registry/versions.ts';
import { linear } from '../../test/worker/onnx.ts';

const BY = 'bench';
export const MODEL = 'm';
/** Numbers of three inputs and an answer, written so that the file of them is about 1 MiB. */
const GOLDEN_BYTES = 1024 ** 2;
const VERSIONS_A_TRANSACTION = 50;

const golden = (): Golden => {
  const one = { inputs: { x: { shape: [1, 3], data: [0.123456789, 1.123456789, 2.123456789] } },
    outputs: { y: { shape: [1, 1], data: [224.0802468] } } };
  const count = Math.ceil(GOLDEN_BYTES / JSON.stringify(one).length);
  return { rtol: 1e-3, atol: 1e-3, cases: Array.from({ length: count }, () => one) };
};

/** Registers these versions of `m`, each another file, promoted and confirmed, and hands over what is stored. */
async function registered(dataDir: string, versions: readonly number[]): Promise<RegistryStore> {
  const file = join(dataDir, 'm.onnx');
  const engine = await createEngine({ dataDir, workers: 1 });
  for (const version of versions) {
    writeFileSync(file, linear(version));
    await engine.register(MODEL, file, { version: String(version), promote: true });
    await engine.confirm(MODEL);
  }
  await engine.close();
  return openStore({ dataDir });
}

/** So many models of one version each, active and good. */
export async function manyModels(dataDir: string, models: number): Promise<void> {
  const store = await registered(dataDir, [1]);
  const registry = new Registry(store, systemClock);
  const [record, version] = [registry.model(MODEL), registry.version(MODEL, '1')];
  store.transaction(() => {
    for (let at = 1; at < models; at += 1) {
      const model = `${MODEL}${at}`;
      store.put(modelKey(model), { ...record, model, activationOrder: at });
      putVersion(store, { ...version, model });
    }
  });
  await store.flushed();
  await store.close();
}

/** So many versions of `m`, each with golden cases of 1 MiB, and so many events; the last two are active and good. */
export async function manyVersions(dataDir: string, versions: number, events: number): Promise<void> {
  // Those that are loaded: the active one, the one to go back to, and the one behind that.
  const real = [versions - 2, versions - 1, versions];
  const store = await registered(dataDir, real);
  const registry = new Registry(store, systemClock);
  const example = registry.version(MODEL, String(versions));
  const cases = golden();
  const { rtol, atol } = cases;
  for (let from = 1; from <= versions; from += VERSIONS_A_TRANSACTION) {
    store.transaction(() => {
      for (let at = from; at < from + VERSIONS_A_TRANSACTION && at <= versions; at += 1) {
        const own = real.includes(at) ? registry.version(MODEL, String(at))
          : { ...example, sha256: String(at).padStart(64, '0') };
        const stored: VersionRecord = {
          ...own, version: String(at), lastGeneration: at, health: 'good',
          golden: { rtol, atol, cases: cases.cases.length },
        };
        putVersion(store, stored);
        attach(store, stored, 'golden', cases);
      }
    });
  }
  store.transaction(() => {
    for (let at = 1; at <= events; at += 1) {
      store.put(eventKey(MODEL, at), {
        model: MODEL, sequence: at, kind: 'pin', atMs: 1, by: BY, reason: '', from: null, to: null, generation: 1,
        decision: null,
      });
    }
    store.put(modelKey(MODEL), {
      ...registry.model(MODEL), generation: versions, activeVersion: String(versions), nextEvent: events + 1,
      lastGoodVersion: String(versions - 1), nextVersion: versions + 1,
    });
  });
  await store.flushed();
  await store.close();
}
