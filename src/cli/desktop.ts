// Opens an address in the browser of the desktop that this terminal belongs to, where there is one. Nothing is waited
// for, and a browser that does not start is no error: the address was printed before.
import { spawn } from 'node:child_process';

/** The command that opens an address here; null where nobody looks, as over SSH or in a container. */
function opener(platform: NodeJS.Platform, environment: NodeJS.ProcessEnv): string | null {
  const has = (name: string): boolean => (environment[name] ?? '') !== '';
  if (has('SSH_CONNECTION')) return null;
  if (platform === 'darwin') return 'open';
  return platform === 'linux' && (has('DISPLAY') || has('WAYLAND_DISPLAY')) ? 'xdg-open' : null;
}

/** Opens `url` and tells whether there was a desktop to do so on. */
export function openOnDesktop(url: string): boolean {
  const command = opener(process.platform, process.env);
  if (command === null) return false;
  spawn(command, [url], { stdio: 'ignore', detached: true }).on('error', () => undefined).unref();
  return true;
}

/** Where an engine that listens on `listen` (HOST:PORT) is reached; any address of this host stands for all. */
export function frontAddress(listen: string, isTls: boolean): string {
  const here = listen.replace(/^(?:0\.0\.0\.0|\[?::\]?):/, '127.0.0.1:');
  return `${isTls ? 'https' : 'http'}://${here}`;
}

/** Its page. */
export const pageAddress = (listen: string, isTls: boolean): string => `${frontAddress(listen, isTls)}/ui`;
