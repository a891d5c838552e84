// The loaded versions of one model: at most the active one, the warm standby and a candidate, and those on their way
// out. Main thread. A version that is asked for twice is loaded once.
import { inNaturalOrder } from '../../base/names.ts';
import type { JudgedOutput, VersionRecord } from '../../domain/records.ts';
import { judgedOutputOf } from '../../domain/judged-output.ts';
import type { Deployment, DeploymentState } from './deployment.ts';

/** A version that the registry wants and that does not load is tried again after so long, or at the next generation. */
const RELOAD_US = 60e6;

export interface DeploymentView {
  readonly version: string;
  readonly role: 'active' | 'standby' | 'candidate' | 'retiring';
  readonly state: DeploymentState;
  /** Whether it can answer now: it is loaded, and a worker is there. */
  readonly canAnswer: boolean;
  readonly workers: number;
  /** Of them, those that have a batch now. */
  readonly busyWorkers: number;
  /** The output that the judge reads; null while it is being loaded. */
  readonly judged: JudgedOutput | null;
}

const NOT_LOADED =
  { role: 'candidate', state: 'loading', canAnswer: false, workers: 0, busyWorkers: 0, judged: null } as const;

interface DeploymentsPorts {
  readonly load: (version: VersionRecord) => Promise<Deployment>;
  /** After a deployment can run batches. */
  readonly onReady: (deployment: Deployment) => void;
  /** Waits until it has run its last one, and closes it. */
  readonly retire: (deployment: Deployment) => Promise<void>;
}

export class Deployments {
  readonly #ports: DeploymentsPorts;
  /** The version that would answer after a rollback, if it is to be kept loaded. */
  standbyVersion: string | null = null;
  readonly #ready = new Map<string, Deployment>();
  readonly #loading = new Map<string, Promise<Deployment>>();
  readonly #retiring = new Map<Deployment, Promise<void>>();

  constructor(ports: DeploymentsPorts) {
    this.#ports = ports;
  }

  get ready(): readonly Deployment[] {
    return [...this.#ready.values()];
  }
  get loading(): readonly string[] {
    return [...this.#loading.keys()];
  }
  get retiring(): readonly Deployment[] {
    return [...this.#retiring.keys()];
  }

  /** The standby, if it is loaded. */
  get standby(): Deployment | undefined {
    return this.standbyVersion === null ? undefined : this.#ready.get(this.standbyVersion);
  }

  find(version: string): Deployment | undefined {
    return this.#ready.get(version);
  }

  /** The deployment of `version`, loaded now if it is not yet; throws LOAD_FAILED. */
  async ensure(version: VersionRecord): Promise<Deployment> {
    const name = version.version;
    const known = this.#ready.get(name);
    if (known !== undefined) return known;
    let loading = this.#loading.get(name);
    if (loading === undefined) {
      loading = this.#ports
        .load(version)
        .then((deployment) => {
          this.#ready.set(name, deployment);
          this.#ports.onReady(deployment);
          return deployment;
        })
        .finally(() => this.#loading.delete(name));
      this.#loading.set(name, loading);
    }
    return loading;
  }

  /** What is loaded and what each is for; `active` is the version that answers. */
  views(active: string | null): DeploymentView[] {
    const view = (deployment: Deployment, role: DeploymentView['role']): DeploymentView => ({
      version: deployment.version.version,
      role,
      state: deployment.state,
      canAnswer: deployment.canAnswer,
      workers: deployment.workers,
      busyWorkers: Math.min(deployment.workers, deployment.runningSlabs.size),
      judged: judgedOutputOf(deployment.version),
    });
    return inNaturalOrder([
      ...this.ready.map((one) => view(one, one.version.version === active ? 'active' : 'standby')),
      ...this.loading.map((version) =>
        ({ ...NOT_LOADED, version }) as const),
      ...this.retiring.map((one) => view(one, 'retiring')),
    ], ({ version }) => version);
  }

  /** Closes every loaded version but these, in the background. */
  retainOnly(versions: ReadonlySet<string>): void {
    for (const [name, deployment] of this.#ready) {
      if (versions.has(name)) continue;
      this.#ready.delete(name);
      const retiring = this.#ports.retire(deployment).finally(() => this.#retiring.delete(deployment));
      this.#retiring.set(deployment, retiring);
    }
  }

  /** Closes everything, loads that are under way included; resolves when all threads have gone. */
  async closeAll(): Promise<void> {
    // A rollback whose target did not load goes on with the next one.
    while (this.#loading.size > 0) await Promise.allSettled(this.#loading.values());
    this.retainOnly(new Set());
    await Promise.allSettled(this.#retiring.values());
  }
}

/** Remembers the generation whose version did not load, so that it is not tried at every look. Told the time. */
export class LoadBackoff {
  #known: { readonly generation: number; readonly retryUs: number } | null = null;

  note(generation: number, nowUs: number): void {
    this.#known = { generation, retryUs: nowUs + RELOAD_US };
  }

  has(generation: number, nowUs: number): boolean {
    return this.#known?.generation === generation && nowUs < this.#known.retryUs;
  }
}
