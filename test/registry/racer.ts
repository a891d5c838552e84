// Child process of processes.test.ts: at each message { version, expectedGeneration } it tries to activate, and answers
// with `won` or the code of the refusal.
import { systemClock } from '../../src/base/clock.ts';
import { isLastgoodError, reasonOf } from '../../src/base/errors.ts';
import { Registry } from '../../src/registry/registry.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';

const store = openStore({ dataDir: process.argv[2]! });
const registry = new Registry(store, systemClock);
process.on('message', ({ version, expectedGeneration }: { version: string; expectedGeneration: number }) => {
  let outcome = 'won';
  try {
    registry.activate({ model: 'm', version, expectedGeneration, by: `process ${process.pid}`, reason: '' });
  } catch (error) {
    outcome = isLastgoodError(error) ? error.code : reasonOf(error);
  }
  process.send?.(outcome);
});
process.on('disconnect', () => void store.close());
process.send?.('ready');
