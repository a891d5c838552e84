// The engine as the Open Inference Protocol's routes see it. Main thread; nothing here is on the way of a prediction.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ControlPlane, RegisterArguments } from '../../admin/commands.ts';
import { checkedFileName } from '../../artifacts/manifest.ts';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import type { IndexEntry, OipApi } from '../../api/serving-api.ts';
import { modelStatistics } from '../../metrics/statistics.ts';
import { packageVersion } from '../../base/package-root.ts';
import { checkName } from '../../base/names.ts';
import { EXTENSIONS, indexEntries, modelConfig, modelMetadata } from './oip-description.ts';
import type { EngineContext, EngineLife } from '../models/context.ts';
import type { ModelTable } from '../models/model-table.ts';
import type { ServedModel } from '../models/served-model.ts';

const BY = { by: 'http' };
/** A model of this name shares its path with the statistics of all: what is answered there is both. */
const STATS = 'stats';

/** The part of the ServingApi that the protocol needs. */
export function createOipApi(
  context: EngineContext, table: ModelTable, life: EngineLife, control: ControlPlane,
): OipApi {
  const { registry, options, log } = context;
  const describe = (model: string, version: string | undefined): object => {
    const served = table.served(model);
    return modelMetadata(served.deploymentOf(version).version, versionsOf(served, version));
  };
  const server = { name: 'lastgood', version: packageVersion(), extensions: EXTENSIONS };

  return {
    needsToken: options.modelControl === 'guarded',
    server: () => server,
    // A model that never had an active version is waited for by nobody, nor is one that is unloaded.
    isReady: () => {
      const awaited = registry.models().filter(({ activeVersion }) => activeVersion !== null)
        .map(({ model }) => table.all.get(model)?.isReady);
      return options.ready === 'any' && awaited.length > 0 ? awaited.includes(true) : !awaited.includes(false);
    },
    assertReady: (model, version) => table.served(model).assertReady(version),
    metadata: describe,
    config: (model, version) => {
      const served = table.served(model);
      return modelConfig(served.deploymentOf(version).version, served.options);
    },
    statistics: async (model, version) => ({
      ...(model === undefined && table.all.get(STATS)?.isReady === true && describe(STATS, undefined)),
      ...await statistics(context, table, model, version),
    }),
    index: () => registry.models().flatMap(({ model }): IndexEntry[] => {
      const served = table.all.get(model);
      if (served === undefined) return [{ name: model, state: 'UNAVAILABLE', reason: 'unloaded' }];
      return indexEntries(served);
    }),
    load: async (model, { version, files, ...about }) => {
      life.assertOpen();
      if (files !== undefined) await registerBytes(control, files, {
        model, ...(version !== undefined && { version }), ...about,
      });
      // Throws for a model that nobody registered.
      else registry.model(model);
      await table.setUnloaded(model, false, BY.by);
      table.followModels();
      await table.settled(model);
      const served = table.served(model);
      if (version !== undefined && served.rollout.activeVersion?.version !== version) {
        const declared = about.expect === undefined ? {} : { expect: about.expect };
        await control.promote({ model, version, reason: 'loaded over HTTP', ...declared }, BY);
      }
      served.deploymentOf(undefined);
    },
    unload: async (model, force) => {
      const served = table.served(model);
      if (options.modelControl === 'guarded' && !force && served.rollout.active !== null) {
        throw lastgoodError('UNLOAD_REFUSED', { model });
      }
      log.info({ model, ...BY }, 'unloading');
      await table.setUnloaded(served.model, true, BY.by);
    },
  };
}

async function statistics(
  { monitor, clock, meters }: EngineContext, table: ModelTable, model: string | undefined, version: string | undefined,
): Promise<object> {
  const asked = model === undefined ? [...table.all.values()] : [table.served(model)];
  if (model !== undefined) asked[0]!.deploymentOf(version);
  await monitor.measure();
  const now = { wallMs: clock.wallMs(), nowUs: clock.monotonicUs() };
  return {
    model_stats: asked.flatMap((served) => versionsOf(served, version).map((one) =>
      modelStatistics(served.model, one, meters.of(served.model), now))),
  };
}

function versionsOf(served: ServedModel, version: string | undefined): string[] {
  return version === undefined ? served.loadedVersions : [version];
}

async function registerBytes(
  control: ControlPlane, files: ReadonlyMap<string, Uint8Array>, about: Omit<RegisterArguments, 'file'>,
): Promise<void> {
  checkName('the model name', about.model);
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-'));
  try {
    // One file may have any name; among several it is the model's that tells it.
    let file = folder;
    for (const [name, bytes] of files) {
      const path = join(folder, fileNameIn(name));
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, bytes, { flag: 'wx', mode: 0o600 });
      if (files.size === 1) file = path;
    }
    await control.register({ ...about, file }, BY);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function fileNameIn(name: string): string {
  try {
    return checkedFileName(name);
  } catch (error) {
    throw lastgoodError('INVALID_REQUEST', { reason: reasonOf(error) });
  }
}
