// Begins and ends batches in the first slot of the record that it was started with, until it is killed.
import { EntryKind } from '../../src/protocols/protocol.ts';
import { adoptInFlightFile, InFlightFile, InFlightSlot } from '../../src/shared-memory/in-flight.ts';
import { createSlab } from '../../src/shared-memory/slab-arena.ts';

const BODY_BYTES = 900;
const LOUD_AFTER = 1_000;

const record = new InFlightFile(adoptInFlightFile(4)!);
const slot = new InFlightSlot(record.take(1)!, 0, { model: 'm', version: '7' });
for (let round = 0; ; round += 1) {
  const slab = createSlab({ entriesMax: 2, requestBytes: 2_048, answerBytes: 64 });
  const body = new Uint8Array(BODY_BYTES).fill(round % 251);
  for (let entry = 0; entry < 2; entry += 1) slab.append(EntryKind.predictJson, body, 0, 0);
  slab.stamp(1, 1, 0);
  slab.beginRun();
  slot.begin(slab);
  slot.end();
  if (round === LOUD_AFTER) process.stdout.write('.');
}
