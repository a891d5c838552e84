// The script and the style of the page, made once and kept in memory, packed too: the script is the compiled modules of
// src/page/view and src/page/browser put one behind the other, so that the page is one script without a bundler. Main
// thread. The modules' own names must not clash; `test/api/ui/files.test.ts` parses what comes out.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packageRoot } from '../../base/package-root.ts';
import { PAGE_STYLE } from '../../page/style.ts';

const ENTRY = 'dist/src/page/browser/main.js';
const IMPORT = /^import\s[^'"]*['"](\.[^'"]+)['"];\s*$/gm;

/** Bytes as they are and packed, with the tag by which a browser asks whether its own are still good. */
export interface ReadyFile {
  readonly contentType: string;
  readonly bytes: Uint8Array;
  readonly packed: Uint8Array;
  readonly etag: string;
}

/** Packs a text; costs about a millisecond for 50 kB. */
export function readyFile(contentType: string, text: string): ReadyFile {
  const bytes = Buffer.from(text);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  return { contentType, bytes, packed: gzipSync(bytes), etag };
}

let script: ReadyFile | undefined;
let style: ReadyFile | undefined;

/** The script; throws what the disk says when the package is not whole. */
export function pageScript(): ReadyFile {
  return (script ??= readyFile('text/javascript; charset=utf-8', joined(join(packageRoot(), ENTRY), new Set())));
}

export function pageStyle(): ReadyFile {
  return (style ??= readyFile('text/css; charset=utf-8', PAGE_STYLE));
}

// A module behind those that it imports, each once, without their imports, exports and comments.
function joined(entry: string, seen: Set<string>): string {
  if (seen.has(entry)) return '';
  seen.add(entry);
  const text = readFileSync(entry, 'utf8');
  const before = [...text.matchAll(IMPORT)].map(([, from = '']) => joined(join(entry, '..', from), seen));
  const own = text.replace(IMPORT, '').replace(/^export \{\};$/gm, '').replace(/^export /gm, '')
    .replace(/^\s*\/\*\*[\s\S]*?\*\/$/gm, '').replace(/^\s*\/\/.*$/gm, '').replace(/^\s*\n/gm, '');
  return `${before.join('')}${own}`;
}
