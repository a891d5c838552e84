// What the operator's verbs answer, beside the records of the registry. Pure.
import type { Now } from '../base/moment.ts';
import { pauseLeftMs } from '../rollout/decisions.ts';
import type { HealthReport } from '../judge/types/messages.ts';
import type { Sights } from '../judge/checks/detectability.ts';
import type { SourceFacts } from '../judge/verdict/sources.ts';
import type { PairStanding } from '../judge/pairs/pair-verdict.ts';
import type { TlsView } from '../metrics/views.ts';
import type { Room } from '../rollout/deployment/room.ts';
import type { LimitsView } from '../domain/run-limits.ts';
import type { DecisionRecord, ModelRecord, VersionRecord } from '../domain/records.ts';
import type { DeploymentView } from '../rollout/deployment/deployments.ts';
import type { Activation } from '../rollout/events.ts';
import type { Phase } from '../rollout/phases.ts';

export interface Promotion extends Activation {
  /** Where what the trial measured says that it does not fit into memory; null otherwise, and offline. */
  readonly warning: string | null;
}

export interface Registration {
  readonly version: VersionRecord;
  /** Null when it was not promoted. */
  readonly activation: Promotion | null;
}

/** The judge watches only, because somebody said so. */
export interface PauseView {
  /** When it acts again, in wall-clock ms. */
  readonly untilMs: number;
  readonly by: string;
  readonly reason: string;
}

/** Null when it may act. */
export function pauseViewOf(record: ModelRecord, now: Now): PauseView | null {
  const left = pauseLeftMs(record, now);
  if (!record.pause || left === 0) return null;
  const { by, reason } = record.pause;
  return { untilMs: Math.round(now.wallMs + left), by, reason };
}

/** A request that is not asked again for a while, because it ends the process on every version that was asked. */
export interface RefusedInput {
  /** That ran it when it was noticed. */
  readonly version: string;
  /** Of the request's bytes. */
  readonly sha256: string;
  readonly bytes: number;
  readonly why: string;
  readonly untilMs: number;
}

/** A decision, and whether the disk has it. */
export type ExplainedDecision = DecisionRecord & { readonly saved: boolean };

export interface ModelStatus {
  /** As what answers has it, also before that is saved. */
  readonly model: ModelRecord;
  /** False while the disk refuses the rollback that is in force: it is written when the disk is back. */
  readonly saved: boolean;
  readonly phase: Phase;
  /** Somebody has told the judge to watch only; null when it may act, or its mode says so anyway. */
  readonly pause: PauseView | null;
  readonly versions: readonly VersionRecord[];
  /** The loaded versions; empty offline. */
  readonly deployments: readonly DeploymentView[];
  /** The newest report of the monitor; null offline and before the first look. */
  readonly health: HealthReport | null;
  /** What runs and requests of the active version may have; null while none is active, and offline. */
  readonly limits: LimitsView | null;
  /** Memory for the newest version that is not loaded, or one like the active; null without any, and offline. */
  readonly room: Room | null;
  /** Requests waiting or running now. */
  readonly pending: number;
  /** Requests that a version on probation failed and the standby answered, since the engine started. */
  readonly shielded: number;
  /** Workers of the active version whose run is past its deadline: only the end of the process frees them. */
  readonly stuckWorkers: number;
  /** Requests that are answered 422 for now. */
  readonly refused: readonly RefusedInput[];
  /** What the version before answered to the same questions; null while there is none that is asked. */
  readonly pairs: PairStanding | null;
  /** Who asks the active version, and whom it fails; null while nobody is known, and offline. */
  readonly sources: SourceFacts | null;
  /** What the judge can see at the traffic that comes in; null while nothing is judged, and of the compat checks. */
  readonly sights: Sights | null;
  readonly recentDecisions: readonly DecisionRecord[];
}

/** How far a start has got, of the models that have an active version. */
export interface StartProgress {
  readonly ready: number;
  /** Those that are being brought up. */
  readonly loading: readonly string[];
  /** How many wait for their turn. */
  readonly waiting: number;
}

export interface EngineStatus {
  readonly engine: 'running' | 'draining' | 'offline';
  readonly version: string;
  readonly dataDir: string;
  readonly listen: string | null;
  /** The certificate of the public port; null without TLS. */
  readonly tls: TlsView | null;
  /** The page at /ui of that address: none, numbers only, or with actions for the holder of the token. */
  readonly ui: 'off' | 'read' | 'full';
  readonly pid: number | null;
  readonly uptimeMs: number | null;
  readonly residentBytes: number | null;
  /** Anonymous memory: of this process, or of all in its container if that is what limits it; null offline. */
  readonly memoryBytes: number | null;
  /** Beyond it large work is refused; null when nothing limits it. */
  readonly memoryMax: number | null;
  /** The model that is meant where none is named; null while no version of any is active. */
  readonly defaultModel: string | null;
  /** Null when every model has been brought up, and offline. */
  readonly start: StartProgress | null;
  readonly models: readonly ModelStatus[];
}
