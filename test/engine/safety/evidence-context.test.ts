// What is written down beside a verdict: what the standby answered for the generation, and how the other models are.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DecisionRecord } from '../../../src/domain/records.ts';
import { createEngine } from '../../../src/engine/engine.ts';
import { failuresSchema, lastHourSchema, REQUESTS_NAMED } from '../../../src/judge/verdict/circumstances.ts';
import { recompute } from '../../../src/judge/verdict/recompute.ts';
import { http } from '../../support/http.ts';
import { until } from '../../support/poll.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { Type, identity, lookup } from '../../worker/onnx.ts';

test('a decision says what the standby answered for its generation and which models breach a check', async (t) => {
  const file = (bytes: Uint8Array): string => {
    const path = join(temporaryDirectory(), 'model.onnx');
    writeFileSync(path, bytes);
    return path;
  };
  const engine = await createEngine({ dataDir: temporaryDirectory(), judge: { mode: 'observe', lookMs: 20 } });
  t.after(() => engine.close());
  for (const model of ['m', 'n']) {
    await engine.register(model, file(identity(Type.FLOAT, ['N', 1])), { version: '1', promote: true });
    await engine.confirm(model);
    await engine.register(model, file(lookup()), { version: 'fragile' });
  }
  const { port } = await engine.listen({ port: 0 });
  let next = 3;
  // Every number from 3 on fails, and no two questions are alike.
  const failSome = async (model: string): Promise<void> => {
    next += 1;
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [next] }];
    const body = JSON.stringify({ id: `own-${next}`, inputs });
    // Some clients name a request in a header, some in the request itself.
    const named = next % 2 === 0 ? { headers: { 'X-Request-Id': `head-${next}` } } : {};
    await http(port, `/v2/models/${model}/infer`, { body, ...named });
  };
  const decisionOf = async (model: string) => {
    await engine.promote(model, 'fragile');
    await until('the standby is warm', () => engine.models.served(model).loadedVersions.includes('1'));
    // Before it is known whose fault it is, more pairs may be told to be needed.
    const judged = (): DecisionRecord | undefined =>
      engine.context.registry.decisions(model).find(({ suppressedBy }) => suppressedBy !== 'more_pairs');
    for (let asked = 0; asked < 20_000 && judged() === undefined; asked += 1) await failSome(model);
    return judged()!;
  };
  const first = await decisionOf('n');
  const { evidence } = first;
  assert.deepEqual(evidence['others'], [], 'm is quiet');
  assert.ok(Number(evidence['shielded']) > 0);
  assert.ok(Number(evidence['shielded']) <= engine.models.served('n').counts.shielded);
  assert.deepEqual([first.suppressedBy, recompute(evidence)?.reason], ['observe', first.reason]);
  const { failed, errors, requests } = failuresSchema.parse(evidence['failures']);
  assert.ok(failed >= Number(evidence['shielded']) && errors[0]!.count <= failed);
  assert.equal(errors[0]!.code, 'MODEL_FAILED');
  assert.match(errors[0]!.text, /^run model "n" version "fragile": .*Gather/);
  assert.deepEqual(requests.slice(0, 2).map(({ id, what }) => [id, what]), [['head-4', 'failed'], ['own-5', 'failed']]);
  assert.ok(requests.length <= REQUESTS_NAMED);
  const [before] = lastHourSchema.array().parse(evidence['lastHours']);
  assert.deepEqual([before?.version, before?.failed, before?.windowMs], ['1', 0, 3_600_000]);
  const second = await decisionOf('m');
  const [other] = second.evidence['others'] as { model: string; checks: string[] }[];
  assert.equal(other?.model, 'n');
  assert.ok(other.checks.includes(first.trigger), other.checks.join(', '));
});
