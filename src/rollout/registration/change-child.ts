// The process in which two versions are asked the same known questions, one version after the other, so that no more
// than one is loaded. Whatever a model does to this process, nobody waits for it: then nothing is known to expect.
import '../../base/telemetry-off.ts';
import { performance } from 'node:perf_hooks';
import { loadableModel } from '../../artifacts/derived.ts';
import { answerParent } from '../../base/managed-child.ts';
import { offerToOutOfMemoryKiller } from '../../base/process-memory.ts';
import { valuesOf } from '../../datasets/elements.ts';
import { defaultsOf, labelsOf } from '../../domain/datatype.ts';
import { judgedOutputOf, stepElementsOf } from '../../domain/judged-output.ts';
import type { ExpectedChange, KnownAnswer, KnownPair } from '../../domain/known-answers.ts';
import { labelNumber } from '../../domain/prediction.ts';
import { RUN_ROWS_MAX } from '../../domain/run-limits.ts';
import { predictionOf } from '../../domain/sequence.ts';
import { cosineOf } from '../../judge/pairs/disagreement.ts';
import { measuredChange } from '../../judge/pairs/expectation.ts';
import { PairCounts } from '../../judge/pairs/pair-counts.ts';
import { Session } from '../../worker/session/session.ts';
import { answerRow } from './answered-rows.ts';
import type { ChangeAnswer, ChangeOrder, ComparedVersion } from './expected-change.ts';
import type { Question } from './questions.ts';

/** Of the questions that there are, each version is asked as many as fit this time. */
const ASK_MS_MAX = 10_000;
const ONE_NUMBER = ['scalar', 'score', 'regression'];

/** The numbers of the judged output for each question, null where the version failed; shorter when the time is over. */
async function answersOf(
  { dataDir, intraOpThreads }: ChangeOrder, version: ComparedVersion, questions: readonly Question[],
): Promise<(number[] | null)[]> {
  const { signature, session: chosen = {} } = version;
  const { output } = judgedOutputOf(version);
  const index = signature.outputs.findIndex(({ name }) => name === output);
  const { datatype } = signature.outputs[index]!;
  const session = await Session.open({
    ...await loadableModel(dataDir, version), labels: labelsOf(signature), defaults: defaultsOf(signature),
    intraOpThreads, session: chosen, rowsMax: RUN_ROWS_MAX,
  });
  try {
    const endMs = performance.now() + ASK_MS_MAX;
    const answers: (number[] | null)[] = [];
    for (const question of questions) {
      if (performance.now() >= endMs) break;
      const answer = await answerRow(session, question).catch(() => null);
      answers.push(answer === null ? null : valuesOf(datatype, answer[index]!.data)
        .map((value) => (datatype === 'BYTES' ? labelNumber(String(value)) : Number(value))));
    }
    return answers;
  } finally {
    await session.release();
  }
}

async function compare(order: ChangeOrder): Promise<ChangeAnswer> {
  const { fresh, twin, questions, sigma } = order;
  const { outputKind: kind } = fresh;
  const own = await answersOf(order, fresh, questions);
  const others = await answersOf(order, twin, questions.slice(0, own.length));
  const counts = new PairCounts({ version: fresh.version, twin: twin.version, kind, sigma });
  const distances: number[] = [];
  const pairs: KnownPair[] = [];
  let unanswered = 0;
  others.forEach((answer, row) => {
    const [left, right] = [answered(fresh, own[row]!), answered(twin, answer, kind)];
    pairs.push({ fresh: left, twin: right });
    const areBoth = left.outcome === 'answered' && right.outcome === 'answered';
    if (left.outcome !== 'answered' && right.outcome === 'answered') unanswered += 1;
    const cosine = kind === 'vector' && areBoth ? cosineOf(own[row]!, answer!) : null;
    counts.add({ input: 0, atUs: 0, fresh: left, twin: right, cosine });
    if (areBoth && ONE_NUMBER.includes(kind)) distances.push(Math.abs(left.value - right.value));
    else if (cosine !== null) distances.push(1 - cosine);
  });
  const expected = measuredChange(counts.facts(), unanswered, quantilesOf(distances));
  return { kind: 'compared', expected, pairs };
}

function answered(version: ComparedVersion, numbers: number[] | null, kind = version.outputKind): KnownAnswer {
  const summary = predictionOf(kind, numbers, stepElementsOf(version));
  if (numbers === null) return { ...summary, outcome: 'failed' };
  return { ...summary, outcome: Number.isFinite(summary.value) ? 'answered' : 'nonFinite' };
}

function quantilesOf(distances: readonly number[]): ExpectedChange['distance'] {
  if (distances.length === 0) return null;
  const sorted = [...distances].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
  return { median: at(0.5), p95: at(0.95), most: at(1) };
}

offerToOutOfMemoryKiller();
answerParent(compare);
