// The engine as the public front end sees it.
import { lastgoodError } from '../../base/errors.ts';
import type { FrontOptions, ServingApi } from '../../api/serving-api.ts';
import type { TlsNews } from '../../http/tls/tls-renewal.ts';
import { floatRefusal } from '../../protocols/f32/frame.ts';
import { MetricsPage } from './metrics-page.ts';
import { createOipApi } from './oip-api.ts';
import { createTfsApi } from './tfs-api.ts';
import type { Engine } from '../engine.ts';

/** Builds the port that the front end is started with. */
export function createServingApi(engine: Engine): ServingApi {
  const page = new MetricsPage(engine);
  return {
    queueOf: (model, version) => engine.served(model).queueOf(version),
    assertFloats: (model, version) => {
      const served = engine.served(model);
      const reason = floatRefusal(served.deploymentOf(version).version.signature);
      if (reason !== null) throw lastgoodError('FLOATS_REFUSED', { model: served.model, reason });
    },
    oip: createOipApi(engine),
    metrics: () => page.text(),
    tfs: createTfsApi(engine),
    healthOf: (model) => engine.served(model).healthAnswer(),
    rollbackFromFront: async (model, reason) => {
      const args = { model: engine.served(model).model, reason: reason ?? 'requested over HTTP' };
      const { rolledBackTo, path, generation, trust } = await engine.control.rollback(args, { by: 'http' });
      return { rolled_back_to: rolledBackTo, path, generation, trust };
    },
  };
}

/** What the front end is started with, at `address` where it says other than the engine's options. */
export function frontOptions(
  engine: Engine, address: { readonly host?: string; readonly port?: number },
): FrontOptions {
  const { host, port, bodyBytesMax, limits, adminToken, tlsCert, tlsKey } = engine.options;
  return {
    host: address.host ?? host, port: address.port ?? port, bodyBytesMax, limits, adminToken,
    ...(tlsCert !== undefined && tlsKey !== undefined && { tls: {
      paths: { cert: tlsCert, key: tlsKey },
      nowMs: () => engine.clock.wallMs(),
      tell: (news: TlsNews) => tellTls(engine, news),
    } }),
  };
}

function tellTls(engine: Engine, news: TlsNews): void {
  if (news.kind === 'served') {
    const { subject, notAfterMs, warnings } = news.certificate;
    engine.log.info({ subject, validUntil: new Date(notAfterMs).toISOString() }, 'TLS certificate');
    for (const warning of warnings) engine.log.warn({ subject }, `TLS: ${warning}`);
    return;
  }
  const what = 'the TLS files changed and cannot be served; the certificate from before is served on';
  engine.announce({ kind: 'problem', model: '', what, reason: news.reason });
}
