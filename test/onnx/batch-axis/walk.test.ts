// The walk through a whole graph, where no single operator is what matters.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { AttributeProto_AttributeType as Kind, ModelProtoSchema, TensorProto_DataType as Type } from 'onnx-buf';
import { followRows } from '../../../src/onnx/batch-axis/batch-axis.ts';
import { readModel } from '../../../src/onnx/graph.ts';
import { ByteSource } from '../../../src/onnx/protobuf.ts';
import { integer, node, text, valueInfo } from '../../worker/onnx.ts';

const integers = (name: string, ...values: readonly number[]): ReturnType<typeof node> => ({
  opType: 'Constant', input: [], output: [name],
  attribute: [{ name: 'value_ints', type: Kind.INTS, ints: values.map(BigInt) }],
});
const order = (...axes: readonly number[]): object =>
  ({ name: 'perm', type: Kind.INTS, ints: axes.map(BigInt) });

/** `head` cuts the first columns off, as many as it is told; two calls of it, and the shape of one for the other. */
function callsOf(isBack: boolean): Uint8Array {
  const head = (end: string, makes: string): object =>
    ({ opType: 'head', domain: 'own', input: ['x', end], output: [makes] });
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ domain: '', version: 20n }, { domain: 'own', version: 1n }],
    functions: [{
      name: 'head', domain: 'own', input: ['value', 'end'], output: ['cut'],
      opsetImport: [{ domain: '', version: 20n }],
      node: [integers('zero', 0), integers('one', 1), node('Slice', ['value', 'zero', 'end', 'one'], 'cut')],
    }],
    graph: {
      name: 'calls', input: [valueInfo(['x', Type.FLOAT, ['N', 'width', 4]])], output: [{ name: 'y' }],
      node: [
        integers('e1', 1), integers('e2', 2), head('e1', 'a'), head('e2', 'b'),
        { ...node('Transpose', ['b'], 'turned'), attribute: [order(1, 0, 2)] },
        node('Shape', ['a'], 'sizes'), integers('at', 1, 0), node('Gather', ['sizes', 'at'], 'start'),
        integers('rest', -1),
        { ...node('Concat', ['start', 'rest'], 'wanted'), attribute: [{ name: 'axis', type: Kind.INT, i: 0n }] },
        node('Reshape', ['turned', 'wanted'], 'again'),
        { ...node('Transpose', [isBack ? 'again' : 'turned'], 'y'), attribute: [order(1, 0, 2)] },
      ],
    },
  }));
}

type Attribute = NonNullable<Parameters<typeof node>[3]>[number];

interface Terms {
  readonly pool: readonly string[];
  /** Texts of a row. */
  readonly texts?: number;
  /** Operators between the words and their counts. */
  readonly between?: readonly string[];
}

/** Texts, their words, padded with '#', and how often each has those of a pool. */
function termsOf({ pool, texts = 1, between = ['Flatten'] }: Terms): Uint8Array {
  const integersOf = (name: string, values: readonly number[]): Attribute =>
    ({ name, type: Kind.INTS, ints: values.map(BigInt) });
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ domain: '', version: 20n }, { domain: 'com.microsoft', version: 1n }],
    graph: {
      name: 'terms', input: [valueInfo(['x', Type.STRING, ['N', texts]])], output: [{ name: 'y' }],
      node: [
        {
          ...node('Tokenizer', ['x'], 'v0', [
            integer('mark', 0), integer('mincharnum', 1), text('pad_value', '#'), text('tokenexp', '[a-z]+'),
          ]),
          domain: 'com.microsoft',
        },
        ...between.map((operator, at) => node(operator, [`v${at}`], `v${at + 1}`)),
        node('TfIdfVectorizer', [`v${between.length}`], 'y', [
          text('mode', 'TF'), integer('max_skip_count', 0),
          integer('min_gram_length', 1), integer('max_gram_length', 1),
          integersOf('ngram_counts', [0]), integersOf('ngram_indexes', pool.map((_, at) => at)),
          { name: 'pool_strings', type: Kind.STRINGS, strings: pool.map((word) => Buffer.from(word)) },
        ]),
      ],
    },
  }));
}

const said = (bytes: Uint8Array): string[] =>
  followRows(readModel(ByteSource.ofBytes(bytes)), new Set(['x'])).map(({ rows }) => rows);

suite('the walk through a graph', () => {
  test('follows rows through calls of a function that the file brings along', () => {
    assert.deepEqual(said(callsOf(false)), ['kept']);
  });

  test('takes no size for another one that has its name in another call', () => {
    assert.deepEqual(said(callsOf(true)), ['unknown']);
  });

  test('follows texts to the counts of their words, which know nothing of the padding behind them', () => {
    assert.deepEqual(said(termsOf({ pool: ['a', 'b'] })), ['kept']);
    assert.deepEqual(said(termsOf({ pool: ['a', 'b'], between: ['Identity', 'Flatten'] })), ['kept']);
  });

  test('does not where the padding counts, lies between texts, or may be seen by what stands in between', () => {
    const many = Array.from({ length: 1_000 }, (_, at) => `word ${at}`);
    const cases: readonly (readonly [Terms, RegExp])[] = [
      [{ pool: ['a', '#'] }, /counts what texts are padded with/],
      [{ pool: [...many, '#'] }, /counts what texts are padded with/],
      [{ pool: ['a'], texts: 2 }, /puts texts that are padded behind each other/],
      [{ pool: ['a'], between: ['Flatten', 'Shape'] }, /as wide as the longest of all rows/],
      [{ pool: ['a'], between: ['Flatten', 'ArgMax'] }, /as wide as the longest of all rows/],
    ];
    for (const [terms, why] of cases) {
      const [found] = followRows(readModel(ByteSource.ofBytes(termsOf(terms))), new Set(['x']));
      assert.equal(found!.rows, 'unknown', String(why));
      assert.match(found!.reason, why);
    }
  });
});
