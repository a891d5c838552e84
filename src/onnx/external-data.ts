// Which other files the weights of an ONNX file lie in, wherever in it they are referred to. Any thread.
// Invariant: what the runtime's parser takes is understood here as well, and what is not understood is refused: no file
// beside the one that was hashed comes into a session unseen.
import { posix } from 'node:path';
import { reasonOf } from '../base/errors.ts';
import { RegularFile } from '../base/regular-file.ts';
import { ByteSource, Fields, MESSAGE_DEPTH_MAX, WireType } from './protobuf.ts';

/** Longer names are cut; no file may have one. */
const NAME_BYTES_MAX = 2_048;
const NAME_SHOWN = 100;
const FILES_NAMED = 3;

type Message = 'model' | 'graph' | 'function' | 'node' | 'attribute' | 'tensor' | 'sparse tensor' | 'external data';

/**
 * The messages inside of each message on the way to a tensor, by the numbers of their fields in onnx.proto. What is for
 * training alone is not among them: the runtime does not look at it.
 */
const MESSAGES: Readonly<Record<Message, Readonly<Record<number, Message>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse tensor' },
  function: { 7: 'node', 11: 'attribute' },
  node: { 5: 'attribute' },
  attribute: {
    5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse tensor', 23: 'sparse tensor',
  },
  'sparse tensor': { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'external data' },
  'external data': {},
};
/** The field of a tensor that says where its elements are: 0 for in the tensor itself. */
const LOCATION_FIELD = 14;
/** The fields of an entry of external data, and the key of the entry that names the file. */
const ENTRY = { key: 1, value: 2, fileKey: 'location' } as const;

/**
 * The names of the other files that the model takes weights from, as it has them; '' for one that it does not name.
 * Throws an Error when the file is no protobuf, or what RegularFile.open does.
 */
export function externalFilesOf(path: string, bytesMax: number): ReadonlySet<string> {
  const file = RegularFile.open(path, bytesMax);
  try {
    const names = new Set<string>();
    collect(new Fields(ByteSource.ofFile(file.descriptor, file.bytes)), 'model', 0, names);
    return names;
  } finally {
    file.close();
  }
}

/**
 * Throws an Error, with what to do about it, when a session on `path` would read other files than `known`, which were
 * hashed as it was.
 */
export function assertFilesKnown(path: string, bytesMax: number, known: readonly string[]): void {
  let unknown: readonly string[];
  try {
    const names = new Set(known);
    unknown = [...externalFilesOf(path, bytesMax)].filter((name) => !names.has(posix.normalize(name)));
  } catch (error) {
    throw new Error(`it is no ONNX file: ${reasonOf(error)}`);
  }
  if (unknown.length === 0) return;
  const named = unknown.filter((name) => name !== '');
  const shown = named.slice(0, FILES_NAMED).map((name) => JSON.stringify(name.slice(0, NAME_SHOWN))).join(', ');
  const more = named.length > FILES_NAMED ? ` and ${named.length - FILES_NAMED} more` : '';
  throw new Error(
    `its weights lie outside of it (external data${shown === '' ? '' : ` in ${shown}`}${more}), in files that were ` +
      'not hashed when it was registered; wanted a registration of the model with its data files beside it, as a ' +
      'folder or as a .tar');
}

// Tells whether the message is an entry that names a file.
function collect(fields: Fields, message: Message, depth: number, names: Set<string>): boolean {
  if (depth > MESSAGE_DEPTH_MAX) throw new Error(`its graphs are more than ${MESSAGE_DEPTH_MAX} messages deep`);
  let [key, value] = ['', ''];
  // Of a tensor: whether it lies outside, and whether it says in which file.
  let [isOutside, isNamed] = [false, false];
  while (fields.next()) {
    if (fields.wireType === WireType.length) {
      const inner = MESSAGES[message][fields.number];
      if (inner !== undefined) {
        isNamed = collect(new Fields(fields.source, fields), inner, depth + 1, names) || isNamed;
        isOutside ||= inner === 'external data';
      } else if (message === 'external data' && fields.number === ENTRY.key) key = shortText(fields);
      else if (message === 'external data' && fields.number === ENTRY.value) value = shortText(fields);
    } else if (message === 'tensor' && fields.number === LOCATION_FIELD && fields.value !== 0) {
      // Which file it is, the entries of the tensor tell, before or after this.
      isOutside = true;
    }
  }
  if (message === 'tensor' && isOutside && !isNamed) names.add('');
  if (message !== 'external data' || key !== ENTRY.fileKey) return false;
  names.add(value);
  return true;
}

function shortText({ source, from, to }: Fields): string {
  return Buffer.from(source.bytes(from, Math.min(to, from + NAME_BYTES_MAX))).toString();
}
