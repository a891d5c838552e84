// lastgood send from the command line, to a real engine: rows of a file become requests, each promote shows in who
// answers, and what cannot be sent is said.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Sent } from '../../../src/cli/send/sender.ts';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { lastgood } from '../../support/binary.ts';
import { smallModel } from '../../support/small-models.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const folder = temporaryDirectory();
const dataDir = join(folder, 'data');
const iris = join(folder, 'iris.csv');
const flowers = Array.from({ length: 12 }, (_, row) => `${4 + row / 3},3,1,0.2,x`);
writeFileSync(iris, ['a,b,c,d,species', ...flowers].join('\n'));

describe('lastgood send', () => {
  let engine: Engine;
  let port = 0;

  before(async () => {
    engine = await createEngine({ dataDir, workers: 1, judge: { mode: 'observe' } });
    await engine.register('rf', smallModel('rf.onnx'), { version: '1', promote: true });
    await engine.register('visit', smallModel('visit.onnx'), { version: 'first', promote: true });
    ({ port } = await engine.listen({ port: 0 }));
  });
  after(() => engine.close());

  const send = (...args: string[]): ReturnType<typeof lastgood> => lastgood(['send', ...args, '--rate', '200']);

  test('sends each row once, of one input or several, texts too, and says which version answered', async () => {
    const { code, stdout, stderr } = await send('rf', iris, '--drop', 'species', '--data', dataDir);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^ +12 {2}answered by 1\n12 sent in .*, 12 answered; median .*, p95 .*\n$/);
    const visits = await send('visit', smallModel('visit.npz'), '--url', `http://127.0.0.1:${port}/`, '--json');
    const sent = JSON.parse(visits.stdout) as Sent;
    assert.deepEqual([sent.sent, sent.answered, sent.runs.length], [120, 120, 1]);
  });

  test('begins again with the first row where more are wanted, and shows who answers when that changes', async () => {
    await engine.register('rf', smallModel('rf.onnx'), { version: '2' });
    const sending = send('rf', iris, '--drop', 'species', '--data', dataDir, '--count', '400', '--json');
    const { counts } = engine.models.served('rf').batcher;
    const before = counts.accepted;
    while (counts.accepted < before + 20) await new Promise((resolve) => setTimeout(resolve, 5));
    await engine.promote('rf', '2');
    const { runs, answered } = JSON.parse((await sending).stdout) as Sent;
    assert.equal(answered, 400);
    assert.deepEqual(runs.map(({ version }) => version), ['1', '2']);
  });

  test('says what is wrong, and fails where nothing was answered', async () => {
    for (const [args, reason] of [
      [['none', iris, '--data', dataDir], /find model "none"/],
      [['rf', iris, '--data', dataDir], /it has 5 columns and input "X" 4 values a row/],
      [['rf', join(folder, 'none.csv'), '--data', dataDir], /ENOENT/],
      [['rf', iris, '--url', 'http://127.0.0.1:9'], /gives no answer/],
    ] as const) {
      const { code, stdout, stderr } = await send(...args);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, reason);
    }
    assert.equal((await lastgood(['send', 'rf', iris, '--rate', '0'])).code, 2);
    const { code } = await lastgood(['send', 'rf', iris, '--data', join(folder, 'nowhere')]);
    assert.notEqual(code, 0);
  });
});
