// The same random tensors of every datatype through JSON, raw bytes and WebSockets, alone and in company, and through a
// session of onnxruntime itself: the results are equal bit for bit.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type * as Ort from 'onnxruntime-node';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Datatype } from '../../src/domain/records.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { Random } from '../protocols/random.ts';
import { model, node } from '../worker/onnx.ts';
import { OipSocket, message, overHttp } from './oip-client.ts';
import type { IsRaw } from './oip-client.ts';
import { ALL_DATATYPES, DATATYPES, randomTensor, rawBytes } from './tensors.ts';
import type { Tensor } from './tensors.ts';

const SEED = 11;
const REQUESTS = 24;
const COMPANY = 12;
const ADDED: readonly Datatype[] = ['FP32', 'FP64', 'INT32', 'INT64'];

interface Case {
  readonly datatypes: readonly Datatype[];
  readonly operator: 'Identity' | 'Add';
  readonly shape: readonly (number | string)[];
  /** Shapes of one request's tensors; the first dimension is shared. */
  readonly shapes: (random: Random) => () => readonly number[];
}

const CASES: Readonly<Record<string, Case>> = {
  scalars: { datatypes: ALL_DATATYPES, operator: 'Identity', shape: [], shapes: () => () => [] },
  vectors: {
    datatypes: ALL_DATATYPES, operator: 'Identity', shape: ['N'],
    shapes: (random) => {
      const rows = random.below(4);
      return () => [rows];
    },
  },
  matrices: {
    datatypes: ALL_DATATYPES, operator: 'Identity', shape: ['N', 'M'],
    shapes: (random) => {
      const rows = random.below(8) === 0 ? 0 : 1 + random.below(3);
      const columns = random.below(8) === 0 ? 0 : 2 + random.below(2);
      return () => [rows, columns];
    },
  },
  cubes: {
    datatypes: ALL_DATATYPES, operator: 'Identity', shape: ['N', 2, 'K'],
    shapes: (random) => {
      const rows = 1 + random.below(2);
      return () => [rows, 2, 1 + random.below(2)];
    },
  },
  floats: {
    datatypes: ['FP32'], operator: 'Add', shape: ['N', 3],
    shapes: (random) => {
      const rows = 1 + random.below(4);
      return () => [rows, 3];
    },
  },
  sums: {
    datatypes: ADDED, operator: 'Add', shape: ['N', 3],
    shapes: (random) => {
      const rows = 1 + random.below(4);
      return () => [rows, 3];
    },
  },
};

const inputOf = (datatype: Datatype): string => `x${datatype}`;
const outputOf = (datatype: Datatype): string => `y${datatype}`;

// Each model has an input and an output of every datatype.
function modelOf({ datatypes, operator, shape }: Case): Uint8Array {
  const ends = (name: (datatype: Datatype) => string) =>
    datatypes.map((datatype) => [name(datatype), DATATYPES[datatype][1], shape] as const);
  return model({
    inputs: ends(inputOf), outputs: ends(outputOf),
    nodes: datatypes.map((datatype) => {
      const input = inputOf(datatype);
      return node(operator, operator === 'Add' ? [input, input] : [input], outputOf(datatype));
    }),
  });
}

interface Question {
  readonly id: string;
  readonly tensors: readonly Tensor[];
  readonly wanted: ReadonlyMap<string, Tensor>;
}

const PATHS: Readonly<Record<string, IsRaw>> = {
  'JSON': () => false,
  'raw bytes': () => true,
  'JSON in and raw bytes out, and the other way round': (name) => name.startsWith('y') === name.includes('INT'),
};

describe('The same tensors by every way', () => {
  let engine: Engine;
  let port = 0;
  const agent = new Agent({ keepAlive: true, maxSockets: COMPANY });
  const questions = new Map<string, Question[]>();

  before(async () => {
    const options = { workers: 1, standby: 'cold', judge: { mode: 'observe' } } as const;
    engine = await createEngine({ dataDir: temporaryDirectory(), ...options });
    for (const [name, one] of Object.entries(CASES)) {
      const file = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(file, modelOf(one));
      await engine.register(name, file, { version: '1', promote: true });
      questions.set(name, await ask(file, one));
    }
    ({ port } = await engine.listen({ port: 0 }));
  });
  after(async () => {
    agent.destroy();
    await engine.close();
  });

  // Makes the tensors, and asks the runtime itself what becomes of them.
  async function ask(file: string, { datatypes, shapes }: Case): Promise<Question[]> {
    const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof Ort;
    const session = await ort.InferenceSession.create(file);
    const random = new Random(SEED);
    const asked: Question[] = [];
    for (let index = 0; index < REQUESTS; index += 1) {
      const shape = shapes(random);
      const tensors = datatypes.map((datatype) => randomTensor(inputOf(datatype), datatype, shape(), random));
      const feeds = Object.fromEntries(tensors.map(({ name, datatype, data, shape: dims }) =>
        [name, new ort.Tensor(DATATYPES[datatype][0] as 'float32', data as Float32Array, dims)]));
      const results = await session.run(feeds);
      const wanted = new Map(datatypes.map((datatype): [string, Tensor] => {
        const name = outputOf(datatype);
        const { data, dims } = results[name] as Ort.Tensor;
        return [name, { name, datatype, shape: [...dims], data: data }];
      }));
      asked.push({ id: String(index), tensors, wanted });
    }
    await session.release();
    return asked;
  }

  const compare = (got: ReadonlyMap<string, Tensor>, { wanted, id }: Question): void => {
    assert.deepEqual([...got.keys()].sort(), [...wanted.keys()].sort());
    for (const [name, tensor] of wanted) {
      const given = got.get(name)!;
      assert.deepEqual([given.datatype, given.shape], [tensor.datatype, tensor.shape], `${name} of ${id}`);
      const difference = `${name} of ${id}: ${String(given.data)} is not ${String(tensor.data)}`;
      assert.ok(rawBytes(given).equals(rawBytes(tensor)), difference);
    }
  };

  for (const [name, { datatypes }] of Object.entries(CASES)) {
    for (const [way, isRaw] of Object.entries(PATHS)) {
      test(`${name} as ${way}, over HTTP and oip.v2, alone and in company, are the runtime's own`, async () => {
        const asked = questions.get(name)!;
        const outputs = datatypes.map(outputOf);
        const client = await WebSocketClient.connect(port, { path: `/ws?model=${name}`, protocols: 'oip.v2' });
        const socket = new OipSocket(client);
        const messageOf = ({ tensors, id }: Question) => message(tensors, outputs, isRaw, id);
        for (const question of asked.slice(0, REQUESTS / 3)) {
          compare(await overHttp(port, agent, name, messageOf(question)), question);
          compare(await socket.send(question.id, messageOf(question)), question);
        }
        const { counts } = engine.models.served(name).batcher;
        const [answered, batches] = [counts.answered, counts.batches];
        await Promise.all(asked.flatMap(async (question) => {
          const both = await Promise.all([
            overHttp(port, agent, name, messageOf(question)), socket.send(question.id, messageOf(question)),
          ]);
          for (const got of both) compare(got, question);
        }));
        assert.ok(counts.batches - batches < counts.answered - answered, 'some had company');
        socket.destroy();
      });
    }
  }

  test('floats as lastgood.f32, alone and in company, are the runtime\'s own', async () => {
    const asked = questions.get('floats')!;
    const client = await WebSocketClient.connect(port, { path: '/ws?model=floats', protocols: 'lastgood.f32' });
    const frameOf = ({ id, tensors }: Question): Buffer => {
      const head = Buffer.alloc(4);
      head.writeUInt32LE(Number(id));
      return Buffer.concat([head, rawBytes(tensors[0]!)]);
    };
    const check = (frame: Buffer): number => {
      const id = frame.readUInt32LE();
      const wanted = asked[id]!.wanted.get('yFP32')!;
      assert.equal(frame.readUInt32LE(4), 200);
      assert.ok(frame.subarray(8).equals(rawBytes(wanted)), `question ${id}`);
      return id;
    };
    for (const question of asked) {
      client.send(frameOf(question));
      assert.equal(check(await client.nextBinary()), Number(question.id));
    }
    client.send(...asked.map(frameOf));
    const answered = new Set<number>();
    for (let count = 0; count < asked.length; count += 1) answered.add(check(await client.nextBinary()));
    assert.equal(answered.size, asked.length);
    client.destroy();
  });
});
