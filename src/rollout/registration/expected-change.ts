// Finds out how much a version's answers differ from those of another one on the questions that came with it: both are
// asked in a child process with limits of time and memory. Main thread, or a CLI without an engine.
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock.ts';
import { decodeError, type FailedTask, reasonOf } from '../../base/errors.ts';
import { ManagedChild } from '../../base/managed-child.ts';
import { isSameInput, judgedOutputOf, outputDifference } from '../../domain/judged-output.ts';
import type { Expect, Expectations, ExpectedChange, KnownPair } from '../../domain/known-answers.ts';
import type { VersionRecord } from '../../domain/records.ts';
import { expectationWarnings } from '../../judge/pairs/expectation.ts';
import type { Registry } from '../../registry/registry.ts';
import { defaultMemoryBytes, watchMemory } from '../preparation/memory-watch.ts';
import { questionsOf } from './questions.ts';
import type { Question } from './questions.ts';

const ENTRY = fileURLToPath(new URL('./change-child.js', import.meta.url));

/** What has to be known of a version to ask it. */
export type ComparedVersion = Pick<
  VersionRecord, 'version' | 'sha256' | 'manifest' | 'derived' | 'signature' | 'outputKind' | 'baseline' | 'declared' |
    'session'>;

/** What the child is told. */
export interface ChangeOrder {
  readonly dataDir: string;
  readonly intraOpThreads: number;
  readonly fresh: ComparedVersion;
  readonly twin: ComparedVersion;
  readonly questions: readonly Question[];
  /** Standard deviation of the new version's answers by its baseline; null without one. */
  readonly sigma: number | null;
}
export type ChangeAnswer =
  | {
    readonly kind: 'compared'; readonly expected: Omit<ExpectedChange, 'atMs'>; readonly pairs: readonly KnownPair[];
  }
  | FailedTask;

interface ChangePorts {
  readonly dataDir: string;
  readonly clock: Clock;
  /** Limits of the child, as of a trial. */
  readonly trialMs: number;
  readonly trialMemoryBytes?: number | undefined;
  readonly intraOpThreads: number;
}
/** What was found out, and the answers that it was found out from. */
interface MeasuredChange {
  readonly expected: ExpectedChange;
  readonly pairs: readonly KnownPair[];
}
type Child = ManagedChild<ChangeOrder, ChangeAnswer>;

/**
 * Asks both versions the questions. Resolves with null when there are none, or when the versions take other inputs or
 * mean other things by their answers; rejects with an Error that says why it is not known. `onChild` is handed the
 * process, to end it early.
 */
export async function measureChange(
  ports: ChangePorts, versions: Pick<ChangeOrder, 'fresh' | 'twin' | 'questions'>, onChild?: (child: Child) => void,
): Promise<MeasuredChange | null> {
  const { fresh, twin, questions } = versions;
  const isAlike = isSameInput(fresh.signature, twin.signature) && outputDifference(fresh, twin) === null &&
    [fresh, twin].every((one) => judgedOutputOf(one).output !== null);
  if (!isAlike || questions.length === 0) return null;
  const { dataDir, clock, trialMs, trialMemoryBytes, intraOpThreads } = ports;
  let answer: ChangeAnswer | null = null;
  const child: Child = new ManagedChild({
    // JSON has no missing numbers.
    entry: ENTRY, stderr: 'ignore', isBackground: true, serialization: 'advanced',
    onReport: (report) => (answer = report),
  });
  onChild?.(child);
  const memoryBytes = trialMemoryBytes ?? defaultMemoryBytes();
  const stopWatch = watchMemory(child.pid ?? 0, memoryBytes, () => child.kill());
  try {
    const sigma = fresh.baseline?.standardDeviation ?? null;
    child.post({ dataDir, intraOpThreads, fresh: plain(fresh), twin: plain(twin), questions, sigma });
    const { how, isOverdue } = await child.endWithin(trialMs);
    const last = answer as ChangeAnswer | null;
    if (last?.kind === 'compared') {
      return { expected: { ...last.expected, atMs: clock.wallMs() }, pairs: last.pairs };
    }
    if (last !== null) throw decodeError(last.error);
    throw new Error(isOverdue ? `it took longer than ${trialMs} ms` : `the process that asks ended with ${how}`);
  } finally {
    stopWatch();
  }
}

function plain(version: ComparedVersion): ComparedVersion {
  const { sha256, manifest, derived, signature, outputKind, baseline, declared, session } = version;
  return {
    version: version.version, sha256, signature, outputKind, baseline, ...(manifest && { manifest }),
    ...(derived && { derived }), ...(declared && { declared }), ...(session && { session }),
  };
}

interface ExpectedChangesPorts extends ChangePorts {
  readonly registry: Registry;
  /** Told why a change is not known. */
  readonly onUnknown: (version: VersionRecord, reason: string) => void;
}

/** Pairs of versions that are remembered to have been tried; the one that was asked about longest ago gives way. */
export const TRIED_PAIRS_MAX = 256;

/**
 * Sees to it that it is known what to expect of a version beside the one that it serves with: at registration another
 * one may have been active. One pair of versions after the other, each tried once while the engine runs, as long as it
 * is among the TRIED_PAIRS_MAX that were asked about last.
 */
export class ExpectedChanges {
  readonly #ports: ExpectedChangesPorts;
  readonly #tried = new Set<string>();
  #last: Promise<void> = Promise.resolve();
  #child: Child | null = null;
  #isClosed = false;

  constructor(ports: ExpectedChangesPorts) {
    this.#ports = ports;
  }

  /** Call it as often as you like; what is measured stands in the version's record, in time. */
  ensure(version: VersionRecord, twin: VersionRecord): void {
    const key = JSON.stringify([version.model, version.version, twin.version]);
    if (this.#isClosed) return;
    // A set keeps the order in which its members were added: the first is the one that was asked about longest ago.
    const isTried = this.#tried.delete(key);
    this.#tried.add(key);
    for (const oldest of this.#tried) {
      if (this.#tried.size <= TRIED_PAIRS_MAX) break;
      this.#tried.delete(oldest);
    }
    if (isTried) return;
    this.#last = this.#last.then(() => this.#measure(version, twin)).catch((error: unknown) => {
      if (!this.#isClosed) this.#ports.onUnknown(version, reasonOf(error));
    });
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#child?.kill();
    await this.#last;
  }

  async #measure({ model, version }: VersionRecord, twin: VersionRecord): Promise<void> {
    const { registry } = this.#ports;
    if (this.#isClosed || !registry.hasVersion(model, version)) return;
    // A baseline may have come since it was loaded.
    const fresh = registry.version(model, version);
    if (fresh.expected?.against === twin.version) return;
    const questions = questionsOf(registry.validationOf(model, version), registry.goldenOf(model, version));
    const measured = await measureChange(this.#ports, { fresh, twin, questions }, (child) => (this.#child = child))
      .finally(() => (this.#child = null));
    if (measured === null) return;
    const { expected, pairs } = measured;
    await registry.commit(() => {
      const warnings = warningsExpecting(registry.version(model, version), { expected });
      registry.setExpected({ model, version, expected, warnings, pairs });
    });
  }
}

/** What becomes of a version's record when an operator says at a promote how much it answers otherwise. */
export function declaring(
  version: VersionRecord, expect: Expect | undefined,
): Pick<VersionRecord, 'expect' | 'warnings'> | undefined {
  return expect === undefined ? undefined : { expect, warnings: warningsExpecting(version, { expect }) };
}

/** A version's warnings when this is expected of it from now on: those about what was expected before go. */
export function warningsExpecting(
  { warnings, outputKind, expect, expected }: Pick<VersionRecord, 'warnings' | 'outputKind' | keyof Expectations>,
  change: Expectations,
): string[] {
  const before = { ...(expect && { expect }), ...(expected && { expected }), outputKind };
  const old = expectationWarnings(before);
  return [...warnings.filter((one) => !old.includes(one)), ...expectationWarnings({ ...before, ...change })];
}
