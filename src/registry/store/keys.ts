// Every key of the registry, each tied to the type of the value under it. Keys are arrays in LMDB's ordered encoding:
// numbers sort as numbers, and a prefix sorts before everything that continues it.
//
//   meta                              -> MetaRecord
//   revision                          -> number of transactions so far
//   model, NAME                       -> ModelRecord
//   version, MODEL, VERSION           -> VersionRecord
//   attached, MODEL, VERSION, KIND    -> what is large and belongs to it: its baseline, its golden cases
//   target, MODEL, RANK, GENERATION   -> the version that may be gone back to, by trust and last service (index)
//   bad-file, MODEL, FILE, VERSION    -> true: the version is in quarantine with this file (index)
//   event, MODEL, SEQUENCE            -> EventRecord
//   decision, ID                      -> DecisionRecord
//   decision-order, MODEL, NUMBER     -> the id of that model's NUMBERth decision
//   decision-kept, MODEL, VERSION     -> the id of a decision that is in force and has left that order
//   boot, MODEL                       -> BootRecord
//   traffic, SECOND                   -> TrafficBlock: what was counted until then, for the timeline
import type {
  Attachments, DecisionRecord, EventRecord, ModelRecord, VersionRecord,
} from '../../domain/records.ts';

/** How far the engine process got with a model's active version, and how often it ended there without being told to. */
export interface BootRecord {
  /** The generation that the rest is about. */
  readonly generation: number;
  /** starting: its load had begun; serving: it answered; stopped: the process was told to end. */
  readonly state: 'starting' | 'serving' | 'stopped';
  readonly crashesStarting: number;
  /** While it served on probation. */
  readonly crashesServing: number;
}

/** What was counted in the minute before, of all versions; the records are those of shared-memory/traffic.ts. */
export interface TrafficBlock {
  readonly series: readonly { readonly model: string; readonly version: string; readonly records: Uint8Array }[];
  readonly marks: readonly TrafficMark[];
}
/** Something that happened to the engine as a whole. */
export interface TrafficMark {
  readonly atMs: number;
  readonly kind: 'start' | 'configuration' | 'monitor' | 'certificate';
  readonly text: string;
  /** Of a start: what the engine was set to, see options/settings-print.ts. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Says whose data these are and how to read them. */
interface MetaRecord {
  readonly product: string;
  readonly format: number;
  /** The format that it is being upgraded from; not there when that is done. */
  readonly upgradingFrom?: number;
}

export type KeyParts = readonly (string | number)[];

declare const valueType: unique symbol;

/** A key under which a `T` lies; the symbol exists for the compiler only. */
export interface RecordKey<T> {
  readonly parts: KeyParts;
  readonly [valueType]?: T;
}

/** All keys that begin with these parts; a `T` lies under each. */
export interface KeyPrefix<T> {
  readonly prefix: KeyParts;
  readonly [valueType]?: T;
}

export const META: RecordKey<MetaRecord> = { parts: ['meta'] };
export const REVISION: RecordKey<number> = { parts: ['revision'] };
export const ALL_MODELS: KeyPrefix<ModelRecord> = { prefix: ['model'] };
export const ALL_VERSIONS: KeyPrefix<VersionRecord> = { prefix: ['version'] };

export const modelKey = (model: string): RecordKey<ModelRecord> => ({ parts: ['model', model] });
export const versionKey = (model: string, version: string): RecordKey<VersionRecord> => ({
  parts: ['version', model, version],
});
export const bootKey = (model: string): RecordKey<BootRecord> => ({ parts: ['boot', model] });
export const versionsOf = (model: string): KeyPrefix<VersionRecord> => ({ prefix: ['version', model] });
export const attachmentKey = <K extends keyof Attachments>(
  model: string, version: string, kind: K,
): RecordKey<Attachments[K]> => ({ parts: ['attached', model, version, kind] });
export const attachmentsOf = (model: string, version: string): KeyPrefix<Attachments[keyof Attachments]> => ({
  prefix: ['attached', model, version],
});
export const targetKey = (model: string, rank: number, generation: number): RecordKey<string> => ({
  parts: ['target', model, rank, generation],
});
export const targetsOf = (model: string): KeyPrefix<string> => ({ prefix: ['target', model] });
export const badFileKey = (model: string, file: string, version: string): RecordKey<true> => ({
  parts: ['bad-file', model, file, version],
});
export const badFilesOf = (model: string, file: string): KeyPrefix<true> => ({ prefix: ['bad-file', model, file] });
export const eventKey = (model: string, sequence: number): RecordKey<EventRecord> => ({
  parts: ['event', model, sequence],
});
export const eventsOf = (model: string): KeyPrefix<EventRecord> => ({ prefix: ['event', model] });
export const decisionKey = (id: string): RecordKey<DecisionRecord> => ({ parts: ['decision', id] });
export const decisionOrderKey = (model: string, number: number): RecordKey<string> => ({
  parts: ['decision-order', model, number],
});
export const decisionOrderOf = (model: string): KeyPrefix<string> => ({ prefix: ['decision-order', model] });
export const keptDecisionKey = (model: string, version: string): RecordKey<string> => ({
  parts: ['decision-kept', model, version],
});
export const ALL_TRAFFIC: KeyPrefix<TrafficBlock> = { prefix: ['traffic'] };
export const trafficKey = (second: number): RecordKey<TrafficBlock> => ({ parts: ['traffic', second] });
