// A browser for tests and pictures: Debian's chromium-headless-shell, or any Chromium that is installed, driven by
// playwright-core. Where there is none, tests say so and are skipped.
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome']
  .flatMap((name) => [`/usr/bin/${name}`, `/usr/local/bin/${name}`, `/snap/bin/${name}`]);
const found = PLACES.find((place) => existsSync(place));

/** Why a test in a browser is skipped; false where there is one. */
export const withoutChromium: string | false = found === undefined
  ? 'no Chromium is installed here (apt-get install chromium-headless-shell)' : false;

export function openChromium(): Promise<Browser> {
  if (found === undefined) throw new Error('open a browser: no Chromium is installed here');
  const args = ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb'];
  return chromium.launch({ executablePath: found, args });
}
