// The operator's verbs, carried out by a running engine: the client of its admin socket.
import { request as httpRequest } from 'node:http';
import { existsSync } from 'node:fs';
import { assertAccess } from '../artifacts/access.ts';
import { LastgoodError, lastgoodError, reasonOf } from '../base/errors.ts';
import type { ErrorCode, ErrorDetails } from '../base/errors.ts';
import { COMMANDS, controlPlane } from './commands.ts';
import type { Actor, ControlPlane, Verb } from './commands.ts';
import { BY_HEADER } from './server.ts';
import { adminSocketPath, isAlive } from './socket-claim.ts';

/** An engine answers what only reads at once; longer than this nobody waits for it. Changes take what they need. */
const ANSWER_MS_MAX = 10_000;

export type AdminClient = ControlPlane & { readonly path: string };

/**
 * Returns a client of the engine that owns the data directory, or null when nobody listens there; throws
 * PERMISSION_DENIED when the directory is another user's, ENGINE_UNREACHABLE when whoever listens does not answer as
 * an engine does.
 */
export async function connectAdmin(dataDir: string, answerMs = ANSWER_MS_MAX): Promise<AdminClient | null> {
  assertAccess(dataDir);
  const path = adminSocketPath(dataDir);
  if (!existsSync(path) || !(await isAlive(path))) return null;
  const engine = new RemoteEngine(path, answerMs);
  await engine.greet();
  return { path, ...controlPlane((verb, args, actor) => engine.ask(verb, args, actor)) };
}

class RemoteEngine {
  readonly #path: string;
  readonly #answerMs: number;

  constructor(path: string, answerMs: number) {
    this.#path = path;
    this.#answerMs = answerMs;
  }

  /** Throws ENGINE_UNREACHABLE when whoever listens is not heard of in time, so that a change need not have a limit. */
  async greet(): Promise<void> {
    this.#parse((await this.#send('GET', '/', '', undefined)).text);
  }

  async ask(verb: Verb, args: object, actor: Actor | undefined): Promise<unknown> {
    const { method } = COMMANDS[verb];
    const reads = method === 'GET';
    const texts = Object.entries(args).map(([name, value]): [string, string] => [name, String(value)]);
    const query = new URLSearchParams(texts);
    const path = reads ? `/v1/${verb}?${query.toString()}` : `/v1/${verb}`;
    const { status, text } = await this.#send(method, path, reads ? '' : JSON.stringify(args), actor);
    const value = this.#parse(text);
    if (status === 200) return value;
    const { code, error, details } =
      value as { readonly code: ErrorCode; readonly error: string; readonly details?: ErrorDetails };
    throw new LastgoodError(code, error, status, details);
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      const reason = 'the answer is no JSON; is it an engine?';
      throw lastgoodError('ENGINE_UNREACHABLE', { path: this.#path, reason });
    }
  }

  #send(
    method: string, path: string, body: string, actor: Actor | undefined,
  ): Promise<{ status: number; text: string }> {
    return new Promise((done, fail) => {
      let timer: NodeJS.Timeout | undefined;
      const unreachable = (error: unknown): void => {
        clearTimeout(timer);
        fail(lastgoodError('ENGINE_UNREACHABLE', { path: this.#path, reason: reasonOf(error) }));
      };
      const headers = {
        ...(actor === undefined ? {} : { [BY_HEADER]: actor.by }),
        ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      };
      const sent = httpRequest({ socketPath: this.#path, method, path, headers }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', unreachable);
        response.on('end', () => {
          clearTimeout(timer);
          done({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() });
        });
      });
      sent.on('error', unreachable);
      if (method === 'GET') timer = setTimeout(() => {
        const reason = `whoever listens there gave no answer within ${this.#answerMs} ms; is it an engine that hangs?`;
        unreachable(new Error(reason));
        sent.destroy();
      }, this.#answerMs);
      sent.end(body);
    });
  }
}
