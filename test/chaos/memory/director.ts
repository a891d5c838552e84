// The real server in a control group that the kernel would kill it in, attacked for as long as asked, while bystanders
// of another model go on asking.
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAdmin } from '../../../src/admin/client.ts';
import type { AdminClient } from '../../../src/admin/client.ts';
import { reasonOf } from '../../../src/base/errors.ts';
import { anonymousBytesOf } from '../../../src/base/process-memory.ts';
import type { DecisionRecord } from '../../../src/domain/records.ts';
import type { LimitsView } from '../../../src/domain/run-limits.ts';
import { randomOf } from '../../shared-memory/seeded.ts';
import { Server } from '../../support/binary.ts';
import { housingBaseline, housingFile } from '../../support/housing.ts';
import { http } from '../../support/http.ts';
import { MemoryGroup } from '../../support/memory.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { attack } from './attacks.ts';
import { Bystander, type BystanderCounts } from './bystanders.ts';
import { attention } from './models.ts';

const MODELS = ['attention-1', 'attention-2'];
const LOOK_MS = 500;
const TELL_MS = 30_000;
/** So often the decisions are read, of which status shows the newest five of each model. */
const DECISIONS_MS = 2_000;
const KEPT_EVERY_MS = [250, 1_000, 4_000, 20_000] as const;
const NEW_EVERY_MS = 1_000;
/** Afterwards everybody has to be answered, once what waited has been. */
const RECOVERY_MS = 60_000;

const actor = { by: 'chaos' };

export interface MemoryOptions {
  readonly seed: number;
  readonly ms: number;
  /** Of the control group. */
  readonly limitBytes: number;
  readonly onProgress?: (line: string) => void;
}

export interface MemoryReport {
  readonly seed: number;
  readonly tookMs: number;
  readonly limitBytes: number;
  /** Whether the kernel kept the limit; not where this user may make no control group. */
  readonly isLimited: boolean;
  readonly kernelKills: number;
  readonly engineStarts: number;
  readonly peakAnonymousBytes: number;
  /** By attack and answer. */
  readonly attacks: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly bystanders: Readonly<BystanderCounts>;
  /** All that was decided meanwhile, with its sentence and what it was decided from. */
  readonly decisions: readonly DecisionRecord[];
  /** What must not be, in words. */
  readonly offences: readonly string[];
  readonly exitCode: number | null;
}

/** Runs it all; rejects when the server does not come up. */
export async function runMemoryAttacks(options: MemoryOptions): Promise<MemoryReport> {
  const startedMs = performance.now();
  const dataDir = temporaryDirectory();
  const group = MemoryGroup.make(options.limitBytes);
  const server = await Server.start(dataDir, ['--log-level', 'warn'], group?.launcher ?? []);
  const admin = await connectAdmin(dataDir);
  if (admin === null) throw new Error('connect to the admin socket: it is not there');
  const attacks: Record<string, Record<string, number>> = {};
  const counts: BystanderCounts = {
    isCrowded: false, sent: 0, answered: 0, closedInCrowd: 0, slowestMs: 0, others: {}, told: [],
  };
  const offences: string[] = [];
  const decisions = new Map<string, DecisionRecord>();
  const decided = setInterval(() => void noteDecisions(admin, decisions).catch(() => undefined), DECISIONS_MS);
  let isOver = false;
  let peakAnonymousBytes = 0;
  const watch = setInterval(() => {
    peakAnonymousBytes = Math.max(peakAnonymousBytes, anonymousBytesOf(server.pid));
  }, LOOK_MS);
  const tell = setInterval(() => options.onProgress?.(
    `${Math.round((performance.now() - startedMs) / 1e3)} s, ${counts.answered} of ${counts.sent} bystanders, ` +
    `${server.starts.length} starts, ${Math.round(peakAnonymousBytes / 1e6)} MB at most, ` +
    JSON.stringify(counts.others)), TELL_MS);
  try {
    const longest = await registerModels(admin, server);
    const bystanders = [
      ...KEPT_EVERY_MS.map((everyMs) => new Bystander(server.port, everyMs, true, counts)),
      new Bystander(server.port, NEW_EVERY_MS, false, counts),
    ];
    const attacked = attack({
      port: server.port, longest, random: randomOf(options.seed), isOver: () => isOver,
      crowd: (isThere) => void (counts.isCrowded = isThere),
      note: (attack, answer) => {
        const answers = (attacks[attack] ??= {});
        answers[answer] = (answers[answer] ?? 0) + 1;
      },
    });
    await Promise.race([attacked, sleep(options.ms)]);
    isOver = true;
    await attacked;
    await Promise.all(bystanders.map((bystander) => bystander.stop()));
    await noteDecisions(admin, decisions);
    offences.push(...(await changesOf(admin, [...decisions.values()])), ...(await unanswered(server.port)));
  } catch (error) {
    offences.push(`${reasonOf(error)}; log: ${server.log.slice(-1_500)}`);
  } finally {
    isOver = true;
    clearInterval(watch);
    clearInterval(tell);
    clearInterval(decided);
  }
  const kernelKills = group?.kills() ?? 0;
  const exitCode = await server.stop();
  group?.remove();
  if (kernelKills > 0) offences.push(`the kernel killed ${kernelKills} times`);
  if (server.starts.length > 1) offences.push(`the engine was started ${server.starts.length} times`);
  offences.push(...Object.entries(counts.others).map(([how, times]) => `bystanders: ${times} × ${how}`));
  return {
    seed: options.seed, tookMs: Math.round(performance.now() - startedMs), limitBytes: options.limitBytes,
    isLimited: group !== null, kernelKills, engineStarts: server.starts.length, peakAnonymousBytes, attacks,
    bystanders: counts, decisions: [...decisions.values()], offences, exitCode,
  };
}

/** Two versions of the bystanders' model, and the models that are attacked; returns how long a sequence may be. */
async function registerModels(admin: AdminClient, { port }: Server): Promise<number> {
  const baseline = housingBaseline('1');
  await admin.register({ model: 'housing', version: '1', file: housingFile('1'), baseline, promote: true }, actor);
  await admin.confirm({ model: 'housing' }, actor);
  const files = { file: housingFile('2'), baseline: housingBaseline('2') };
  await admin.register({ model: 'housing', version: '2', ...files, promote: true }, actor);
  const longest: number[] = [];
  for (const [at, model] of MODELS.entries()) {
    const file = join(temporaryDirectory(), `${model}.onnx`);
    writeFileSync(file, attention(at + 1));
    await admin.register({ model, version: '1', file, promote: true }, actor);
    const { json } = await http(port, `/v2/models/${model}/config`);
    const { limits } = json['parameters'] as { readonly limits: { readonly string_value: string } };
    const { dimensions } = JSON.parse(limits.string_value) as LimitsView;
    longest.push(...dimensions.filter(({ dimension }) => dimension === 1).map(({ most }) => most));
  }
  return Math.min(...longest);
}

async function noteDecisions(admin: AdminClient, decisions: Map<string, DecisionRecord>): Promise<void> {
  const { models } = await admin.status({});
  for (const { recentDecisions } of models) {
    for (const decision of [...recentDecisions].reverse()) decisions.set(decision.id, decision);
  }
}

export const decisionText = ({ model, version, trigger, action, suppressedBy, reason }: DecisionRecord): string =>
  `${model} ${version}, ${trigger}: ${action}${suppressedBy === null ? '' : ` (${suppressedBy})`}: ${reason}`;

/** Bystanders' version 2 and the attacked models' only version stay active, whatever clients ask for. */
async function changesOf(admin: AdminClient, decisions: readonly DecisionRecord[]): Promise<string[]> {
  const { models } = await admin.status({});
  return models.flatMap(({ model: { model, activeVersion } }) => {
    const wanted = model === 'housing' ? '2' : '1';
    const why = decisions.filter((one) => one.model === model).map(decisionText).join('; ');
    return activeVersion === wanted ? [] : [`${model}: version ${activeVersion} is active; wanted ${wanted}; ${why}`];
  });
}

/** Who is not answered once the attackers have gone. */
async function unanswered(port: number): Promise<string[]> {
  const asked: Readonly<Record<string, object>> = {
    '/models/housing/predict': { features: new Array<number>(8).fill(1) },
    '/v2/models/attention-1/infer': {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2, 8], data: new Array<number>(16).fill(1) }],
    },
  };
  const failed: string[] = [];
  for (const [path, body] of Object.entries(asked)) {
    const endMs = performance.now() + RECOVERY_MS;
    let status = 0;
    while (status !== 200 && performance.now() < endMs) {
      status = await http(port, path, { body: JSON.stringify(body) }).then((answer) => answer.status, () => 0);
      if (status !== 200) await sleep(LOOK_MS);
    }
    if (status !== 200) failed.push(`${path}: ${status} a minute after the attacks`);
  }
  return failed;
}
