// What an artefact of several files is called by, and what its files may be called. Pure.
// Invariants: the digest changes with every byte and every name in the artefact, and is that of its manifest alone; a
// name that was checked leads to one place inside the model's folder, for us as for the runtime.
import { createHash } from 'node:crypto';
import type { Manifest, ManifestFile } from '../domain/records.ts';

/** Larger artefacts are refused, all of their files together. */
export const ARTIFACT_BYTES_MAX = 8 * 1024 ** 3;
/** Files of one artefact; old exporters write one for each tensor. */
const FILES_MAX = 1_024;
const NAME_BYTES_MAX = 1_024;
const PART_BYTES_MAX = 255;
/** As it is called in every artefact of several files, so that another name of it is no other artefact. */
export const MODEL_NAME = 'model.onnx';

/** Control characters; what the runtime or another system reads as more than a name; what was no UTF-8. */
const UNFIT = /[\0-\x1f\x7f*\\\ufffd]/;

/** The SHA-256 of a manifest's text: a line for its kind, and one for each file. */
export function digestOf({ kind, files }: Manifest): string {
  const lines = files.map(({ name, sha256, bytes }) => `${sha256} ${bytes} ${name}\n`);
  return createHash('sha256').update(`lastgood.manifest/1 ${kind}\n${lines.join('')}`).digest('hex');
}

export const bytesOf = (files: readonly ManifestFile[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0);

/** The one way to write `name`, a path inside a folder; throws an Error that says why it is none. */
export function checkedFileName(name: string): string {
  const shown = JSON.stringify(name.slice(0, PART_BYTES_MAX));
  const refusal = (reason: string): Error => new Error(`it names the file ${shown}: ${reason}`);
  if (name.startsWith('/')) throw refusal('that is an absolute path; wanted one inside its own folder');
  if (UNFIT.test(name)) throw refusal('that has characters that no name of a file may have here');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refusal('that leads out of its folder; wanted a path inside');
  if (parts.length === 0 || name.endsWith('/')) throw refusal('that is no name of a file');
  const isLong = Buffer.byteLength(name) > NAME_BYTES_MAX;
  if (isLong || parts.some((part) => Buffer.byteLength(part) > PART_BYTES_MAX)) {
    throw refusal(`wanted at most ${NAME_BYTES_MAX} bytes, and ${PART_BYTES_MAX} between two /`);
  }
  return parts.join('/');
}

/** The names of a model's data files, each once and in order; throws an Error that says which cannot be taken. */
export function checkedDataFiles(names: Iterable<string>): string[] {
  const checked = new Set<string>();
  for (const name of names) {
    if (name === '') throw new Error('some of its weights lie outside of it, and it does not name the file');
    checked.add(checkedFileName(name));
  }
  if (checked.size >= FILES_MAX) {
    throw new Error(`it has ${checked.size} data files; wanted fewer than ${FILES_MAX} (onnx.save_model(…, ` +
      'all_tensors_to_one_file=True) writes one)');
  }
  const sorted = [...checked].sort();
  for (const name of sorted) {
    if (name === MODEL_NAME) throw new Error(`its data file is called ${MODEL_NAME}; wanted another name for it`);
    for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) {
      const folder = name.slice(0, at);
      if (checked.has(folder)) throw new Error(`it names "${folder}" as a file and as a folder`);
    }
  }
  return sorted;
}

/** Bytes that an artefact may still have after those of `files`. */
export const roomAfter = (files: readonly ManifestFile[]): number => ARTIFACT_BYTES_MAX - bytesOf(files);
