// What an operator may declare of the output that is judged, and what is refused.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import type { Signature, TensorSignature, VersionRecord } from '../../src/domain/records.ts';
import { contradictionOf, declaredOutput, judgedOutputOf, outputDifference } from '../../src/domain/judged-output.ts';
import type { OutputDeclaration } from '../../src/domain/judged-output.ts';

const risk: TensorSignature = { name: 'risk', datatype: 'FP32', shape: [-1, 1] };
const shares: TensorSignature = { name: 'shares', datatype: 'FP32', shape: [-1, 3] };
const label: TensorSignature = { name: 'label', datatype: 'BYTES', shape: [-1] };
const signature: Signature = { inputs: [], outputs: [label, risk, shares] };

function refuses(declaration: OutputDeclaration, pattern: RegExp, of = signature): void {
  assert.throws(() => declaredOutput(of, declaration), (error) =>
    isLastgoodError(error) && error.code === 'INVALID_OUTPUT' && pattern.test(error.message));
}

test('declaredOutput takes the named output, and the inferred one without a name', () => {
  assert.equal(declaredOutput(signature, { output: 'shares', kind: 'classes' }), shares);
  assert.equal(declaredOutput(signature, { kind: 'score' }), risk);
  assert.equal(declaredOutput(signature, { output: 'label' }), label);
  assert.equal(declaredOutput(signature, { output: 'label', kind: 'labels' }), label);
  assert.equal(declaredOutput(signature, {}), risk);
  assert.equal(declaredOutput({ inputs: [], outputs: [label] }, {}), null);
  const open: TensorSignature = { name: 'open', datatype: 'FP32', shape: [-1, -1] };
  assert.equal(declaredOutput({ inputs: [], outputs: [open] }, { kind: 'classes' }), open);
});

test('declaredOutput refuses what cannot be judged, by name', () => {
  refuses({ output: 'riks' }, /no output "riks"; it has "label", "risk", "shares"/);
  refuses({ output: 'label', kind: 'score' }, /"label" is of BYTES, which is no score; wanted labels/);
  refuses({ output: 'shares', kind: 'labels' }, /"shares" has 3 numbers a row, which is no labels/);
  refuses({ output: 'shares', kind: 'sequence' }, /3 numbers a row, always; wanted an open size/);
  refuses({ output: 'steps', kind: 'classes' }, /rows of shape \[-1,6625\], which are no single row of class scores/,
    { inputs: [], outputs: [{ name: 'steps', datatype: 'FP32', shape: [-1, -1, 6625] }] });
  refuses({ output: 'risk', kind: 'classes' }, /"risk" has 1 number a row, which is no classes; wanted score, regr/);
  refuses({ output: 'risk', kind: 'vector' }, /which is no vector/);
  refuses({ output: 'shares', kind: 'score' }, /"shares" has 3 numbers a row, which is no score; wanted classes or/);
  refuses({ kind: 'score' }, /no output of the model is numeric/, { inputs: [], outputs: [label] });
});

test('contradictionOf finds rows that cannot be of the declared kind', () => {
  assert.equal(contradictionOf('score', risk, [[0], [1]]), null);
  assert.equal(contradictionOf('regression', risk, [[0], [1]]), null);
  assert.match(contradictionOf('score', risk, [[0], [1.5]]) ?? '', /outside of 0 to 1/);
  assert.equal(contradictionOf('vector', shares, [[0.5, 0.5, 0]]), null);
  assert.equal(contradictionOf('classes', shares, [[0.5, 0.5, 0]]), null);
  assert.match(contradictionOf('classes', shares, [[0.5, 0.6, 0]]) ?? '', /do not add up to 1/);
  assert.equal(contradictionOf('classes', shares, [[1.0000001192092896, 0, 0]]), null);
  assert.equal(contradictionOf('labels', risk, [[-1], [3]]), null);
  assert.match(contradictionOf('labels', risk, [[0.5]]) ?? '', /0\.5, which is no label as declared/);
  assert.match(contradictionOf('vector', shares, [[1, 2], [1, 2, 3]]) ?? '', /2 and 3 numbers; wanted a sequence/);
  assert.match(contradictionOf('regression', shares, [[0.5, 0.5]]) ?? '', /2 numbers, which is no regression/);
});

test('judgedOutputOf says what was declared and what was inferred', () => {
  const record = { signature, outputKind: 'scalar', baseline: null } as const;
  assert.deepEqual(judgedOutputOf(record),
    { output: 'risk', kind: 'scalar', isOutputDeclared: false, isKindDeclared: false });
  assert.deepEqual(judgedOutputOf({ ...record, outputKind: 'classes', declared: { output: 'shares' } }),
    { output: 'shares', kind: 'classes', isOutputDeclared: true, isKindDeclared: false });
});

suite('outputDifference', () => {
  const version = (name: string, more: Partial<VersionRecord> = {}, width = 1): VersionRecord => ({
    model: 'm', version: name, outputKind: 'regression', baseline: null,
    signature: { inputs: [], outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, width] }] }, ...more,
  }) as VersionRecord;

  test('refuses what was declared to be another output, or to mean something else', () => {
    const declared = version('1', { outputKind: 'score', declared: { kind: 'score' } });
    assert.equal(outputDifference(version('2'), declared),
      'version "1" is judged as score, version "2" as regression');
    assert.equal(outputDifference(declared, version('2')),
      'version "2" is judged as regression, version "1" as score');
    assert.equal(outputDifference(version('2', { outputKind: 'scalar' }), declared), null, 'its meaning is not known');
    assert.equal(outputDifference(declared, version('2', { outputKind: 'score' })), null);
    const named = version('1', { declared: { output: 'z' } });
    assert.equal(outputDifference(version('2'), named), 'version "1" is judged by another output');
  });

  test('refuses answers of another width, and compares what is read differently for no declared reason', () => {
    assert.equal(outputDifference(version('2', { outputKind: 'vector' }, 3), version('1', { outputKind: 'vector' }, 8)),
      'version "1" answers with 8 numbers a row, version "2" with 3');
    assert.equal(outputDifference(version('2', {}, -1), version('1', {}, 8)), null, 'an open size may be the same');
    assert.equal(outputDifference(version('2', { outputKind: 'score' }), version('1')), null,
      'one of them may be broken, which is what is asked');
  });
});
