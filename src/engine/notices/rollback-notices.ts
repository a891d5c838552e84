// Tells a command or an address, for each model that has one set, of every rollback: by the machine and by a person.
// Main thread, beside the rollback and never before it is in force. Bounds: one attempt at a time for each model, a
// time limit for each, a few attempts with growing pauses, so many that wait. What became of it is an event of the
// model's history and a count. Invariant: a rollback on record without such an event is told by the next engine that
// starts within the hour, so neither a crash nor the end of the engine keeps it from being told.
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../../base/errors.ts';
import { nowOf, passedMs, recordedMoment } from '../../base/moment.ts';
import type { DecisionRecord } from '../../domain/records.ts';
import { optionsOfModel } from '../../options/options.ts';
import type { EngineContext } from '../models/context.ts';
import { rollbackMessage } from './rollback-message.ts';
import { type Attempt, isAddress, send } from './send.ts';

export interface NoticeLimits {
  readonly attempts: number;
  /** Of one attempt. */
  readonly limitMs: number;
  /** Before the second attempt; twice as long before each one after it. */
  readonly pauseMs: number;
  /** What an attempt that is under way has left when the engine closes. */
  readonly closeMs: number;
}

const NOTICE_LIMITS: NoticeLimits = { attempts: 5, limitMs: 10_000, pauseMs: 1_000, closeMs: 2_000 };
/** Rollbacks of one model that wait to be told; of more than these nobody is told. */
const WAITING_MAX = 16;
/** An older rollback is no news. */
const NEWS_MS = 3_600_000;
/** So many of the newest decisions and events are looked at for those that nobody was told of. */
const LOOKED_AT = 50;
/** Decisions that are remembered as taken on, whether they could be written down as told or not. */
const TAKEN_MAX = 1_000;

type Ports = Pick<EngineContext, 'options' | 'registry' | 'clock' | 'log' | 'meters' | 'emit'>;

export class RollbackNotices {
  readonly #ports: Ports;
  readonly #limits: NoticeLimits;
  /** By model, the rollbacks that are to be told, the first one being told. */
  readonly #waiting = new Map<string, DecisionRecord[]>();
  readonly #taken = new Set<string>();
  readonly #workers = new Set<Promise<void>>();
  readonly #stops = new Set<() => void>();
  readonly #ending = new AbortController();

  constructor(ports: Ports, limits: NoticeLimits = NOTICE_LIMITS) {
    this.#ports = ports;
    this.#limits = limits;
  }

  /** A rollback is in force; returns at once. */
  tell(decision: DecisionRecord): void {
    if (this.#ending.signal.aborted || this.#taken.has(decision.id) || this.#targetOf(decision.model) === null) return;
    this.#taken.add(decision.id);
    for (const oldest of this.#taken) if (this.#taken.size > TAKEN_MAX) this.#taken.delete(oldest);
    const { model } = decision;
    const waiting = this.#waiting.get(model);
    if (waiting === undefined) {
      this.#waiting.set(model, [decision]);
      const worker = this.#work(model).finally(() => this.#workers.delete(worker));
      this.#workers.add(worker);
    } else if (waiting.length < WAITING_MAX) {
      waiting.push(decision);
    } else {
      void this.#ended(decision, 'dropped', `${WAITING_MAX} others were waiting to be told`);
    }
  }

  /** Takes on what is on record, is news, and nobody was told of: by a process before this one, or beside it. */
  catchUp(model: string): void {
    if (this.#targetOf(model) === null) return;
    const { registry, clock } = this.#ports;
    try {
      const told = new Set(registry.history(model, LOOKED_AT)
        .filter(({ kind }) => kind === 'rollback_told' || kind === 'rollback_untold')
        .map(({ decision }) => decision));
      const now = nowOf(clock);
      // One of which neither clock tells how old it is may be news.
      const isNews = ({ atMs, at }: DecisionRecord): boolean =>
        (passedMs(recordedMoment(atMs, at), now) ?? 0) <= NEWS_MS;
      const due = registry.decisions(model, LOOKED_AT)
        .filter((one) => one.action === 'rollback' && isNews(one) && !told.has(one.id));
      for (const decision of due.reverse()) this.tell(decision);
    } catch (error) {
      this.#problem(model, 'it could not be found out which rollbacks nobody was told of', reasonOf(error));
    }
  }

  /** Begins nothing more, and ends what is under way; what is not told is left to the next engine. */
  async close(): Promise<void> {
    this.#ending.abort();
    const cut = setTimeout(() => {
      for (const stop of this.#stops) stop();
    }, this.#limits.closeMs);
    await Promise.all(this.#workers);
    clearTimeout(cut);
  }

  #targetOf(model: string): string | null {
    const { onRollback } = optionsOfModel(this.#ports.options, model);
    return onRollback === undefined || onRollback === 'off' ? null : onRollback;
  }

  async #work(model: string): Promise<void> {
    const waiting = this.#waiting.get(model) ?? [];
    // After everything that the rollback itself has to do in this turn of the event loop.
    await new Promise(setImmediate);
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (this.#ending.signal.aborted) break;
      await this.#tellOne(first);
      waiting.shift();
    }
    this.#waiting.delete(model);
  }

  async #tellOne(decision: DecisionRecord): Promise<void> {
    const { options, log, meters } = this.#ports;
    const { model, id } = decision;
    const { attempts, pauseMs } = this.#limits;
    const target = this.#targetOf(model) ?? '';
    const whom = isAddress(target) ? 'the address' : 'the command';
    const about = { host: hostname(), dataDir: options.dataDir };
    for (let attempt = 1; ; attempt += 1) {
      const { isDelivered, mayRetry, result } = await this.#attempt(target, rollbackMessage(decision, attempt, about));
      const said = `${whom} ${result}, at attempt ${attempt} of ${attempts}`;
      if (isDelivered) return this.#ended(decision, 'told', said);
      if (this.#ending.signal.aborted) return;
      if (!mayRetry || attempt >= attempts) return this.#ended(decision, 'given_up', said);
      meters.of(model).countNotice('retried');
      log.warn({ model, decision: id, reason: said }, 'somebody is told of a rollback again');
      if (!(await this.#pause(pauseMs * 2 ** (attempt - 1)))) return;
    }
  }

  async #attempt(target: string, message: unknown): Promise<Attempt> {
    try {
      const { done, stop } = send(target, message, this.#limits.limitMs);
      this.#stops.add(stop);
      return await done.finally(() => this.#stops.delete(stop));
    } catch (error) {
      return { isDelivered: false, mayRetry: true, result: `could not be told: ${reasonOf(error)}` };
    }
  }

  // False when the engine ends meanwhile.
  #pause(ms: number): Promise<boolean> {
    return sleep(ms, true, { signal: this.#ending.signal, ref: false }).catch(() => false);
  }

  async #ended(decision: DecisionRecord, how: 'told' | 'given_up' | 'dropped', reason: string): Promise<void> {
    const { registry, log, meters } = this.#ports;
    const { model, id, version, rolledBackTo } = decision;
    meters.of(model).countNotice(how);
    if (how === 'told') log.info({ model, decision: id, reason }, 'somebody was told of a rollback');
    else this.#problem(model, `nobody was told of the rollback ${id}`, reason);
    const kind = how === 'told' ? 'rollback_told' : 'rollback_untold';
    const event = { kind, by: 'engine', reason, from: version, to: rolledBackTo, decision: id } as const;
    try {
      await registry.commit(() => registry.recordEvent(model, event));
    } catch (error) {
      this.#problem(model, 'what became of a notice of a rollback could not be written down', reasonOf(error));
    }
  }

  #problem(model: string, what: string, reason: string): void {
    this.#ports.emit({ kind: 'problem', model, what, reason });
  }
}
