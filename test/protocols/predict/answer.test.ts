// Answers of /predict: numbers that read back to the same value, and the documented forms.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { lastgoodError } from '../../../src/base/errors.ts';
import type { Datatype } from '../../../src/domain/records.ts';
import { JsonTooLarge, JsonWriter } from '../../../src/protocols/json/json-writer.ts';
import { refusalJson } from '../../../src/protocols/json/refusal.ts';
import { AnswerEncoder } from '../../../src/protocols/predict/answer.ts';
import type { OutputBlock } from '../../../src/domain/run-block.ts';
import { elementCount } from '../../../src/domain/datatype.ts';
import type { TensorData } from '../../../src/domain/datatype.ts';
import { Random } from '../random.ts';

const writer = new JsonWriter(1 << 20);

function written(write: (into: JsonWriter) => void): string {
  write(writer.clear());
  return Buffer.from(writer.bytes).toString();
}

interface OutputText {
  readonly name: string;
  readonly datatype: Datatype;
  readonly rowShape: readonly number[];
  readonly data: TensorData;
  readonly isScalar?: boolean;
}

function answer(outputs: readonly OutputText[], rows: number, isSingle = true): { text: string; nonFinite: boolean } {
  const layouts = outputs.map(({ name, datatype, isScalar = false }) => ({ name, datatype, isScalar, hasRows: true }));
  const encoder = new AnswerEncoder(layouts, 'v"1', 1 << 20);
  const blocks: OutputBlock[] = outputs.map(({ data, rowShape }) => ({
    data, rowShape, rowElements: elementCount(rowShape),
  }));
  const request = { firstRow: 0, rows, isSingle, isFrame: false, id: null };
  const bytes = encoder.encode(request, [{ firstRow: 0, rows, outputs: blocks }], 1234.4);
  return { text: Buffer.from(bytes).toString(), nonFinite: encoder.hasNonFinite };
}

suite('JsonWriter', () => {
  test('writes float32 numbers that read back to the same float32, in at most nine digits', () => {
    const random = new Random(21);
    for (let count = 0; count < 200_000; count += 1) {
      const value = random.pick([
        () => random.single(), () => Math.fround(random.bits() / 2 ** 32), () => Math.fround(random.below(1e6) / 1000),
        () => Math.fround((random.bits() / 2 ** 32) * 10 ** -random.below(16)),
      ])();
      const text = written((into) => into.single(value));
      const read = JSON.parse(text) as number;
      assert.equal(Math.fround(read), value, text);
      if (Math.abs(value) < 1e9) assert.ok(text.replace(/^-?[0.]*|\.|e.*$/g, '').length <= 9, `${value} as ${text}`);
    }
  });

  test('writes float32 numbers as people expect them', () => {
    for (const [value, text] of [
      [0.1, '0.1'], [-0.25, '-0.25'], [0, '0'], [-0, '-0'], [1e-7, '1e-7'], [1.5e-8, '1.5e-8'], [16777216, '16777216'],
      [3.4028234663852886e38, '3.4028235e+38'], [1.401298464324817e-45, '1.401298464324817e-45'], [123.456, '123.456'],
      [0.000001, '1e-6'], [0.00001, '0.00001'], [NaN, 'null'], [Infinity, 'null'], [-Infinity, 'null'], [100, '100'],
    ] as const) {
      const written32 = written((into) => into.single(Math.fround(value)));
      assert.equal(Math.fround(Number(written32)) || 0, Number.isFinite(value) ? Math.fround(value) || 0 : 0);
      if (text.length < 14) assert.equal(written32, text);
    }
  });

  test('writes doubles as JSON.stringify does, but for minus zero and for what could be taken for 64 bits', () => {
    const random = new Random(22);
    const textOf = (value: number): string => {
      if (Object.is(value, -0)) return '-0';
      return Math.abs(value) > Number.MAX_SAFE_INTEGER ? value.toExponential() : JSON.stringify(value);
    };
    for (let count = 0; count < 50_000; count += 1) {
      const value = random.pick([() => random.double(), () => random.bits(), () => -random.below(1e6) / 64])();
      assert.equal(written((into) => into.double(value)), textOf(value));
    }
    for (const value of [0, -0, 1e15, 999999999999999, -1e21, 9007199254740993]) {
      assert.equal(written((into) => into.double(value)), textOf(value));
    }
  });

  test('writes texts in UTF-8 and refuses to outgrow its limit', () => {
    const text = 'a"\n\u00e9\u{1f600}\ud800';
    assert.equal(written((into) => into.string(text)), JSON.stringify(text));
    const small = new JsonWriter(10_000);
    assert.throws(() => {
      for (;;) small.text('0123456789');
    }, JsonTooLarge);
    assert.equal(Buffer.from(small.clear().bytes).toString(), '');
  });
});

suite('AnswerEncoder', () => {
  test('writes a number for a scalar, an array for a vector, nested arrays for more', () => {
    const data = Float32Array.of(0.1, 2);
    const scalar = { name: 'y', datatype: 'FP32', rowShape: [1], data, isScalar: true } as const;
    assert.equal(answer([scalar], 1).text, '{"prediction":0.1,"model_version":"v\\"1","latency_ms":1.234}');
    assert.equal(answer([scalar], 2, false).text, '{"predictions":[0.1,2],"model_version":"v\\"1","latency_ms":1.234}');
    const vector = { ...scalar, isScalar: false, rowShape: [2] };
    assert.match(answer([vector], 1).text, /^\{"prediction":\[0\.1,2\],/);
    const matrix = { ...vector, rowShape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
    assert.match(answer([matrix], 1).text, /^\{"prediction":\[\[1,2\],\[3,4\]\],/);
    const empty = { ...vector, rowShape: [0], data: Float32Array.of() };
    assert.match(answer([empty], 1).text, /^\{"prediction":\[\],/);
  });

  test('writes several outputs by name, and every datatype as JSON has it', () => {
    const row = (name: string, datatype: Datatype, data: TensorData): OutputText => ({
      name, datatype, data, rowShape: [2], isScalar: false,
    });
    const { text } = answer([
      row('i"', 'INT64', BigInt64Array.of(9223372036854775807n, -1n)), row('b', 'BOOL', Uint8Array.of(1, 0)),
      row('s', 'BYTES', ['a"', 'é']),
      row('d', 'FP64', Float64Array.of(0.1, 1e300)), row('u', 'UINT8', Uint8Array.of(255, 0)),
    ], 1);
    assert.equal(text.slice(0, text.indexOf(',"model_version"')),
      '{"prediction":{"i\\"":[9223372036854775807,-1],"b":[true,false],"s":["a\\"","é"],' +
      '"d":[0.1,1e+300],"u":[255,0]}');
  });

  test('writes null for what is not finite and says so', () => {
    const output = { name: 'y', datatype: 'FP32', rowShape: [3], data: Float32Array.of(NaN, Infinity, 1) } as const;
    const { text, nonFinite } = answer([output], 1);
    assert.match(text, /\[null,null,1\]/);
    assert.equal(nonFinite, true);
    assert.equal(answer([{ ...output, data: Float32Array.of(1, 2, 3) }], 1).nonFinite, false);
    assert.equal(answer([{ ...output, datatype: 'FP64', data: Float64Array.of(1, -Infinity, 3) }], 1).nonFinite, true);
  });

  test('puts the id first in frames, in answers and in errors', () => {
    const encoder = new AnswerEncoder([{ name: 'y', datatype: 'FP32', isScalar: true, hasRows: true }], '1', 1 << 20);
    const output = { data: Float32Array.of(2), rowShape: [1], rowElements: 1 };
    const request = { firstRow: 0, rows: 1, isSingle: true, isFrame: true, id: '1.50' };
    const bytes = encoder.encode(request, [{ firstRow: 0, rows: 1, outputs: [output] }], 0);
    assert.equal(Buffer.from(bytes).toString(), '{"id":1.50,"prediction":2,"model_version":"1","latency_ms":0.000}');
    const failed = refusalJson(lastgoodError('DRAINING'), null);
    assert.equal(failed.status, 503);
    assert.match(Buffer.from(failed.bytes).toString(), /^\{"id":null,"error":".*","code":"DRAINING"\}$/);
  });
});
