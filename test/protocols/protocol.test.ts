// The table of protocols: what each row says of an entry's bytes is what a client of that protocol sends and reads.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { lastgoodError } from '../../src/base/errors.ts';
import { EntryKind, PROTOCOLS, refusalOf } from '../../src/protocols/protocol.ts';
import { tensorCodecs } from '../../src/protocols/tensor-codecs.ts';
import { createSlab } from '../../src/shared-memory/slab-arena.ts';

const KINDS = Object.values(EntryKind);
const ERROR = lastgoodError('DRAINING');
const BODY = { error: ERROR.message, code: ERROR.code };

const JSON_WITH_ID = Buffer.from('{"inputs":[],"id":"a-7"}');

suite('PROTOCOLS', () => {
  test('has a name of its own for each kind of entry', () => {
    assert.equal(new Set(KINDS.map((kind) => PROTOCOLS[kind].name)).size, KINDS.length);
  });

  test('writes an error as JSON behind the head of its kind, with the id in frames of JSON only', () => {
    for (const kind of KINDS) {
      const { refusal, refusalHeadBytes, name } = PROTOCOLS[kind];
      const { status, bytes } = refusal(ERROR, JSON_WITH_ID, JSON_WITH_ID.length);
      const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8', refusalHeadBytes));
      const repeatsId = kind === EntryKind.socketJson || kind === EntryKind.oipFrame;
      assert.deepEqual([status, json], [503, repeatsId ? { id: 'a-7', ...BODY } : BODY], name);
    }
  });

  test('writes the length before an oip.v2 error, the id and the status before a lastgood.f32 one', () => {
    const oip = Buffer.from(PROTOCOLS[EntryKind.oipFrame].refusal(ERROR, JSON_WITH_ID, JSON_WITH_ID.length).bytes);
    assert.equal(oip.readUInt32LE(0), oip.length - 4);
    const floats = Buffer.from(PROTOCOLS[EntryKind.floatFrame].refusal(ERROR, Uint8Array.of(9, 1, 0, 0), 0).bytes);
    assert.deepEqual([floats.readUInt32LE(0), floats.readUInt32LE(4)], [265, 503]);
  });

  test('finds the id of a request where its protocol has one, also behind JSON that is broken', () => {
    const ids = (body: string): unknown => Object.fromEntries(KINDS.map((kind) => {
      const bytes = Buffer.from(body);
      return [PROTOCOLS[kind].name, PROTOCOLS[kind].idIn(bytes, bytes.length)];
    }).filter(([, id]) => id !== null));
    assert.deepEqual(ids('{"id":"a"}'), { 'lastgood.json': '"a"', oip: '"a"', 'oip.v2': '"a"' });
    assert.deepEqual(ids('{"id":7,'), { 'lastgood.json': '7', oip: '7', 'oip.v2': '7' });
    assert.deepEqual(ids('{}'), {});
  });

  test('has a codec for just those kinds that are whole tensors to a worker', () => {
    const signature = { inputs: [], outputs: [] };
    const codecs = tensorCodecs({ model: 'm', version: '1', signature, nonFinite: 'null', answerBytesMax: 1_000 });
    assert.deepEqual([...codecs.keys()], KINDS.filter((kind) => PROTOCOLS[kind].lane === 'tensors'));
  });
});

suite('refusalOf', () => {
  test('reads the id from the entry in the slab', () => {
    const slab = createSlab({ entriesMax: 1, requestBytes: 1_024, answerBytes: 1_024 });
    const body = Buffer.concat([JSON_WITH_ID, Buffer.from('raw')]);
    slab.append(EntryKind.oipFrame, body, 0, Infinity, JSON_WITH_ID.length);
    const { bytes } = refusalOf(slab, 0, ERROR);
    assert.deepEqual(JSON.parse(Buffer.from(bytes).toString('utf8', 4)), { id: 'a-7', ...BODY });
  });
});
