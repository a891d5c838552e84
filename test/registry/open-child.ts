// Child process of store.test.ts: opens a data directory and prints the code of the refusal, or how it went.
import { isLastgoodError } from '../../src/base/errors.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';

try {
  const store = openStore({ dataDir: process.argv[2]! });
  process.stdout.write(`opened with ${store.dump().length} records`);
  await store.close();
} catch (error) {
  process.stdout.write(isLastgoodError(error) ? error.code : String(error));
}
