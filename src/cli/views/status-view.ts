// The state of an engine and its models as text for a person. Pure, but for the colours of the terminal; `nowMs` is
// wall-clock time, which the records are stamped with.
import { inNaturalOrder } from '../../base/names.ts';
import type { EngineStatus, ModelStatus, PauseView, StartProgress } from '../../admin/answers.ts';
import { waitText } from '../../judge/checks/detectability.ts';
import type { Sight, Sights } from '../../judge/checks/detectability.ts';
import { CHECKS } from '../../judge/checks/table.ts';
import type { CheckResult } from '../../judge/types/messages.ts';
import type { SourceFacts } from '../../judge/verdict/sources.ts';
import { expectationText } from '../../judge/pairs/expectation.ts';
import { numberText, percentText, windowText } from '../../judge/types/number-text.ts';
import type { TlsView } from '../../metrics/views.ts';
import type {
  BaselineSummary, DecisionRecord, DerivedFile, JudgedOutput, Manifest, ModelRecord, NanAnswers, StackingDecision,
  TrialReport, VersionRecord,
} from '../../domain/records.ts';
import { nanInputsOf } from '../../domain/run-limits.ts';
import type { SaidLimits } from '../../options/request-limits.ts';
import { sessionText } from '../../options/session-options.ts';
import { outcomeText } from '../../rollout/decision-words.ts';
import { hasRoom, type Room } from '../../rollout/deployment/room.ts';
import type { LimitsView } from '../../domain/run-limits.ts';
import { inputColumnsOf } from '../../domain/input-columns.ts';
import { judgedOutputOf } from '../../domain/judged-output.ts';
import { bytesText, countText, durationText, facts, paint, table, timeText } from './output.ts';
import type { Cell, Style } from './output.ts';

const NOTHING = '-';
const DECISIONS_SHOWN = 5;
/** A certificate that is renewed in time has longer than this. */
const EXPIRY_NEAR_MS = 14 * 24 * 3_600_000;
const NAMES_SHOWN = 6;
const HASH_SHOWN = 12;

const PHASE_STYLES: Readonly<Record<ModelStatus['phase'], Style>> = {
  empty: 'dim', loading: 'yellow', probation: 'yellow', steady: 'green', no_rollback_target: 'red',
  restored_failing: 'red', offline: 'dim',
};

/** One line about the engine, a row per model, and what is wrong now. */
export function statusText(status: EngineStatus, nowMs: number): string {
  const parts = [engineLine(status), ...(status.tls === null ? [] : [tlsText(status.tls, nowMs)])];
  if (status.models.length === 0) parts.push('no models yet: lastgood register MODEL FILE.onnx --promote');
  else parts.push(modelsTable(status.models, nowMs));
  const troubles = status.models.flatMap(troublesOf);
  if (troubles.length > 0) parts.push(troubles.join('\n'));
  return parts.join('\n\n');
}

/** Everything about the one model that the status holds. */
export function modelText(status: EngineStatus, nowMs: number): string {
  return [
    engineLine(status),
    ...status.models.flatMap((one) => {
      const troubles = troublesOf(one);
      return [
        modelFacts(one, nowMs),
        ...(troubles.length > 0 ? [troubles.join('\n')] : []),
        versionsTable(one),
        ...(one.sights === null ? [] : [sightsText(one.sights)]),
        ...(one.recentDecisions.length > 0 ? [decisionsTable(one.recentDecisions, nowMs)] : []),
      ];
    }),
  ].join('\n\n');
}

function engineLine(status: EngineStatus): string {
  const { engine, version, dataDir, listen, tls, pid, uptimeMs, memoryBytes, memoryMax } = status;
  const { defaultModel, models, start } = status;
  const style: Style = engine === 'running' ? 'green' : 'yellow';
  const facts = [
    `lastgood ${version} ${paint(style, engine === 'offline' ? 'offline (no engine runs)' : engine)}`,
    ...(listen === null ? [] : [`${tls === null ? 'http' : 'https'}://${listen}`]),
    ...(pid === null ? [] : [`pid ${pid}`]),
    ...(uptimeMs === null ? [] : [`up ${durationText(uptimeMs)}`]),
    ...(memoryBytes === null ? [] : [
      `${bytesText(memoryBytes)} of memory${memoryMax === null ? '' : `, ${bytesText(memoryMax)} at most`}`]),
    ...(models.length > 1 && defaultModel !== null ? [`default model ${defaultModel}`] : []),
    ...(start === null ? [] : [paint('yellow', startText(start))]),
    dataDir,
  ];
  return facts.join(paint('dim', ' | '));
}

function startText({ ready, loading, waiting }: StartProgress): string {
  const now = loading.length === 0 ? '' : ` (${loading.join(', ')})`;
  return `starting: ${ready} ready, ${loading.length} loading${now}, ${waiting} waiting`;
}

/** The certificate of the public port, and what an operator has to see to. */
function tlsText({ cert, subject, notAfterMs, problem }: TlsView, nowMs: number): string {
  const leftMs = notAfterMs - nowMs;
  const style: Style = leftMs < 0 ? 'red' : leftMs < EXPIRY_NEAR_MS ? 'yellow' : 'green';
  const when = leftMs < 0 ? `expired ${durationText(-leftMs)} ago` : `valid for ${durationText(leftMs)} more`;
  const line = `TLS: ${subject}, ${paint(style, `${when}, until ${timeText(notAfterMs)}`)} (${cert})`;
  return problem === null ? line : `${line}\n${paint('red', 'TLS files not taken')}: ${problem}`;
}

function modelsTable(models: readonly ModelStatus[], nowMs: number): string {
  const head = [
    'MODEL', 'PHASE', 'ACTIVE', 'GEN', 'LAST GOOD', 'SINCE', 'REQUESTS', 'P95', 'ERRORS', 'DRIFT', 'PENDING',
  ];
  const byName = inNaturalOrder(models, ({ model }) => model.model);
  return table(head, byName.map((one) => {
    const { model, phase, health, pending, pause } = one;
    const marks = [...(model.pin === null ? [] : ['pinned']), ...(pause === null ? [] : ['watched only'])];
    return [
      { text: model.model, style: 'bold' },
      { text: [phase, ...marks].join(', '), style: PHASE_STYLES[phase] },
      model.activeVersion ?? NOTHING,
      String(model.generation),
      lastGoodText(model) ?? NOTHING,
      model.activeVersion === null ? NOTHING : `${durationText(nowMs - model.activatedAtMs)} ago`,
      health === null ? NOTHING : countText(health.totals.requests),
      measured(one, 'p95_latency', health?.p95LatencyMs, (value) => `${numberText(value)} ms`),
      measured(one, 'error_rate', health?.errorRate, (value) => percentText(value)),
      measured(one, 'mean_drift', health?.predictionDrift, (value) => `${numberText(value)} sd`),
      String(pending),
    ];
  }));
}

function measured(
  { health }: ModelStatus, name: string, value: number | null | undefined, text: (value: number) => string,
): Cell {
  if (value === null || value === undefined) return { text: NOTHING };
  const failing = health?.checks.some(({ check, verdict }) => check === name && verdict === 'fail') === true;
  return failing ? { text: text(value), style: 'red' } : { text: text(value) };
}

function troublesOf({ model, saved, phase, health, stuckWorkers, refused }: ModelStatus): string[] {
  const troubles = (health?.violations ?? []).map((text) => `${model.model}: ${text}`);
  if (phase === 'no_rollback_target') {
    troubles.push(`${model.model}: it fails, and no healthy version is there to go back to`);
  }
  if (phase === 'restored_failing') {
    troubles.push(`${model.model}: the version that was restored fails too, so nothing more is rolled back; ` +
      'look at the host and at what comes in');
  }
  if (!saved) {
    troubles.push(`${model.model}: version ${model.activeVersion ?? NOTHING} as generation ${model.generation} is ` +
      'not saved: the disk refuses the rollback to it, which is written when the disk is back');
  }
  if (model.activeVersion === null) troubles.push(`${model.model}: no version is active`);
  if (stuckWorkers > 0) {
    troubles.push(`${model.model}: ${countText(stuckWorkers)} workers are stuck in a run past its deadline`);
  }
  const refusals = refused.map(({ sha256, version, why, untilMs }) =>
    `request ${sha256.slice(0, HASH_SHOWN)} (version ${version}) is refused until ${timeText(untilMs)}: ${why}`);
  const warnings = [...(health?.warnings ?? []), ...refusals]
    .map((text) => paint('yellow', `! ${model.model}: warning: ${text}`));
  return [...troubles.map((text) => paint('red', `! ${text}`)), ...warnings];
}

function modelFacts(status: ModelStatus, nowMs: number): string {
  const { model, phase, health, pending, shielded, versions, pairs: asked } = status;
  const active = versions.find(({ version }) => version === model.activeVersion);
  const pairs: [string, string][] = [
    ['model', paint('bold', model.model)],
    ['phase', paint(PHASE_STYLES[phase], phase)],
    ['active', model.activeVersion === null
      ? 'no version'
      : `${model.activeVersion} as generation ${model.generation}, for ${durationText(nowMs - model.activatedAtMs)}`],
    ['last good', lastGoodText(model) ?? 'none: nothing to go back to'],
  ];
  if (active !== undefined) {
    pairs.push(['stacking', stackingText(active.stacking)], ['session', sessionLine(active)]);
    pairs.push(['inputs', watchedText(active)]);
    const expectation = expectationText(active);
    if (expectation !== null) pairs.push(['expected', expectation]);
    const missing = nanInputsText(active);
    if (missing !== null) pairs.push(['missing values', missing]);
  }
  if (active !== undefined && status.limits !== null) {
    pairs.push(['runs', runsText(status.limits, active.trial)]);
    pairs.push(['largest request', requestsText(status.limits, active)]);
  }
  if (status.room !== null) pairs.push(['room', roomText(status.room)]);
  if (model.pin !== null) {
    const { by, reason, atMs } = model.pin;
    pairs.push(['pinned', `by ${by}, ${timeText(atMs)}${reason === '' ? '' : `: ${reason}`}`]);
  }
  if (status.pause !== null) pairs.push(['judge', paint('yellow', pauseText(status.pause, nowMs))]);
  if (shielded > 0) {
    pairs.push(['shielded', `${countText(shielded)} requests that a version on probation failed were answered by the ` +
      'standby since the engine started']);
  }
  if (asked !== null) pairs.push(['pairs', asked.verdict.disagrees?.text ?? asked.verdict.text]);
  if (status.sources !== null) pairs.push(['sources', sharesText(status.sources.shares)]);
  if (health !== null) {
    const { totals, latencyMs } = health;
    pairs.push(['requests', `${countText(totals.requests)} in this generation: ${countText(totals.ok)} ok, ` +
      `${countText(totals.modelFailures)} failed, ${countText(totals.deadlines)} too late, ` +
      `${countText(totals.clientFaults)} faulty; ${pending} pending`]);
    if (totals.nonFiniteInputs > 0) {
      pairs.push(['not finite', `${countText(totals.nonFiniteInputs)} requests held NaN, an infinity or a number ` +
        'above 1.8e19 and had no finite answer: they count against no version']);
    }
    if (latencyMs !== null) {
      const { p50, p95, p99 } = latencyMs;
      pairs.push(['latency', `p50 ${numberText(p50)} ms, p95 ${numberText(p95)} ms, p99 ${numberText(p99)} ms (60 s)`]);
    }
    for (const check of health.checks) {
      const { text: verdict, style } = verdictCell(check);
      pairs.push([CHECKS[check.check].title, `${paint(style, verdict)}: ${check.text}`]);
    }
  }
  return facts(pairs);
}

/** Until when the judge only watches. */
export function pauseText({ untilMs, by, reason }: PauseView, nowMs: number): string {
  return `watches only until ${timeText(untilMs)}, for ${durationText(untilMs - nowMs)} more (by ${by}` +
    `${reason === '' ? '' : `: ${reason}`})`;
}

/** Who asks, by share of the requests: hashes, the library, and those that nobody knows. */
export function sharesText(shares: SourceFacts['shares']): string {
  const all = Math.max(1, shares.reduce((sum, { requests }) => sum + requests, 0));
  return shares.map(({ source, requests, failed, nonFinite }) => {
    const bad = failed + nonFinite;
    return `${source} ${percentText(requests / all)}${bad === 0 ? '' : ` (${countText(bad)} bad)`}`;
  }).join(', ');
}

/** A check's verdict in a word; `over` is one that passes although it is over its limit. */
export function verdictCell({ verdict, heldBack }: CheckResult): { readonly text: string; readonly style: Style } {
  if (heldBack !== undefined) return { text: 'over', style: 'yellow' };
  return { text: verdict, style: verdict === 'fail' ? 'red' : verdict === 'pass' ? 'green' : 'dim' };
}

function versionsTable({ model, versions, deployments }: ModelStatus): string {
  const head = ['VERSION', 'ROLE', 'HEALTH', 'LOADED', 'SIZE', 'STACKING', 'JUDGED BY', 'BASELINE', 'REGISTERED'];
  return table(head, versions.map((one) => {
    const { version } = one;
    const loaded = deployments
      .filter((view) => view.version === version)
      .map(({ state, workers }) => `${state} in ${workers} ${workers === 1 ? 'worker' : 'workers'}`);
    const role = version === model.activeVersion ? 'active' : version === model.lastGoodVersion ? 'last good' : NOTHING;
    return [
      { text: version, style: 'bold' as const },
      role,
      healthCell(one),
      loaded.join(', ') || NOTHING,
      sizeText(one),
      one.stacking?.mode ?? NOTHING,
      judgedText(judgedOutputOf(one)),
      baselineText(one.baseline),
      timeText(one.registeredAtMs),
    ];
  }));
}

/** What is loaded in place of the model that was given. */
export function derivedText({ rules }: DerivedFile): string {
  return `what ${rules.join(' and ')} made of it`;
}

function sizeText({ artifactBytes, manifest, derived }: VersionRecord): string {
  const files = manifest?.files.length ?? 1;
  const parts = files === 1 ? '' : ` in ${files} files`;
  return `${bytesText(artifactBytes)}${parts}${derived === undefined ? '' : `, by ${derived.rules.join(' ')}`}`;
}

/** The files of an artefact. */
export function filesText({ kind, files }: Manifest): string {
  if (files.length === 1) return `one, in the runtime's own format (${kind})`;
  return shortList(files.map(({ name, bytes }) => `${name} (${bytesText(bytes)})`));
}

/** Which output the judge reads and how, and which of the two the operator said. */
export function judgedText({ output, kind, isOutputDeclared, isKindDeclared }: JudgedOutput): string {
  if (output === null) return 'no numeric output';
  const source = (isDeclared: boolean): string => (isDeclared ? 'declared' : 'inferred');
  return isOutputDeclared === isKindDeclared
    ? `${output} as ${kind} (${source(isKindDeclared)})`
    : `${output} (${source(isOutputDeclared)}) as ${kind} (${source(isKindDeclared)})`;
}

function baselineText(baseline: BaselineSummary | null): string {
  if (baseline === null) return 'none';
  const { kind, rows, mean, standardDeviation, inputs } = baseline;
  // Labels are read as numbers that say nothing but which is which.
  const answers = kind === 'labels' ? `${countText(rows)} labels`
    : `${numberText(mean)} sd ${numberText(standardDeviation)}`;
  return inputs === undefined ? `${answers}, no inputs` : `${answers}, ${columnsText(inputs.columns.length)}`;
}

const columnsText = (count: number): string => `${count} input ${count === 1 ? 'column' : 'columns'}`;

/** How the runtime runs a version. */
export const sessionLine = ({ session }: VersionRecord): string => sessionText(session) || 'as the engine has it';

/** Whether rows of different requests share a run, and why. */
export function stackingText(decision: StackingDecision | undefined): string {
  if (decision === undefined) return 'decided at each load: registered before it was recorded';
  return `${decision.mode}, because ${decision.reason}`;
}

const SEEN_NAN: Readonly<Record<NanAnswers, string>> = {
  'finite': 'answered them with finite numbers', 'not finite': 'had no finite answer to them',
  'failure': 'failed at them',
};

/** Whether a version is asked about NaN, and why; null where that is not known, as of models without floats. */
export function nanInputsText(version: VersionRecord): string | null {
  const { declared, trial: { nanAnswers } } = version;
  if (declared?.nanInputs === undefined && nanAnswers === undefined) return null;
  const verb = nanInputsOf(version) === 'refuse' ? 'refused' : 'taken';
  const source = declared?.nanInputs === undefined ? '' : ' (declared)';
  return `NaN and null are ${verb}${source}${nanAnswers === undefined ? '' : `; its trial ${SEEN_NAN[nanAnswers]}`}`;
}

/** Whether one more version can be loaded beside those that are. */
function roomText(room: Room): string {
  const { version, bytes, usedBytes, limitBytes } = room;
  const takes = `version ${version} would take about ${bytesText(bytes)} more`;
  if (limitBytes === null) return `${takes}, and nothing limits it`;
  const text = `${takes}; ${bytesText(usedBytes)} of ${bytesText(limitBytes)} are taken`;
  return hasRoom(room) === true ? text : paint('yellow', `${text}: it does not fit`);
}

/** How many rows a run has, and what the trial saw it take. */
function runsText({ rowsPerRun, elementsPerRun }: LimitsView, { memory }: TrialReport): string {
  const rows = `${countText(rowsPerRun)} ${rowsPerRun === 1 ? 'row' : 'rows'} at most`;
  const elements = elementsPerRun === null ? '' : `, ${countText(elementsPerRun)} elements in all`;
  const [one, most] = [memory?.rows[0], memory?.rows.at(-1)];
  if (one === undefined || most === undefined || most.size < 2) return rows + elements;
  return `${rows}${elements}; in the trial ${bytesText(one.bytes)} for one and ${bytesText(most.bytes)} for ` +
    countText(most.size);
}

function requestsText({ elements, dimensions }: LimitsView, { requestLimits }: VersionRecord): string {
  const sizes = dimensions.map(({ input, dimension, most }) => `${input}[${dimension}] ${countText(most)}`);
  if (elements === null && sizes.length === 0) return 'of any size';
  const said = requestLimits === undefined ? '' : ` (of this version: ${saidLimitsText(requestLimits)})`;
  return `${[...sizes, ...(elements === null ? [] : [`${countText(elements)} elements`])].join(', ')} at most${said}`;
}

export const saidLimitsText = (limits: SaidLimits): string =>
  Object.entries(limits).map(([name, most]) => `${name} ${countText(most)}`).join(', ');

/** Which input columns are compared with the version's baseline, or why none are. */
export function watchedText(version: VersionRecord): string {
  const { declared, baseline } = version;
  const columns = inputColumnsOf(version);
  if (columns.length === 0) return 'none, because no input is numeric and of a fixed size';
  const source = declared?.inputColumns === undefined ? '' : ' (declared)';
  const inputs = baseline?.inputs;
  if (inputs === undefined) return `none yet: no baseline of inputs (${columnsText(columns.length)} could be)`;
  return `${columnsText(inputs.columns.length)}${source}: ${shortList(inputs.columns.map(({ name }) => name))}`;
}

const shortList = (names: readonly string[]): string => (names.length <= NAMES_SHOWN
  ? names.join(', ') : `${names.slice(0, NAMES_SHOWN - 1).join(', ')} … ${names.at(-1) ?? ''}`);

function lastGoodText({ lastGoodVersion: version, lastGoodTrust: trust }: ModelRecord): string | null {
  return version === null || !trust ? version : `${version} (${trust})`;
}

function healthCell({ health, earned, failed, quarantine }: VersionRecord): Cell {
  if (health === 'unhealthy') {
    return { text: quarantine === null ? health : `quarantined by ${quarantine.by}`, style: 'red' };
  }
  if (failed) return { text: `failed (${failed.decision})`, style: 'red' };
  return health === 'good' ? { text: earned?.how ?? health, style: 'green' } : { text: health };
}

const TRAFFIC_TEXTS: Readonly<Record<Sights['traffic'], (perSecond: string) => string>> = {
  observed: (perSecond) => `at the ${perSecond} requests a second that come in`,
  expected: (perSecond) => `at the ${perSecond} requests a second that are expected; none come in`,
  none: () => 'without traffic; --expected-per-second says what to expect',
};

// Per check the smallest fault that it tells from chance, in how long, and what it waits for.
function sightsText({ perSecond, traffic, checks }: Sights): string {
  const rows = checks.map((one) => [
    CHECKS[one.check].title, one.text, heldText(one), waitText(one, perSecond) || NOTHING,
  ]);
  return `${paint('bold', 'the smallest fault that is seen')} ${TRAFFIC_TEXTS[traffic](numberText(perSecond))}\n` +
    table(['CHECK', 'SEES', 'IN', 'WAITS FOR'], rows);
}

function heldText({ windowMs, samples }: Sight): string {
  return windowMs === null ? NOTHING : `${windowText(windowMs)} (${countText(samples)})`;
}

function decisionsTable(decisions: readonly DecisionRecord[], nowMs: number): string {
  return table(['DECISION', 'WHEN', 'VERSION', 'WHAT', 'WHY'], decisions.slice(0, DECISIONS_SHOWN).map((one) => [
    one.id, `${durationText(nowMs - one.atMs)} ago`, one.version, outcomeText(one), one.reason,
  ]));
}
