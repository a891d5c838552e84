// The engine as the public front end sees it.
import { lastgoodError } from '../errors.ts';
import type { FrontPort } from '../front/port.ts';
import { floatRefusal } from '../wire/float-frame.ts';
import { MetricsPage } from './metrics-page.ts';
import { createOipPort } from './oip-port.ts';
import { createTfsPort } from './tfs-port.ts';
import type { Engine } from './engine.ts';

/** Builds the port that the front end is started with. */
export function createFrontPort(engine: Engine): FrontPort {
  const page = new MetricsPage(engine);
  return {
    queueOf: (model, version) => engine.served(model).queueOf(version),
    assertFloats: (model) => {
      const served = engine.served(model);
      const reason = floatRefusal(served.deploymentOf(undefined).version.signature);
      if (reason !== null) throw lastgoodError('FLOATS_REFUSED', { model: served.model, reason });
    },
    oip: createOipPort(engine),
    metrics: () => page.text(),
    tfs: createTfsPort(engine),
    healthOf: (model) => engine.served(model).healthAnswer(),
    rollbackFromFront: async (model, reason) => {
      const args = { model: engine.served(model).model, reason: reason ?? 'requested over HTTP' };
      const { rolledBackTo, path, generation } = await engine.control.rollback(args, { by: 'http' });
      return { rolled_back_to: rolledBackTo, path, generation };
    },
  };
}
