// Finds out whose fault it was that the process died, or that a run did not come back: the requests of that batch are
// run again in a process of their own, on the version that had them and, if that ends again, on the one that would take
// its place. Main thread.
//
//   the version ends again, the other answers       the version is to blame: it is taken out
//   both end, or there is no other                  the requests are: they are refused for a while, the version stays
//   it does not end again, or cannot be asked       nobody is; the boot guard counts it for those that were there
//
// Invariant: who only stood by is never held responsible: not a version of another model, not one on probation.
import type { VersionRecord } from '../../domain/records.ts';
import { optionsOfModel } from '../../options/options.ts';
import { deadlyAmong, rerun, type RerunEnd, type RerunLimits } from '../../rollout/attribution/rerun.ts';
import { type VersionStart, versionStartOf } from '../../rollout/deployment/deployment.ts';
import { requestRowsMax, runLimits } from '../../rollout/deployment/run-limits.ts';
import { defaultMemoryBytes } from '../../rollout/preparation/memory-watch.ts';
import { signatureDifference } from '../../rollout/registration/promotable.ts';
import type { InFlightBatch, InFlightRequest } from '../../shared-memory/in-flight.ts';
import type { EngineContext } from '../models/context.ts';
import type { ServedModel } from '../models/served-model.ts';
import type { RefusedInputs } from '../safety/refused-inputs.ts';
import { takeOutSurely } from './take-out.ts';

/** What came of a look into one batch. */
interface Conclusion {
  readonly blames: 'version' | 'inputs' | 'nobody';
  /** Whether another version is to be active at the next start. */
  readonly isTakenOut: boolean;
}

interface PostMortemPorts extends Pick<EngineContext, 'registry' | 'options' | 'emit'> {
  readonly refused: RefusedInputs;
}
interface Examined {
  readonly version: VersionRecord;
  readonly end: RerunEnd;
  /** What of the batch ends the process by itself; all of it when nothing does alone. */
  readonly deadly: readonly InFlightRequest[];
  readonly isAlone: boolean;
}

/** A run that is asked again has so long at least: it goes behind everything that serves. */
const RUN_MS_MIN = 3_000;
/** The other version has so many times as long: it is what the first one is held against. */
const TWIN_PATIENCE = 3;
const NOBODY: Conclusion = { blames: 'nobody', isTakenOut: false };
const isEnd = ({ kind }: RerunEnd): boolean => kind === 'died' || kind === 'hung';

export class PostMortem {
  readonly #ports: PostMortemPorts;
  /** One at a time: each takes a core and the memory of a model. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(ports: PostMortemPorts) {
    this.#ports = ports;
  }

  /** Looks into a batch, and acts on what comes of it; `what` happened to the process. */
  examine(served: ServedModel, batch: InFlightBatch, what: string): Promise<Conclusion> {
    const examined = this.#last.then(() => this.#examine(served, batch, what));
    this.#last = examined.catch(() => undefined);
    return examined;
  }

  async #examine(served: ServedModel, batch: InFlightBatch, what: string): Promise<Conclusion> {
    const { registry, refused } = this.#ports;
    const { model, version: name, requests } = batch;
    const isAskable = requests !== null && requests.length > 0 && registry.hasVersion(model, name);
    const examined = isAskable ? await this.#rerun(registry.version(model, name), requests) : null;
    refused.clear(model, (requests ?? []).map(({ body }) => body));
    if (examined === null) {
      const reason = `version "${name}" had a batch of ${requests?.length ?? 'too many'} requests; asked again, none ` +
        'of them did it: nobody is to blame';
      this.#tell(model, what, reason);
      return NOBODY;
    }
    return this.#act(served, examined, what);
  }

  async #act(served: ServedModel, { version, end, deadly, isAlone }: Examined, what: string): Promise<Conclusion> {
    const { refused } = this.#ports;
    const { model } = served;
    const { version: name } = version;
    const how = 'how' in end ? end.how : '';
    const did = end.kind === 'hung' ? 'hung' : 'ended the process';
    const twin = this.#twinOf(version);
    const limits = this.#limits(model);
    const twinEnd = twin && await rerun(
      { start: this.#start(twin), batches: [deadly] }, { ...limits, runMs: limits.runMs * TWIN_PATIENCE });
    if (twin !== null && twinEnd?.kind === 'came back') {
      const reason = `version "${name}": a request ${did} (${how}), when it was asked again too; version ` +
        `"${twin.version}" answers it`;
      if (await takeOutSurely(this.#ports, served, name, reason)) return { blames: 'version', isTakenOut: true };
    }
    const others = twin !== null && twinEnd !== null && isEnd(twinEnd) ? `, and version "${twin.version}" too` : '';
    const why = `it ${did} (${how}) when it was asked again${others}`;
    if (isAlone) refused.refuse(model, name, deadly.map(({ body }) => body), why);
    const which = isAlone ? `${deadly.length} requests are refused for a while` : 'no request does it alone';
    this.#tell(model, what, `version "${name}" stays: ${why}; ${which}`);
    return { blames: 'inputs', isTakenOut: false };
  }

  async #rerun(version: VersionRecord, requests: readonly InFlightRequest[]): Promise<Examined | null> {
    const limits = this.#limits(version.model);
    const start = this.#start(version);
    const end = await rerun({ start, batches: [requests] }, limits);
    if (!isEnd(end)) return null;
    const alone = requests.length === 1 ? requests : await deadlyAmong(start, requests, limits);
    return { version, end, deadly: alone.length === 0 ? requests : alone, isAlone: alone.length > 0 };
  }

  // Whoever would answer in its place, if it takes the same requests.
  #twinOf({ model, version, signature }: VersionRecord): VersionRecord | null {
    const { registry } = this.#ports;
    const { activeVersion } = registry.model(model);
    const twin = activeVersion === version ? registry.rollbackTarget(model)
      : activeVersion === null ? undefined : registry.version(model, activeVersion);
    return twin === undefined || signatureDifference(signature, twin.signature) !== null ? null : twin;
  }

  #start(version: VersionRecord): VersionStart {
    const options = optionsOfModel(this.#ports.options, version.model);
    return versionStartOf({
      id: 0, dataDir: this.#ports.options.dataDir, version, workers: 1, intraOpThreads: options.intraOpThreads,
      limits: runLimits(options, version), requestRowsMax: requestRowsMax(options, version),
      nonFinite: options.jsonNonFinite,
    });
  }

  #limits(model: string): RerunLimits {
    const { options } = this.#ports;
    return {
      loadMs: options.trialMs, runMs: Math.max(RUN_MS_MIN, optionsOfModel(options, model).hungMs),
      memoryBytes: options.trialMemoryBytes ?? defaultMemoryBytes(),
    };
  }

  #tell(model: string, what: string, reason: string): void {
    this.#ports.emit({ kind: 'problem', model, what, reason });
  }
}
