// The operator's verbs as one interface: the running engine implements it, and so does the offline twin that works on
// a data directory without an engine. The admin server and the CLI know nothing else.
import type { HealthReport } from '../judge/types/messages.ts';
import type { Sights } from '../judge/checks/detectability.ts';
import type { TlsView } from '../metrics/views.ts';
import type { DeclaredKind, DecisionRecord, EventRecord, ModelRecord, VersionRecord } from '../registry/records.ts';
import type { Activation, DeploymentView, Phase, Rollback } from '../rollout/outcome.ts';

export type { Activation, DeploymentState, DeploymentView, Phase, Rollback } from '../rollout/outcome.ts';

/** Who asks: stored with every event. */
export interface Actor {
  readonly by: string;
}
export interface RegisterArguments {
  readonly model: string;
  readonly file: string;
  readonly version?: string;
  readonly baseline?: string;
  readonly golden?: string;
  /** The output that the judge reads, and how; what is left out is inferred from the signature and the baseline. */
  readonly output?: string;
  readonly outputKind?: DeclaredKind;
  /** The input columns that are watched, such as age,features[0-7]; by default all of them, at most 32. */
  readonly inputColumns?: string;
  readonly promote?: boolean;
  readonly allowSignatureChange?: boolean;
}
export interface BaselineArguments {
  readonly model: string;
  readonly version?: string;
  readonly capture?: boolean;
  readonly from?: string;
  /** A capture may be far from what the version before answered. */
  readonly acceptNewDistribution?: boolean;
}
export interface ModelStatus {
  readonly model: ModelRecord;
  readonly phase: Phase;
  readonly versions: readonly VersionRecord[];
  /** The loaded versions; empty offline. */
  readonly deployments: readonly DeploymentView[];
  /** The newest report of the monitor; null offline and before the first look. */
  readonly health: HealthReport | null;
  /** Requests waiting or running now. */
  readonly pending: number;
  /** Requests that a version on probation failed and the standby answered, since the engine started. */
  readonly shielded: number;
  /** What the judge can see at the traffic that comes in; null while nothing is judged, and of the compat checks. */
  readonly sights: Sights | null;
  readonly recentDecisions: readonly DecisionRecord[];
}
export interface EngineStatus {
  readonly engine: 'running' | 'draining' | 'offline';
  readonly version: string;
  readonly dataDir: string;
  readonly listen: string | null;
  /** The certificate of the public port; null without TLS. */
  readonly tls: TlsView | null;
  readonly pid: number | null;
  readonly uptimeMs: number | null;
  readonly residentBytes: number | null;
  readonly models: readonly ModelStatus[];
}

export interface ControlPlane {
  register(args: RegisterArguments, actor: Actor): Promise<{ version: VersionRecord; activation: Activation | null }>;
  promote(
    args: { model: string; version: string; allowSignatureChange?: boolean; reason?: string },
    actor: Actor,
  ): Promise<Activation>;
  rollback(args: { model: string; to?: string; reason?: string }, actor: Actor): Promise<Rollback>;
  confirm(args: { model: string }, actor: Actor): Promise<ModelRecord>;
  pin(args: { model: string; reason?: string }, actor: Actor): Promise<ModelRecord>;
  unpin(args: { model: string }, actor: Actor): Promise<ModelRecord>;
  quarantine(args: { model: string; version: string; reason?: string }, actor: Actor): Promise<VersionRecord>;
  release(args: { model: string; version: string }, actor: Actor): Promise<VersionRecord>;
  baseline(
    args: BaselineArguments,
    actor: Actor,
  ): Promise<VersionRecord>;
  /** Without a version the whole model goes, which must have no active version. */
  remove(args: { model: string; version?: string }, actor: Actor): Promise<{ removed: string[]; artifacts: string[] }>;
  status(args: { model?: string }): Promise<EngineStatus>;
  history(args: { model: string; limit?: number }): Promise<EventRecord[]>;
  /** Without an id the newest decision. */
  explain(args: { decision?: string }): Promise<DecisionRecord>;
  /** Resolves when everything that was accepted has been answered and intake is stopped. */
  drain(actor: Actor): Promise<{ answered: number }>;
}
