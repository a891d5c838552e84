// What the exposition needs to know of the engine beside the counts: plain data, made anew for each scrape. Types only.
import type { ModelMeter } from './model-meter.ts';

interface LoadedVersionView {
  readonly version: string;
  readonly role: string;
  readonly state: string;
}

/** One check at the newest look at the active version. */
export interface CheckView {
  readonly check: string;
  /** What value and limit are; times in ms. */
  readonly unit: string;
  readonly value: number | null;
  readonly limit: number;
}

export interface ModelView {
  readonly model: string;
  readonly meter: ModelMeter;
  /** What answers now; null while nothing does. */
  readonly active: { readonly version: string; readonly digest: string } | null;
  readonly lastGood: string | null;
  readonly generation: number;
  /** False while the disk refuses the rollback that is in force. */
  readonly isSaved: boolean;
  readonly phase: string;
  readonly isHealthy: boolean;
  readonly pending: number;
  /** Clients of the last minutes that can be told apart. */
  readonly sources: number;
  readonly loaded: readonly LoadedVersionView[];
  readonly checks: readonly CheckView[];
  /** The names of all checks that can fail. */
  readonly checksInForce: readonly string[];
}

/** What clients hold of the front now. */
interface HeldView {
  readonly connections: number;
  readonly refusedConnections: number;
  readonly sockets: number;
  readonly unreadBytes: number;
}

/** The certificate of the public port. */
export interface TlsView {
  readonly cert: string;
  readonly subject: string;
  readonly notAfterMs: number;
  /** How often another pair was taken, and how often one was refused, since the front listens. */
  readonly renewals: number;
  readonly refusals: number;
  /** Why the files as they are now are not what is served; null when they are. */
  readonly problem: string | null;
}

interface ProcessView {
  readonly version: string;
  readonly node: string;
  readonly startSeconds: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Anonymous memory, and beyond how much large work is refused; null when nothing limits it. */
  readonly memoryBytes: number;
  readonly memoryMax: number | null;
}

export interface EngineView {
  readonly models: readonly ModelView[];
  /** All phases a model can be in. */
  readonly phases: readonly string[];
  /** Errors that the front answered by itself, by code. */
  readonly refusals: ReadonlyMap<string, number>;
  readonly inFlight: number;
  readonly held: HeldView;
  /** The certificate that is served; null without TLS. */
  readonly tls: TlsView | null;
  readonly isDraining: boolean;
  readonly monitorRestarts: number;
  /** How often the supervisor has started the engine again, and for how many it had killed one that stood still. */
  readonly restarts: number;
  readonly stalls: number;
  /** False while the disk takes no changes. */
  readonly isDiskWritable: boolean;
  readonly process: ProcessView;
}
