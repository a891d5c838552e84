// Gathers what is asked before a rollback for a latency or a drift: how fast the last good version is now, and what it
// answers to the inputs that came in lately. Main thread; everything runs beside the traffic and belongs to no
// generation. What it means is decided in judge/verdict/host.ts and judge/verdict/attribution.ts.
import type { Clock } from '../base/clock.ts';
import { reasonOf } from '../base/errors.ts';
import type { AttributionFacts, Compared } from '../judge/verdict/attribution.ts';
import { findingOf } from '../judge/verdict/findings.ts';
import type { Finding, UncertainCause } from '../judge/verdict/findings.ts';
import { referenceOf } from '../judge/baseline/reference.ts';
import type { Baseline } from '../domain/records.ts';
import type { Registry } from '../registry/registry.ts';
import type { Deployment } from './deployment.ts';
import type { DeploymentSet } from './deployment-set.ts';
import { probe } from './probes.ts';
import { runRecentInputs } from './recent-inputs.ts';
import type { RecentInputsRun } from './recent-inputs.ts';

export interface AttributionPorts {
  readonly model: string;
  readonly batchSizeMax: number;
  readonly registry: Registry;
  readonly deployments: DeploymentSet;
  readonly clock: Clock;
  /** Other models of this host that are over their latency limit now. */
  readonly othersTooSlow: () => string[];
}

export class Attribution {
  readonly #ports: AttributionPorts;

  constructor(ports: AttributionPorts) {
    this.#ports = ports;
  }

  /** Finds out what a failing check of this cause speaks of. */
  async find(cause: UncertainCause, version: string): Promise<Finding> {
    const { deployments } = this.#ports;
    const active = deployments.find(version);
    const { standby } = deployments;
    return cause === 'latency'
      ? findingOf({ cause, facts: await this.#host(version, active, standby) })
      : findingOf({ cause, facts: await this.#inputs(active, standby) });
  }

  async #host(version: string, active: Deployment | undefined, standby: Deployment | undefined) {
    const { batchSizeMax, clock, othersTooSlow } = this.#ports;
    const others = othersTooSlow();
    const good = standby?.version;
    const about = { version, standby: good?.version ?? null, usualMs: good?.trial.runMs ?? null, others };
    if (active === undefined || standby === undefined) return { ...about, probes: [], stuck: null };
    // A version whose worker is lost in a probe has answered no question.
    const probes = await probe(active, standby, batchSizeMax, () => clock.monotonicUs())
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

  #compared(active: Deployment, standby: Deployment, { pairs, distinct }: RecentInputsRun): Compared {
    const answers = (of: 'active' | 'standby'): Compared['active'] => ({
      values: pairs.map((pair) => (Number.isFinite(pair[of].value) ? pair[of].value : null)),
      classes: pairs.map((pair) => pair[of].classIndex),
    });
    const baselineOf = ({ version: { version } }: Deployment): Baseline | null =>
      this.#ports.registry.version(this.#ports.model, version).baseline;
    const cosines = pairs.map(({ cosine }) => cosine);
    return {
      kind: standby.version.outputKind,
      version: active.version.version,
      standby: standby.version.version,
      active: answers('active'),
      good: answers('standby'),
      distinct,
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
    classCounts: baseline.classShares?.map((share) => Math.round(share * baseline.rows)) ?? null,
  };
}
