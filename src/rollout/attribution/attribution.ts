// Gathers what is asked before a rollback: how fast the last good version is now, and what it answers to inputs that
// came in lately, and to those that the failing version failed. Main thread; everything runs beside the traffic and
// belongs to no generation. What it means is decided in judge/verdict: host.ts, attribution.ts and asked-again.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { reasonOf } from '../../base/errors.ts';
import { CHECKS } from '../../judge/checks/table.ts';
import type { Verdict } from '../../judge/types/messages.ts';
import type { ConstantFacts, FailureFacts } from '../../judge/verdict/asked-again.ts';
import type { AttributionFacts, Compared } from '../../judge/verdict/attribution.ts';
import { findingOf } from '../../judge/verdict/findings.ts';
import type { Finding, UncertainCause } from '../../judge/verdict/findings.ts';
import { medianOf } from '../../judge/verdict/host.ts';
import { referenceOf } from '../../judge/baseline/reference.ts';
import type { Baseline } from '../../domain/records.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Deployment } from '../deployment/deployment.ts';
import type { Deployments } from '../deployment/deployments.ts';
import { askAgain } from './asked-again.ts';
import type { KeptRequest } from './asked-again.ts';
import { probeRequests } from './probe-request.ts';
import { probe } from './probes.ts';
import { keptRows, RECENT_ROWS_MAX, RECENT_ROWS_MIN, runRecentInputs } from './recent-inputs.ts';
import type { AnswerPair, RecentInputsRun } from './recent-inputs.ts';
import { signatureDifference } from '../registration/promotable.ts';

/** Older inputs are not recent. */
const RECENT_US = 600e6;
/** How long it is waited for inputs while too few are kept. */
const GATHER_PAUSE_MS = 50;
const GATHER_TRIES = 40;
/** Larger answers than so many usual ones come from inputs that nobody means. */
const USUAL_SIZES = 1e6;
/** An answer to more of the inputs than this is one of a few that a version saturates at. */
const RARE_SHARE = 0.1;
const NOT_LOADED = { unavailable: 'no last good version is loaded to compare with' };

interface AttributionPorts {
  readonly model: string;
  readonly batchSizeMax: number;
  readonly registry: Registry;
  readonly deployments: Deployments;
  readonly clock: Clock;
  /** Other models of this host that are over their latency limit now. */
  readonly othersTooSlow: () => string[];
  /** What a generation failed lately, or had no finite answer to. */
  readonly failed: (generation: number, what: 'failed' | 'nonFinite') => readonly (KeptRequest | null)[];
  /** Recent inputs are kept as the active version's phase asks for, and not because somebody looks into it. */
  readonly keepRowsAsEver: () => void;
}

/** What has to be known of a verdict to look into it. */
type Suspicion = Pick<Verdict, 'version' | 'generation' | 'failing'>;

/** So few recent inputs are kept that nothing can be said yet. */
interface Gathering {
  readonly gathered: number;
  readonly wanted: number;
}

// Some of what failed is answered, and some is not.
const isMixed = ({ asked, answered }: { readonly asked: number; readonly answered: number }): boolean =>
  answered > 0 && answered < asked;

const keyOf = ({ value, classIndex }: AnswerPair['active']): string => `${value} ${classIndex}`;

function countsOf(keys: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

export class Attribution {
  readonly #ports: AttributionPorts;

  constructor(ports: AttributionPorts) {
    this.#ports = ports;
  }

  /** Finds out what a failing check of this cause speaks of. */
  async attribute(cause: UncertainCause, suspicion: Suspicion): Promise<Finding> {
    const { deployments } = this.#ports;
    const { version } = suspicion;
    const active = deployments.find(version);
    const { standby } = deployments;
    switch (cause) {
      case 'latency': return findingOf({ cause, facts: await this.#host(version, active, standby) });
      case 'drift': return findingOf({ cause, facts: await this.#inputs(active, standby) });
      case 'constant': return findingOf({ cause, facts: await this.#constant(active, standby) });
      default: return findingOf({ cause, facts: await this.#failures(cause, suspicion, active, standby) });
    }
  }

  async #failures(
    cause: 'failure' | 'output', { version, generation, failing }: Suspicion,
    active: Deployment | undefined, standby: Deployment | undefined,
  ): Promise<FailureFacts> {
    if (active === undefined || standby === undefined) return NOT_LOADED;
    const difference = signatureDifference(active.version.signature, standby.version.signature);
    const { version: other } = standby.version;
    if (difference !== null) return { unavailable: `version "${other}" takes or gives other tensors` };
    const kept = this.#ports.failed(generation, cause === 'failure' ? 'failed' : 'nonFinite');
    if (kept.length === 0) return { unavailable: 'none of it is kept' };
    const found = await askAgain(standby, kept, () => this.#ports.clock.monotonicUs());
    if (found === null) return { unavailable: `version "${other}" did not come back from it` };
    const checks = failing.filter(({ check }) => CHECKS[check].cause === cause)
      .map(({ check, value, limit }) => ({ check, value, limit }));
    const recent = cause === 'output' && isMixed(found) ? await this.#finiteOf(active, standby) : null;
    return { version, standby: other, ...found, checks, recent };
  }

  // How often only one of the two has a finite answer to a recent input; nothing speaks against one without any. The
  // standby's has to be one that speaks for it: of a usual size, and none that it saturates at.
  async #finiteOf(active: Deployment, standby: Deployment): Promise<{ better: number; worse: number }> {
    const run = await this.#recent(active, standby);
    if ('unavailable' in run || 'gathered' in run) return { better: 0, worse: 0 };
    const counts = countsOf(run.pairs.map((pair) => keyOf(pair.standby)));
    const sizeMax = USUAL_SIZES * this.#usualSize(standby, run);
    const isSound = ({ standby: answer }: AnswerPair): boolean => Math.abs(answer.value) <= sizeMax &&
      counts.get(keyOf(answer))! <= run.pairs.length * RARE_SHARE;
    const onlyOf = (one: 'active' | 'standby', other: 'active' | 'standby'): AnswerPair[] =>
      run.pairs.filter((pair) => Number.isFinite(pair[one].value) && !Number.isFinite(pair[other].value));
    return { better: onlyOf('standby', 'active').filter(isSound).length, worse: onlyOf('active', 'standby').length };
  }

  // How large the standby's answers are when all is well; without a baseline the middle of what both answer has to do.
  #usualSize({ version: { version } }: Deployment, { pairs }: RecentInputsRun): number {
    const { baseline } = this.#ports.registry.version(this.#ports.model, version);
    if (baseline !== null) return Math.abs(baseline.mean) + baseline.standardDeviation;
    const good = pairs.filter(({ active, standby }) => Number.isFinite(active.value) && Number.isFinite(standby.value));
    return medianOf(good.map(({ standby }) => Math.abs(standby.value))) || 0;
  }

  async #constant(active: Deployment | undefined, standby: Deployment | undefined): Promise<ConstantFacts> {
    if (active === undefined || standby === undefined) return NOT_LOADED;
    const run = await this.#recent(active, standby);
    if ('unavailable' in run || 'gathered' in run) return run;
    const ofActive = run.pairs.map((pair) => keyOf(pair.active));
    const ofStandby = run.pairs.map((pair) => keyOf(pair.standby));
    const counts = countsOf(ofStandby);
    const [usual] = [...countsOf(ofActive)].sort(([, a], [, b]) => b - a)[0]!;
    const various = ofActive.filter((_, row) => counts.get(ofStandby[row]!)! <= ofActive.length * RARE_SHARE);
    return {
      version: active.version.version, standby: standby.version.version, rows: run.pairs.length,
      various: various.length, constant: various.filter((key) => key === usual).length,
    };
  }

  // What came in lately, awaited for a while where too little is kept: it goes on being kept until there is enough.
  async #recent(
    active: Deployment, standby: Deployment,
  ): Promise<RecentInputsRun | Gathering | { readonly unavailable: string }> {
    const { clock, keepRowsAsEver } = this.#ports;
    const nowUs = (): number => clock.monotonicUs();
    const sinceUs = nowUs() - RECENT_US;
    const countKept = (): number => keptRows(active, RECENT_ROWS_MAX, sinceUs).length;
    if (active.rows.reservoir !== null) {
      active.keepRows('fast');
      let gathered = countKept();
      for (let tries = 0; tries < GATHER_TRIES && gathered < RECENT_ROWS_MIN; tries += 1) {
        await sleep(GATHER_PAUSE_MS);
        gathered = countKept();
      }
      if (gathered < RECENT_ROWS_MIN) return { gathered, wanted: RECENT_ROWS_MIN };
      keepRowsAsEver();
    }
    return runRecentInputs(active, standby, nowUs, sinceUs)
      .catch((error: unknown) => ({ unavailable: reasonOf(error) }));
  }

  async #host(version: string, active: Deployment | undefined, standby: Deployment | undefined) {
    const { model, registry, batchSizeMax, clock, othersTooSlow } = this.#ports;
    const others = othersTooSlow();
    const good = standby?.version;
    const about = { version, standby: good?.version ?? null, usualMs: good?.trial.runMs ?? null, others };
    if (active === undefined || standby === undefined) return { ...about, probes: [], stuck: null };
    // A version whose worker is lost in a probe has answered no question.
    const requests = probeRequests(standby.version.signature, registry.goldenOf(model, standby.version.version));
    const probes = await probe(active, standby, requests, batchSizeMax, () => clock.monotonicUs())
      .catch(() => ({ probes: [], stuck: null }));
    return { ...about, ...probes };
  }

  async #inputs(active: Deployment | undefined, standby: Deployment | undefined): Promise<AttributionFacts> {
    if (active === undefined) return { unavailable: 'the version is no longer loaded' };
    if (standby === undefined) return { unavailable: 'no last good version is loaded to compare with' };
    const run = await runRecentInputs(active, standby, () => this.#ports.clock.monotonicUs())
      .catch((error: unknown) => ({ unavailable: reasonOf(error) }));
    return 'unavailable' in run ? run : this.#compared(active, standby, run);
  }

  #compared(active: Deployment, standby: Deployment, { pairs, effective }: RecentInputsRun): Compared {
    const answers = (of: 'active' | 'standby'): Compared['active'] => ({
      values: pairs.map((pair) => (Number.isFinite(pair[of].value) ? pair[of].value : null)),
      classes: pairs.map((pair) => pair[of].classIndex),
    });
    const baselineOf = ({ version: { version } }: Deployment): Baseline | null =>
      this.#ports.registry.baselineOf(this.#ports.model, version);
    const cosines = pairs.map(({ cosine }) => cosine);
    return {
      kind: standby.version.outputKind,
      version: active.version.version,
      standby: standby.version.version,
      active: answers('active'),
      good: answers('standby'),
      effective,
      cosines: cosines.every((cosine) => cosine !== null) && cosines.length > 0 ? cosines : null,
      usual: { active: usualOf(baselineOf(active)), good: usualOf(baselineOf(standby)) },
    };
  }
}

/** What is stored of a baseline to compare answers with; null without one. */
export function usualOf(baseline: Baseline | null): Compared['usual']['active'] {
  const reference = referenceOf(baseline);
  if (baseline === null || reference === null) return null;
  const { edges, counts } = reference.bins;
  return {
    rows: reference.rows, edges: [...edges], counts: [...counts],
    classCounts: reference.kind === 'labels'
      ? [...reference.classes!.counts]
      : baseline.classShares?.map((share) => Math.round(share * baseline.rows)) ?? null,
    ...(reference.kind === 'labels' ? { labels: [...reference.classSlots.keys()] } : {}),
  };
}
