// Gives a version the baseline that a file holds, and has the files that come with one read by a thread of their own.
// Main thread, or a CLI without an engine.
import type { Clock } from '../../base/clock.ts';
import { decodeError, lastgoodError } from '../../base/errors.ts';
import { ManagedThread } from '../../base/managed-thread.ts';
import { baselineWarning } from '../../judge/baseline/reference.ts';
import type { Baseline, VersionRecord } from '../../domain/records.ts';
import type { Registry } from '../../registry/registry.ts';
import type {
  GivenFilesCommand, GivenFilesReport, ReadFiles, Summary, SummaryOrder,
} from './given-files-thread.ts';

const THREAD = new URL('./given-files-thread.js', import.meta.url);
/** It holds files and nothing else: one that is still at work when nobody waits for it is ended. */
const STOP_MS = 1_000;

/** The files of one registration. */
export interface GivenFiles extends ReadFiles {
  /** The baseline file as the version's baseline; throws INVALID_BASELINE, INVALID_OUTPUT or INVALID_COLUMNS. */
  summarize(order: SummaryOrder): Promise<Summary>;
}

/**
 * Reads the files in a thread and keeps them there while `work` lasts; throws INVALID_BASELINE and INVALID_GOLDEN.
 * Without files there is no thread.
 */
export async function withGivenFiles<T>(
  { baseline, golden }: { readonly baseline?: string | undefined; readonly golden?: string | undefined },
  work: (files: GivenFiles) => Promise<T>,
): Promise<T> {
  let settle: { resolve: (report: GivenFilesReport) => void; reject: (reason: Error) => void } | null = null;
  const thread = new ManagedThread<GivenFilesCommand, GivenFilesReport>({
    entry: THREAD, name: 'lastgood files', lastCommand: { kind: 'end' }, stopMsMax: STOP_MS,
    onReport: (report) => settle?.resolve(report),
    onUnexpectedEnd: (reason) => settle?.reject(new Error(`the thread that reads the files ended: ${reason}`)),
  });
  const ask = async (command: GivenFilesCommand): Promise<Exclude<GivenFilesReport, { readonly kind: 'failed' }>> => {
    const told = new Promise<GivenFilesReport>((resolve, reject) => (settle = { resolve, reject }));
    thread.post(command);
    const report = await told;
    if (report.kind === 'failed') throw decodeError(report.error);
    return report;
  };
  const summarize = async (order: SummaryOrder): Promise<Summary> =>
    await ask({ kind: 'summarize', order }) as Summary;
  if (baseline === undefined && golden === undefined) {
    return work({ golden: null, known: [], validation: [], summarize });
  }
  thread.start();
  thread.keepProcess(true);
  try {
    const read = await ask({ kind: 'read', baseline: baseline ?? null, golden: golden ?? null }) as ReadFiles;
    return await work({ ...read, summarize });
  } finally {
    await thread.stop();
  }
}

/** The version is the active one unless named. Throws INVALID_BASELINE, FILE_UNREADABLE or NO_ACTIVE_VERSION. */
export async function baselineFromFile(
  registry: Registry,
  target: { readonly model: string; readonly version?: string; readonly from: string },
  by: string,
  clock: Clock,
): Promise<VersionRecord> {
  const { model, from } = target;
  const version = target.version ?? registry.model(model).activeVersion;
  if (version === null) throw lastgoodError('NO_ACTIVE_VERSION', { model });
  const record = registry.version(model, version);
  const { signature, outputKind, declared } = record;
  // Its workers summarise answers by this kind already; only what one number means may still be found out.
  const kind = outputKind === 'scalar' ? {} : { kind: outputKind };
  const about = { signature, createdAtMs: clock.wallMs(), ...(declared !== undefined && { declared }), ...kind };
  const { baseline: given, unwatched } = await withGivenFiles({ baseline: from }, (files) => files.summarize(about));
  const baseline = keepingInputs(given, registry.baselineOf(model, version));
  const warnings = warningsWith(record, baseline);
  warnings.push(...unwatched.filter((one) => !warnings.includes(one)));
  return registry.commit(() => registry.setBaseline({ model, version, baseline, warnings, by }));
}

/** The version's warnings when this becomes its baseline: what was said of the one before, or of none, goes. */
export function warningsWith(
  { warnings, baseline: before }: Pick<VersionRecord, 'warnings' | 'baseline'>, baseline: Baseline,
): string[] {
  const [then, now] = [baselineWarning(before), baselineWarning(baseline)];
  return [...warnings.filter((warning) => warning !== then), ...(now === null ? [] : [now])];
}

/** The baseline with the inputs of the one before when it has none: only other inputs take their place. */
export function keepingInputs(baseline: Baseline, before: Baseline | null): Baseline {
  return baseline.inputs !== undefined || before?.inputs === undefined
    ? baseline
    : { ...baseline, inputs: before.inputs };
}
