// Gathers what is asked before a rollback: how fast the last good version is now, and what it answers to the same
// questions as the failing one. Main thread; everything runs beside the traffic and belongs to no generation. What it
// means is decided in judge/verdict: host.ts and paired.ts.
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { CHECKS } from '../../judge/checks/table.ts';
import { evidenceOfSuite } from '../../judge/checks/check.ts';
import { warmUpOf } from '../../judge/checks/p95-latency.ts';
import type { WarmUp } from '../../judge/checks/p95-latency.ts';
import type { CheckEvidence } from '../../judge/checks/check.ts';
import { isSameInput, judgedOutputOf, outputDifference } from '../../domain/judged-output.ts';
import type { Verdict } from '../../judge/types/messages.ts';
import type { ConstantFacts, FailureFacts } from '../../judge/verdict/asked-again.ts';
import type { AttributionFacts, Compared } from '../../judge/verdict/attribution.ts';
import { findingOf } from '../../judge/verdict/findings.ts';
import type { Finding, UncertainCause } from '../../judge/verdict/findings.ts';
import { judgeHost } from '../../judge/verdict/host.ts';
import type { HostFacts } from '../../judge/verdict/host.ts';
import type { PairedChanges, PairedFailures } from '../../judge/verdict/paired.ts';
import { referenceOf } from '../../judge/baseline/reference.ts';
import type { Baseline } from '../../domain/records.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Deployment } from '../deployment/deployment.ts';
import type { Deployments } from '../deployment/deployments.ts';
import { repeatFailures } from './asked-again.ts';
import type { KeptRequest } from './asked-again.ts';
import type { PairGatherer } from './pair-gatherer.ts';
import { probeRequests } from './probe-request.ts';
import { PairedRuns } from './paired-runs.ts';
import { signatureDifference } from '../registration/promotable.ts';

/** Pairs are gathered for a failing check for so many short windows; then what has come has to do. */
export const WAIT_WINDOWS = 10;
const NOT_LOADED = { unavailable: 'no last good version is loaded to compare with' };

interface AttributionPorts {
  readonly model: string;
  readonly batchSizeMax: number;
  /** Of the judge. */
  readonly windowMs: number;
  readonly registry: Registry;
  readonly deployments: Deployments;
  readonly clock: Clock;
  readonly pairs: Pick<PairGatherer, 'lookInto' | 'sizeMax'>;
  /** Of the order in which two versions are timed. */
  readonly seed: number;
  /** Other models of this host that are over their latency limit now. */
  readonly othersTooSlow: () => string[];
  /** What a generation failed lately, or had no finite answer to. */
  readonly failed: (generation: number, what: 'failed' | 'nonFinite') => readonly (KeptRequest | null)[];
  /** Told of failed requests of a generation that were asked again, and of those that cannot be; may be absent. */
  readonly onRepeated?: (generation: number, counts: Repeated) => void;
}

/** What has to be known of a verdict to look into it. */
type Suspicion = Pick<Verdict, 'version' | 'generation' | 'failing' | 'evidence'>;

type Repeated = PairedFailures['repeated'];
const NONE_REPEATED: Repeated = { own: 0, shared: 0, passed: 0 };

export class Attribution {
  readonly #ports: AttributionPorts;
  readonly #runs: PairedRuns;
  /** What came of asking again what a generation failed, by cause, and what has been asked of it. */
  readonly #repeats = new Map<
    'failure' | 'output', { readonly key: string; counts: Repeated; readonly asked: Set<string> }
  >();
  /** What came of asking once what raised the alarm of answers that are not finite. */
  #before: { readonly key: string; readonly counts: Repeated } | null = null;

  constructor(ports: AttributionPorts) {
    this.#ports = ports;
    this.#runs = new PairedRuns(ports.clock, ports.windowMs, ports.seed);
  }

  /** Finds out what a failing check of this cause speaks of. */
  async attribute(cause: UncertainCause, suspicion: Suspicion): Promise<Finding> {
    const { deployments } = this.#ports;
    const { version } = suspicion;
    const active = deployments.find(version);
    const { standby } = deployments;
    switch (cause) {
      case 'latency': return findingOf({ cause, facts: await this.#host(suspicion, active, standby) });
      case 'drift': case 'constant':
        return findingOf({ cause, facts: await this.#changes(cause, suspicion, active, standby) });
      default: return findingOf({ cause, facts: await this.#failures(cause, suspicion, active, standby) });
    }
  }

  async #failures(
    cause: 'failure' | 'output', suspicion: Suspicion,
    active: Deployment | undefined, standby: Deployment | undefined,
  ): Promise<FailureFacts> {
    if (active === undefined || standby === undefined) return NOT_LOADED;
    const difference = signatureDifference(active.version.signature, standby.version.signature);
    const { version: other } = standby.version;
    if (difference !== null) return { unavailable: `version "${other}" takes or gives other tensors` };
    const { pairs } = this.#ports;
    const { version, generation } = suspicion;
    const { drawn, waitedMs } = await pairs.lookInto(evidenceOfCause(cause, suspicion), generation, version);
    const repeated = cause === 'failure' || drawn === null
      ? await this.#repeated(cause, suspicion, active, standby)
      : await this.#nonFiniteBefore(suspicion, drawn, active, standby);
    return { paired: true, version, twin: other, drawn, repeated, waitedMs, waitMs: this.#waitMs };
  }

  // Of answers that are not finite those that raised the alarm, asked once: from then on nearly all of them are drawn,
  // and none is to count twice. Whether the other answer is one has to be seen, so its usual size has to be known.
  async #nonFiniteBefore(
    suspicion: Suspicion, { nonFinite, both }: NonNullable<PairedFailures['drawn']>,
    active: Deployment, standby: Deployment,
  ): Promise<Repeated> {
    const key = `${suspicion.generation} ${standby.id}`;
    if (this.#before?.key === key) return this.#before.counts;
    const { sizeMax } = this.#ports.pairs;
    if (sizeMax === Infinity) return NONE_REPEATED;
    const { own, shared, passed } = await this.#repeated('output', suspicion, active, standby, sizeMax);
    const counts = {
      own: Math.max(0, own - nonFinite.plus), shared: Math.max(0, shared - both.nonFinite), passed,
    };
    this.#before = { key, counts };
    return counts;
  }

  get #waitMs(): number {
    return this.#ports.windowMs * WAIT_WINDOWS;
  }

  // Each different request once; those of a generation and a cause are counted together.
  async #repeated(
    cause: 'failure' | 'output', { generation }: Suspicion, active: Deployment, standby: Deployment, sizeMax = Infinity,
  ): Promise<Repeated> {
    const key = `${generation} ${cause} ${standby.id}`;
    if (this.#repeats.get(cause)?.key !== key) {
      this.#repeats.set(cause, { key, counts: NONE_REPEATED, asked: new Set() });
    }
    const repeats = this.#repeats.get(cause)!;
    const kept = this.#ports.failed(generation, cause === 'failure' ? 'failed' : 'nonFinite');
    const fresh = kept.filter((request) => request !== null).filter((request) => {
      const hash = createHash('sha256').update(request.body).digest('base64');
      if (repeats.asked.size >= REPEATS_MAX || repeats.asked.has(hash)) return false;
      repeats.asked.add(hash);
      return true;
    });
    const found = await repeatFailures(active, standby, fresh, () => this.#ports.clock.monotonicUs(), sizeMax);
    if (cause === 'failure') this.#ports.onRepeated?.(generation, found);
    const { own, shared, passed } = repeats.counts;
    repeats.counts = { own: own + found.own, shared: shared + found.shared, passed: passed + found.passed };
    const unasked = kept.filter((request) => request === null).length;
    return { ...repeats.counts, own: repeats.counts.own + unasked };
  }

  async #changes(
    cause: 'drift' | 'constant', suspicion: Suspicion, active: Deployment | undefined, standby: Deployment | undefined,
  ): Promise<PairedChanges | Extract<AttributionFacts & ConstantFacts, { unavailable: string }>> {
    if (active === undefined) return { unavailable: 'the version is no longer loaded' };
    if (standby === undefined) return NOT_LOADED;
    const unlike = unlikeness(active, standby);
    if (unlike !== null) return { unavailable: unlike };
    const { version, generation } = suspicion;
    const found = await this.#ports.pairs.lookInto(evidenceOfCause(cause, suspicion), generation, version);
    if (found.changes.length === 0) return { unavailable: 'its evidence names no change that pairs could have' };
    return { paired: true, version, twin: standby.version.version, ...found, waitMs: this.#waitMs };
  }

  async #host(
    suspicion: Suspicion, active: Deployment | undefined, standby: Deployment | undefined,
  ): Promise<HostFacts> {
    const { model, registry, batchSizeMax, othersTooSlow } = this.#ports;
    const { version, generation } = suspicion;
    const good = standby?.version;
    const about = {
      version, standby: good?.version ?? null, usualMs: good?.trial.runMs ?? null, others: othersTooSlow(),
      warmUp: warmUpIn(suspicion), probes: [], stuck: null,
    };
    if (active === undefined || standby === undefined) return about;
    const requests = probeRequests(standby.version.signature, registry.goldenOf(model, standby.version.version));
    const isRowAlike = unlikeness(active, standby) === null;
    // A version whose worker is lost in a run has answered no question.
    const timed = await this.#runs.look(
      { generation, active, standby, requests, isRowAlike, batchSizeMax },
      (runs) => judgeHost({ ...about, runs }).blames !== 'pairs').catch(() => ({}));
    return { ...about, ...timed };
  }
}

function warmUpIn(suspicion: Suspicion): WarmUp | null {
  const found = evidenceOfCause('latency', suspicion).find((one) => one.check === 'p95_latency');
  return found === undefined ? null : warmUpOf(found);
}

/** Requests of a generation that are asked again. */
const REPEATS_MAX = 1_024;

/** What the failing checks of a cause were decided from. */
export function evidenceOfCause(
  cause: UncertainCause, { failing, evidence }: Pick<Suspicion, 'failing' | 'evidence'>,
): CheckEvidence[] {
  const names = new Set(failing.map(({ check }) => check).filter((check) => CHECKS[check].cause === cause));
  return evidenceOfSuite(evidence).filter(({ check }) => names.has(check));
}

// Why the answers of two versions to one question cannot be compared; null when they can.
function unlikeness(active: Deployment, standby: Deployment): string | null {
  if (active.rows.reservoir === null) return 'no inputs are kept';
  if (!isSameInput(active.version.signature, standby.version.signature)) {
    return `version "${standby.version.version}" takes other inputs`;
  }
  if (judgedOutputOf(active.version).output === null) return 'no output is judged';
  return outputDifference(active.version, standby.version);
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
