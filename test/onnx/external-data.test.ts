// The references of a file to other files, wherever in it they stand.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { GraphProtoSchema, ModelProtoSchema } from 'onnx-buf';
import { ARTIFACT_BYTES_MAX } from '../../src/artifacts/manifest.ts';
import { assertFilesKnown, externalFilesOf } from '../../src/onnx/external-data.ts';
import { randomOf } from '../shared-memory/seeded.ts';
import { outsideNowhere, PLACES, torchExport } from '../worker/external-data.ts';
import { modelFile } from '../worker/fixtures.ts';
import { endless } from '../worker/hostile-onnx.ts';
import { quantised } from '../worker/mixers.ts';
import { heavy, linear } from '../worker/onnx.ts';

const assertWhole = (path: string, known: readonly string[] = []): void =>
  assertFilesKnown(path, ARTIFACT_BYTES_MAX, known);
const refuses = (bytes: Uint8Array, pattern: RegExp): void =>
  assert.throws(() => assertWhole(modelFile(bytes)), pattern);

/** A number as protobuf writes it, in as many bytes as are asked for at least. */
function varint(value: number, bytesMin = 1): number[] {
  const low = value % 128;
  return value < 128 && bytesMin <= 1 ? [low] : [low | 0x80, ...varint(Math.floor(value / 128), bytesMin - 1)];
}
const GRAPH = 7;
const lengthTag = (field: number): number => field * 8 + 2;
const groupTags = (field: number): readonly [number, number] => [field * 8 + 3, field * 8 + 4];
const field = (number: number, content: Uint8Array): Uint8Array =>
  Buffer.from([...varint(lengthTag(number)), ...varint(content.length), ...content]);

suite('assertFilesKnown', () => {
  test('refuses a reference to another file in whatever place it stands, and names the file', () => {
    for (const [place, twoFiles] of Object.entries(PLACES)) {
      const { model, name } = twoFiles();
      const found = [...externalFilesOf(modelFile(model), ARTIFACT_BYTES_MAX)];
      assert.deepEqual(found.filter((one) => one !== ''), [name], place);
      refuses(model, /external data in "weights\.bin"\).*not hashed.*wanted a registration of the model with its data/);
      assertWhole(modelFile(model), ['weights.bin']);
      assert.throws(() => assertWhole(modelFile(model), ['weights.bin.old']), /external data in "weights\.bin"/);
    }
    refuses(torchExport().model, /external data in "cnn\.onnx\.data"\)/);
    refuses(outsideNowhere(), /\(external data\)/);
  });

  test('says nothing against a model that is all in its file', () => {
    for (const bytes of [linear(), heavy(700), quantised(), endless(), Uint8Array.of()]) {
      assertWhole(modelFile(bytes));
    }
  });

  test('cuts long names and long lists of them, and lets none write into a terminal', () => {
    const whole = fromBinary(ModelProtoSchema, PLACES['an initialiser']!().model);
    const [tensor] = whole.graph!.initializer.filter(({ externalData }) => externalData.length > 0);
    const named = (name: string): typeof tensor => {
      const one = structuredClone(tensor!);
      one.externalData[1]!.value = name;
      return one;
    };
    const names = ['\u001b[2J\n', 'a'.repeat(5_000), 'b', 'c', 'd'];
    whole.graph!.initializer.push(...names.map((name) => named(name)!));
    refuses(toBinary(ModelProtoSchema, whole),
      /external data in "weights\.bin", "\\u001b\[2J\\n", "a{100}" and 3 more\)/);
  });

  test('sees through what a parser drops: groups, fields of no known number, tags and numbers in too many bytes', () => {
    const { model } = PLACES['an initialiser']!();
    const [begin, end] = groupTags(900).map((tag) => varint(tag));
    const nested = Buffer.from([...begin!, ...begin!, ...varint(lengthTag(3)), 2, 1, 1, ...end!, ...end!]);
    refuses(Buffer.concat([nested, model]), /weights\.bin/);
    refuses(Buffer.concat([field(901, Buffer.alloc(70_000)), model]), /weights\.bin/);
    // The graph alone, under a tag whose upper bits do not count.
    const graph = fromBinary(ModelProtoSchema, model).graph!;
    const bytes = toBinary(GraphProtoSchema, graph);
    refuses(Buffer.from([...varint(2 ** 32 + lengthTag(GRAPH)), ...varint(bytes.length), ...bytes]), /weights\.bin/);
    refuses(Buffer.from([...varint(lengthTag(GRAPH)), ...varint(bytes.length, 5), ...bytes]), /weights\.bin/);
  });

  test('comes to an end with whatever it is given', () => {
    const { model } = torchExport();
    const whole = /^its weights lie outside/;
    for (let bytes = 1; bytes < model.length; bytes += 7) {
      const read = (): void => assertWhole(modelFile(model.subarray(0, bytes)));
      assert.throws(read, /^Error: (it is no ONNX file: |its weights lie outside)/, `${bytes} bytes`);
    }
    const random = randomOf(7);
    for (let round = 0; round < 300; round += 1) {
      const damaged = Buffer.from(model);
      for (let count = 0; count < 8; count += 1) damaged[Math.floor(random() * 400)] = Math.floor(random() * 256);
      try {
        assertWhole(modelFile(damaged));
      } catch (error) {
        assert.match((error as Error).message, new RegExp(`^it is no ONNX file: |${whole.source}`));
      }
    }
    const [begin] = groupTags(1);
    refuses(Buffer.alloc(500_000, begin), /no ONNX file: it ends in the middle/);
    refuses(Buffer.from([...varint(lengthTag(GRAPH)), ...varint(2 ** 62)]), /longer than the message/);
    refuses(Buffer.from([begin, ...varint(lengthTag(2)), ...varint(2 ** 62), 1]), /no ONNX file/);
    let deep: Uint8Array = Buffer.alloc(0);
    // A node in a graph in an attribute in a node, and so on.
    for (let level = 0; level < 40; level += 1) deep = field(1, field(5, field(6, deep)));
    refuses(field(GRAPH, deep), /more than 100 messages deep/);
  });
});
