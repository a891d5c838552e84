// Child process of upgrade.test.ts: opens a data directory of an older format, and is killed in the midst of its
// upgrade, before the step of this number.
import { openStore } from '../../../src/registry/opening/open-store.ts';
import { RegistryStore } from '../../../src/registry/store/store.ts';

const [dataDir = '', last = ''] = process.argv.slice(2);
let step = 0;

for (const name of ['copyTo', 'assertRoom', 'transaction'] as const) {
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const carryOut = RegistryStore.prototype[name] as (this: RegistryStore, ...given: unknown[]) => unknown;
  RegistryStore.prototype[name] = function killed(this: RegistryStore, ...given: unknown[]): never {
    if (step === Number(last)) process.kill(process.pid, 'SIGKILL');
    step += 1;
    return carryOut.apply(this, given) as never;
  };
}

await openStore({ dataDir }).close();
process.stdout.write(`done in ${step} steps`);
