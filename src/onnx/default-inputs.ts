// Inputs that have a value of their own in the model (initialisers that are inputs as well), so that whoever runs it
// may leave them out. Looks at no node and at no weight. Any thread.
import { RegularFile } from '../base/regular-file.ts';
import { ByteSource, Fields } from './protobuf.ts';
import type { Span } from './protobuf.ts';

const MODEL = { formatVersion: 1, graph: 7 } as const;
const GRAPH = { constant: 5, input: 11 } as const;
const CONSTANT_NAME = 8;
const VALUE_NAME = 1;
/** Before this version of the format every initialiser had to be an input, and none was meant to be given. */
const FORMAT_MIN = 4;

/** Their names, in the order of the inputs; throws an Error when the file cannot be read. */
export function defaultInputsOf(path: string, bytesMax: number): string[] {
  const file = RegularFile.open(path, bytesMax);
  try {
    return defaultInputs(ByteSource.ofFile(file.descriptor, file.bytes));
  } finally {
    file.close();
  }
}

/** The same of a file that is open. */
export function defaultInputs(source: ByteSource): string[] {
  const constants = new Set<string>();
  const inputs: string[] = [];
  let formatVersion = 0;
  const fields = new Fields(source);
  while (fields.next()) {
    if (fields.number === MODEL.formatVersion) formatVersion = fields.value;
    if (fields.number !== MODEL.graph) continue;
    const inGraph = new Fields(source, fields);
    while (inGraph.next()) {
      if (inGraph.number === GRAPH.constant) constants.add(textIn(source, inGraph, CONSTANT_NAME));
      else if (inGraph.number === GRAPH.input) inputs.push(textIn(source, inGraph, VALUE_NAME));
    }
  }
  return formatVersion < FORMAT_MIN ? [] : inputs.filter((name) => constants.has(name));
}

function textIn(source: ByteSource, span: Span, number: number): string {
  const fields = new Fields(source, span);
  while (fields.next()) if (fields.number === number) return fields.text();
  return '';
}
