// Notices a registry that was lost: it is on disk before the first artefact is, so artefacts beside none, or beside an
// empty one, have lost theirs, and a new one would know none of the models. Any process that opens for writing.
import { statSync } from 'node:fs';
import { artifactNames, isArtifact } from '../artifacts.ts';

/** Throws an Error that says what to do when `file` is missing or empty beside the artefacts of `dataDir`. */
export function refuseLostRegistry(dataDir: string, file: string): void {
  // Before the file, which another process may be writing for the first time.
  const count = artifactNames(dataDir).filter(isArtifact).length;
  const found = statSync(file, { throwIfNoEntry: false });
  if (count === 0 || (found !== undefined && found.size > 0)) return;
  throw new Error(`its registry is lost: ${file} is ${found === undefined ? 'missing' : 'empty'}, but artefacts ` +
    `are there (${count}); put a copy of it back, or move the folders registry and artifacts away and register the ` +
    'models again, with the files in artifacts');
}
