// What an operator may say of how a version is run, and how it is compared.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mergedSession, sessionOptionsSchema, sessionText } from '../../src/options/session-options.ts';

describe('Session options', () => {
  test('take all that the runtime knows, and keep it as it was said', () => {
    const all = {
      providers: ['webgpu', 'cpu'], graph: 'extended', intraOpThreads: 2, interOpThreads: 1, arena: false,
      memoryPattern: true, freeDimensions: { batch: 4 }, entries: { 'session.intra_op.allow_spinning': '0' },
    };
    assert.deepEqual(sessionOptionsSchema.parse(all), all);
    assert.deepEqual(sessionOptionsSchema.parse({}), {});
  });

  test('refuse what is none, what is too much, and what the engine decides itself', () => {
    const many = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`session.x${at}`, '1']));
    for (const wrong of [
      { providers: [] }, { providers: ['cpu', 'cpu'] }, { providers: ['../cpu'] }, { graph: 'most' }, { arena: 'off' },
      { intraOpThreads: 0 }, { interOpThreads: 257 }, { entries: { '': '1' } }, { entries: { x: 1 } },
      { freeDimensions: { batch: 0 } }, { freeDimensions: { '': 1 } }, { freeDimensions: { batch: '1' } },
      { entries: { 'session.set_denormal_as_zero': '1' } },
      { entries: many(65) }, { entries: { 'session.load_model_format': 'ORT' } }, { device: 'cpu' },
      { entries: { 'session.optimized_model_external_initializers_file_name': 'x' } },
    ]) assert.equal(sessionOptionsSchema.safeParse(wrong).success, false, JSON.stringify(wrong));
  });

  test('are the same in whatever order they were said', () => {
    assert.equal(sessionText({ graph: 'basic', arena: true }), sessionText({ arena: true, graph: 'basic' }));
    assert.notEqual(sessionText({ providers: ['cpu', 'webgpu'] }), sessionText({ providers: ['webgpu', 'cpu'] }));
    assert.equal(sessionText({ entries: { a: '1', b: '2' } }), sessionText({ entries: { b: '2', a: '1' } }));
    assert.equal(sessionText(), '');
  });

  test('of a version go over those of its model, entry by entry', () => {
    const ofModel = {
      graph: 'basic', arena: false, entries: { a: '1', b: '1' }, freeDimensions: { batch: 1 },
    } as const;
    const ofVersion = { graph: 'all', entries: { b: '2' }, freeDimensions: { len: 8 } } as const;
    assert.deepEqual(mergedSession(ofModel, ofVersion),
      { graph: 'all', arena: false, entries: { a: '1', b: '2' }, freeDimensions: { batch: 1, len: 8 } });
    assert.deepEqual(mergedSession(undefined, ofVersion), ofVersion);
    assert.deepEqual(mergedSession(ofModel), ofModel);
    assert.equal(mergedSession({}, undefined), undefined);
  });
});
