// The engine as the public front end sees it.
import type { ControlPlane } from '../../admin/commands.ts';
import { lastgoodError } from '../../base/errors.ts';
import type { FrontOptions, ServingApi } from '../../api/serving-api.ts';
import type { TlsNews } from '../../http/tls/tls-renewal.ts';
import { floatRefusal } from '../../protocols/f32/frame.ts';
import { createMetricsPage } from './metrics-page.ts';
import { createOipApi } from './oip-api.ts';
import { createPageApi } from './page-api.ts';
import { createTfsApi } from './tfs-api.ts';
import type { EngineContext, EngineLife } from '../models/context.ts';
import { uiMode } from '../../options/options.ts';
import type { ModelTable } from '../models/model-table.ts';
import { healthAnswerOf } from '../models/model-views.ts';

/** What the front end is started with, beside its options; it listens on `host`. */
export function createServingApi(
  context: EngineContext, table: ModelTable, life: EngineLife, control: ControlPlane, host: string,
): ServingApi {
  const ui = uiMode(context.options, host);
  return {
    models: table,
    assertFloats: (model, version) => {
      const served = table.served(model);
      const reason = floatRefusal(served.deploymentOf(version).version.signature);
      if (reason !== null) throw lastgoodError('FLOATS_REFUSED', { model: served.model, reason });
    },
    oip: createOipApi(context, table, life, control),
    metrics: createMetricsPage(context, table, life),
    page: ui === 'off' ? null : createPageApi(context, table, control, ui),
    tfs: createTfsApi(context, table),
    healthOf: (model) => healthAnswerOf(table.served(model), context),
    rollbackFromFront: async (model, { reason = 'requested over HTTP', expected_generation: meant }) => {
      const args = { model: table.served(model).model, reason, ...(meant !== undefined && { generation: meant }) };
      const { rolledBackTo, path, generation, trust, stored: saved } = await control.rollback(args, { by: 'http' });
      return { rolled_back_to: rolledBackTo, path, generation, trust, saved };
    },
  };
}

/** The front end's options, at `address` where it says other than the engine's options. */
export function frontOptions(
  context: EngineContext, address: { readonly host?: string; readonly port?: number },
): FrontOptions {
  const { host, port, bodyBytesMax, limits, adminToken, tlsCert, tlsKey } = context.options;
  const { sourceHeader: header = '', trustedProxy = '', corsOrigins, allowedHosts } = context.options;
  return {
    host: address.host ?? host, port: address.port ?? port, bodyBytesMax, limits, adminToken,
    memory: context.memory, sources: { header, trustedProxy }, origins: { corsOrigins, allowedHosts },
    ...(tlsCert !== undefined && tlsKey !== undefined && { tls: {
      paths: { cert: tlsCert, key: tlsKey },
      nowMs: () => context.clock.wallMs(),
      tell: (news: TlsNews) => tellTls(context, news),
    } }),
  };
}

function tellTls({ log, emit, traffic }: EngineContext, news: TlsNews): void {
  if (news.kind === 'served') {
    traffic.mark('certificate', 'another TLS certificate is served');
    const { subject, notAfterMs, warnings } = news.certificate;
    log.info({ subject, validUntil: new Date(notAfterMs).toISOString() }, 'TLS certificate');
    for (const warning of warnings) log.warn({ subject }, `TLS: ${warning}`);
    return;
  }
  const what = 'the TLS files changed and cannot be served; the certificate from before is served on';
  emit({ kind: 'problem', model: '', what, reason: news.reason });
}
