// A version that fails what one client sends, and answers everybody else: over HTTP and WebSocket, behind a proxy.
import '../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { ModelStatus } from '../../src/admin/answers.ts';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { oneSourceOf, sourcesSchema } from '../../src/judge/verdict/sources.ts';
import { housingBaseline, housingFile, housingRows } from '../support/housing.ts';
import { http } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Version "fragile" has no place in its table for so large an income; version 1 has none of the kind. */
const INCOME_MAX = 4;
const good = housingRows.filter(([income]) => income! < INCOME_MAX);
const bad = good.map(([, ...rest]) => [1_000, ...rest]);

suite('one client among several', () => {
  let engine: Engine;
  let port = 0;
  before(async () => {
    engine = await createEngine({
      dataDir: temporaryDirectory(), workers: 1, logLevel: 'silent', sourceHeader: 'X-Client-Id',
      trustedProxy: '127.0.0.1', judge: { lookMs: 50, checks: { p95_latency: { mode: 'off' } } }, pairs: 'off',
    });
    for (const version of ['1', 'fragile']) {
      await engine.register('housing', housingFile(version), { version, baseline: housingBaseline(version) });
      await engine.promote('housing', version);
      if (version === '1') await engine.confirm('housing');
    }
    ({ port } = await engine.listen({ port: 0 }));
    await until('version 1 stands by', () => engine.models.served('housing').loadedVersions.length === 2);
  });
  after(() => engine.close());

  const ask = (client: string, features: readonly number[]): Promise<unknown> =>
    http(port, '/predict', { headers: { 'x-client-id': client }, body: JSON.stringify({ features }) });
  const statusOf = async (): Promise<ModelStatus> => (await engine.status()).models[0]!;
  const activeVersion = (): string | undefined => engine.models.served('housing').rollout.activeVersion?.version;

  /** Three clients ask, and one of them for what fails, until the decision is there. */
  async function askUntil(isDone: () => Promise<boolean>, row: (client: number, at: number) => readonly number[]) {
    for (let at = 0; !(await isDone()); at += 1) {
      for (const [client, name] of ['anna', 'bert', 'carl'].entries()) await ask(name, row(client, at % good.length));
    }
  }

  test('takes no version out for the others, and the decision says which one it is, by a hash', async () => {
    await askUntil(async () => (await statusOf()).recentDecisions.length > 0,
      (client, at) => (client === 2 ? bad[at]! : good[at]!));
    const { recentDecisions: [decision], sources } = await statusOf();
    assert.deepEqual([decision!.action, decision!.suppressedBy], ['suppressed', 'one_source'], decision!.reason);
    assert.equal(activeVersion(), 'fragile');
    const facts = sourcesSchema.parse(decision!.evidence['sources']);
    assert.match(facts.heaviest!, /^[0-9a-f]{8}$/);
    assert.ok(oneSourceOf(decision!.evidence, ['error_rate'])?.includes(facts.heaviest!));
    assert.ok(!JSON.stringify(decision).includes('carl') && !JSON.stringify(decision).includes('127.0.0.1'));
    assert.equal(sources?.shares.length, 3, JSON.stringify(sources?.shares));
  });

  test('is told apart by its WebSocket\'s upgrade as well, and so are the calls of the library', async () => {
    const client = await WebSocketClient.connect(port, { headers: { 'X-Client-Id': 'dora' } });
    const known = async (): Promise<string[]> => (await statusOf()).sources?.shares.map(({ source }) => source) ?? [];
    for (let at = 0; (await known()).length < 5; at += 1) {
      client.send(JSON.stringify({ model: 'housing', features: good[at % good.length] }));
      await client.next();
      await engine.predict('housing', good[at % good.length]!);
    }
    const names = await known();
    assert.ok(names.includes('library') && !names.includes('unknown'), names.join());
    client.destroy();
  });

  test('is no reason to keep a version that fails the others too', async () => {
    await askUntil(() => Promise.resolve(activeVersion() === '1'), (_client, at) => bad[at]!);
    const [decision] = (await statusOf()).recentDecisions;
    assert.deepEqual([decision!.action, decision!.rolledBackTo], ['rollback', '1']);
  });
});
