// The trial process: loads one artefact for the first time, warms it and checks its golden vectors; then finds out what
// its runs take of memory, and whether its rows may share a run. Whatever the model does to this process (crash, hang,
// memory) the engine only sees a refusal, and in the last parts, where the rows are nobody's, a version that is not
// stacked.
import '../../base/telemetry-off.ts';
import { monotonicUs } from '../../base/clock.ts';
import { answerParent, tellParent } from '../../base/managed-child.ts';
import { anonymousBytes, offerToOutOfMemoryKiller } from '../../base/process-memory.ts';
import { ARTIFACT_BYTES_MAX } from '../../artifacts/manifest.ts';
import { unreadableTextIn } from '../../onnx/answered-texts.ts';
import { measureMemory } from '../../worker/session/memory-probe.ts';
import { measuredRows, RUN_ROWS_MAX } from '../../domain/run-limits.ts';
import { lastgoodError } from '../../base/errors.ts';
import type { ValidationRow } from '../../domain/known-answers.ts';
import { compareRows } from './answered-rows.ts';
import { compareGolden, rowsOfInputs } from '../../worker/session/golden.ts';
import { Session } from '../../worker/session/session.ts';
import { answersToNaN } from '../../worker/session/nan-probe.ts';
import { decideStacking } from '../../worker/session/stacking-decision.ts';
import { assertAnswersAlike } from './derived-check.ts';
import type { TrialFindings, TrialMessage, TrialOrder } from './trial.ts';

/** Rows of the largest warm-up run: what larger ones take is not known yet. */
const WARM_ROWS = 4;
/** A model that takes a larger share of the trial's memory is not loaded twice. */
const MODEL_SHARE_MAX = 1 / 4;
/** A run that takes more ends its measurement. */
const RUN_BYTES_MAX = 192 * 1024 ** 2;

async function tryArtifact(order: TrialOrder): Promise<TrialMessage> {
  const { file, given, intraOpThreads, golden, known = [], validation = [], mayDiffer = false } = order;
  const { runMemoryMax, memoryBytes, session: chosen = {} } = order;
  await tellParent({ kind: 'stage', stage: 'load' } satisfies TrialMessage);
  assertReadableTexts(given ?? file);
  const before = anonymousBytes();
  const beginUs = monotonicUs();
  const open = (): Promise<Session> =>
    Session.open({ ...file, intraOpThreads, session: chosen, rowsMax: RUN_ROWS_MAX });
  const session = await open();
  const loadMs = (monotonicUs() - beginUs) / 1e3;
  const modelBytes = Math.max(0, anonymousBytes() - before);
  try {
    await tellParent({ kind: 'stage', stage: 'warm up' } satisfies TrialMessage);
    const { runMs, rowMs, warnings: warmUpWarnings } = await session.warmUp(WARM_ROWS);
    const warnings = [...warmUpWarnings];
    await tellParent({ kind: 'stage', stage: 'golden check' } satisfies TrialMessage);
    const mismatches = golden === null ? [] : await compareGolden(golden, session);
    if (mismatches.length > 0) {
      const first = mismatches[0]!;
      const where = first.output === '' ? '' : ` output "${first.output}"`;
      throw new Error(`${mismatches.length} golden answers differ; case ${first.case}${where}: ${first.reason}`);
    }
    await tellParent({ kind: 'stage', stage: 'comparison with the file\'s predictions' } satisfies TrialMessage);
    warnings.push(...await differencesOf(session, validation, mayDiffer));
    const residentBytes = Math.max(0, anonymousBytes() - before);
    const report = { loadMs, runMs, rowMs, goldenCases: golden?.cases.length ?? 0, residentBytes };
    if (given !== null) await assertAnswersAlike(given, session);
    const findings: TrialFindings = { signature: session.signature, report, warnings };
    await tellParent({ kind: 'passed', findings } satisfies TrialMessage);
    await tellParent({ kind: 'stage', stage: 'memory measurement' } satisfies TrialMessage);
    const bytesMax = Math.min(RUN_BYTES_MAX, memoryBytes * MODEL_SHARE_MAX);
    const isLarge = modelBytes > memoryBytes * MODEL_SHARE_MAX;
    const measured = await measureMemory(session, { modelBytes, bytesMax, openAgain: isLarge ? null : open });
    await tellParent({ kind: 'measured', measured } satisfies TrialMessage);
    if (measured !== null) session.limitRows(measuredRows(measured.memory, runMemoryMax));
    await tellParent({ kind: 'stage', stage: 'stacking probe' } satisfies TrialMessage);
    const rows = rowsOfInputs(known, session);
    // A run of more rows than the measurement ended at takes longer, or more memory, than one of a trial may.
    const rowsMax = measured?.memory.rows.at(-1)?.size;
    const stacking = await decideStacking(session, file, { boldness: 'bold', known: rows, rowsMax });
    await tellParent({ kind: 'stacked', stacking } satisfies TrialMessage);
    await tellParent({ kind: 'stage', stage: 'probe of missing values' } satisfies TrialMessage);
    return { kind: 'done', nanAnswers: await answersToNaN(session, rows) };
  } finally {
    await session.release();
  }
}

// Only here: a version that was registered by an earlier build is served as it was.
function assertReadableTexts({ path, kind }: TrialOrder['file']): void {
  if (kind === 'ort') return;
  const where = unreadableTextIn(path, ARTIFACT_BYTES_MAX);
  if (where === null) return;
  throw new Error(`${where} is no valid UTF-8, so that no answer could say it; wanted names in UTF-8, or classes as ` +
    'numbers');
}

/** What is to be told of answers that are not those of the file; throws PREDICTIONS_DIFFER when they may not differ. */
async function differencesOf(
  session: Session, validation: readonly ValidationRow[], mayDiffer: boolean,
): Promise<string[]> {
  // A file about other inputs is refused for that, with better words, when the version is recorded.
  const isAsked = validation.every((row) => session.signature.inputs.every(({ name }) => name in row.inputs));
  const { compared, differing, worst } = await compareRows(session, isAsked ? validation : []);
  if (worst === null) return [];
  const details = { differing, compared, row: worst.row, reason: worst.reason };
  if (!mayDiffer) throw lastgoodError('PREDICTIONS_DIFFER', details);
  return [lastgoodError('PREDICTIONS_DIFFER', details).message];
}

offerToOutOfMemoryKiller();
answerParent(tryArtifact);
