// The routes of TensorFlow Serving's REST API, which KServe's first protocol shares: predict, status, metadata, with
// and without a version or a label. Main thread; the body of a prediction is passed on as bytes, never parsed here.
//   POST /v1/models/{model}[/versions/{version}|/labels/{label}]:predict
// A colon is no separator for the router, so the last segment comes with ":predict" at its end.
import { monotonicUs } from '../base/clock.ts';
import { lastgoodError } from '../base/errors.ts';
import { collectBody } from '../http/body.ts';
import type { HttpRequest } from '../http/driver.ts';
import type { Reply } from '../http/reply.ts';
import type { RequestHead } from '../http/request-head.ts';
import { pathParameter, type Route } from '../http/routes.ts';
import type { FrontState } from '../http/state.ts';
import { EntryKind } from '../protocols/protocol.ts';
import type { FrontOptions, ServingApi } from './serving-api.ts';

const PREDICT = ':predict';
const ECHO_CHARACTERS_MAX = 200;

/** A model, or one version of it. */
interface Target {
  readonly model: string;
  readonly version: string | undefined;
}
type Resolve = (model: string, segment: string) => Target;

/** The routes, for `driverRoutes`. */
export function tfsRoutes(api: ServingApi, options: FrontOptions, state: FrontState): Route[] {
  const { tfs } = api;
  const whole: Resolve = (_, model) => ({ model, version: undefined });
  const byVersion: Resolve = (model, version) => ({ model, version });
  const byLabel: Resolve = (model, label) => ({ model, version: tfs.versionOf(model, label) });
  const predict = (reply: Reply, head: RequestHead, { model, version }: Target): void => {
    // Before the body is read, so that an unknown model costs the client no upload.
    const queue = api.models.served(model).queueOf(version);
    queue.assertRoom(EntryKind.tfsPredict);
    collectBody(reply, head, state, options.bodyBytesMax, (body) => {
      reply.ticket = queue.submit(EntryKind.tfsPredict, body, reply, monotonicUs());
    });
  };
  const family = (pattern: string, resolve: Resolve): Route[] => [
    {
      method: 'POST', pattern,
      handle: (reply, request, head) => {
        const [model, last] = segments(request, resolve === whole);
        if (!last.endsWith(PREDICT)) throw notFound('POST', request);
        predict(reply, head, resolve(model, last.slice(0, -PREDICT.length)));
      },
    },
    {
      method: 'GET', pattern,
      handle: (reply, request) => {
        const [model, last] = segments(request, resolve === whole);
        if (last.endsWith(PREDICT)) {
          const path = request.getUrl().slice(0, ECHO_CHARACTERS_MAX);
          throw lastgoodError('METHOD_NOT_ALLOWED', { method: 'GET', path, allowed: 'POST' });
        }
        const target = resolve(model, last);
        reply.json(200, tfs.status(target.model, target.version));
      },
    },
    {
      method: 'GET', pattern: `${pattern}/metadata`,
      handle: (reply, request) => {
        const [model, last] = segments(request, resolve === whole);
        const target = resolve(model, last);
        reply.json(200, tfs.metadata(target.model, target.version));
      },
    },
  ];
  return [
    { method: 'GET', pattern: '/v1/models', handle: (reply) => reply.json(200, { models: tfs.models() }) },
    ...family('/v1/models/:model', whole),
    ...family('/v1/models/:model/versions/:version', byVersion),
    ...family('/v1/models/:model/labels/:label', byLabel),
  ];
}

// The model's segment and the last one, which are the same without a version or a label.
function segments(request: HttpRequest, isModelLast: boolean): readonly [model: string, last: string] {
  const model = pathParameter(request, 0);
  return [model, isModelLast ? model : pathParameter(request, 1)];
}

const notFound = (method: string, request: HttpRequest): Error =>
  lastgoodError('ROUTE_NOT_FOUND', { method, path: request.getUrl().slice(0, ECHO_CHARACTERS_MAX) });
