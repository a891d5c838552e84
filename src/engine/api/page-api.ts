// The engine as the page sees it: what status, history, explain and outlook say, put together for people who look; and
// the verbs of a holder of the token. Main thread. Asked only while somebody looks, at most once a second for a model.
import { availableParallelism } from 'node:os';
import { statfs } from 'node:fs/promises';
import { carryOut, type ControlPlane } from '../../admin/commands.ts';
import type { PageApi } from '../../api/serving-api.ts';
import { isLastgoodError, lastgoodError } from '../../base/errors.ts';
import { type HostView, snapshotOf } from '../page/snapshot-of.ts';
import { rowsView } from '../page/decision.ts';
import { timelineOf } from '../page/traffic.ts';
import type { RowsView } from '../../page/snapshot.ts';
import type { ExplainedDecision } from '../../admin/answers.ts';
import type { Outlook } from '../../rollout/outlook.ts';
import type { EngineContext } from '../models/context.ts';
import type { ModelTable } from '../models/model-table.ts';

/** More changes than these are no picture any more. */
const HISTORY_MAX = 100;
/** A share of less time than this says little. */
const CPU_MS = 500;
const BY = { by: 'page' };

/** What the page asks; `mode` as uiMode says. */
export function createPageApi(
  context: EngineContext, table: ModelTable, control: ControlPlane, mode: 'read' | 'full',
): PageApi {
  const { clock, registry, traffic } = context;
  const host = new HostWatch(context.options.dataDir);
  const newestDecision = (model: string): ExplainedDecision | null => {
    const { rollout } = table.served(model);
    const [newest] = rollout.inForce(() => registry.decisions(model, 1));
    return newest === undefined ? null : { ...newest, saved: rollout.isSaved || newest.action !== 'rollback' };
  };
  const worstRows = (model: string): RowsView => {
    const decision = newestDecision(model);
    return decision === null ? { text: 'there is no decision yet', rows: [] } : rowsView(decision);
  };
  return {
    mode,
    snapshot: async (asked) => {
      const model = asked ?? table.defaultModel ?? [...table.all.keys()][0] ?? null;
      if (asked !== null) table.served(asked);
      const status = await control.status({});
      const about = model === null ? null : await outlookOf(control, model);
      return snapshotOf({
        mode, status, model, outlook: about, decision: model === null ? null : newestDecision(model),
        history: model === null ? [] : registry.history(model, HISTORY_MAX), marks: traffic.marks,
        series: traffic.series, host: host.view(), nowMs: clock.wallMs(),
      });
    },
    timeline: (model, minutes) => timelineOf(traffic.series, model, minutes, clock.wallMs()),
    act: async ({ verb, model, version, generation }) => {
      const named = table.served(model ?? undefined).model;
      if (verb === 'rows') return worstRows(named);
      const found = table.served(named).rollout.active?.generation ?? registry.generationOf(named);
      // Whoever clicked saw another version answer.
      if (generation !== found) {
        throw lastgoodError('GENERATION_CONFLICT', { model: named, expected: generation ?? 0, found });
      }
      if (verb === 'drain') return carryOut(control, 'drain', {}, BY);
      const target = version === null || version === undefined ? {} : { version };
      const args = verb === 'rollback' ? { generation, reason: 'asked for on the page' } : target;
      return carryOut(control, verb, { model: named, ...args }, BY);
    },
  };
}

// A model that is being unloaded has no outlook, and is worth showing all the same.
async function outlookOf(control: ControlPlane, model: string): Promise<Outlook | null> {
  try {
    return await control.outlook({ model });
  } catch (error) {
    if (isLastgoodError(error)) return null;
    throw error;
  }
}

/** The processor time since the last look, and the newest that is known of the disk, which nobody waits for. */
class HostWatch {
  readonly #dataDir: string;
  #disk: HostView['disk'] = null;
  #isAsking = false;
  /** Where the share is counted from, and the last that was told. */
  #last = { atMs: performance.now(), usage: process.cpuUsage() };
  #cpuShare: number | null = null;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  view(): HostView {
    if (!this.#isAsking) {
      this.#isAsking = true;
      statfs(this.#dataDir).then(({ bavail, blocks, bsize }) => {
        this.#disk = { freeBytes: bavail * bsize, bytes: blocks * bsize };
      }, () => undefined).finally(() => (this.#isAsking = false));
    }
    const sinceMs = performance.now() - this.#last.atMs;
    if (sinceMs >= CPU_MS) {
      const { user, system } = process.cpuUsage(this.#last.usage);
      this.#cpuShare = (user + system) / 1_000 / sinceMs;
      this.#last = { atMs: performance.now(), usage: process.cpuUsage() };
    }
    return { cpuShare: this.#cpuShare, cores: availableParallelism(), disk: this.#disk };
  }
}
