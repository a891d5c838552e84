// The registry between processes: one winner, nothing acknowledged is lost, nothing committed is overlooked.
import assert from 'node:assert/strict';
import { fork, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/base/clock.ts';
import { Registry } from '../../src/registry/registry.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ROUNDS = 200;
const program = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** A registry with model m and versions 1 and 2, none active. */
function freshRegistry(): { dataDir: string; registry: Registry; close: () => Promise<void> } {
  const dataDir = temporaryDirectory();
  const store = openStore({ dataDir });
  const registry = new Registry(store, systemClock);
  for (const version of ['1', '2']) {
    registry.createVersion({
      model: 'm', version, sha256: 'a'.repeat(64), artifactBytes: 1, signature: { inputs: [], outputs: [] },
      outputKind: 'scalar', baseline: null, golden: null, warnings: [],
      trial: { loadMs: 1, runMs: 1, goldenCases: 0, residentBytes: 1 },
    }, 'test');
  }
  return { dataDir, registry, close: () => store.close() };
}

const nextWord = async (child: ChildProcess): Promise<string> => ((await once(child, 'message')) as [string])[0];

describe('Registry between processes', () => {
  test('activate with the same expected generation in two processes has exactly one winner, every time', async () => {
    const { dataDir, registry, close } = freshRegistry();
    const racers = [0, 1].map(() => fork(program('racer'), [dataDir]));
    after(() => racers.forEach((racer) => racer.kill('SIGKILL')));
    await Promise.all(racers.map(nextWord));
    const wins = [0, 0];
    for (let round = 0; round < ROUNDS; round += 1) {
      const version = round % 2 === 0 ? '1' : '2';
      const words = racers.map(nextWord);
      // Who is asked first changes, so that nobody wins by its place.
      for (const at of [round % 2, 1 - (round % 2)]) racers[at]!.send({ version, expectedGeneration: round });
      const outcomes = await Promise.all(words);
      assert.deepEqual([...outcomes].sort(), ['GENERATION_CONFLICT', 'won'], `round ${round}`);
      wins[outcomes.indexOf('won')]! += 1;
      assert.equal(registry.generationOf('m'), round + 1);
    }
    assert.ok(wins.every((count) => count > 0), `they took turns, or one never raced: ${wins.join(' to ')}`);
    const ended = racers.map((racer) => once(racer, 'exit'));
    for (const racer of racers) racer.disconnect();
    await Promise.all(ended);
    await close();
  });

  test('after kill -9 of a writer every change that it acknowledged is there, and the history has no hole', async () => {
    const { dataDir, close } = freshRegistry();
    await close();
    for (const acknowledgements of [1, 7, 40, 100]) {
      const writer = spawn(process.execPath, [program('writer'), dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      let count = 0;
      writer.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        count = text.split('\n').length - 1;
        if (count >= acknowledgements) writer.kill('SIGKILL');
      });
      const [, signal] = (await once(writer, 'close')) as [number | null, string | null];
      assert.equal(signal, 'SIGKILL');
      const acknowledged = Number(text.split('\n').at(-2));
      const store = openStore({ dataDir });
      const registry = new Registry(store, systemClock);
      const { generation, activeVersion } = registry.model('m');
      assert.ok(generation >= acknowledged, `generation ${generation} is there; ${acknowledged} was acknowledged`);
      assert.equal(activeVersion, generation % 2 === 1 ? '1' : '2');
      assert.equal(registry.version('m', activeVersion).lastGeneration, generation);
      const promotes = registry.history('m', 10_000).filter(({ kind }) => kind === 'promote');
      const complete = Array.from({ length: generation }, (_, index) => generation - index);
      assert.deepEqual(promotes.map((event) => event.generation), complete);
      await store.close();
    }
  });

  test('what another process committed is seen by the next read in the same turn, in an old handle too', async () => {
    const { dataDir, registry, close } = freshRegistry();
    const look = openStore({ dataDir, readOnly: true });
    const reader = new Registry(look, systemClock);
    const child = fileURLToPath(new URL('../rollout/activate-child.js', import.meta.url));
    for (const [index, version] of ['1', '2', '1'].entries()) {
      assert.deepEqual([registry.generationOf('m'), reader.generationOf('m')], [index, index]);
      assert.equal(spawnSync(process.execPath, [child, dataDir, version]).status, 0);
      assert.deepEqual([registry.generationOf('m'), reader.generationOf('m')], [index + 1, index + 1]);
      assert.equal(reader.model('m').activeVersion, version);
    }
    await look.close();
    await close();
  });
});
