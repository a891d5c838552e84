// Child process of processes.test.ts: changes the registry for ever and prints each generation once it is on disk.
import { writeSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import { Registry } from '../../src/registry/registry.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';

const registry = new Registry(openStore({ dataDir: process.argv[2]! }), systemClock);
for (;;) {
  const expectedGeneration = registry.generationOf('m');
  const version = expectedGeneration % 2 === 0 ? '1' : '2';
  registry.activate({ model: 'm', version, expectedGeneration, by: 'writer', reason: '' });
  await registry.flushed();
  writeSync(1, `${expectedGeneration + 1}\n`);
}
