// The engine as the Open Inference Protocol's routes see it. Main thread; nothing here is on the way of a prediction.
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastgoodError } from '../../base/errors.ts';
import type { IndexEntry, LoadRequest, OipApi } from '../../api/serving-api.ts';
import { modelStatistics } from '../../metrics/statistics.ts';
import { packageVersion } from '../../base/package-root.ts';
import { checkName } from '../../base/names.ts';
import type { VersionRecord } from '../../domain/records.ts';
import { EXTENSIONS, indexEntries, modelConfig, modelMetadata } from './oip-description.ts';
import type { Engine } from '../engine.ts';
import type { ServedModel } from '../models/served-model.ts';
import { setUnloaded } from '../unloading.ts';

const BY = { by: 'http' };

/** Builds the part of the front's port that the protocol needs. */
export function createOipApi(engine: Engine): OipApi {
  const { registry, options } = engine;
  const server = { name: 'lastgood', version: packageVersion(), extensions: EXTENSIONS };

  const recordOf = (served: ServedModel, version: string | undefined): VersionRecord =>
    served.deploymentOf(version).version;

  return {
    needsToken: options.modelControl === 'guarded',
    server: () => server,
    isReady: () => [...engine.models.values()].every((served) => served.rollout.active !== null || !hasActive(served)),
    assertReady: (model, version) => void engine.served(model).deploymentOf(version),
    metadata: (model, version) => {
      const served = engine.served(model);
      return modelMetadata(recordOf(served, version), versionsOf(served, version));
    },
    config: (model, version) => {
      const served = engine.served(model);
      return modelConfig(recordOf(served, version), served.options);
    },
    statistics: (model, version) => statistics(engine, model, version),
    index: () => registry.models().flatMap(({ model }): IndexEntry[] => {
      const served = engine.models.get(model);
      if (served === undefined) return [{ name: model, state: 'UNAVAILABLE', reason: 'unloaded' }];
      return indexEntries(model, served.rollout.activeVersion?.version ?? null, served.rollout.deployments);
    }),
    load: (model, request) => load(engine, model, request),
    unload: async (model, force) => {
      const served = engine.served(model);
      if (options.modelControl === 'guarded' && !force && served.rollout.active !== null) {
        throw lastgoodError('UNLOAD_REFUSED', { model });
      }
      engine.log.info({ model, ...BY }, 'unloading');
      await setUnloaded(engine, served.model, true, BY.by);
    },
  };

  // A model that never had an active version is waited for by nobody.
  function hasActive({ model }: ServedModel): boolean {
    return registry.models().some((record) => record.model === model && record.activeVersion !== null);
  }
}

async function statistics(engine: Engine, model: string | undefined, version: string | undefined): Promise<object> {
  const asked = model === undefined ? [...engine.models.values()] : [engine.served(model)];
  if (model !== undefined) asked[0]!.deploymentOf(version);
  await engine.monitor.measure();
  const clock = { wallMs: engine.clock.wallMs(), nowUs: engine.clock.monotonicUs() };
  return {
    model_stats: asked.flatMap((served) => versionsOf(served, version).map((one) =>
      modelStatistics(served.model, one, engine.meters.of(served.model), clock))),
  };
}

function versionsOf(served: ServedModel, version: string | undefined): string[] {
  return version === undefined ? served.loadedVersions : [version];
}

async function load(engine: Engine, model: string, { version, file }: LoadRequest): Promise<void> {
  engine.assertOpen();
  if (file !== undefined) await registerBytes(engine, model, version, file);
  // Throws for a model that nobody registered.
  else engine.registry.model(model);
  await setUnloaded(engine, model, false, BY.by);
  engine.followModels();
  await engine.settled();
  const served = engine.served(model);
  if (version !== undefined && served.rollout.activeVersion?.version !== version) {
    await engine.control.promote({ model, version, reason: 'loaded over HTTP' }, BY);
  }
  served.deploymentOf(undefined);
}

async function registerBytes(
  engine: Engine, model: string, version: string | undefined, file: Uint8Array,
): Promise<void> {
  checkName('the model name', model);
  const path = join(tmpdir(), `lastgood-${randomUUID()}.onnx`);
  await writeFile(path, file, { flag: 'wx', mode: 0o600 });
  try {
    await engine.control.register({ model, file: path, ...(version !== undefined && { version }) }, BY);
  } finally {
    await rm(path, { force: true });
  }
}
