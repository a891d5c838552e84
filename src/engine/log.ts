// What the engine writes to its log: one structured line per event, by pino. Main thread; nothing on the hot path logs.
import { createRequire } from 'node:module';
import { pino } from 'pino';
import type * as PinoPretty from 'pino-pretty';
import { plainly, plainText } from '../base/plain-text.ts';
import type { ResolvedOptions } from '../options/options.ts';
import type { RolloutEvent } from '../rollout/events.ts';

/** The part of a pino logger that the engine uses. */
export type EngineLog = Pick<pino.Logger, 'info' | 'warn' | 'error'>;

const nothing = (): void => undefined;
/** Logs nothing: the default for programs that embed the engine. */
export const silentLog: EngineLog = { info: nothing, warn: nothing, error: nothing };

/** A logger to stderr: JSON lines, or coloured text for a person at a terminal, which obeys nothing in it. */
export function createLog(options: {
  readonly level: ResolvedOptions['logLevel'];
  readonly pretty: boolean;
}): pino.Logger {
  if (!options.pretty) return pino({ level: options.level }, pino.destination({ dest: 2, sync: true }));
  // Loaded here only: it takes memory that an engine without a terminal need not have.
  const { PinoPretty: pretty } = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
  // Written in this thread: the last lines before an exit are the ones that matter.
  const stream = pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' });
  return pino({
    level: options.level, formatters: { log: plainly },
    hooks: {
      logMethod(args, method) {
        method.apply(this, args.map((one: unknown) => (typeof one === 'string' ? plainText(one) : one)) as typeof args);
      },
    },
  }, stream);
}

/** Writes one event of a rollout. */
export function logRolloutEvent(log: EngineLog, event: RolloutEvent): void {
  switch (event.kind) {
    case 'promote': {
      const { model, from, version, generation } = event.activation;
      log.info({ model, from, version, generation, by: event.by }, 'promoted');
      return;
    }
    case 'rollback': {
      const { model, version: from, rolledBackTo: version, trigger, reason, id } = event.decision;
      log.warn({ model, from, version, generation: event.generation, trigger, reason, decision: id }, 'rolled back');
      return;
    }
    case 'decision': {
      const { model, version, trigger, action, suppressedBy, reason, id } = event.decision;
      log.warn({ model, version, trigger, action, suppressedBy, reason, decision: id }, 'not rolled back');
      return;
    }
    case 'phase':
      log.info({ model: event.model, phase: event.phase }, 'phase');
      return;
    case 'problem':
      log.error({ model: event.model, reason: event.reason }, event.what);
  }
}
