// What operators and tools read beside the predictions: GET /metrics, GET /openapi.json and GET /docs. Main thread; the
// description and its page are made once, when somebody asks for the first time.
import { packageVersion } from '../base/package-root.ts';
import type { Route } from '../http/routes.ts';
import { openApiDocument } from './openapi/document.ts';
import { OPERATIONS } from './openapi/operations.ts';
import { documentPage } from './openapi/page.ts';
import type { ServingApi } from './serving-api.ts';

/** What Prometheus expects of a server that it scrapes. */
const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const PAGE_TYPE = 'text/html; charset=utf-8';

/** The route of the metrics, for `driverRoutes`. */
export function metricsRoute(api: ServingApi): Route {
  return {
    method: 'GET', pattern: '/metrics', whileDraining: true,
    handle: (reply) => {
      api.metrics().then((text) => reply.text(200, TEXT_TYPE, text), (error: unknown) => reply.fail(error));
    },
  };
}

/** The routes of the description, for `driverRoutes`. */
export function openApiRoutes(): Route[] {
  let document: { readonly json: string; readonly page: string } | undefined;
  const made = (): { readonly json: string; readonly page: string } => {
    if (document === undefined) {
      const found = openApiDocument(OPERATIONS, packageVersion());
      document = { json: JSON.stringify(found), page: documentPage(found) };
    }
    return document;
  };
  return [
    {
      method: 'GET', pattern: '/openapi.json', whileDraining: true,
      handle: (reply) => reply.text(200, 'application/json', made().json),
    },
    {
      method: 'GET', pattern: '/docs', whileDraining: true,
      handle: (reply) => reply.text(200, PAGE_TYPE, made().page),
    },
  ];
}
