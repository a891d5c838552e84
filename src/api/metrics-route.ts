// GET /metrics. Main thread.
import type { FrontPort } from './serving-api.ts';
import type { Route } from '../http/routes.ts';

/** What Prometheus expects of a server that it scrapes. */
const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The route of the metrics, for `registerRoutes`. */
export function metricsRoute(port: FrontPort): Route {
  return {
    method: 'GET', pattern: '/metrics', whileDraining: true,
    handle: (reply) => {
      port.metrics().then((text) => reply.text(200, TEXT_TYPE, text), (error: unknown) => reply.fail(error));
    },
  };
}
