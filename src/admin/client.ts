// The operator's verbs, carried out by a running engine: the client of its admin socket.
import { request as httpRequest } from 'node:http';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { LastgoodError, lastgoodError, reasonOf } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { DecisionRecord, EventRecord, ModelRecord, VersionRecord } from '../registry/records.ts';
import { COMMANDS } from './commands.ts';
import type { Verb } from './commands.ts';
import type {
  Activation, Actor, BaselineArguments, ControlPlane, EngineStatus, RegisterArguments, Rollback,
} from './control-plane.ts';
import { BY_HEADER } from './server.ts';
import { isAlive } from './socket-claim.ts';
import { adminSocketPath } from './socket-path.ts';

/** An engine answers what only reads at once; longer than this nobody waits for it. Changes take what they need. */
const ANSWER_MS_MAX = 10_000;

/**
 * Returns a client of the engine that owns the data directory, or null when nobody listens there; throws
 * ENGINE_UNREACHABLE when whoever listens does not answer as an engine does.
 */
export async function connectAdmin(dataDir: string, answerMs = ANSWER_MS_MAX): Promise<AdminClient | null> {
  const path = adminSocketPath(dataDir);
  if (!existsSync(path) || !(await isAlive(path))) return null;
  const client = new AdminClient(path, answerMs);
  await client.greet();
  return client;
}

export class AdminClient implements ControlPlane {
  readonly path: string;
  readonly #answerMs: number;

  /** Use connectAdmin. */
  constructor(path: string, answerMs: number) {
    this.path = path;
    this.#answerMs = answerMs;
  }

  /** Throws ENGINE_UNREACHABLE when whoever listens is not heard of in time, so that a change need not have a limit. */
  async greet(): Promise<void> {
    this.#parse((await this.#send('GET', '/', '', undefined)).text);
  }

  register(args: RegisterArguments, actor: Actor): Promise<{ version: VersionRecord; activation: Activation | null }> {
    // The engine may run in another directory.
    const { baseline, golden } = args;
    return this.#ask('register', {
      ...args,
      file: resolve(args.file),
      ...(baseline === undefined ? {} : { baseline: resolve(baseline) }),
      ...(golden === undefined ? {} : { golden: resolve(golden) }),
    }, actor);
  }
  promote(
    args: { model: string; version: string; allowSignatureChange?: boolean; reason?: string }, actor: Actor,
  ): Promise<Activation> {
    return this.#ask('promote', args, actor);
  }
  rollback(args: { model: string; to?: string; reason?: string }, actor: Actor): Promise<Rollback> {
    return this.#ask('rollback', args, actor);
  }
  confirm(args: { model: string }, actor: Actor): Promise<ModelRecord> {
    return this.#ask('confirm', args, actor);
  }
  pin(args: { model: string; reason?: string }, actor: Actor): Promise<ModelRecord> {
    return this.#ask('pin', args, actor);
  }
  unpin(args: { model: string }, actor: Actor): Promise<ModelRecord> {
    return this.#ask('unpin', args, actor);
  }
  quarantine(args: { model: string; version: string; reason?: string }, actor: Actor): Promise<VersionRecord> {
    return this.#ask('quarantine', args, actor);
  }
  release(args: { model: string; version: string }, actor: Actor): Promise<VersionRecord> {
    return this.#ask('release', args, actor);
  }
  baseline(args: BaselineArguments, actor: Actor): Promise<VersionRecord> {
    return this.#ask('baseline', args.from === undefined ? args : { ...args, from: resolve(args.from) }, actor);
  }
  remove(
    args: { model: string; version?: string }, actor: Actor,
  ): Promise<{ removed: string[]; artifacts: string[] }> {
    return this.#ask('remove', args, actor);
  }
  status(args: { model?: string }): Promise<EngineStatus> {
    return this.#ask('status', args);
  }
  history(args: { model: string; limit?: number }): Promise<EventRecord[]> {
    return this.#ask('history', args);
  }
  explain(args: { decision?: string }): Promise<DecisionRecord> {
    return this.#ask('explain', args);
  }
  drain(actor: Actor): Promise<{ answered: number }> {
    return this.#ask('drain', {}, actor);
  }

  async #ask<T>(verb: Verb, args: object, actor?: Actor): Promise<T> {
    const method = COMMANDS.find((command) => command.verb === verb)?.method ?? 'POST';
    const reads = method === 'GET';
    const texts = Object.entries(args).map(([name, value]): [string, string] => [name, String(value)]);
    const query = new URLSearchParams(texts);
    const path = reads ? `/v1/${verb}?${query.toString()}` : `/v1/${verb}`;
    const { status, text } = await this.#send(method, path, reads ? '' : JSON.stringify(args), actor);
    const value = this.#parse(text);
    if (status === 200) return value as T;
    const { code, error } = value as { readonly code: ErrorCode; readonly error: string };
    throw new LastgoodError(code, error, status);
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw lastgoodError('ENGINE_UNREACHABLE', { path: this.path, reason: 'the answer is no JSON; is it an engine?' });
    }
  }

  #send(
    method: string, path: string, body: string, actor: Actor | undefined,
  ): Promise<{ status: number; text: string }> {
    return new Promise((done, fail) => {
      let timer: NodeJS.Timeout | undefined;
      const unreachable = (error: unknown): void => {
        clearTimeout(timer);
        fail(lastgoodError('ENGINE_UNREACHABLE', { path: this.path, reason: reasonOf(error) }));
      };
      const headers = {
        ...(actor === undefined ? {} : { [BY_HEADER]: actor.by }),
        ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      };
      const sent = httpRequest({ socketPath: this.path, method, path, headers }, (response) => {
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
