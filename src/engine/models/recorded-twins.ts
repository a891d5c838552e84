// What of the pairs of a model goes into a recording: what the version before answered to rows that were recorded, and
// what is known beforehand of how the two differ. Main thread; only with --record. Inputs are not among it: the
// recorder has its own, where they are recorded at all.
import type { WatchGeneration } from '../../judge/types/messages.ts';
import type { PairGatherer } from '../../rollout/attribution/pair-gatherer.ts';
import type { RegistryReader } from '../../registry/reader.ts';
import type { RecorderCommand } from '../../record/twin-answers.ts';
import type { MonitorLink } from '../monitor-link.ts';

type OnAnswers = NonNullable<ConstructorParameters<typeof PairGatherer>[0]['onAnswers']>;

/** Tells the recorder what the twin answers; nothing while nothing is recorded. */
export function twinRecorder(model: string, monitor: MonitorLink): { readonly onAnswers?: OnAnswers } {
  if (!monitor.isRecording) return {};
  const onAnswers: OnAnswers = ({ generation, twin: version, ranUs }, rows, answers) => {
    const latencyUs = answers.length === 0 ? 0 : ranUs / answers.length;
    monitor.record({
      kind: 'twin', model, generation,
      // Rows that time did not reach have no answer.
      answers: answers.map((outputs, at) => {
        const { atUs, row, input, latencyUs: ownUs } = rows[at]!;
        return { version, latencyUs, outputs, row: { atUs, row, input, latencyUs: ownUs } };
      }),
    });
  };
  return { onAnswers };
}

/** What is known of a version as its generation begins. */
export function knownChange(
  registry: RegistryReader, { model, version, generation }: Pick<WatchGeneration, 'model' | 'version' | 'generation'>,
): Extract<RecorderCommand, { kind: 'known' }> {
  const { expect, expected } = registry.version(model, version);
  return {
    kind: 'known', model, generation,
    ...(expect !== undefined && { expect }), ...(expected !== undefined && { expected }),
    pairs: expected === undefined ? [] : registry.expectedPairsOf(model, version),
  };
}
