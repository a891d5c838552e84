// One run of the demo: a temporary data directory, an engine on it, the load process, the acts, and the report. Main
// thread. Invariant: however it ends, the load is stopped first, then the engine, and the directory is deleted last.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine } from '../../engine/engine.ts';
import type { Engine } from '../../engine/engine.ts';
import type { RolloutEvent } from '../../rollout/events.ts';
import { packageRoot } from '../../base/package-root.ts';
import { ACTS, DEMO_MODEL, playActs } from './acts.ts';
import type { Activated } from './acts.ts';
import { failedOf, Ledger, totalOf } from './ledger.ts';
import { pageAddress } from '../desktop.ts';
import { LoadProcess } from './load-process.ts';
import { outcomeOf } from './outcome.ts';
import type { ActReport, DemoReport } from './outcome.ts';
import type { Screen } from './screen.ts';

const CONNECTIONS = 8;
/** Leaves room on two cores: about 1,500 requests a second. */
const THINK_MS = 4;
const LIVE_MS = 1_000;

/**
 * What differs from the defaults, so that three rollbacks fit into a minute: the judge's window is a fifth, so that the
 * two looks which a drift needs and the slots which a burst may fill pass in 2 and 3 s. With one worker and small
 * batches the clients of the slow version wait for several runs, so it is over the limit on a fast host too, and the
 * limit leaves a good version room on a busy one.
 */
export const SETTINGS = {
  windowMs: 12_000, p95LimitMs: 80, cooldownMs: 0, workers: 1, batchSizeMax: 2, connections: CONNECTIONS,
  thinkMs: THINK_MS,
} as const;

export interface DemoOptions {
  readonly screen: Screen;
  readonly secondsPerAct: number;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  /** Told where the page is, once it is there. */
  readonly onPage: (url: string) => void;
  /** Resolves when the page may go, after the last act. */
  readonly lookedEnough: () => Promise<void>;
}

/** Runs the demo and deletes what it made; rejects with an AbortError when `signal` ends it. */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const dataDir = mkdtempSync(join(tmpdir(), 'lastgood-demo-'));
  try {
    const engine = await createEngine({
      dataDir,
      workers: SETTINGS.workers,
      batchSizeMax: SETTINGS.batchSizeMax,
      logLevel: 'silent',
      judge: {
        windowMs: SETTINGS.windowMs, p95LimitMs: SETTINGS.p95LimitMs, cooldownMs: SETTINGS.cooldownMs,
        rollbackIntervalMs: SETTINGS.cooldownMs,
      },
    });
    try {
      return await runOn(engine, options);
    } finally {
      await engine.close();
    }
  } finally {
    options.screen.end();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function runOn(engine: Engine, options: DemoOptions): Promise<DemoReport> {
  const { screen, nowMs, signal, secondsPerAct } = options;
  await registerAll(engine, options);
  const ledger = new Ledger();
  const activations = bookkeeping(engine, ledger, options);
  const { port } = await engine.listen({ host: '127.0.0.1', port: 0 });
  options.onPage(pageAddress(`127.0.0.1:${port}`, false));
  let load: LoadProcess | null = null;
  const startLoad = (): void => {
    load = new LoadProcess(ledger, {
      port, path: `/models/${DEMO_MODEL}/predict`, trafficFile: modelFile('traffic.json'), connections: CONNECTIONS,
      thinkMs: THINK_MS,
    });
    screen.detail(`- ${CONNECTIONS} clients in another process ask it over HTTP, all the time`);
  };
  const live = setInterval(() => screen.live(liveText(engine, ledger)), LIVE_MS);
  try {
    const acts = await playActs({ engine, ledger, screen, secondsPerAct, activations, startLoad, nowMs, signal });
    const outcome = await report(acts, ledger, load, nowMs);
    await options.lookedEnough();
    return outcome;
  } finally {
    clearInterval(live);
    (load as LoadProcess | null)?.kill();
  }
}

async function report(
  acts: readonly ActReport[],
  ledger: Ledger,
  load: LoadProcess | null,
  nowMs: () => number,
): Promise<DemoReport> {
  const { sent, unanswered } = (await load?.stop()) ?? { sent: 0, unanswered: {} };
  const outcome = outcomeOf({
    planned: ACTS, acts, sent, unanswered,
    answered: ledger.answered,
    byVersion: ledger.counts(),
    misplaced: ledger.misplaced(),
  });
  return { ...outcome, tookMs: Math.round(nowMs()), settings: SETTINGS, acts };
}

const modelFile = (name: string): string => join(packageRoot(), 'models', DEMO_MODEL, name);

async function registerAll(engine: Engine, { screen, signal }: DemoOptions): Promise<void> {
  screen.event(`Registering ${ACTS.length} versions of the model "${DEMO_MODEL}"`, 'step');
  for (const { version } of ACTS) {
    const { trial, artifactBytes } = await engine.register(DEMO_MODEL, modelFile(`${version}.onnx`), {
      version,
      baseline: modelFile(`${version}.baseline.json`),
      golden: modelFile(`${version}.golden.json`),
    });
    signal.throwIfAborted();
    screen.detail(
      `- ${version.padEnd(8)} ${artifactBytes} bytes; tried in a child process, ${trial.goldenCases} golden answers ` +
        `match, ${trial.runMs.toFixed(trial.runMs < 1 ? 2 : 0)} ms a run`,
    );
  }
}

// Listens to the engine: the handlers run in the turn in which the pointer moves, so these are the times of the moves.
function bookkeeping(engine: Engine, ledger: Ledger, { nowMs, screen }: DemoOptions): readonly Activated[] {
  const activations: Activated[] = [];
  const note = (
    version: string, generation: number, decision: Activated['decision'], standby: string | null,
  ): void => {
    const atUs = Number(process.hrtime.bigint() / 1_000n);
    ledger.activate(version, atUs, standby);
    activations.push({ generation, atUs, atMs: nowMs(), decision });
  };
  engine.on('promote', ({ activation }) => note(activation.version, activation.generation, null, activation.from));
  engine.on('rollback', ({ decision, generation }) => note(decision.rolledBackTo ?? '', generation, decision, null));
  engine.on('decision', ({ decision }) => {
    screen.event(`The monitor did not act (${decision.suppressedBy ?? decision.action}): ${decision.reason}`, 'bad');
  });
  engine.on('problem', ({ what, reason }: Extract<RolloutEvent, { kind: 'problem' }>) => {
    screen.event(`The engine reports a problem: ${what}: ${reason}`, 'bad');
  });
  return activations;
}

function liveText(engine: Engine, ledger: Ledger): string {
  const fromUs = ledger.newestUs - LIVE_MS * 1_000;
  const perSecond = Object.entries(ledger.counts(fromUs)).map(([version, counts]) => {
    const errors = failedOf(counts);
    return `${totalOf(counts).toLocaleString('en-US')}/s from ${version}${errors > 0 ? ` (${errors} errors)` : ''}`;
  });
  const p95 = ledger.p95Ms(fromUs);
  const active = engine.models.served(DEMO_MODEL).rollout.activeVersion?.version ?? '';
  const waited = p95 === null ? '' : `   p95 ${p95.toFixed(1)} ms`;
  return `active ${active}   ${perSecond.join(', ') || 'no answers yet'}${waited}`;
}
