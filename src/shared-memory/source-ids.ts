// Who asks, as a number: what the front end finds out of some requests, slabs and rows carry on, and the judge counts
// by. Pure. What a source is made of, and the salt of this process in it, is in batch/sources.ts.
//
//   0   nobody knows: a loopback address, or that of a trusted proxy that sent no header
//   1   this process: the library's calls
//   …   32 bits of a salted hash
//
// NOT_ASKED stands for a request that was not asked, because asking costs a microsecond: it says nothing of who it was,
// and is no source. Threads hand these numbers on as 32 bits without a sign.

/** Nobody can be told from anybody: whatever is asked so may be of one client or of thousands. */
export const UNKNOWN_SOURCE = 0;
/** All calls of the library are one client's. */
export const LIBRARY_SOURCE = 1;
/** No source: most requests of a busy engine. */
export const NOT_ASKED = 0xffff_ffff;

/** The source that a hash of 32 bits stands for: the numbers with a meaning are none. */
export const sourceOfHash = (hash: number): number => Math.min(NOT_ASKED - 1, Math.max(LIBRARY_SOURCE + 1, hash));

/** A source as people and records see it. */
export function sourceText(source: number): string {
  if (source === UNKNOWN_SOURCE) return 'unknown';
  return source === LIBRARY_SOURCE ? 'library' : source.toString(16).padStart(8, '0');
}
