// The engine as the public front end sees it.
import type { FrontPort } from '../front/port.ts';
import { artifactPath } from '../registry/artifacts.ts';
import type { Engine } from './engine.ts';

/** Builds the port that the front end is started with. */
export function createFrontPort(engine: Engine): FrontPort {
  return {
    queueOf: (model) => engine.served(model).batcher,
    healthOf: (model) => engine.served(model).healthAnswer(),
    rollbackFromFront: async (model, reason) => {
      const served = engine.served(model);
      const { newGeneration, rolledBackTo } = await served.rollout.rollback({
        by: 'http',
        reason: reason ?? 'requested over HTTP',
        health: served.health,
      });
      const version = rolledBackTo ?? '';
      const { sha256 } = engine.registry.version(served.model, version);
      const path = artifactPath(engine.options.dataDir, sha256);
      return { rolled_back_to: version, path, generation: newGeneration };
    },
  };
}
