// The engine as other servers' own tests see it: every collected case, against real models in a real engine.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { healthAnswerOf } from '../../src/engine/models/model-views.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { CASES_FOLDER, readCases, replay } from './replay.ts';

const LEVELS = ['core', 'binary', 'robust', 'repository', 'vendor'] as const;

/** Vendor cases that are answered otherwise here, and why. */
const DECIDED_OTHERWISE: Readonly<Record<string, string>> = {
  'nan-inf-is-valid-json':
    'NaN and Infinity are written as bare tokens, as Triton does; strict JSON parsers use --json-nonfinite null',
  'dummy-binary-output-not-bool':
    'a "binary_data_output" that is no truth value is refused, as Triton does; one server passes over it',
  'bin-empty-json':
    'an Inference-Header-Content-Length of 0 is Triton\'s raw binary request, which another server does not know',
  'string-nested':
    'data that is nested otherwise than its shape is refused; one server writes it one after the other',
  'bin-BYTES-not-utf8':
    'a text with U+0000 is refused, because the runtime would cut it there',
  'bool-ints': 'BOOL takes 0 and 1 beside false and true, as Triton does; another server refuses them',
};

suite('Open Inference Protocol', () => {
  let engine: Engine;
  let port = 0;

  before(async () => {
    engine = await createEngine({
      dataDir: temporaryDirectory(), modelControl: 'explicit', workers: 1, standby: 'cold', pendingMax: 256,
    });
    const models = join(CASES_FOLDER, 'models');
    for (const model of readdirSync(models)) {
      for (const version of readdirSync(join(models, model))) {
        await engine.register(model, join(models, model, version, 'model.onnx'), { version, promote: true });
      }
    }
    ({ port } = await engine.listen({ port: 0 }));
  });

  after(async () => {
    await engine.close();
  });

  for (const level of LEVELS) {
    suite(level, () => {
      for (const one of readCases().filter((candidate) => candidate.level === level)) {
        const reason = DECIDED_OTHERWISE[one.id];
        test(reason === undefined ? one.id : `${one.id} is decided otherwise: ${reason}`, async () => {
          const wrong = await replay(port, one);
          if (reason === undefined) assert.equal(wrong, null);
          // One that passes after all must leave the table.
          else assert.notEqual(wrong, null);
        });
      }
    });
  }

  test('counts no client fault against a model', () => {
    const { models, context } = engine;
    for (const served of models.all.values()) assert.deepEqual(healthAnswerOf(served, context).violations, []);
  });
});
