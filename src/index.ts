// The public API of lastgood: everything a program that embeds the engine needs, and nothing else.
//
//   const engine = await createEngine({ dataDir: './data' });
//   await engine.register('digits', 'digits-v1.onnx', { baseline: 'digits-v1.baseline.json', promote: true });
//   const { prediction, modelVersion } = await engine.predict('digits', features);
//   engine.on('rollback', ({ decision }) => console.error(decision.reason));
//   await engine.close();
export { createEngine } from './engine/engine.ts';
export type { Engine } from './engine/engine.ts';
export type { EngineEvents, EngineHooks } from './engine/events.ts';
export type { EngineLog } from './engine/log.ts';
export type { Features, Prediction, PredictAnswer, PredictManyAnswer } from './engine/api/library-api.ts';
export { isLastgoodError, LastgoodError } from './base/errors.ts';
export type { ErrorCode } from './base/errors.ts';
export type { EngineOptions } from './options/options.ts';
export type { EngineStatus, ModelStatus, Promotion } from './admin/answers.ts';
export type { Actor, ControlPlane, RegisterArguments } from './admin/commands.ts';
export type { DeploymentView } from './rollout/deployment/deployments.ts';
export type { Activation, Rollback } from './rollout/events.ts';
export type { Phase } from './rollout/phases.ts';
export type { Clock } from './base/clock.ts';
export type { HealthReport } from './judge/types/messages.ts';
export type {
  Baseline, DecisionRecord, EventRecord, ModelRecord, Signature, TensorSignature, VersionRecord,
} from './domain/records.ts';
export type { RolloutEvent } from './rollout/events.ts';
