// Nothing that was sent changes silently: a value of each datatype through every protocol of a real engine comes back
// as exactly what was written, or is refused with a 400 that is the client's; and so does what is wrong with the body.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { isLastgoodError } from '../../src/base/errors.ts';
import type { Datatype } from '../../src/domain/records.ts';
import { oipFrame, readOipFrame } from '../support/oip-frames.ts';
import { floatFrame, readFloatAnswer } from '../support/float-frames.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { meaningOf } from '../protocols/exact-reference.ts';
import { model, node } from '../worker/onnx.ts';
import { ALL_DATATYPES, DATATYPES } from './tensors.ts';

const INTEGERS = [
  '0', '-0', '1', '-1', '1.0', '1e2', '1.5', '0.99999999999999999999', '1.00000000000000000001', '1e-400', '127', '128',
  '-128', '-129', '255', '256', '65535', '65536', '32768', '-32769', '2147483647', '2147483648', '4294967295',
  '4294967296', '9007199254740991', '9007199254740993', '-9007199254740993', '9007199254740993.0', '1e19',
  '9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809',
  '18446744073709551615', '18446744073709551616', '1e400', 'true', 'null', '"1"',
];
const FLOATS = [
  '0', '-0', '0.1', '1e-45', '1e-46', '5e-324', '1e-400', '16777217', '9007199254740993', '18446744073709551615',
  '65504', '65519', '65520', '70000', '3.4028235677973365e38', '3.4028235677973366e38', '1e39', '-1e39',
  '1.7976931348623157e308', '1e309', '-1e400', '6e-8', '2e-8', 'null', 'NaN', 'Infinity', '-Infinity', 'true', '"1"',
];
const TEXTS = [
  '""', '"a"', '"\\u00e9\\n\\""', '"größe"', '"\\ud83d\\ude00"', '"a\\u0000b"', '"\\u0000"', '"\\ud800"', '"\\udc00x"',
  '"a\\ud83d"', '1', 'true', 'null',
];
const valuesOf = (datatype: Datatype): readonly string[] =>
  datatype === 'BYTES' ? TEXTS : datatype.startsWith('FP') ? FLOATS : INTEGERS;
/** What no JSON has, of whatever datatype. */
const NO_JSON = ['01', '+1', '.5', '1.', '1e', '--1', '0x1', 'nan', 'Nul', '1 2', "'a'", '"a', '1;'];

/** Of the shape [1, 2], flat or nested, it is none of them. */
const OTHER_NESTINGS = [
  '[1,[1]]', '[[1],[1]]', '[[1,1],[1]]', '[[1],[1,1,1]]', '[[[1],[1]]]', '[1,1,1]', '[1]', '[]', '[[]]', '[[1,1],[]]',
  '[[1,1],1]', '[{},{}]',
];

const plainOf = (datatype: Datatype): string => (datatype === 'BYTES' ? '"z"' : datatype === 'BOOL' ? 'true' : '1');
const nameOf = (datatype: Datatype): string => datatype.toLowerCase();

/** An answer: its two elements as they are written in the text, or what it was refused with. */
interface Got {
  readonly status: number;
  readonly text: string;
}
/** How a client of one protocol sends two values, and how its body may be spoiled. */
interface Way {
  readonly tokens: boolean;
  readonly isJson16: boolean;
  readonly body: (datatype: Datatype, data: string) => string;
  readonly send: (datatype: Datatype, body: string) => Promise<Got>;
}

const flat = (first: string, second: string): string => `[${first},${second}]`;
const nested = (first: string, second: string): string => `[[${first},${second}]]`;

describe('What was sent', () => {
  let engine: Engine;
  let port = 0;
  const sockets: WebSocketClient[] = [];

  before(async () => {
    engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, judge: { mode: 'observe' } });
    for (const datatype of ALL_DATATYPES) {
      const type = DATATYPES[datatype][1];
      const file = join(temporaryDirectory(), 'model.onnx');
      const [inputs, outputs] = [[['x', type, ['N', 2]]], [['y', type, ['N', 2]]]] as const;
      writeFileSync(file, model({ inputs, outputs, nodes: [node('Identity', ['x'], 'y')] }));
      await engine.register(nameOf(datatype), file, { version: '1', promote: true });
    }
    ({ port } = await engine.listen({ port: 0 }));
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await engine.close();
  });

  const post = async (path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Got> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST', body, headers: { 'content-type': 'application/json', ...headers },
    });
    return { status: answer.status, text: await answer.text() };
  };
  const statusIn = (text: string): number => (text.includes('"error"') ? 400 : 200);
  const connect = async (protocol: string, datatype: Datatype): Promise<WebSocketClient> => {
    const options = { path: `/ws?model=${nameOf(datatype)}`, protocols: protocol };
    const socket = await WebSocketClient.connect(port, options);
    sockets.push(socket);
    return socket;
  };
  const socketOf = new Map<string, Promise<WebSocketClient>>();
  const over = (protocol: string, datatype: Datatype): Promise<WebSocketClient> => {
    const key = `${protocol} ${datatype}`;
    const socket = socketOf.get(key) ?? connect(protocol, datatype);
    socketOf.set(key, socket);
    return socket;
  };

  const predict = (body: (data: string) => string): Way => ({
    tokens: false, isJson16: true, body: (_, data) => body(data),
    send: (datatype, text) => post(`/models/${nameOf(datatype)}/predict`, text),
  });
  const oipBody = (datatype: Datatype, data: string): string =>
    `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[1,2],"data":${data}}],` +
    `"outputs":[{"name":"y","parameters":{"binary_data":${datatype === 'FP16'}}}]}`;
  const WAYS: Readonly<Record<string, Way>> = {
    'features': predict((data) => `{"features":${data}}`),
    'features with an id of null': predict((data) => `{"id":null,"features":${data}}`),
    'features beside other members': predict((data) => `{"other":{},"features":${data}}`),
    'instances by name': predict((data) => `{"instances":[{"x":${data}}]}`),
    'lastgood.json': {
      tokens: false, isJson16: true, body: (_, data) => `{"id":7,"features":${data}}`,
      send: async (datatype, text) => {
        const socket = await over('lastgood.json', datatype);
        socket.send(text);
        const answer = await socket.next();
        return { status: statusIn(answer), text: answer };
      },
    },
    'OIP': {
      tokens: true, isJson16: false, body: oipBody,
      send: (datatype, text) => post(`/v2/models/${nameOf(datatype)}/infer`, text),
    },
    'oip.v2': {
      tokens: true, isJson16: false, body: oipBody,
      send: async (datatype, text) => {
        const socket = await over('oip.v2', datatype);
        socket.send(oipFrame(text));
        const answer = await socket.nextBinary();
        const json = answer.toString('utf8', 4, 4 + answer.readUInt32LE());
        return { status: statusIn(json), text: json };
      },
    },
    'TFS rows': {
      tokens: true, isJson16: true,
      body: (_, data) => `{"instances":${data.startsWith('[[') ? data : `[${data}]`}}`,
      send: (datatype, text) => post(`/v1/models/${nameOf(datatype)}:predict`, text),
    },
    'TFS columns': {
      tokens: true, isJson16: true,
      body: (_, data) => `{"inputs":{"x":${data.startsWith('[[') ? data : `[${data}]`}}}`,
      send: (datatype, text) => post(`/v1/models/${nameOf(datatype)}:predict`, text),
    },
  };

  // The first element of an answer as it stands there.
  const firstIn = (text: string): string => {
    const data = /"(?:prediction|predictions|outputs|data)":(?:\[|\{"x":)+(?="|[^[{"])/.exec(text);
    const at = data === null ? -1 : data.index + data[0].length;
    return /^(?:"(?:[^"\\]|\\.)*"|[^,\]]*)/.exec(text.slice(at))![0];
  };
  const refused = (what: string, { status, text }: Got): void => {
    assert.equal(status, 400, `${what}: ${text}`);
    assert.match(text, /"code":"(INVALID_JSON|INVALID_REQUEST|ROW_VALUE|ROW_LENGTH)"/, what);
  };

  for (const [name, way] of Object.entries(WAYS)) {
    test(`comes back exactly, or is refused: ${name}`, async () => {
      for (const datatype of ALL_DATATYPES) {
        if (datatype === 'FP16' && !way.isJson16) continue;
        for (const value of valuesOf(datatype)) {
          for (const form of [flat, nested]) {
            const what = `${datatype} ${value} as ${form.name}`;
            const answer = await way.send(datatype, way.body(datatype, form(value, plainOf(datatype))));
            const meaning = meaningOf(datatype, value, way.tokens);
            if (meaning === 'refused') {
              refused(what, answer);
              continue;
            }
            assert.equal(answer.status, 200, `${what}: ${answer.text}`);
            const back = firstIn(answer.text);
            if (typeof meaning.value === 'number' && !Number.isFinite(meaning.value)) {
              assert.equal(back, way.tokens ? String(meaning.value) : 'null', what);
            } else {
              assert.deepEqual(meaningOf(datatype, back, way.tokens), meaning, `${what} came back as ${back}`);
            }
          }
        }
      }
    });

    test(`is refused when it is no JSON, or says a thing twice: ${name}`, async () => {
      for (const datatype of ['FP32', 'INT64', 'BYTES', 'BOOL'] as const) {
        const plain = plainOf(datatype);
        const good = way.body(datatype, flat(plain, plain));
        for (const value of NO_JSON) {
          refused(`${datatype} ${value}`, await way.send(datatype, way.body(datatype, flat(value, plain))));
        }
        const key = /"(features|instances|data|inputs)":/.exec(good)![0];
        const escaped = key.replace('a', '\\u0061').replace('ts"', 't\\u0073"');
        for (const [why, body] of Object.entries({
          'a byte order mark': `\ufeff${good}`, 'more behind the end': `${good} x`, 'another document': `${good}{}`,
          'cut off': good.slice(0, -1), 'a comma at the end': good.replace(/\}$/, ',}'),
          'a member twice': good.replace(key, `${key}${flat(plain, plain)},${key}`),
          'a member twice, once with escapes': good.replace(key, `${escaped}${flat(plain, plain)},${key}`),
          'another member twice': good.replace(/^\{/, '{"n":1,"n":1,'),
        })) refused(`${datatype}, ${why}`, await way.send(datatype, body));
      }
    });

    test(`is refused when it is nested otherwise than its shape: ${name}`, async () => {
      for (const datatype of ['FP32', 'INT64', 'BYTES', 'BOOL'] as const) {
        for (const shape of OTHER_NESTINGS) {
          const data = shape.replaceAll('1', plainOf(datatype));
          refused(`${datatype} ${data}`, await way.send(datatype, way.body(datatype, data)));
        }
      }
    });
  }

  test('comes back exactly, or is refused: the library', async () => {
    const one = async (datatype: Datatype, value: unknown): Promise<unknown> => {
      const other = datatype === 'BYTES' ? 'z' : datatype === 'BOOL' ? true : 1;
      try {
        const { prediction } = await engine.predict(nameOf(datatype), [value, other] as number[]);
        return (prediction as readonly unknown[])[0];
      } catch (error) {
        assert.ok(isLastgoodError(error) && error.status === 400, String(error));
        return error.code;
      }
    };
    for (const [datatype, value, wanted] of [
      ['INT64', 9223372036854775807n, 9223372036854775807n], ['INT64', -9007199254740993n, -9007199254740993n],
      ['INT64', 5, 5], ['INT64', 2n ** 63n, 'ROW_VALUE'], ['UINT64', 18446744073709551615n, 18446744073709551615n],
      ['FP64', 9007199254740992, 9007199254740992], ['FP64', -0, -0], ['FP64', 1e300, 1e300], ['FP64', NaN, null],
      ['FP64', null, null], ['FP32', Infinity, 'INVALID_REQUEST'], ['FP32', 1e39, 'ROW_VALUE'],
      ['FP32', undefined, 'INVALID_REQUEST'], ['INT32', NaN, 'ROW_VALUE'], ['BYTES', 'a\0b', 'ROW_VALUE'],
      ['BYTES', '\ud800', 'ROW_VALUE'], ['BYTES', 'é', 'é'], ['BOOL', false, false], ['UINT8', 256, 'ROW_VALUE'],
    ] as const) assert.deepEqual(await one(datatype, value), wanted, `${datatype} ${String(value)}`);
    const many = await engine.predictMany('int64', [BigInt64Array.of(-(2n ** 63n), 1n)]);
    assert.deepEqual(many.predictions, [[-(2n ** 63n), 1]]);
  });

  test('comes back bit for bit, or is refused: raw bytes of the Open Inference Protocol, over HTTP and in frames', async () => {
    const text = (...bytes: number[]): readonly number[] => [bytes.length, 0, 0, 0, ...bytes];
    const ones = (length: number): readonly number[] => Array.from({ length }, () => 0xff);
    for (const [datatype, bytes, isGood] of [
      ['BOOL', [1, 0], true], ['BOOL', [2, 0], false], ['BOOL', [1], false], ['BOOL', [1, 0, 1], false],
      ['FP16', [0x00, 0x7c, 0x01, 0x7d], true], ['FP32', [1, 0, 0x80, 0x7f, 0, 0, 0, 0x80], true],
      ['FP32', [1, 0, 0x80, 0x7f, 0, 0, 0], false], ['INT64', [...ones(8), ...ones(8)], true],
      ['UINT64', ones(16), true], ['BYTES', [...text(), ...text(0xc3, 0xa9)], true],
      ['BYTES', [...text(0x61, 0, 0x62), ...text()], false], ['BYTES', [...text(0xff), ...text()], false],
      ['BYTES', [...text(0xed, 0xa0, 0x80), ...text()], false], ['BYTES', [...text(0xc3), ...text()], false],
      ['BYTES', [...text(), ...text(), ...text()], false], ['BYTES', [...text(), 9, 0, 0, 0], false],
      ['BYTES', [...text()], false], ['BYTES', [...text(), 1, 0], false],
    ] as const) {
      const tail = Uint8Array.from(bytes);
      const json = `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[1,2],"parameters":{"binary_data_size":` +
        `${tail.length}}}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}`;
      const what = `${datatype} ${bytes.join()}`;
      const headers = { 'inference-header-content-length': String(Buffer.byteLength(json)) };
      const answer = await fetch(`http://127.0.0.1:${port}/v2/models/${nameOf(datatype)}/infer`,
        { method: 'POST', headers, body: Buffer.concat([Buffer.from(json), tail]) });
      const body = Buffer.from(await answer.arrayBuffer());
      const socket = await over('oip.v2', datatype);
      socket.send(oipFrame(json, tail));
      const frame = readOipFrame(await socket.nextBinary());
      if (isGood) {
        const headBytes = Number(answer.headers.get('inference-header-content-length'));
        assert.deepEqual([...body.subarray(headBytes)], bytes, what);
        assert.deepEqual([...frame.tail], bytes, what);
      } else {
        refused(what, { status: answer.status, text: body.toString() });
        assert.equal(frame.json['code'], 'INVALID_REQUEST', what);
      }
    }
  });

  test('of a shape that is none is refused by the Open Inference Protocol', async () => {
    const shapes = ['[-1,2]', '[2]', '[1,2,1]', '[1,3]', '[0,2]', '[2,2]', '[1.5,2]', '["1",2]', '[1,2e0,1]',
      '[1e400,2]', '[9007199254740993,2]',
      '[18446744073709551617,2]', '[4294967297,2]', '[null,2]', '{}', '12', 'null', '[]'];
    for (const shape of shapes) {
      for (const datatype of ['FP32', 'BYTES', 'INT64'] as const) {
        const body = oipBody(datatype, flat(plainOf(datatype), plainOf(datatype))).replace('[1,2]', shape);
        refused(`${datatype} ${shape}`, await post(`/v2/models/${nameOf(datatype)}/infer`, body));
      }
    }
  });

  test('comes back bit for bit: lastgood.f32', async () => {
    const socket = await over('lastgood.f32', 'FP32');
    for (const [index, value] of [0, -0, 1.401298464324817e-45, 3.4028234663852886e38, NaN, Infinity].entries()) {
      socket.send(floatFrame(index, [value, 1]));
      const { id, status, values } = readFloatAnswer(await socket.nextBinary());
      assert.deepEqual([id, status, values], [index, 200, [value, 1]]);
    }
    const signalling = Buffer.from([9, 0, 0, 0, 1, 0, 0x80, 0x7f, 0, 0, 0, 0]);
    socket.send(signalling);
    assert.ok((await socket.nextBinary()).subarray(8).equals(signalling.subarray(4)), 'every bit of a NaN');
  });
});
