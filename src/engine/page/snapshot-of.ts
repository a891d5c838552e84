// Everything that the page shows of one model, from what status, history, explain and outlook say. Pure. What a viewer
// without the token must not see is not in it: no inputs, no rows, no paths of this host.
import type { EngineStatus, ExplainedDecision, ModelStatus } from '../../admin/answers.ts';
import { bytesText, durationText } from '../../judge/types/amount-text.ts';
import { percentText } from '../../judge/types/number-text.ts';
import type { EventRecord } from '../../domain/records.ts';
import type { TrafficMark } from '../../registry/store/keys.ts';
import type { Outlook } from '../../rollout/outlook.ts';
import type { TrafficSeries } from '../../shared-memory/traffic.ts';
import type {
  ActionOffer, ChangeView, Fact, PageSnapshot, TargetView, Tone, VersionView,
} from '../../page/snapshot.ts';
import { checkRows, pairsView } from './checks.ts';
import { decisionView } from './decision.ts';
import { clockText, headlineOf, modelLine, overFacts } from './sentence.ts';
import { lastMinuteOf, newestOf } from './traffic.ts';

const MODELS_MAX = 100;
const VERSIONS_MAX = 12;
const EXPIRY_NEAR_MS = 14 * 86_400_000;
const MEMORY_NEAR = 0.9;
const DISK_LOW = 0.05;

/** What only the running engine knows. */
export interface HostView {
  /** Of one core, over the last second or so. */
  readonly cpuShare: number | null;
  readonly cores: number;
  /** Of the disk that the data lie on. */
  readonly disk: { readonly freeBytes: number; readonly bytes: number } | null;
}

interface PageSources {
  readonly mode: 'read' | 'full';
  readonly status: EngineStatus;
  /** The model that is shown; null shows the first one. */
  readonly model: string | null;
  readonly outlook: Outlook | null;
  readonly decision: ExplainedDecision | null;
  /** Newest first. */
  readonly history: readonly EventRecord[];
  readonly marks: readonly TrafficMark[];
  readonly series: Pick<TrafficSeries, 'names' | 'read'>;
  readonly host: HostView;
  readonly nowMs: number;
}

/** Makes a snapshot. */
export function snapshotOf(sources: PageSources): PageSnapshot {
  const { mode, status, model: asked, outlook, decision, series, nowMs } = sources;
  const shown = status.models.find(({ model }) => model.model === asked) ?? null;
  const model = shown?.model.model ?? null;
  return {
    atMs: nowMs, mode, model, generation: shown?.model.generation ?? 0,
    engine: `lastgood ${status.version}, ${status.engine}`,
    models: status.models.slice(0, MODELS_MAX).map((one) => modelLine(one, nowMs)),
    headline: shown === null
      ? { tone: 'idle', word: 'no models', sentence: 'No model is served yet.' } : headlineOf(shown, nowMs),
    over: shown === null ? [] : overFacts(shown, outlook, nowMs),
    active: shown?.model.activeVersion ?? null,
    versions: shown === null ? [] : versionViews(shown),
    target: targetView(outlook),
    numbers: model === null ? [] : lastMinuteOf(series, model, nowMs),
    p95LimitMs: shown?.health?.checks.find(({ check }) => check === 'p95_latency')?.limit ?? null,
    checks: shown === null ? [] : checkRows(shown),
    pairs: shown === null ? null : pairsView(shown),
    decision: decision === null ? null : decisionView(decision, nowMs),
    host: hostFacts(sources, shown),
    actions: mode === 'full' && shown !== null ? actionOffers(shown, outlook) : [],
    changes: changesOf(sources),
    tail: model === null ? { step: 2, versions: [] } : newestOf(series, model, nowMs),
  };
}

function versionViews({ model, versions, deployments }: ModelStatus): VersionView[] {
  const order = ['active', 'candidate', 'standby', 'last good', 'quarantine', 'new', 'good'];
  const views = versions.map(({ version, health, quarantine, warnings }): VersionView => {
    const loaded = deployments.find((one) => one.version === version);
    const role = health === 'unhealthy' ? 'quarantine'
      : loaded !== undefined && loaded.role !== 'retiring' ? loaded.role
      : version === model.activeVersion ? 'active' : version === model.lastGoodVersion ? 'last good' : health;
    const warm = loaded === undefined ? 'not loaded'
      : loaded.canAnswer ? `warm, ${loaded.workers} ${loaded.workers === 1 ? 'worker' : 'workers'}` : loaded.state;
    const by = quarantine === null ? '' : ` (by ${quarantine.by}, ${clockText(quarantine.atMs)})`;
    const text = role === 'quarantine'
      ? `${shortReason(quarantine?.reason ?? '')}${by}`
      : `${warm}${warnings.length > 0 ? `; ${warnings.length === 1 ? 'a warning' : 'warnings'} at registration` : ''}`;
    const tone: Tone = role === 'quarantine' ? 'bad' : role === 'active' ? 'good' : 'idle';
    return { version, role, text, tone };
  });
  return views.sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role)).slice(0, VERSIONS_MAX);
}

function targetView(outlook: Outlook | null): TargetView {
  if (outlook === null) return { version: null, text: '' };
  const { target, noTargetBecause, version } = outlook;
  if (target !== null) {
    return {
      version: target.version,
      text: `${target.trust}; ${target.isLoaded ? 'loaded and warm' : 'has to be loaded first'}`,
    };
  }
  const because = noTargetBecause.map((one) => `version ${one.version} ${one.reason}`).join('; ');
  return { version: null, text: because === '' && version !== null ? 'there is no other version' : because };
}

function hostFacts({ status, host, nowMs }: PageSources, shown: ModelStatus | null): Fact[] {
  const { memoryBytes, memoryMax, residentBytes, uptimeMs, tls, models } = status;
  const facts: Fact[] = [];
  if (host.cpuShare !== null) {
    facts.push({
      label: 'CPU', tone: host.cpuShare > host.cores * MEMORY_NEAR ? 'watch' : 'idle',
      text: `${percentText(host.cpuShare)} of a core, of ${host.cores}`,
    });
  }
  const used = memoryBytes ?? residentBytes ?? 0;
  facts.push({
    label: 'Memory', tone: memoryMax !== null && used > memoryMax * MEMORY_NEAR ? 'watch' : 'idle',
    text: memoryMax === null ? bytesText(used) : `${bytesText(used)} of ${bytesText(memoryMax)}`,
  });
  const unsaved = models.filter(({ saved }) => !saved).map(({ model }) => model.model);
  const free = host.disk === null ? '' : `${bytesText(host.disk.freeBytes)} free of ${bytesText(host.disk.bytes)}`;
  facts.push({
    label: 'Disk', tone: unsaved.length > 0 ? 'bad'
      : host.disk !== null && host.disk.freeBytes < host.disk.bytes * DISK_LOW ? 'watch' : 'idle',
    text: unsaved.length > 0 ? `refuses writes: not saved of ${unsaved.join(', ')}; ${free}` : free || 'takes writes',
  });
  if (shown !== null) {
    const { workers = 0, busyWorkers = 0 } = shown.deployments.find(({ role }) => role === 'active') ?? {};
    facts.push({
      label: 'Queue', tone: shown.stuckWorkers > 0 ? 'bad' : 'idle',
      text: `${shown.pending} waiting or running, ` +
        `${busyWorkers} of ${workers} ${workers === 1 ? 'worker' : 'workers'} busy` +
        (shown.stuckWorkers > 0 ? `, ${shown.stuckWorkers} of them hang` : ''),
    });
    const others = models.filter((one) => one !== shown && (one.health?.violations.length ?? 0) > 0);
    facts.push({
      label: 'Other models', tone: others.length > 0 ? 'watch' : 'idle',
      text: others.length === 0 ? 'none fails at the same time'
        : `${others.map(({ model }) => model.model).join(', ')} ${others.length === 1 ? 'fails' : 'fail'} as well`,
    });
  }
  if (tls !== null) {
    const left = tls.notAfterMs - nowMs;
    facts.push({
      label: 'Certificate', tone: tls.problem !== null || left < 0 ? 'bad' : left < EXPIRY_NEAR_MS ? 'watch' : 'idle',
      text: left < 0 ? `expired ${durationText(-left)} ago` : `valid for ${durationText(left)} more`,
    });
  }
  if (uptimeMs !== null) facts.push({ label: 'Up', tone: 'idle', text: durationText(uptimeMs) });
  return facts;
}

function actionOffers({ model: record, phase, versions }: ModelStatus, outlook: Outlook | null): ActionOffer[] {
  const { model, activeVersion } = record;
  const offers: ActionOffer[] = [];
  const offer = (verb: ActionOffer['verb'], version: string | null, label: string, says: string): void => {
    const args = verb === 'drain' ? '' : ` ${model}${version === null || verb === 'rollback' ? '' : ` ${version}`}`;
    offers.push({ verb, version, label, says, cli: `lastgood ${verb}${args}` });
  };
  const target = outlook?.target?.version;
  if (target !== undefined && activeVersion !== null) {
    offer('rollback', null, `Roll back to ${target}`,
      `Version ${activeVersion} of ${model} goes into quarantine, and version ${target} answers.`);
  }
  if (phase === 'probation' && activeVersion !== null) {
    offer('confirm', null, `Confirm ${activeVersion}`,
      `The probation of version ${activeVersion} of ${model} ends: it is one to go back to.`);
  }
  if (activeVersion !== null && record.pin === null) {
    offer('pin', null, 'Pin', `Version ${activeVersion} of ${model} stays, whatever the judge or a promote says.`);
  }
  if (record.pin !== null) offer('unpin', null, 'Unpin', `The active version of ${model} may change again.`);
  for (const { version, health } of versions) {
    if (health === 'unhealthy') {
      offer('release', version, `Release ${version}`, `Version ${version} of ${model} may be chosen again.`);
    } else if (version !== activeVersion) {
      offer('quarantine', version, `Quarantine ${version}`, `Version ${version} of ${model} is never chosen again.`);
    }
  }
  offer('drain', null, 'Drain',
    'The engine accepts nothing more and answers what it has; it does not come back by itself.');
  return offers;
}

const CHANGES: Readonly<Record<string, Tone>> = {
  rollback: 'back', promote: 'watch', probation_ended: 'good', confirm: 'good', recovered: 'good',
  no_rollback_target: 'bad', restored_failing: 'bad', load_failed: 'bad', quarantine: 'bad',
};
/** Bookkeeping that says nothing about what answers. */
const UNTOLD: ReadonlySet<EventRecord['kind']> = new Set(['register', 'expected', 'rollback_told']);

/** The history and what happened to the engine, the newest first. */
function changesOf({ history, marks }: PageSources): ChangeView[] {
  const events = history.filter(({ kind }) => !UNTOLD.has(kind)).map((event): ChangeView => ({
    atMs: event.atMs, sequence: event.sequence, kind: event.kind, text: eventText(event),
    tone: CHANGES[event.kind] ?? 'idle',
  }));
  const engine = marks.map(({ atMs, kind, text }): ChangeView => ({ atMs, sequence: 0, kind, text, tone: 'idle' }));
  return [...events, ...engine].sort((a, b) => b.atMs - a.atMs);
}

/** The first of several findings; all of them stand with the decision. */
const REASON_MAX = 110;
function shortReason(reason: string): string {
  const [first = ''] = reason.split(/; | \(\d/);
  return first.length <= REASON_MAX ? first : `${first.slice(0, REASON_MAX)}…`;
}

function eventText({ kind, from, to, by, reason }: EventRecord): string {
  const told = reason === '' ? '' : `: ${shortReason(reason)}`;
  switch (kind) {
    case 'promote': return `version ${to ?? ''} promoted${from === null ? '' : ` over ${from}`} by ${by}${told}`;
    case 'rollback': return `back from version ${from ?? ''} to ${to ?? ''} by ${by}${told}`;
    case 'probation_ended': return `version ${to ?? from ?? ''} ended its probation`;
    default: return `${kind.replaceAll('_', ' ')} ${to ?? from ?? ''} by ${by}${told}`;
  }
}
