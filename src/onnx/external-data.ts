// Which other files the weights of an ONNX file lie in, wherever in it they are referred to. Any thread.
// Invariant: what the runtime's parser takes is understood here as well, and what is not understood is refused: no file
// beside the one that was hashed comes into a session unseen.
import { reasonOf } from '../base/errors.ts';
import { RegularFile } from '../base/regular-file.ts';
import { ByteSource, Fields, MESSAGE_DEPTH_MAX, WireType } from './protobuf.ts';

/** Longer names are cut. */
const NAME_BYTES_SHOWN = 256;
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

/** Throws an Error, with what to do about it, when a session on `path` would read other files as well. */
export function assertWholeModel(path: string, bytesMax: number): void {
  let files: readonly string[];
  try {
    files = [...externalFilesOf(path, bytesMax)];
  } catch (error) {
    throw new Error(`it is no ONNX file: ${reasonOf(error)}`);
  }
  if (files.length === 0) return;
  const named = files.filter((name) => name !== '');
  const names = named.slice(0, FILES_NAMED).map((name) => JSON.stringify(name)).join(', ');
  const more = named.length > FILES_NAMED ? ` and ${named.length - FILES_NAMED} more` : '';
  throw new Error(
    `its weights lie outside of it (external data${names === '' ? '' : ` in ${names}`}${more}), and a version is one ` +
      'file, because all of it is hashed: such a model cannot be served yet; wanted one with its weights inside ' +
      '(onnx.save_model(onnx.load(PATH), NEW_PATH), or torch.onnx.export(…, external_data=False))');
}

function collect(fields: Fields, message: Message, depth: number, names: Set<string>): void {
  if (depth > MESSAGE_DEPTH_MAX) throw new Error(`its graphs are more than ${MESSAGE_DEPTH_MAX} messages deep`);
  let [key, value] = ['', ''];
  while (fields.next()) {
    if (fields.wireType === WireType.length) {
      const inner = MESSAGES[message][fields.number];
      if (inner !== undefined) collect(new Fields(fields.source, fields), inner, depth + 1, names);
      else if (message === 'external data' && fields.number === ENTRY.key) key = shown(fields);
      else if (message === 'external data' && fields.number === ENTRY.value) value = shown(fields);
    } else if (message === 'tensor' && fields.number === LOCATION_FIELD && fields.value !== 0) {
      // Which file it is, the entries of the tensor tell, before or after this.
      names.add('');
    }
  }
  if (message === 'external data') names.add(key === ENTRY.fileKey ? value : '');
}

function shown({ source, from, to }: Fields): string {
  return Buffer.from(source.bytes(from, Math.min(to, from + NAME_BYTES_SHOWN))).toString();
}
