// What the doctor can find in a data directory; types only.

/** `broken`: something does not work, or will not at the next start; `note`: nothing depends on it. */
type Level = 'broken' | 'note';

type FindingCode =
  | 'DIRECTORY_OPEN' | 'REGISTRY_MISSING' | 'REGISTRY_UNREADABLE' | 'REGISTRY_OLDER' | 'SOCKET_STALE' | 'SOCKET_FOREIGN'
  | 'ARTIFACTS_FOREIGN' | 'ARTIFACT_MISSING' | 'ARTIFACT_DAMAGED' | 'ARTIFACT_OPEN' | 'DERIVED_DAMAGED'
  | 'ACTIVE_UNUSABLE' | 'NOTHING_USABLE' | 'ROLLBACK_UNSAVED'
  | 'ARTIFACT_ORPHAN' | 'COPY_LEFT' | 'REGISTRATION_LEFT' | 'FILE_UNKNOWN';

export interface ReportedFinding {
  readonly code: FindingCode;
  readonly level: Level;
  /** A path, or "version 3 of digits". */
  readonly about: string;
  readonly text: string;
  /** What to do about it. */
  readonly remedy: string;
  /** Whether --repair does it, without touching anything that is good. */
  readonly isRepairable: boolean;
  readonly isRepaired: boolean;
}

/** A finding together with what would repair it. */
export interface DirectoryFinding extends Omit<ReportedFinding, 'isRepairable' | 'isRepaired'> {
  readonly repair?: () => void;
}

/** An execution provider of the runtime. */
export interface ProviderView {
  readonly name: string;
  /** Why no model can run on it here; null when one can. */
  readonly unusable: string | null;
}

export interface Diagnosis {
  readonly dataDir: string;
  /** Whether an engine runs on the directory now. */
  readonly isServed: boolean;
  readonly models: number;
  readonly versions: number;
  readonly artifacts: number;
  readonly artifactBytes: number;
  /** Of the runtime on this host. */
  readonly providers: readonly ProviderView[];
  readonly findings: readonly ReportedFinding[];
  /** False when something is broken and was not repaired. */
  readonly isSound: boolean;
}
