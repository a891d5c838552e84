// Groups of the collection as tests, and what is expected of them beyond their files.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { realModels } from './collection.ts';
import { Proof } from './proof.ts';
import { tableOffences } from './table.ts';

/** Proves the models of these groups, each as a test, in one engine. */
export function proveGroups(title: string, groups: readonly string[]): void {
  describe(`${title}, as Python onnxruntime answers them`, () => {
    const models = realModels(groups);
    const proof = new Proof();
    before(() => proof.start());
    after(() => proof.close());

    for (const model of models) {
      test(`${model.name}: alone, among odd rows, with a second version and a rollback`, async () => {
        const { wrong, stacking, stackingReason } = await proof.prove(model);
        assert.deepEqual(wrong, []);
        assert.equal(stacking, model.stacking, stackingReason);
      });
    }
    test('all of them after a restart, to the last bit', async () => {
      await proof.restart();
      assert.deepEqual(models.flatMap((model) => proof.evidenceOf(model).wrong), []);
    });
    test('all of them in the library', async () => {
      await proof.library();
      assert.deepEqual(models.flatMap((model) => proof.evidenceOf(model).wrong), []);
    });
    test('the table of docs/models.md says what was seen', () => {
      assert.deepEqual(tableOffences(models.map((model) => proof.evidenceOf(model))), []);
    });
  });
}
