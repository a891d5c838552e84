// Registers a version (copy, trial, baseline, record) and removes it. Main thread, or a CLI without an engine. Nothing
// of a refused version stays: its artefact goes again unless another version uses it. What is removed leaves the
// registry first: a crash in between leaves a file too many, never a version without its file.
import type { Clock } from '../../base/clock.ts';
import { isLastgoodError, lastgoodError, reasonOf } from '../../base/errors.ts';
import { baselineWarning } from '../../judge/baseline/reference.ts';
import { addArtifact } from '../../artifacts/add.ts';
import { addDerived } from '../../artifacts/derived.ts';
import { removeArtifact, whileRegistering } from '../../artifacts/directory.ts';
import { ARTIFACT_BYTES_MAX } from '../../artifacts/manifest.ts';
import { givenFileOf, type ModelFile, modelFileOf } from '../../artifacts/verify.ts';
import { checkName } from '../../base/names.ts';
import { assertOpenFiles } from '../../base/open-files.ts';
import type { Expect, Expectations, KnownPair } from '../../domain/known-answers.ts';
import { numberText } from '../../judge/types/number-text.ts';
import { artifactRecordOf } from '../../domain/records.ts';
import type {
  ArtifactRecord, Baseline, DeclaredKind, NanInputs, Signature, StackingWish, TrialReport,
  VersionRecord,
} from '../../domain/records.ts';
import { defaultInputsOf } from '../../onnx/default-inputs.ts';
import { type SaidLimits, requestLimitsIn } from '../../options/request-limits.ts';
import type { SessionOptions } from '../../options/session-options.ts';
import type { Registry } from '../../registry/registry.ts';
import { inputColumnsOf } from '../../domain/input-columns.ts';
import { declaredOutput } from '../../domain/judged-output.ts';
import { inferOutputKind } from '../../domain/prediction.ts';
import { type ComparedVersion, measureChange, warningsExpecting } from './expected-change.ts';
import { type GivenFiles, withGivenFiles } from './baselines.ts';
import { runsAlike } from '../../registry/rules.ts';
import { defaultMemoryBytes } from '../preparation/memory-watch.ts';
import type { Preparation } from '../preparation/preparation.ts';
import { signatureDifference } from './promotable.ts';
import { type Question, questionsOf } from './questions.ts';
import { runTrial, type TrialRequest, type TrialResult } from './trial.ts';
import { wishedStacking } from './wished-stacking.ts';

const NAMES_SHOWN = 3;
/** The copies of an artefact, and the pipes of a trial. */
const FILES_SPARE = 24;

export interface RegistrationPorts {
  readonly dataDir: string;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly trialMs: number;
  /** Resident bytes of the trial process; by default half of what the host has. */
  readonly trialMemoryBytes?: number | undefined;
  readonly intraOpThreads: number;
  /** Prepares what is registered; nothing is without it. */
  readonly preparation?: Preparation | undefined;
  /** What a run of the model may take; the default of that option by default. */
  readonly runMemoryMax?: number | undefined;
  /** Of the judge's latency check, where that is known. */
  readonly p95LimitMs?: number | undefined;
}

export interface RegistrationRequest extends SaidLimits {
  readonly model: string;
  /** The model with its data files beside it, a folder, or a .tar. */
  readonly file: string;
  readonly version?: string;
  readonly baseline?: string;
  readonly golden?: string;
  /** The output that the judge reads, and how; what is left out is inferred from the signature and the baseline. */
  readonly output?: string;
  readonly outputKind?: DeclaredKind;
  /** The input columns that are watched, as in input-columns.ts. */
  readonly inputColumns?: string;
  /** Whether rows of different requests may share a run; by default wherever that is proven. */
  readonly stacking?: StackingWish;
  /** Whether it is asked about inputs that hold NaN; by default unless it fails at them in its trial. */
  readonly nanInputs?: NanInputs;
  /** Also when the model answers the baseline file's rows otherwise than that says; it becomes a warning. */
  readonly force?: boolean;
  /** How the runtime is to run it; what is left out is the engine's. */
  readonly session?: SessionOptions;
  /** How much it may answer otherwise than the version before; by default what known questions show. */
  readonly expect?: Expect;
}

/**
 * Registers the file as a version and returns its record, which is on disk by then. Throws INVALID_NAME,
 * VERSION_EXISTS, FILE_UNREADABLE, INVALID_BASELINE, INVALID_OUTPUT, INVALID_COLUMNS, INVALID_GOLDEN,
 * INVALID_OPTION (a size for a dimension that it has not), PREDICTIONS_DIFFER, TRIAL_FAILED, STACKING_UNPROVEN or
 * FILES_EXHAUSTED, and then nothing has changed.
 */
export async function registerVersion(
  ports: RegistrationPorts,
  request: RegistrationRequest,
  by: string,
): Promise<VersionRecord> {
  assertOpenFiles('register a version', FILES_SPARE);
  checkNames(ports.registry, request);
  // The small files first: a mistake in them must not cost a copy and a trial.
  return withGivenFiles(request, (files) =>
    whileRegistering(ports.dataDir, () => addVersion(ports, request, files, by)));
}

async function addVersion(
  ports: RegistrationPorts, request: RegistrationRequest, files: GivenFiles, by: string,
): Promise<VersionRecord> {
  const { golden, known, validation } = files;
  const copied = await addArtifact(ports.dataDir, request.file);
  try {
    const made = await addDerived(ports.dataDir, copied, request.session?.freeDimensions);
    const artifact = { ...copied, ...(made === null ? {} : { derived: made.derived }) };
    const trial = await tryOut(ports, request, artifact, {
      labels: made?.labels ?? {}, defaults: made?.defaults ?? {}, golden, known,
      validation, session: request.session, mayDiffer: request.force === true,
    });
    const stacking = wishedStacking(trial.stacking, request.stacking, {
      model: request.model, version: request.version ?? 'new', signature: trial.signature,
    });
    await ports.preparation?.ensure({ ...artifact, artifactBytes: artifact.bytes, session: request.session }, golden);
    const { registry } = ports;
    const limits = requestLimitsIn(request);
    const { unwatched, ...judged } = await judgedBy(ports, request, trial.signature, files);
    const { warnings: expectationWarnings, ...expectations } = await expectationsOf(
      ports, request, { ...artifact, signature: trial.signature, ...judged }, questionsOf(validation, golden));
    const version = await registry.commit(() => registry.createVersion(
      {
        model: request.model,
        ...(request.version === undefined ? {} : { version: request.version }),
        ...artifactRecordOf(artifact),
        artifactBytes: artifact.bytes,
        signature: trial.signature,
        ...judged,
        golden,
        validation,
        trial: trial.report,
        stacking,
        ...(request.session === undefined ? {} : { session: request.session }),
        ...(limits === undefined ? {} : { requestLimits: limits }),
        ...expectations,
        warnings: [
          ...trial.warnings, ...expectationWarnings, ...slowWarnings(trial.report, ports.p95LimitMs),
          ...warningsAbout(registry, request.model, trial.signature, judged.baseline),
          ...unwatched,
          ...quarantineWarnings(registry, request.model, artifact.sha256, request.session),
          ...defaultWarnings(givenFileOf(ports.dataDir, artifact), trial.signature),
        ],
      },
      by,
    ));
    await ports.preparation?.prune();
    return version;
  } catch (error) {
    if (copied.created && !isUsed(ports.registry, copied.sha256)) await removeArtifact(ports.dataDir, copied.sha256);
    throw error;
  }
}

function checkNames(registry: Registry, { model, version }: RegistrationRequest): void {
  checkName('the model name', model);
  if (version === undefined) return;
  checkName('the version', version);
  if (registry.hasVersion(model, version)) throw lastgoodError('VERSION_EXISTS', { model, version });
}

async function tryOut(
  ports: RegistrationPorts,
  { model, version }: RegistrationRequest,
  artifact: ArtifactRecord,
  { labels, defaults, ...asked }: Omit<TrialRequest, 'file' | 'given' | 'intraOpThreads'> &
    Pick<Required<ModelFile>, 'labels' | 'defaults'>,
): Promise<TrialResult> {
  try {
    const file = { ...modelFileOf(ports.dataDir, artifact), labels, defaults };
    const given = artifact.derived === undefined ? null : givenFileOf(ports.dataDir, artifact);
    const memoryBytes = ports.trialMemoryBytes ?? defaultMemoryBytes();
    return await runTrial(
      { file, given, intraOpThreads: ports.intraOpThreads, ...asked },
      { trialMs: ports.trialMs, memoryBytes, runMemoryMax: ports.runMemoryMax });
  } catch (error) {
    if (isLastgoodError(error)) throw error;
    throw lastgoodError('TRIAL_FAILED', { model, version: version ?? 'new', reason: reasonOf(error) });
  }
}

type Declaration = NonNullable<VersionRecord['declared']>;

function declarationOf({ output, outputKind: kind, inputColumns, nanInputs }: RegistrationRequest): Declaration {
  return {
    ...(output === undefined ? {} : { output }), ...(kind === undefined ? {} : { kind }),
    ...(inputColumns === undefined ? {} : { inputColumns }), ...(nanInputs === undefined ? {} : { nanInputs }),
  };
}

async function judgedBy(
  { clock }: RegistrationPorts, request: RegistrationRequest, signature: Signature, files: GivenFiles,
): Promise<Pick<VersionRecord, 'outputKind' | 'declared'> & {
  readonly baseline: Baseline | null; readonly unwatched: readonly string[];
}> {
  const declared = declarationOf(request);
  const said = Object.keys(declared).length > 0 ? { declared } : {};
  if (request.baseline !== undefined) {
    const { baseline, unwatched } = await files.summarize({ signature, declared, createdAtMs: clock.wallMs() });
    return { outputKind: baseline.kind, baseline, unwatched, ...said };
  }
  const output = declaredOutput(signature, declared);
  // Refuses what the model has not, also while there is nothing to compare with.
  inputColumnsOf({ signature, declared });
  const outputKind = declared.kind ?? (output === null ? 'vector' : inferOutputKind(output));
  return { outputKind, baseline: null, unwatched: [], ...said };
}

function warningsAbout(
  registry: Registry, model: string, signature: Signature, baseline: Baseline | null,
): string[] {
  const unjudged = baselineWarning(baseline);
  const warnings = unjudged === null ? [] : [unjudged];
  const active = activeVersionOf(registry, model);
  const difference = active === null ? null : signatureDifference(active.signature, signature);
  if (difference !== null) warnings.push(`its signature differs from the active version's: ${difference}`);
  return warnings;
}

// One row alone takes longer than requests may: no load, and no other host, makes that better.
function slowWarnings({ runMs }: TrialReport, limitMs = Infinity): string[] {
  return runMs <= limitMs ? [] : [
    `one row took ${numberText(runMs)} ms in its trial, over the judge's latency limit of ${numberText(limitMs)} ms: ` +
    'in service it will fail the check p95_latency',
  ];
}

function quarantineWarnings(
  registry: Registry, model: string, sha256: string, session: SessionOptions | undefined,
): string[] {
  return registry.versions(model)
    .filter((version) => version.health === 'unhealthy' && runsAlike(version, { sha256, session }))
    .map(({ version, quarantine }) =>
      `its file is in quarantine as version "${version}" (${quarantine?.reason ?? 'unhealthy'}): promote refuses it ` +
      'until that is released, or with --force');
}

// The binding of the runtime has no way to give those that no rule has opened.
function defaultWarnings({ path, kind }: ModelFile, { optional = [] }: Signature): string[] {
  const names = (kind === 'ort' ? [] : defaultInputsOf(path, ARTIFACT_BYTES_MAX))
    .filter((name) => optional.every((one) => one.name !== name));
  if (names.length === 0) return [];
  const shown = names.slice(0, NAMES_SHOWN).map((name) => JSON.stringify(name)).join(', ');
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
  return [`inputs with a default (${shown}${more}) always have the model's own value: no request can give another`];
}

// A version whose change cannot be found out is taken all the same: nothing is expected of it then.
async function expectationsOf(
  ports: RegistrationPorts, { model, version = 'new', session, expect }: RegistrationRequest,
  judged: Omit<ComparedVersion, 'version' | 'session'>, questions: readonly Question[],
): Promise<Expectations & { readonly expectedPairs?: readonly KnownPair[]; readonly warnings: string[] }> {
  const declared = expect === undefined ? {} : { expect };
  const twin = activeVersionOf(ports.registry, model);
  if (twin === null) return { ...declared, warnings: [] };
  const fresh = { ...judged, version, ...(session === undefined ? {} : { session }) };
  try {
    const measured = await measureChange(ports, { fresh, twin, questions });
    if (measured === null) return { ...declared, warnings: [] };
    const { expected, pairs } = measured;
    const { outputKind } = judged;
    const warnings = warningsExpecting({ warnings: [], outputKind }, { ...declared, expected });
    return { ...declared, expected, expectedPairs: pairs, warnings };
  } catch (error) {
    const reason = `its answers could not be compared with those of version "${twin.version}": ${reasonOf(error)}`;
    return { ...declared, warnings: [reason] };
  }
}

function activeVersionOf(registry: Registry, model: string): VersionRecord | null {
  const active = registry.models().find((record) => record.model === model)?.activeVersion ?? null;
  return active === null ? null : registry.version(model, active);
}

function isUsed(registry: Registry, sha256: string): boolean {
  return registry
    .models()
    .flatMap(({ model }) => registry.versions(model))
    .some((version) => version.sha256 === sha256);
}

/** Removes a version, or the whole model when none is named; throws VERSION_IN_USE and then has changed nothing. */
export async function removeVersions(
  { dataDir, registry, preparation }: Pick<RegistrationPorts, 'dataDir' | 'registry' | 'preparation'>,
  target: { readonly model: string; readonly version?: string },
  by: string,
): Promise<{ removed: string[]; artifacts: string[] }> {
  const { removed, orphans } = await registry.commit(() => registry.remove({ ...target, by }));
  for (const sha256 of orphans) await removeArtifact(dataDir, sha256);
  await preparation?.prune();
  return { removed, artifacts: orphans };
}
