// Which tests are run as pure ones.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pureTests } from '../../scripts/pure-tests.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('The pure tests', () => {
  test('are those that reach no port, process, thread or addon, by whatever detour', () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'a'));
    const write = (name: string, ...lines: string[]): string => {
      writeFileSync(join(root, name), lines.join('\n'));
      return join(root, name);
    };
    write('a/threads.js', "export * from './circle.js';", "import { Worker } from 'node:worker_threads';");
    write('a/circle.js', "import { x } from './threads.js';");
    write('a/sums.js', "import {\n  join,\n} from 'node:path';", "import './more.js';");
    write('a/more.js', "export const text = 'node:net';");
    const pure = write('pure.test.js', "import { sum } from './a/sums.js';");
    const all = [
      pure,
      write('thread.test.js', "import { y } from './a/circle.js';"),
      write('addon.test.js', "const uws = require('uWebSockets.js');"),
      write('later.test.js', "const http = await import('node:http');"),
    ];
    assert.deepEqual(pureTests(all), [pure]);
  });
});
