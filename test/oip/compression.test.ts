// Compressed bodies and answers of the binary tensor extension, on a real engine: the header counts what is inflated.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { postPacked } from '../support/packed-post.ts';
import type { PackedAnswer } from '../support/packed-post.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { Type, identity } from '../worker/onnx.ts';

const HEADER = 'inference-header-content-length';

suite('compression of /v2', () => {
  let engine: Engine;
  let port = 0;

  before(async () => {
    engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, bodyBytesMax: 1_000_000 });
    const file = join(temporaryDirectory(), 'model.onnx');
    writeFileSync(file, identity(Type.FLOAT, ['N']));
    await engine.register('m', file, { version: '1', promote: true });
    ({ port } = await engine.listen({ port: 0 }));
  });

  after(async () => {
    await engine.close();
  });

  const post = (body: Uint8Array, headers: Record<string, string>): Promise<PackedAnswer> =>
    postPacked(port, '/v2/models/m/infer', body, headers);

  const values = Float32Array.from({ length: 20_000 }, (_, at) => at % 50);
  const tensor = Buffer.from(values.buffer);
  const json = (size: number, output: boolean): Buffer => Buffer.from(JSON.stringify({
    id: 'z', parameters: { binary_data_output: output },
    inputs: [{ name: 'x', datatype: 'FP32', shape: [size / 4], parameters: { binary_data_size: size } }],
  }));

  test('a compressed binary request gives the same bytes back, compressed or not', async () => {
    const head = json(tensor.length, true);
    const whole = Buffer.concat([head, tensor]);
    for (const [encoding, packed] of [['gzip', gzipSync(whole)], ['deflate', deflateSync(whole)]] as const) {
      for (const accepted of ['', 'gzip', 'deflate']) {
        const { status, headers, plain: body } = await post(packed, {
          'content-encoding': encoding, [HEADER]: String(head.length),
          ...(accepted !== '' && { 'accept-encoding': accepted }),
        });
        assert.equal(status, 200);
        assert.equal(headers['content-encoding'], accepted === '' ? undefined : accepted);
        assert.equal(headers['content-type'], 'application/octet-stream');
        const jsonBytes = Number(headers[HEADER]);
        assert.equal((JSON.parse(body.toString('utf8', 0, jsonBytes)) as { id: string }).id, 'z');
        assert.ok(body.subarray(jsonBytes).equals(tensor));
      }
    }
  });

  test('the header is checked against what is inflated', async () => {
    const head = json(8, false);
    const packed = gzipSync(Buffer.concat([head, Buffer.alloc(8)]));
    for (const [length, wanted] of [[head.length, 200], [head.length + 9, 400], [packed.length, 400]] as const) {
      const { status } = await post(packed, { 'content-encoding': 'gzip', [HEADER]: String(length) });
      assert.equal(status, wanted);
    }
  });

  test('what is inflated beyond the limit is refused', async () => {
    const { status, plain: body } = await post(gzipSync(Buffer.alloc(1_000_001, 0x20)), { 'content-encoding': 'gzip' });
    assert.equal(status, 413);
    assert.match(body.toString(), /BODY_TOO_LARGE/);
  });
});
