// The verb that leads to the page: it prints the address and, on a desktop, opens it. It changes nothing.
import type { Command } from 'commander';
import { lastgoodError } from '../../base/errors.ts';
import { ask } from '../connect.ts';
import { openOnDesktop, pageAddress } from '../desktop.ts';
import { type CommonFlags, verb } from '../verb.ts';
import { printResult } from '../views/output.ts';

/** Builds the command; it fails without an engine, and where the engine has no page. */
export function openCommand(): Command {
  return verb({
    name: 'open',
    summary: 'the page of the engine, in a browser',
    purpose: 'Prints the address of the page that shows what happened and whether it is over; opens it on a desktop.',
    examples: [
      ['lastgood open', 'prints http://127.0.0.1:8080/ui and opens it'], ['lastgood open --json', 'the address only'],
    ],
  })
    .action(async (flags: CommonFlags) => {
      const { listen, tls, ui, dataDir } = await ask(flags, 'status', {});
      if (listen === null) throw lastgoodError('ENGINE_NEEDED', { verb: 'open', dataDir });
      if (ui === 'off') {
        const reason = 'the page is off; start the engine with --ui read or --ui full';
        throw lastgoodError('INVALID_REQUEST', { reason });
      }
      const url = pageAddress(listen, tls !== null);
      if (flags.json !== true) openOnDesktop(url);
      printResult(flags, { url, ui }, (page) => page.url);
    });
}
