// Child process of full-disk.test.ts: tries to write to a disk that refuses, many times, and then to one that does
// not. Prints how often it was refused, of how many times.
import { writeSync } from 'node:fs';
import { isLastgoodError } from '../../src/base/errors.ts';
import { eventKey } from '../../src/registry/store/keys.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import { allowWrites, refuseWrites } from '../support/disk.ts';

const ATTEMPTS = 1_000;
/** So many that a change touches pages that lie apart. */
const EVENTS = 300;

const store = openStore({ dataDir: process.argv[2]! });
const write = (sequence: number, characters: number): void => store.put(eventKey('m', sequence), {
  model: 'm', sequence, kind: 'confirm', by: 'test', reason: 'x'.repeat(characters), from: null, to: null,
  decision: null, generation: 1, atMs: 0,
});
store.transaction(() => {
  for (let sequence = 0; sequence < EVENTS; sequence += 1) write(sequence, 900);
});
let refused = 0;
const attempt = (at: number): void => {
  try {
    store.transaction(() => write(at % EVENTS, 100 + (at % 800)));
  } catch (error) {
    if (!isLastgoodError(error) || error.code !== 'DISK_REFUSED') throw error;
    refused += 1;
  }
};
refuseWrites(process.pid);
for (let attempts = 0; attempts < ATTEMPTS; attempts += 1) attempt(attempts);
allowWrites(process.pid);
attempt(0);
writeSync(1, `${refused} of ${ATTEMPTS + 1}`);
await store.close();
