// A whole batch in a worker's hands: entries of every kind, broken and good ones beside each other, through decoding,
// the real runtime and encoding. Every entry is answered, with 200 or as the client's fault, and the good ones get the
// answer that they get alone.
import assert from 'node:assert/strict';
import { monotonicUs } from '../../src/base/clock.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { Slab, slabTotalBytes } from '../../src/shared-memory/slab.ts';
import { FRAME_ID_BYTES, floatErrorFrame, floatFrameId } from '../../src/protocols/f32/frame.ts';
import type { Random } from '../protocols/random.ts';
import { benchOn } from '../worker/fixtures.ts';
import type { Bench } from '../worker/fixtures.ts';
import { linear } from '../worker/onnx.ts';
import { mutate, noise } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

const ENTRIES = 12;
const SIZE = { entriesMax: ENTRIES, requestBytes: 1 << 20, answerBytes: 4_096 };
const DATA = [1, 2, 3];
const FLOAT_FRAME = Buffer.concat([Buffer.of(9, 0, 0, 0), Buffer.from(Float32Array.from(DATA).buffer)]);
const OIP = Buffer.from(JSON.stringify({ inputs: [{ name: 'x', shape: [1, 3], datatype: 'FP32', data: DATA }] }));
const RAW = Buffer.from(Float32Array.from(DATA).buffer);
/** Each kind with a message that is answered 321.5, the length of its JSON part, and what its answer must hold. */
const GOOD: readonly (readonly [kind: EntryKind, bytes: Buffer, headerBytes: number, wanted: RegExp])[] = [
  [EntryKind.predictJson, Buffer.from('{"features":[1,2,3]}'), 0, /^\{"prediction":321\.5,/],
  [EntryKind.socketJson, Buffer.from('{"id":5,"features":[1,2,3]}'), 0, /^\{"id":5,"prediction":321\.5,/],
  [EntryKind.oip, OIP, OIP.length, /"data":\[321\.5\]/],
  [EntryKind.oip, RAW, 0, /"binary_data_size":4/],
  [EntryKind.oipFrame, OIP, OIP.length, /"data":\[321\.5\]/],
  [EntryKind.floatFrame, FLOAT_FRAME, 0, /^\t\u0000{3}\u00c8\u0000{3}\u0000\u00c0\u00a0C$/],
];

let bench: Promise<Bench> | null = null;

async function runBatch(bytes: Uint8Array | null, random: Random): Promise<void> {
  const { runner } = await (bench ??= benchOn(linear()));
  const slab = new Slab(new SharedArrayBuffer(slabTotalBytes(SIZE))).format(SIZE);
  const wanted: (RegExp | null)[] = [];
  for (let entry = 0; entry < ENTRIES; entry += 1) {
    const [kind, good, goodHeader, answer] = random.pick(GOOD);
    const isGood = bytes === null || random.below(2) === 0;
    const broken = bytes !== null && random.below(3) === 0 ? bytes : mutate(good, random.pick(GOOD)[1], random);
    const put = isGood ? good : random.below(10) === 0 ? noise(random) : broken;
    const isWhole = goodHeader === good.length || random.below(4) === 0;
    const headerBytes = isGood ? goodHeader : isWhole ? put.length : random.below(put.length + 1);
    slab.append(kind, put, monotonicUs(), Infinity, headerBytes);
    wanted.push(isGood ? answer : null);
  }
  slab.stamp(0, 1, monotonicUs());
  const { overflow } = await runner.run(slab);
  wanted.forEach((answer, entry) => {
    const status = slab.status(entry);
    const given = slab.answer(entry) ?? overflow.find((one) => one.entry === entry)?.answer;
    assert.ok(given, `entry ${entry} has no answer`);
    const text = Buffer.from(given).toString('latin1');
    assert.ok(status === 200 || (status >= 400 && status < 500), `status ${status}: ${text.slice(0, 300)}`);
    if (answer !== null) assert.match(text, answer);
  });
}

export const runnerTarget: FuzzTarget = {
  name: 'worker-batch',
  good: async (random) => {
    await runBatch(null, random);
    return random.pick(GOOD)[1];
  },
  check: (bytes, random) => runBatch(bytes, random),
};

export const floatFrameTarget: FuzzTarget = {
  name: 'float-frame',
  good: (random) => {
    const frame = Buffer.concat([FLOAT_FRAME, Buffer.alloc(4 * random.below(8))]);
    frame.writeUInt32LE(random.bits());
    assert.equal(floatFrameId(frame), frame.readUInt32LE());
    return frame;
  },
  check: (bytes) => {
    const id = floatFrameId(bytes);
    assert.equal(id, bytes.length < FRAME_ID_BYTES ? 0 : Buffer.from(bytes).readUInt32LE());
    assert.equal(Buffer.from(floatErrorFrame(new Error('x'), id).bytes).readUInt32LE(), id);
  },
};
