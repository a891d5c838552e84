// The queues of requests that name a version in their URL: one for each version that was asked for by name and is
// loaded. Main thread. Such a request is answered by that version or not at all, so it cannot wait in the model's own
// queue, whose batches go to whatever is active when they are cut.
// Bound: the places of BatchScheduler that are for named versions.
import { Batcher } from '../../batch/batcher.ts';
import type { BatcherOptions } from '../../batch/options.ts';
import { lastgoodError } from '../../base/errors.ts';
import { inNaturalOrder } from '../../base/names.ts';
import type { ResolvedOptions } from '../../options/options.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Deployment } from '../../rollout/deployment/deployment.ts';
import type { Deployments } from '../../rollout/deployment/deployments.ts';
import { NO_GENERATION, Track, type Slab } from '../../shared-memory/slab.ts';
import type { BatchResult } from '../../worker/messages.ts';

interface VersionQueuesPorts {
  readonly model: string;
  readonly registry: Registry;
  readonly namedVersions: ResolvedOptions['namedVersions'];
  readonly deployments: Deployments;
  readonly queue: Omit<BatcherOptions, 'dispatch' | 'separateSlabs'>;
  /** As which generation and on which track `version` answers now, if it is the active one. */
  readonly standingOf: (version: string) => { readonly generation: number; readonly track: Track } | null;
  /** A worker has become free that the model's own queue may be waiting for. */
  readonly onFree: () => void;
}

/** Throws NAMED_VERSIONS_OFF. */
export function assertMayBeNamed(
  namedVersions: ResolvedOptions['namedVersions'], model: string, version: string,
): void {
  if (namedVersions === 'off') throw lastgoodError('NAMED_VERSIONS_OFF', { model, version });
}

export class VersionQueues {
  readonly #ports: VersionQueuesPorts;
  readonly #queues = new Map<string, Batcher>();

  constructor(ports: VersionQueuesPorts) {
    this.#ports = ports;
  }

  get all(): readonly Batcher[] {
    return [...this.#queues.values()];
  }

  /**
   * The queue of a loaded version; throws VERSION_NOT_FOUND, VERSION_NOT_LOADED for one that is only registered, and
   * NAMED_VERSIONS_OFF.
   */
  queueOf(version: string): Batcher {
    const deployment = this.deploymentOf(version);
    let queue = this.#queues.get(version);
    if (queue === undefined) {
      this.#forgetUnloaded();
      queue = new Batcher({
        ...this.#ports.queue, separateSlabs: true, dispatch: (slab) => this.#dispatch(version, slab),
      });
      queue.weighFor(deployment.version);
      this.#queues.set(version, queue);
    }
    return queue;
  }

  /** A loaded version; throws like `queueOf`. */
  deploymentOf(version: string): Deployment {
    const { model, registry, deployments, namedVersions } = this.#ports;
    assertMayBeNamed(namedVersions, model, version);
    const deployment = deployments.find(version);
    if (deployment !== undefined) return deployment;
    registry.version(model, version);
    const loaded = inNaturalOrder(deployments.ready, (one) => one.version.version)
      .map((one) => `"${one.version.version}"`).join(', ') || 'none';
    throw lastgoodError('VERSION_NOT_LOADED', { model, version, loaded });
  }

  #dispatch(version: string, slab: Slab): Promise<BatchResult> | undefined {
    const deployment = this.deploymentOf(version);
    if (!deployment.hasPlace('named', false, slab.isLarge)) return undefined;
    // What answers only because it was named is never judged.
    const { generation, track } = this.#ports.standingOf(version) ?? { generation: NO_GENERATION, track: Track.named };
    slab.stamp(generation, deployment.id, this.#ports.queue.monotonicUs(), track);
    return deployment.run(slab, 'named').finally(() => this.#ports.onFree());
  }

  #forgetUnloaded(): void {
    for (const [version, queue] of this.#queues) {
      if (queue.pending > 0 || this.#ports.deployments.find(version) !== undefined) continue;
      this.#queues.delete(version);
    }
  }
}
