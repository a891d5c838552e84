// What the page shows, as plain data: made by the engine once a second while somebody looks (src/engine/page), drawn
// by the server for its first picture and by the browser from then on (view/). Types only. It holds numbers, names of
// versions and sentences that status, history and explain say as well; no inputs and no rows.

/** How a thing stands; always told by a word and a sign too, never by its colour alone. */
export type Tone = 'good' | 'watch' | 'bad' | 'back' | 'idle';

export interface Fact {
  readonly label: string;
  readonly text: string;
  readonly tone: Tone;
}

/** One row of a table of versions. */
export interface VersionView {
  readonly version: string;
  /** active, standby, candidate, last good, quarantine, new. */
  readonly role: string;
  readonly text: string;
  readonly tone: Tone;
}

export interface TargetView {
  /** Null when there is nothing to go back to. */
  readonly version: string | null;
  readonly text: string;
}

/** Traffic of one version over the last minute. */
export interface NumbersView {
  readonly version: string;
  readonly perSecond: number;
  readonly ok: number;
  readonly clientFaults: number;
  readonly failed: number;
  readonly nonFinite: number;
  readonly expired: number;
  /** Answered in the stead of a version on probation. */
  readonly shielded: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

export interface HistogramView {
  readonly title: string;
  readonly bins: readonly { readonly name: string; readonly usual: number; readonly live: number }[];
}

export interface CheckRow {
  readonly check: string;
  readonly title: string;
  readonly tone: Tone;
  /** ok, over, fails, not yet. */
  readonly word: string;
  readonly value: string;
  readonly limit: string;
  /** Of the limit; null where that says nothing. */
  readonly share: number | null;
  readonly samples: string;
  readonly text: string;
  /** Why a value over its limit is no failure (yet): chance explains it, and the like; '' otherwise. */
  readonly because: string;
  /** A failing one would only be told. */
  readonly onlyWarns: boolean;
}

export interface PairsView {
  readonly version: string;
  readonly twin: string;
  readonly pairs: number;
  readonly agreement: { readonly share: number; readonly low: number; readonly high: number } | null;
  /** What happened to both on the same questions. */
  readonly rows: readonly { readonly what: string; readonly onlyNew: number; readonly onlyTwin: number;
    readonly same: number; readonly word: string }[];
  readonly text: string;
}

export interface DecisionView {
  readonly id: string;
  readonly when: string;
  readonly version: string;
  readonly facts: readonly Fact[];
  readonly histograms: readonly HistogramView[];
}

/** Something that a holder of the token may do. */
export interface ActionOffer {
  readonly verb: 'rollback' | 'confirm' | 'pin' | 'unpin' | 'quarantine' | 'release' | 'drain';
  readonly version: string | null;
  readonly label: string;
  /** What will happen, asked before it is sent. */
  readonly says: string;
  readonly cli: string;
}

/** A mark of the timeline, and a line of the list below it. */
export interface ChangeView {
  readonly atMs: number;
  /** The number of a model's event; 0 for what happened to the engine as a whole. */
  readonly sequence: number;
  readonly kind: string;
  readonly text: string;
  readonly tone: Tone;
}

/** One point: the second since 1970 that it begins at, seven counts, p50, p95 and p99 in µs. */
export type TrafficPoint = readonly number[];
export interface TrafficView {
  readonly step: number;
  readonly versions: readonly { readonly version: string; readonly points: readonly TrafficPoint[] }[];
}

/** The past of a range of minutes. */
export interface TimelineView extends TrafficView {
  readonly minutes: number;
  readonly from: number;
  readonly to: number;
}

export interface ModelLine {
  readonly model: string;
  readonly tone: Tone;
  readonly word: string;
}

export interface PageSnapshot {
  readonly atMs: number;
  readonly mode: 'read' | 'full';
  readonly engine: string;
  /** The model that is shown; null while there is none. */
  readonly model: string | null;
  readonly generation: number;
  readonly models: readonly ModelLine[];
  readonly headline: { readonly tone: Tone; readonly word: string; readonly sentence: string };
  readonly over: readonly Fact[];
  readonly active: string | null;
  readonly versions: readonly VersionView[];
  readonly target: TargetView;
  readonly numbers: readonly NumbersView[];
  readonly p95LimitMs: number | null;
  readonly checks: readonly CheckRow[];
  readonly pairs: PairsView | null;
  readonly decision: DecisionView | null;
  readonly host: readonly Fact[];
  readonly actions: readonly ActionOffer[];
  readonly changes: readonly ChangeView[];
  /** The newest seconds, for the picture to go on with. */
  readonly tail: TrafficView;
}

/** Worst rows of a decision: what both versions answered; for holders of the token only. */
export interface RowsView {
  readonly text: string;
  readonly rows: readonly { readonly row: number; readonly answered: string; readonly standby: string }[];
}
