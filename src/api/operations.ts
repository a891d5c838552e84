// GET /openapi.json and GET /docs. Main thread; both are made once, when somebody asks for the first time.
import { packageVersion } from '../base/package-root.ts';
import { openApiDocument } from './openapi/document.ts';
import { OPERATIONS } from './openapi/operations.ts';
import { documentPage } from './openapi/page.ts';
import type { Route } from '../http/routes.ts';

const PAGE_TYPE = 'text/html; charset=utf-8';

/** The routes of the description, for `registerRoutes`. */
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
