// Sees to it that large models are prepared (see artifacts/prepared.ts): at registration, and again beside the traffic
// when a version is loaded of which nothing is prepared on this host. Main thread, or a CLI without an engine.
// Limits: one model at a time, in a child process with the trial's limits of time and memory; what is kept is that of
// the active version of each model, of its standby and of the newest two, in `preparedBytesMax` bytes.
import { fileURLToPath } from 'node:url';
import {
  beginPrepared, discardPrepared, lookPrepared, preparedKey, prunePrepared, publishPrepared,
} from '../../artifacts/prepared.ts';
import { modelFileOf } from '../../artifacts/verify.ts';
import type { Clock } from '../../base/clock.ts';
import { reasonOf } from '../../base/errors.ts';
import { ManagedChild } from '../../base/managed-child.ts';
import type { ArtifactRecord, Golden, VersionRecord } from '../../domain/records.ts';
import type { SessionOptions } from '../../options/session-options.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PrepareAnswer, PrepareOrder } from './prepare-child.ts';
import { defaultMemoryBytes, watchMemory } from './memory-watch.ts';

const ENTRY = fileURLToPath(new URL('./prepare-child.js', import.meta.url));
/** Smaller models are not worth the files. */
const ARTIFACT_BYTES_MIN = 8 * 1024 ** 2;
/** The newest versions of a model that are kept ready, beside the active and the last good one. */
const NEWEST_KEPT = 2;
/** Nothing is known of a model whose preparation was ended. */
const CLOSED = 'the engine was closed';
/** Files take up to so many times the artefact: half precision is written as it is computed. */
const GROWTH_MAX = 4;

interface PreparationPorts {
  readonly dataDir: string;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly trialMs: number;
  readonly trialMemoryBytes?: number | undefined;
  /** 0 prepares nothing. */
  readonly preparedBytesMax: number;
  readonly tell?: (what: Prepared) => void;
}
/** What became of a model; `refused` says why there are no files. */
interface Prepared {
  readonly sha256: string;
  readonly bytes: number;
  readonly refused: string | null;
}

type Artifact = ArtifactRecord & Pick<VersionRecord, 'artifactBytes'> & {
  readonly session?: SessionOptions | undefined;
};

export class Preparation {
  readonly #ports: PreparationPorts;
  #last: Promise<unknown> = Promise.resolve();
  #child: ManagedChild<PrepareOrder, PrepareAnswer> | null = null;
  #isClosed = false;

  constructor(ports: PreparationPorts) {
    this.#ports = ports;
  }

  /** The name of what is prepared of an artefact; null when there is nothing to look for. */
  keyOf(artifact: Artifact): string | null {
    const { manifest, artifactBytes } = artifact;
    const { preparedBytesMax } = this.#ports;
    const isFit = artifactBytes >= ARTIFACT_BYTES_MIN && artifactBytes <= preparedBytesMax;
    // The runtime's own format is optimised already, and has no graph to check.
    return isFit && manifest?.kind !== 'ort' ? preparedKey(artifact) : null;
  }

  /** Prepares an artefact of which nothing is known on this host; resolves when that is done, and never rejects. */
  ensure(artifact: Artifact, golden: Golden | null): Promise<void> {
    const key = this.keyOf(artifact);
    if (key === null) return Promise.resolve();
    const work = this.#last.then(() => this.#ensure(key, artifact, golden)).catch(() => undefined);
    this.#last = work;
    return work;
  }

  /** The same beside the traffic, for a version that is served: the next load finds it. */
  async ensureServed(version: VersionRecord): Promise<void> {
    const key = this.keyOf(version);
    const { dataDir, registry } = this.#ports;
    if (key === null || (await lookPrepared(dataDir, key)) !== 'unknown' || this.#isClosed) return;
    await this.ensure(version, registry.goldenOf(version.model, version.version));
    await this.prune();
  }

  /** Removes what no version needs any more. */
  prune(): Promise<void> {
    const { dataDir, registry, preparedBytesMax, clock } = this.#ports;
    const work = this.#last.then(() => prunePrepared(dataDir, this.#wanted(registry), preparedBytesMax, clock.wallMs()))
      .catch(() => undefined);
    this.#last = work;
    return work;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#child?.kill();
    await this.#last;
  }

  // In the order in which they are missed most.
  #wanted(registry: Registry): string[] {
    const models = registry.models().map(({ model, activeVersion, lastGoodVersion }) => {
      const newest = [...registry.versions(model)].sort((a, b) => b.registeredAtMs - a.registeredAtMs);
      const find = (name: string | null): VersionRecord | undefined => newest.find(({ version }) => version === name);
      return [find(activeVersion), find(lastGoodVersion), ...newest.slice(0, NEWEST_KEPT)];
    });
    const ranked = Array.from({ length: NEWEST_KEPT + 2 }, (_, rank) => models.map((one) => one[rank])).flat();
    const keys = ranked.map((version) => version && this.keyOf(version));
    return [...new Set(keys.filter((key) => typeof key === 'string'))];
  }

  async #ensure(key: string, artifact: Artifact, golden: Golden | null): Promise<void> {
    const { dataDir, tell } = this.#ports;
    if ((await lookPrepared(dataDir, key)) !== 'unknown' || this.#isClosed) return;
    const folder = await beginPrepared(dataDir, artifact.artifactBytes * GROWTH_MAX);
    try {
      const { session } = artifact;
      const refused = await this.#prepare({ file: modelFileOf(dataDir, artifact), folder, golden, session });
      if (refused === CLOSED) return;
      const bytes = await publishPrepared(dataDir, key, folder, refused ?? undefined);
      tell?.({ sha256: artifact.sha256, bytes, refused });
    } finally {
      await discardPrepared(folder);
    }
  }

  // Why it cannot be; null when it was.
  async #prepare(order: PrepareOrder): Promise<string | null> {
    const { trialMs, trialMemoryBytes } = this.#ports;
    let answer: PrepareAnswer | null = null;
    const child = new ManagedChild<PrepareOrder, PrepareAnswer>({
      entry: ENTRY, stderr: 'ignore', isBackground: true, onReport: (report) => (answer = report),
    });
    this.#child = child;
    const stopWatch = watchMemory(child.pid ?? 0, trialMemoryBytes ?? defaultMemoryBytes(), () => child.kill());
    try {
      child.post(order);
      const { how } = await child.endWithin(trialMs);
      const last = answer as PrepareAnswer | null;
      return last?.refused ?? (last !== null ? null : this.#isClosed ? CLOSED : `its process ended with ${how}`);
    } catch (error) {
      return reasonOf(error);
    } finally {
      stopWatch();
      this.#child = null;
    }
  }
}
