// Gives a version the baseline that a file holds. Main thread, or a CLI without an engine.
import type { Clock } from '../../base/clock.ts';
import { lastgoodError } from '../../base/errors.ts';
import { baselineOfFile, readBaselineFile, unwatchedInputs } from '../../judge/baseline/baseline-file.ts';
import { baselineWarning } from '../../judge/baseline/reference.ts';
import type { Baseline, VersionRecord } from '../../domain/records.ts';
import type { Registry } from '../../registry/registry.ts';

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
  const about = { createdAtMs: clock.wallMs(), declared, ...kind };
  const file = readBaselineFile(from);
  const given = baselineOfFile(file, signature, about);
  const baseline = keepingInputs(given, registry.baselineOf(model, version));
  const unwatched = unwatchedInputs(file, given, record);
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
