// One attempt to tell somebody outside: a command that gets the message on its standard input, or an address that gets
// a POST. Main thread; nothing here waits in the way of anything else. Bounds: an attempt has a time limit, after which
// the command's whole process group is killed or the connection is cut; of what comes back a status is kept, and of a
// command the end of its standard error. Neither the command nor the address is ever written anywhere: both may hold
// secrets. The command is the operator's own text, for a shell; nothing that comes from elsewhere is put into it.
import { spawn } from 'node:child_process';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { reasonOf } from '../../base/errors.ts';
import { plainText } from '../../base/plain-text.ts';

/** Of a command's standard error so many characters are kept, from its end. */
const ERROR_TEXT_MAX = 200;
/** After its end so long is waited for what it has written before. */
const LAST_WORDS_MS = 250;
/** Settings of the engine, some of them secret, which a command is not handed on in its environment. */
const OWN_VARIABLES = /^LASTGOOD_/;
/** Answers after which the same question may be answered otherwise a little later. */
const TRIED_AGAIN = new Set([408, 425, 429]);

export interface Attempt {
  readonly isDelivered: boolean;
  /** Whether another attempt makes sense. */
  readonly mayRetry: boolean;
  /** What became of it, as the end of a sentence. */
  readonly result: string;
}

interface Sending {
  /** What it comes to; never rejects. */
  readonly done: Promise<Attempt>;
  /** Ends it now, as failed. */
  readonly stop: () => void;
}

export const isAddress = (target: string): boolean => /^https?:\/\//i.test(target);

/** Tells `target` once, within `limitMs`. */
export function send(target: string, message: unknown, limitMs: number): Sending {
  const text = JSON.stringify(message);
  return isAddress(target) ? post(new URL(target), text, limitMs) : run(target, text, limitMs);
}

const failed = (result: string, mayRetry = true): Attempt => ({ isDelivered: false, mayRetry, result });

function run(command: string, text: string, limitMs: number): Sending {
  const kept = Object.entries(process.env).filter(([name]) => !OWN_VARIABLES.test(name));
  // A group of its own, so that what the command has started goes with it.
  const child = spawn('/bin/sh', ['-c', command], {
    detached: true, stdio: ['pipe', 'ignore', 'pipe'], env: Object.fromEntries(kept),
  });
  let end = '';
  let why: string | null = null;
  const kill = (reason: string): void => {
    why ??= reason;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  };
  const timer = setTimeout(() => kill(`did not end within ${limitMs} ms and was killed`), limitMs);
  // A command need not read what it is told.
  child.stdin.on('error', () => undefined);
  child.stdin.end(`${text}\n`);
  child.stderr.on('data', (bytes: Buffer) => (end = (end + bytes.toString()).slice(-ERROR_TEXT_MAX)));
  const done = new Promise<Attempt>((resolve) => {
    child.on('error', (error) => resolve(failed(`could not be started: ${reasonOf(error)}`)));
    child.on('exit', (code, signal) => {
      const settle = (): void => resolve(why === null ? outcomeOf(code, signal, end) : failed(why));
      if (child.stderr.closed) settle();
      else child.stderr.on('close', settle);
      // What it left running in the background may hold its standard error open for ever: its own end counts.
      setTimeout(() => child.stderr.destroy(), LAST_WORDS_MS).unref();
    });
  });
  return { done: done.finally(() => clearTimeout(timer)), stop: () => kill('was killed as the engine ended') };
}

function outcomeOf(code: number | null, signal: NodeJS.Signals | null, errorText: string): Attempt {
  if (code === 0) return { isDelivered: true, mayRetry: false, result: 'ended well' };
  const said = plainText(errorText.trim().split('\n').at(-1) ?? '');
  const how = code === null ? `was ended by ${signal ?? 'a signal'}` : `ended with code ${code}`;
  return failed(said === '' ? how : `${how}: ${said}`);
}

function post(address: URL, text: string, limitMs: number): Sending {
  const make = address.protocol === 'https:' ? httpsRequest : httpRequest;
  const request = make(address, {
    method: 'POST', agent: false,
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), connection: 'close' },
  });
  let why: string | null = null;
  const cut = (reason: string): void => {
    why ??= reason;
    request.destroy();
  };
  const timer = setTimeout(() => cut(`gave no answer within ${limitMs} ms`), limitMs);
  const done = new Promise<Attempt>((resolve) => {
    request.on('response', (response) => {
      const { statusCode: status = 0 } = response;
      resolve(status >= 200 && status < 300
        ? { isDelivered: true, mayRetry: false, result: `answered ${status}` }
        : failed(`answered ${status}`, status >= 500 || TRIED_AGAIN.has(status)));
      // The status is all that is wanted; a body may be endless.
      response.on('error', () => undefined);
      response.destroy();
    });
    request.on('error', (error) => resolve(failed(why ?? `could not be asked: ${reasonOf(error)}`)));
    request.on('close', () => resolve(failed(why ?? 'closed the connection without an answer')));
    request.end(text);
  });
  return { done: done.finally(() => clearTimeout(timer)), stop: () => cut('was cut off as the engine ended') };
}
